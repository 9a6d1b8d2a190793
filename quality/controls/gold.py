"""Gold: answers to tasks whose right answers the lead gave."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from quality.answer_table import as_frame
from quality.controls.matching import matching_shares
from quality.votes import answers_of, in_classes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quality.answer_table import AnswerTable
    from workspaces.records import Task


def gold_table(
    votes: pd.DataFrame, gold: Mapping[str, Mapping[str, str]], tasks: Mapping[str, Task]
) -> pd.DataFrame:
    """Return people's answers to questions with a right answer.

    Args:
        votes: as ``quality.votes`` returns it.
        gold: ``{task id: {question: right answer}}``, a preference as the task displays it.
        tasks: by id, at least those of ``gold``.

    Returns:
        Columns ``question``, ``item``, ``annotator``, ``value``, ``gold`` (the right answer); of a comparison with a
        strength the side.
    """
    rows = [
        (tasks[task_id].kind, question, item, value)
        for task_id, answers in gold.items()
        for question, item, value in answers_of(answers, tasks[task_id])
    ]
    right = pd.DataFrame(rows, columns=["kind", "question", "item", "gold"], dtype="str")
    known = in_classes(votes.loc[votes["item"].isin(right["item"])])
    table = known.merge(in_classes(right, "gold"), on=["kind", "question", "item"])
    return table[["question", "item", "annotator", "value", "gold"]]


def gold_accuracy(table: AnswerTable) -> pd.DataFrame:
    """Return each person's share of right answers on items whose answer is known.

    Args:
        table: columns ``annotator``, ``item``, ``value``, ``gold``; rows in which one is missing are left
            out; the last row of an (annotator, item) counts. An optional column ``question`` tells items of
            the same name apart.

    Returns:
        One row per person, ascending, with columns ``annotator``, ``value`` (the share, shrunk towards that
        of all people, because a few items say little about a person), ``low`` and ``high`` (95 % of its
        posterior), ``n_items`` and ``n_right``.

    Raises:
        ValueError: a missing column.
    """
    return matching_shares(as_frame(table), "value", "gold", "n_right")
