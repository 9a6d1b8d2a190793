"""How much there is of everything. Whatever prints or writes one of these words takes its figure from here.

``docs/glossary.md`` defines the words: answer, open task, person, rater and the others.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from reward_engine import earned
from reward_engine.overlap import remaining
from workspaces.records import IMPORTED, AnnotationStatus, SharingState
from workspaces.store.conversations import those_in
from workspaces.store.latest_annotations import latest_annotations
from workspaces.store.rewrites import for_nothing
from workspaces.store.tasks import all_tasks
from workspaces.store.withdrawals import closed_everywhere

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    import sqlalchemy as sa

    from task_generators.seed_feedback.progress import SeedProgress
    from workspaces.records import Annotation, Task
    from workspaces.store.standing import Standing
    from workspaces.workspace import Workspace

ON_OFFER = frozenset({SharingState.SHARED, SharingState.HELD})
"""The states of a conversation whose tasks stand on a platform; one that grew is held again and keeps its tasks."""


def count_responses(workspace: Workspace) -> SeedProgress:
    """Count the responses of shared conversations and those with seed feedback; reads the ids of all."""
    from task_generators.seed_feedback.progress import LiveSeedProgress  # brings the Parquet reader

    return LiveSeedProgress(workspace.collection, workspace.store).follow()


def offered(connection: sa.Connection) -> dict[str, Task]:
    """Return the tasks that were made for people, by id: none that came with a chat log."""
    return {key: task for key, task in all_tasks(connection).items() if task.platform != IMPORTED}


def open_tasks(
    connection: sa.Connection, tasks: Mapping[str, Task], stands: Standing, moot: Collection[str]
) -> dict[str, int]:
    """Return how many answers each open task asks for, by id.

    A task is open while fewer people have answered it than its overlap says, unless it closed early and left its
    platform, and while its conversation can be shown: neither kept private nor deleted. One that is ``moot`` is not:
    the rewrite that it shows is not for it any more.
    """
    judging, closed = for_nothing(connection, tasks), closed_everywhere(connection)
    had = Counter(task_id for person_id, _, task_id in stands.answers if (person_id, task_id) not in judging)
    left = remaining((it for it in tasks.values() if it.id not in closed and it.id not in moot), had)
    shown = those_in(connection, {name for key in left for name in tasks[key].conversation_ids}, ON_OFFER)
    return {key: n for key, n in left.items() if shown.issuperset(tasks[key].conversation_ids)}


def answers_that_count(connection: sa.Connection, tasks: Mapping[str, Task]) -> list[Annotation]:
    """Return the submitted answers to these tasks; those that count for nothing (``for_nothing``) are left out."""
    judging = for_nothing(connection, tasks)
    return [
        answer
        for answer in latest_annotations(connection)
        if answer.status is AnnotationStatus.SUBMITTED
        and answer.task_id in tasks
        and (answer.person_id, answer.task_id) not in judging
    ]


def accepted(tasks: Mapping[str, Task], annotations: Iterable[Annotation]) -> set[tuple[str, str]]:
    """Return the answers that earn something, before confidence, cap and rules, as (person, task)."""
    return {
        (answer.person_id, answer.task_id)
        for answer in annotations
        if (task := tasks.get(answer.task_id)) is not None
        and answer.status is AnnotationStatus.SUBMITTED
        and any(earned(task.kind, task.quote, answer, responses=len(task.message_ids)).values())
    }
