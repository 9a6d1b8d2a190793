"""Majority votes, and the counts of all answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from quality.labels import CodedLabels, sorted_rows

if TYPE_CHECKING:
    from quality.answer_table import AnswerTable


def vote_distribution(table: AnswerTable) -> pd.DataFrame:
    """Count every answer to every item.

    Args:
        table: columns ``item``, ``annotator``, ``value``; a missing value is a question not answered; the
            last row of an (item, annotator) counts.

    Returns:
        Integer counts, one row per item with an answer (the index, ascending), one column per value,
        ascending.
    """
    labels = CodedLabels.of(table)
    columns = pd.Index(labels.values, name="value")
    counts = pd.DataFrame(labels.item_counts(), pd.Index(labels.items, name="item"), columns)
    return sorted_rows(counts)


def majority_vote(table: AnswerTable) -> pd.DataFrame:
    """Return the most frequent answer to every item.

    Args:
        table: columns ``item``, ``annotator``, ``value``; a missing value is a question not answered; the
            last row of an (item, annotator) counts.

    Returns:
        One row per item with an answer, ascending, with columns ``item``, ``value``, ``share`` (of the
        answers that are the most frequent one, 0 to 1), ``n_labels``, ``tied``. Where several answers are
        equally frequent, ``tied`` is true and ``value`` is missing: choosing one of them would favour the
        one that sorts first.
    """
    votes = vote_distribution(table)
    counts = votes.to_numpy()
    if counts.size == 0:
        empty = {"item": votes.index.to_numpy(), "value": [], "share": [], "n_labels": [], "tied": []}
        types = {"value": object, "share": float, "n_labels": np.int64, "tied": bool}
        return pd.DataFrame(empty).astype(types)
    most = counts.max(axis=1)
    tied = (counts == most[:, None]).sum(axis=1) > 1
    n_labels = counts.sum(axis=1)
    value = pd.Series(votes.columns.to_numpy()[counts.argmax(axis=1)]).mask(tied)
    return pd.DataFrame(
        {
            "item": votes.index.to_numpy(),
            "value": value,
            "share": most / n_labels,
            "n_labels": n_labels,
            "tied": tied,
        }
    )
