"""Each person's share of answers that match an expected answer."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import special

from quality.answer_table import as_frame
from quality.confidence import Population


def matching_shares(table: pd.DataFrame, answer: str, expected: str, count: str) -> pd.DataFrame:
    """Return each person's share of answers that equal the expected ones.

    Args:
        table: columns ``annotator``, ``item`` and those named in ``answer`` and ``expected``; rows in which one is
            missing are left out; the last row of an (annotator, item) counts. Optional columns ``kind`` and
            ``question`` tell items of the same name apart.
        answer: the column of answers.
        expected: the column of expected answers.
        count: the name of the column that counts matching answers.

    Returns:
        One row per person, ascending, with columns ``annotator``, ``value`` (the share, shrunk towards that of all
        people, because a few items say little about a person), ``low`` and ``high`` (95 % of its posterior),
        ``n_items`` and ``count``.

    Raises:
        ValueError: a missing column.
    """
    needed = ["annotator", "item", answer, expected]
    table = as_frame(table, needed)
    key = ["annotator", "item", *(name for name in ("kind", "question") if name in table)]
    last = table.drop_duplicates(key, keep="last").dropna(subset=needed)
    per_person = (last[answer] == last[expected]).groupby(last["annotator"], sort=True, observed=True)
    matching = np.asarray(per_person.sum(), dtype=np.float64)
    n_items = np.asarray(per_person.size(), dtype=np.float64)
    alpha, beta = Population.of(matching, n_items).posteriors(matching, n_items)
    return pd.DataFrame(
        {
            "annotator": per_person.size().index.to_numpy(),
            "value": alpha / (alpha + beta),
            "low": special.betaincinv(alpha, beta, 0.025),
            "high": special.betaincinv(alpha, beta, 0.975),
            "n_items": n_items.astype(np.int64),
            count: matching.astype(np.int64),
        }
    )
