"""Answers that can be checked: against the lead's right answers, and against the same person's second ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from quality.votes import answers_of
from workspaces.records import AnnotationStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from workspaces.records import Annotation, Task


def gold_table(
    votes: pd.DataFrame, gold: Mapping[str, Mapping[str, str]], tasks: Mapping[str, Task]
) -> pd.DataFrame:
    """Return people's answers to questions with a right answer.

    Args:
        votes: as ``quality.votes`` returns it.
        gold: ``{task id: {question: right answer}}``, a preference as the task displays it.
        tasks: by id, at least those of ``gold``.

    Returns:
        Columns ``question``, ``item``, ``annotator``, ``value``, ``gold`` (the right answer).
    """
    rows = [
        (question, item, value)
        for task_id, answers in gold.items()
        for question, item, value in answers_of(answers, tasks[task_id])
    ]
    right = pd.DataFrame(rows, columns=["question", "item", "gold"], dtype="str")
    known = votes.loc[votes["item"].isin(right["item"]), ["question", "item", "annotator", "value"]]
    return known.merge(right, on=["question", "item"])


def repeat_table(annotations: Iterable[Annotation], tasks: Mapping[str, Task]) -> pd.DataFrame:
    """Return the answers of people who answered a task and the one that asks it again.

    Args:
        annotations: the latest revision of every annotation; only submitted ones count.
        tasks: by id, at least those the annotations name.

    Returns:
        Columns ``question``, ``item``, ``annotator``, ``first`` and ``second`` (the answers to both tasks).
        Where a person answered a task several times, the answer updated last.
    """
    copies = {task.id for task in tasks.values() if task.reask_of is not None}
    asked_twice = copies | {tasks[task_id].reask_of for task_id in copies}
    submitted = [
        one for one in annotations if one.task_id in asked_twice and one.status is AnnotationStatus.SUBMITTED
    ]
    submitted.sort(key=lambda one: (one.updated_at, one.id))
    rows = [
        (question, item, one.person_id, value, one.task_id in copies)
        for one in submitted
        for question, item, value in answers_of(one.values, tasks[one.task_id])
    ]
    table = pd.DataFrame(rows, columns=["question", "item", "annotator", "value", "is_second"])
    key = ["question", "item", "annotator"]
    table = table.drop_duplicates([*key, "is_second"], keep="last")
    seen_twice = table["is_second"].astype(bool)
    first = table[~seen_twice].rename(columns={"value": "first"})
    second = table[seen_twice].rename(columns={"value": "second"})
    return first[[*key, "first"]].merge(second[[*key, "second"]], on=key)
