"""Counts of the data in a workspace at each stage of the work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reward_engine import totals
from workspaces.records import IMPORTED, AnnotationStatus
from workspaces.store.annotations import held_answers, latest_annotations
from workspaces.store.conversations import count_by_state
from workspaces.store.members import MemberStatus
from workspaces.store.seed_feedback import count_seeds
from workspaces.store.tasks import count_placements, count_tasks

if TYPE_CHECKING:
    from workspaces.workspace import Workspace


def status_counts(workspace: Workspace) -> dict[str, int]:
    """Return counts of the data in the store, in the order of the steps."""
    with workspace.store.read() as connection:
        states = count_by_state(connection)
        annotations = latest_annotations(connection)
        held = sum(held_answers(connection).values())
        barred = sum(held_answers(connection, MemberStatus.BARRED).values())
        return {
            **{f"conversations {state}": count for state, count in sorted(states.items())},
            "responses with seed feedback": count_seeds(connection),
            "tasks": count_tasks(connection),
            "tasks on a platform": count_placements(connection),
            "answers submitted": sum(
                a.status is AnnotationStatus.SUBMITTED and a.platform != IMPORTED for a in annotations
            ),
            **({"answers of people not invited": held} if held else {}),
            **({"answers set aside": barred} if barred else {}),
            "judgments imported": sum(a.platform == IMPORTED for a in annotations),
            "points credited": sum(totals(connection).values()),
        }
