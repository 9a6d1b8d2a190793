"""Stores gold: right answers from the project lead; lists it with what became of it, and removes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chatfeedback.steps.answers import counted_annotations
from chatfeedback.steps.tasks import states_of
from task_generators.gold import check_gold, read_gold
from workspaces.errors import UsageError
from workspaces.kinds import all_kinds
from workspaces.records import AnnotationStatus, TaskState
from workspaces.store.gold import all_gold, delete_gold, save_gold
from workspaces.store.tasks import all_tasks
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from task_generators.gold import Gold
    from workspaces.kinds import ChoiceQuestion, MultipleChoiceQuestion
    from workspaces.records import Annotation, Task
    from workspaces.workspace import Workspace


@dataclass(frozen=True, slots=True)
class GoldAnswer:
    """The right answer to one question of a task, and how many people answered the question, and so many right.

    ``state`` is that of the task; ``unusable`` says why nobody can answer it any more, and is empty if they can.
    """

    task_id: str
    kind: str
    platform: str
    state: TaskState
    question: str
    answer: str
    answers: int
    right: int
    unusable: str


def add_gold(workspace: Workspace, path: Path) -> Gold:
    """Mark the tasks that a file gives right answers to as gold; adding the file twice changes nothing."""
    rows = read_gold(path)
    with workspace.exclusive(), workspace.store.write() as connection:
        gold = check_gold(rows, all_tasks(connection))
        save_gold(connection, gold.answers, utc_now())
    return gold


def list_gold(workspace: Workspace) -> list[GoldAnswer]:
    """Return every right answer, by task and question."""
    with workspace.store.read() as connection:
        gold, tasks = all_gold(connection), all_tasks(connection)
        counted = counted_annotations(connection, tasks, workspace.config.quality.own)
    submitted = _tested(counted, {task_id: tasks[task_id].reask_of for task_id in gold})
    states = states_of(workspace, [tasks[task_id] for task_id in gold])
    rows = []
    for task_id, answers in gold.items():
        task = tasks[task_id]
        asked = _asked(task)
        for question, right in answers.items():
            given = [
                annotation.values[question]
                for annotation in submitted
                if annotation.task_id == task_id and question in annotation.values
            ]
            rows.append(
                GoldAnswer(
                    task_id,
                    task.kind,
                    task.platform,
                    states[task_id],
                    question,
                    right,
                    len(given),
                    sum(_is_right(asked.get(question), answer, right) for answer in given),
                    _unusable(task, question, right, states[task_id]),
                )
            )
    return rows


def unusable_gold(workspace: Workspace) -> dict[str, str]:
    """Return the gold tasks that nobody can answer (any more), each with the reason."""
    return {row.task_id: row.unusable for row in list_gold(workspace) if row.unusable}


def remove_gold(workspace: Workspace, task_ids: Sequence[str]) -> int:
    """Take gold back: the tasks stay, and count as all others; return how many right answers were removed.

    Raises:
        UsageError: a task is not gold; none is then removed.
    """
    with workspace.exclusive(), workspace.store.write() as connection:
        gold = all_gold(connection)
        if unknown := [task_id for task_id in task_ids if task_id not in gold]:
            raise UsageError(f"{unknown[0]!r} is no gold task: 'chatfeedback gold list' names them")
        return delete_gold(connection, dict.fromkeys(task_ids))


def remove_all_gold(workspace: Workspace) -> int:
    """Take all gold back; return how many right answers were removed."""
    with workspace.exclusive(), workspace.store.write() as connection:
        return delete_gold(connection, all_gold(connection))


def _tested(answers: Sequence[Annotation], first_of: Mapping[str, str | None]) -> list[Annotation]:
    """Return the newest submitted answer of each person to each gold task, of those whom it tests: who had the task
    that it repeats is not tested by it.

    Args:
        answers: the annotations that count.
        first_of: the task that each gold task repeats; None for most.
    """
    had = {(it.person_id, it.task_id) for it in answers}
    newest: dict[tuple[str, str], Annotation] = {}
    for it in sorted(answers, key=lambda it: (it.updated_at, it.id)):
        known = (it.person_id, first_of.get(it.task_id)) in had
        if it.task_id in first_of and it.status is AnnotationStatus.SUBMITTED and not known:
            newest[it.person_id, it.task_id] = it
    return list(newest.values())


def _asked(task: Task) -> Mapping[str, ChoiceQuestion | MultipleChoiceQuestion]:
    kind = all_kinds().get(task.kind)
    return {} if kind is None else kind.showing(len(task.message_ids)).with_options


def _is_right(question: ChoiceQuestion | MultipleChoiceQuestion | None, answer: str, right: str) -> bool:
    """Return whether an answer says the same as the right one, whatever the strength of a preference."""
    if question is None or not question.is_complete(answer) or not question.is_complete(right):
        return answer == right
    return question.class_of(question.canonical(answer)) == question.class_of(right)


def _unusable(task: Task, question: str, right: str, state: TaskState) -> str:
    if task.kind not in all_kinds():
        return f"no installed package declares its kind {task.kind!r}"
    asked = _asked(task)
    if question not in asked:
        return f"{task.kind!r} no longer asks {question!r}"
    if not asked[question].is_complete(right):
        return f"{question!r} can no longer be {right!r}"
    if state is TaskState.UNSHARED:
        return "its conversation is not shared"
    return ""
