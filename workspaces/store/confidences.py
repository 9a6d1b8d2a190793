"""Dated snapshots of each person's confidence, gold accuracy and self-consistency, over all questions and on each.

``quality`` computes them; settlement and exports read the newest. What is paid depends on ``multiplier`` alone.
"""

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


def latest_snapshot(connection: sa.Connection) -> dict[tuple[str, str], sa.Row[Any]]:
    """Return the rows of the newest snapshot, by person and question; nothing before the first report."""
    newest = sa.select(sa.func.max(confidence.c.snapshot_at)).scalar_subquery()
    query = sa.select(confidence).where(confidence.c.snapshot_at == newest)
    return {(row.person_id, row.question): row for row in connection.execute(query)}


def latest_confidence(connection: sa.Connection) -> dict[str, sa.Row[Any]]:
    """Return each person's row over all questions in the newest snapshot."""
    snapshot = latest_snapshot(connection)
    return {person_id: row for (person_id, question), row in snapshot.items() if question == OVERALL}
