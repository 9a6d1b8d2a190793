"""Practice: how many of the questions with a known answer each answer to a gold task has right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quality.votes import answers_of
from workspaces.kinds import ChoiceQuestion, all_kinds, question_of
from workspaces.records import AnnotationStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from workspaces.records import Annotation, Task


def practice_results(
    annotations: Iterable[Annotation], gold: Mapping[str, Mapping[str, str]], tasks: Mapping[str, Task]
) -> dict[tuple[str, str], float]:
    """Return the share of right answers, 0 to 1, by (person, gold task), of submitted answers alone.

    Who answered the task that a gold task repeats is not tested by it.

    Args:
        annotations: the latest revision of each.
        gold: ``{task id: {question: right answer}}``.
        tasks: by id.
    """
    known = list(annotations)
    had = {(it.person_id, it.task_id) for it in known}
    results: dict[tuple[str, str], float] = {}
    for it in known:
        task = tasks.get(it.task_id)
        right = gold.get(it.task_id)
        if right is None or task is None or task.kind not in all_kinds():
            continue
        if it.status is not AnnotationStatus.SUBMITTED or (it.person_id, task.reask_of) in had:
            continue
        wanted = {(name, item): _class(task, name, value) for name, item, value in answers_of(right, task)}
        said = {(name, item): _class(task, name, value) for name, item, value in answers_of(it.values, task)}
        if wanted:
            share = sum(said.get(key) == value for key, value in wanted.items()) / len(wanted)
            results[it.person_id, it.task_id] = share
    return results


def _class(task: Task, name: str, value: str) -> str:
    """Return what people can be right or wrong about: of a comparison with a strength the side."""
    question = question_of(task.kind, name)
    return question.class_of(value) if isinstance(question, ChoiceQuestion) else value
