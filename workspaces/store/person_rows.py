"""Reads the rows about one person, other than answers, wallet and consent, for the export of their data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from workspaces.store.adjudications import adjudication
from workspaces.store.annotations import revisions_by
from workspaces.store.confidences import confidence
from workspaces.store.conversations import ids_given_by
from workspaces.store.erasure import PERSON_ROWS
from workspaces.store.holds import hold
from workspaces.store.identities import person
from workspaces.store.lead_messages import lead_message
from workspaces.store.ledger import ledger_entry
from workspaces.store.members import MemberStatus, member
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
    (person, "person_id"),
    (sharing_settlement, "person_id"),
)
"""The tables, each with the column that names the person."""


MOVABLE = frozenset({member.name, lead_message.name, person.name})
"""The tables that say nothing of what a person did."""


def history_of(connection: sa.Connection, person_id: str) -> list[str]:
    """Return what there is of a person that can be nobody else's, in words; empty for a mere account."""
    found = {
        "answers": bool(revisions_by(connection, person_id)),
        "movements of points": connection.execute(
            sa.select(ledger_entry.c.sequence)
            .where(ledger_entry.c.account.in_(accounts_of(person_id)))
            .limit(1)
        ).first()
        is not None,
        "conversations": bool(ids_given_by(connection, person_id)),
        "decisions": connection.execute(
            sa.select(adjudication.c.number).where(adjudication.c.person_id == person_id).limit(1)
        ).first()
        is not None,
        "other entries": any(
            rows for table, rows in rows_about(connection, person_id).items() if table not in MOVABLE
        ),
    }
    barred = (member.c.person_id == person_id) & (member.c.status == MemberStatus.BARRED.value)
    found["a decision that their answers do not count"] = (
        connection.execute(sa.select(member.c.person_id).where(barred)).first() is not None
    )
    return [what for what, is_there in found.items() if is_there]


def accounts_of(person_id: str) -> tuple[str, ...]:
    """Return the accounts of a person in the ledger."""
    return tuple(f"{kind}:{person_id}" for kind in ("person", "held", "owed"))


def rows_about(connection: sa.Connection, person_id: str) -> dict[str, list[Mapping[str, object]]]:
    """Return the stored rows about a person by table, with columns in the order of the table."""
    rows: dict[str, list[Mapping[str, object]]] = {}
    for table, column in ABOUT_PERSON:
        found = connection.execute(sa.select(table).where(table.c[column] == person_id))
        rows.setdefault(table.name, []).extend(dict(row._mapping) for row in found)
    return rows
