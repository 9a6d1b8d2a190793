"""Reads the rows about one person, other than answers, wallet and consent, for the export of their data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from workspaces.store.confidences import confidence
from workspaces.store.erasure import PERSON_ROWS
from workspaces.store.holds import hold
from workspaces.store.members import member
from workspaces.store.own_answers import own_answer
from workspaces.store.settlements import sharing_settlement

if TYPE_CHECKING:
    from collections.abc import Mapping

ABOUT_PERSON: tuple[tuple[sa.Table, str], ...] = (
    *PERSON_ROWS,
    (confidence, "person_id"),
    (hold, "person_id"),
    (member, "person_id"),
    (own_answer, "person_id"),
    (sharing_settlement, "person_id"),
)
"""The tables, each with the column that names the person."""


def rows_about(connection: sa.Connection, person_id: str) -> dict[str, list[Mapping[str, object]]]:
    """Return the stored rows about a person by table, with columns in the order of the table."""
    rows: dict[str, list[Mapping[str, object]]] = {}
    for table, column in ABOUT_PERSON:
        found = connection.execute(sa.select(table).where(table.c[column] == person_id))
        rows.setdefault(table.name, []).extend(dict(row._mapping) for row in found)
    return rows
