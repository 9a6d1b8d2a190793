"""Gold: answers to tasks whose right answers the lead gave."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from quality.answer_table import as_frame
from quality.controls.matching import matching_shares
from quality.votes import answers_of, in_classes
from workspaces.records import AnnotationStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from quality.answer_table import AnswerTable
    from workspaces.records import Annotation, Task


def gold_table(
    votes: pd.DataFrame,
    gold: Mapping[str, Mapping[str, str]],
    tasks: Mapping[str, Task],
    annotations: Iterable[Annotation] = (),
) -> pd.DataFrame:
    """Return people's answers to questions with a right answer.

    A gold task that repeats another one has its answers from those who answered that one: it tests all others.

    Args:
        votes: as ``quality.votes`` returns it.
        gold: ``{task id: {question: right answer}}``, a preference as the task displays it.
        tasks: by id, at least those of ``gold`` and of ``annotations``.
        annotations: the answers, for gold tasks that repeat another one, whose answers are no votes.

    Returns:
        Columns ``kind``, ``question``, ``item``, ``annotator``, ``value``, ``gold`` (the right answer); of a comparison
        with a strength the side.
    """
    rows = [
        (tasks[task_id].kind, question, item, value)
        for task_id, answers in gold.items()
        if tasks[task_id].reask_of is None
        for question, item, value in answers_of(answers, tasks[task_id])
    ]
    right = pd.DataFrame(rows, columns=["kind", "question", "item", "gold"], dtype="str")
    known = in_classes(votes.loc[votes["item"].isin(right["item"])])
    table = known.merge(in_classes(right, "gold"), on=["kind", "question", "item"])[list(_COLUMNS)]
    repeated = pd.DataFrame(
        list(_repeated(gold, tasks, list(annotations))), columns=list(_COLUMNS), dtype="str"
    )
    if repeated.empty:
        return table
    return pd.concat([table, in_classes(repeated, "value", "gold")[list(_COLUMNS)]], ignore_index=True)


_COLUMNS = ("kind", "question", "item", "annotator", "value", "gold")


def _repeated(
    gold: Mapping[str, Mapping[str, str]], tasks: Mapping[str, Task], annotations: Sequence[Annotation]
) -> Iterator[tuple[str, str, str, str, str, str]]:
    first_of = {task_id: first for task_id in gold if (first := tasks[task_id].reask_of) is not None}
    firsts = set(first_of.values())
    knew = {(it.person_id, it.task_id) for it in annotations if it.task_id in firsts}
    for it in annotations:
        first = first_of.get(it.task_id)
        if first is None or it.status is not AnnotationStatus.SUBMITTED or (it.person_id, first) in knew:
            continue
        task = tasks[it.task_id]
        right = {(question, item): value for question, item, value in answers_of(gold[it.task_id], task)}
        for question, item, value in answers_of(it.values, task):
            if (question, item) in right:
                yield task.kind, question, item, it.person_id, value, right[question, item]


def gold_accuracy(table: AnswerTable) -> pd.DataFrame:
    """Return each person's share of right answers on items whose answer is known.

    Args:
        table: columns ``annotator``, ``item``, ``value``, ``gold``; rows in which one is missing are left
            out; the last row of an (annotator, item) counts. Optional columns ``kind`` and ``question`` tell items of
            the same name apart.

    Returns:
        One row per person, ascending, with columns ``annotator``, ``value`` (the share, shrunk towards that
        of all people, because a few items say little about a person), ``low`` and ``high`` (95 % of its
        posterior), ``n_items`` and ``n_right``.

    Raises:
        ValueError: a missing column.
    """
    return matching_shares(as_frame(table), "value", "gold", "n_right")
