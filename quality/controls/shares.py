"""How far each person gives answers that are known to be right, and the same answer when asked again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import special

from quality.confidence import Population
from quality.labels import as_frame

if TYPE_CHECKING:
    from quality.labels import AnswerTable


def gold_accuracy(table: AnswerTable) -> pd.DataFrame:
    """Return each person's share of right answers on items whose answer is known.

    Args:
        table: columns ``annotator``, ``item``, ``value``, ``gold``; rows in which one is missing are left
            out; the last row of an (annotator, item) counts. An optional column ``question`` tells items of
            the same name apart.

    Returns:
        One row per person, ascending, with columns ``annotator``, ``value`` (the share, shrunk towards that
        of all people: three items say little about anybody), ``low`` and ``high`` (95 % of its posterior),
        ``n_items`` and ``n_right``.

    Raises:
        ValueError: a missing column.
    """
    return _shares(as_frame(table), "value", "gold", "n_right")


def self_consistency(table: AnswerTable) -> pd.DataFrame:
    """Return each person's share of items on which they gave the same answer when asked again.

    It bounds what agreement with others can be: nobody agrees with others more than with themselves.

    Args:
        table: columns ``annotator``, ``item``, ``first``, ``second``; rows in which one is missing are left
            out; the last row of an (annotator, item) counts. An optional column ``question`` tells items of
            the same name apart.

    Returns:
        One row per person, ascending, with columns ``annotator``, ``value`` (the share, shrunk towards that
        of all people), ``low`` and ``high`` (95 % of its posterior), ``n_items`` and ``n_same``.

    Raises:
        ValueError: a missing column.
    """
    return _shares(as_frame(table), "first", "second", "n_same")


def _shares(table: pd.DataFrame, answer: str, expected: str, count: str) -> pd.DataFrame:
    needed = ["annotator", "item", answer, expected]
    if absent := [name for name in needed if name not in table.columns]:
        raise ValueError(f"the table has no column {', '.join(absent)}; it needs {', '.join(needed)}")
    key = ["annotator", "item", *(["question"] if "question" in table else [])]
    last = table.drop_duplicates(key, keep="last").dropna(subset=needed)
    per_person = (last[answer] == last[expected]).groupby(last["annotator"], sort=True, observed=True)
    matching = np.asarray(per_person.sum(), dtype=np.float64)
    asked = np.asarray(per_person.size(), dtype=np.float64)
    people = Population.of(matching, asked)
    alpha = matching + people.strength * people.mean
    beta = asked - matching + people.strength * (1 - people.mean)
    return pd.DataFrame(
        {
            "annotator": per_person.size().index.to_numpy(),
            "value": alpha / (alpha + beta),
            "low": special.betaincinv(alpha, beta, 0.025),
            "high": special.betaincinv(alpha, beta, 0.975),
            "n_items": asked.astype(np.int64),
            count: matching.astype(np.int64),
        }
    )
