"""Dated snapshots of each person's confidence: ``quality`` computes them, settlement and exports read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from workspaces.store.tables import confidence

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

OVERALL = "overall"
"""The name under which a person's confidence over all questions stands."""


def save_confidence(connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add one snapshot (rows of ``confidence``, all with the same ``snapshot_at``)."""
    if rows:
        connection.execute(sa.insert(confidence), list(rows))


def latest_confidence(connection: sa.Connection, question: str = OVERALL) -> dict[str, sa.Row[Any]]:
    """Return each person's row of the newest snapshot for one question; empty before the first report."""
    newest = sa.select(sa.func.max(confidence.c.snapshot_at)).scalar_subquery()
    query = sa.select(confidence).where(confidence.c.snapshot_at == newest, confidence.c.question == question)
    return {row.person_id: row for row in connection.execute(query)}
