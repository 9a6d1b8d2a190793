"""Tasks on which everybody agrees: answers to check other people by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workspaces.kinds import kind_of
from workspaces.records import AnnotationStatus
from workspaces.store.latest_annotations import latest_annotations
from workspaces.store.own_answers import own_answers
from workspaces.store.rewrites import for_nothing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workspaces.records import Task
    from workspaces.workspace import Workspace

LEAST_PEOPLE = 3
"""So many people must agree."""


def unanimous_answers(workspace: Workspace, tasks: Mapping[str, Task]) -> dict[str, dict[str, str]]:
    """Return the answers that all who answered a task gave to each of its questions, by task id.

    Nobody's answer about their own conversation or their own rewrite counts, nor their second one, and a task that
    repeats another one is never unanimous.
    """
    given: dict[str, dict[str, Mapping[str, str]]] = {}
    with workspace.store.read() as connection:
        own = own_answers(connection) | for_nothing(connection, tasks)
        for answer in latest_annotations(connection):
            task = tasks.get(answer.task_id)
            if (
                task is not None
                and task.reask_of is None
                and answer.status is AnnotationStatus.SUBMITTED
                and (answer.person_id, answer.task_id) not in own
            ):
                given.setdefault(task.id, {})[answer.person_id] = answer.values
    agreed: dict[str, dict[str, str]] = {}
    for task_id, people in given.items():
        if len(people) < LEAST_PEOPLE:
            continue
        task = tasks[task_id]
        questions = list(kind_of(task.kind).showing(len(task.message_ids)).with_options)
        answers = [tuple(values.get(name) for name in questions) for values in people.values()]
        if questions and len(set(answers)) == 1 and None not in answers[0]:
            agreed[task_id] = {name: str(value) for name, value in zip(questions, answers[0], strict=True)}
    return agreed
