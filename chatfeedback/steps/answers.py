"""Reads the answers once for everything that is computed from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workspaces.config.people import OwnLogs
from workspaces.records import IMPORTED
from workspaces.store.gold import all_gold
from workspaces.store.latest_annotations import latest_annotations
from workspaces.store.own_answers import own_answers, second_answers
from workspaces.store.rewrites import for_nothing, own_checks, standing_rewrites
from workspaces.store.tasks import all_tasks
from workspaces.store.who_answered import first_submissions

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    import pandas as pd
    import sqlalchemy as sa

    from workspaces.records import Annotation, Task
    from workspaces.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Answers:
    """The latest revision of every annotation, the tasks by id, and the tables that ``quality`` computes from them:
    ``votes``, ``gold`` (``gold_table``), ``repeats`` (``repeat_table``) and ``times`` (``time_table``).

    ``own`` are the annotations of people about conversations that they gave. Unless ``quality.own`` allows them, they
    are in nothing else here. ``own_checks`` are those of writers about their own rewrites, which are in nothing else.
    Second answers of one human to a task (``second_answers``) are in nothing.
    """

    annotations: Sequence[Annotation]
    tasks: Mapping[str, Task]
    votes: pd.DataFrame
    gold: pd.DataFrame
    repeats: pd.DataFrame
    times: pd.DataFrame
    own: Sequence[Annotation] = ()
    own_checks: Sequence[Annotation] = ()


def read_answers(workspace: Workspace) -> Answers:
    """Read every answer in the store."""
    from quality import votes  # pandas and scipy take a second to import
    from quality.controls import gold_table, repeat_table
    from quality.time_on_task import time_table

    with workspace.store.read() as connection:
        annotations, tasks = latest_annotations(connection), all_tasks(connection)
        gold, own = all_gold(connection), own_answers(connection)
        first = first_submissions(connection)
        judging, second = own_checks(connection, tasks), second_answers(connection)
        lengths = {rewrite.id: len(rewrite.text) for rewrite in standing_rewrites(connection)}
    judged, about_rewrite = without_own_checks(annotations, judging)
    judged, _ = without_own_checks(judged, second)
    counted, set_aside = without_own(judged, own, workspace.config.quality.own)
    table = votes(counted, tasks)
    times = time_table(counted, tasks, first, lengths | _lengths(workspace, counted, tasks))
    right, again = gold_table(table, gold, tasks, counted), repeat_table(counted, tasks)
    return Answers(counted, tasks, table, right, again, times, set_aside, about_rewrite)


def counted_annotations(
    connection: sa.Connection, tasks: Mapping[str, Task], rule: OwnLogs
) -> list[Annotation]:
    """Return the latest revisions that count in figures: none of writers about their own rewrites, and own ones by the
    rule."""
    judged, _ = without_own_checks(latest_annotations(connection), for_nothing(connection, tasks))
    return without_own(judged, own_answers(connection), rule)[0]


def _lengths(
    workspace: Workspace, annotations: Iterable[Annotation], tasks: Mapping[str, Task]
) -> dict[str, int]:
    """Return the length of every response that was answered on a platform."""
    from workspaces.collection.message_attributes import message_lengths  # pandas takes a second to import

    shown = {it.task_id: tasks[it.task_id] for it in annotations if it.platform != IMPORTED}.values()
    conversations = {name for task in shown for name in task.conversation_ids}
    return message_lengths(
        workspace.collection, sorted(conversations), (name for task in shown for name in task.message_ids)
    )


def without_own_checks(
    annotations: Iterable[Annotation], own: Collection[tuple[str, str]]
) -> tuple[list[Annotation], list[Annotation]]:
    """Return the annotations but those of ``own`` (person, task), as of writers about their own rewrites, and these."""
    if not own:
        return list(annotations), []
    kept: list[Annotation] = []
    theirs: list[Annotation] = []
    for annotation in annotations:
        (theirs if (annotation.person_id, annotation.task_id) in own else kept).append(annotation)
    return kept, theirs


def without_own(
    annotations: Iterable[Annotation], own: Collection[tuple[str, str]], rule: OwnLogs
) -> tuple[list[Annotation], list[Annotation]]:
    """Return the annotations that count in figures and pairs, and the ``own`` ones; allowed ones are in both."""
    if not own:
        return list(annotations), []
    kept, about_own = [], []
    for annotation in annotations:
        is_own = annotation.platform != IMPORTED and (annotation.person_id, annotation.task_id) in own
        if is_own:
            about_own.append(annotation)
        if not is_own or rule is OwnLogs.ALLOWED:
            kept.append(annotation)
    return kept, about_own
