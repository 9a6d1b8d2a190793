"""Repeated items: the answers of people who were asked the same task twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from quality.answer_table import as_frame
from quality.controls.matching import matching_shares
from quality.votes import answers_of, in_classes
from workspaces.records import AnnotationStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from quality.answer_table import AnswerTable
    from workspaces.records import Annotation, Task


def repeat_table(annotations: Iterable[Annotation], tasks: Mapping[str, Task]) -> pd.DataFrame:
    """Return the answers of people who answered a task and the one that asks it again.

    Args:
        annotations: the latest revision of every annotation; only submitted ones count.
        tasks: by id, at least those the annotations name.

    Returns:
        Columns ``kind``, ``question``, ``item``, ``annotator``, ``first`` and ``second`` (the answers to both tasks).
        Where a person answered a task several times, the answer updated last.
    """
    copies = {task.id for task in tasks.values() if task.reask_of is not None}
    asked_twice = copies | {tasks[task_id].reask_of for task_id in copies}
    submitted = [
        annotation
        for annotation in annotations
        if annotation.task_id in asked_twice and annotation.status is AnnotationStatus.SUBMITTED
    ]
    submitted.sort(key=lambda annotation: (annotation.updated_at, annotation.id))
    rows = [
        (
            tasks[annotation.task_id].kind,
            question,
            item,
            annotation.person_id,
            value,
            annotation.task_id in copies,
        )
        for annotation in submitted
        for question, item, value in answers_of(annotation.values, tasks[annotation.task_id])
    ]
    columns = ["kind", "question", "item", "annotator", "value", "is_second"]
    table = in_classes(pd.DataFrame(rows, columns=columns))
    key = ["kind", "question", "item", "annotator"]
    table = table.drop_duplicates([*key, "is_second"], keep="last")
    is_second = table["is_second"].astype(bool)
    first = table[~is_second].rename(columns={"value": "first"})
    second = table[is_second].rename(columns={"value": "second"})
    return first[[*key, "first"]].merge(second[[*key, "second"]], on=key)


def self_consistency(table: AnswerTable) -> pd.DataFrame:
    """Return each person's share of items on which they gave the same answer when asked again.

    It is an upper bound on agreement: nobody agrees with others more than with themselves.

    Args:
        table: columns ``annotator``, ``item``, ``first``, ``second``; rows in which one is missing are left
            out; the last row of an (annotator, item) counts. Optional columns ``kind`` and ``question`` tell items of
            the same name apart.

    Returns:
        One row per person, ascending, with columns ``annotator``, ``value`` (the share, shrunk towards that
        of all people), ``low`` and ``high`` (95 % of its posterior), ``n_items`` and ``n_same``.

    Raises:
        ValueError: a missing column.
    """
    return matching_shares(as_frame(table), "first", "second", "n_same")
