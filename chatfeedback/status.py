"""How far the work of a workspace is, in numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from reward_engine.wallets import leaderboard
from workspaces.records import IMPORTED, AnnotationStatus
from workspaces.store.annotations import latest_annotations
from workspaces.store.conversations import count_by_state
from workspaces.store.tables import placement, seed_feedback, task

if TYPE_CHECKING:
    from workspaces.workspace import Workspace


def status_counts(workspace: Workspace) -> dict[str, int]:
    """Return counts of what is in the store, in the order the data flows."""
    with workspace.store.read() as connection:
        states = count_by_state(connection)
        annotations = latest_annotations(connection)
        return {
            **{f"conversations {state}": count for state, count in sorted(states.items())},
            "responses with seed feedback": _count(connection, seed_feedback),
            "tasks": _count(connection, task, task.c.platform != IMPORTED),
            "tasks on a platform": _count(connection, placement),
            "answers submitted": sum(
                a.status is AnnotationStatus.SUBMITTED and a.platform != IMPORTED for a in annotations
            ),
            "judgments imported": sum(a.platform == IMPORTED for a in annotations),
            "points credited": sum(standing.points for standing in leaderboard(connection)),
        }


def _count(connection: sa.Connection, table: sa.Table, *conditions: sa.ColumnElement[bool]) -> int:
    return connection.execute(sa.select(sa.func.count()).select_from(table).where(*conditions)).scalar_one()
