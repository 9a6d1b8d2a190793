"""Co-agreement: pairs of people who agree with each other more often than their agreement with others predicts.

The agreement of two people is compared with the value predicted from their agreement with everybody else, and the
excess with the excesses of all pairs, so that a pair of experts, or an easy set of items, is not flagged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import sparse, stats

from quality.multiple_testing import benjamini_hochberg
from quality.screening.finding import MAX_EXAMPLES, Finding, FlagReason

if TYPE_CHECKING:
    from numpy.typing import NDArray

MIN_SHARED = 20
"""The number of questions on items that two people must both have answered to be compared."""

MIN_EXCESS = 0.1
"""The smallest excess over the expected agreement at which a pair is flagged, however significant it is."""

_NORMAL_MAD = 1.4826
_ANSWER = ["question", "item", "value"]


def co_agreement(votes: pd.DataFrame, level: float) -> list[Finding]:
    """Return the people of every group whose members agree with each other more than expected.

    Args:
        votes: columns ``question``, ``item``, ``annotator``, ``value``.
        level: false discovery rate among pairs, between 0 and 1.

    Returns:
        One finding for each member of a group (pairs connected by common members), ascending by person.
    """
    answers = votes.drop_duplicates(["question", "item", "annotator"], keep="last")
    answers = answers[answers["value"].notna()]
    person, people = pd.factorize(answers["annotator"], sort=True)
    item = answers.groupby(["question", "item"], sort=False).ngroup().to_numpy()
    answer = answers.groupby(["question", "item", "value"], sort=False).ngroup().to_numpy()
    shared = _in_common(person, item, len(people))
    kept = shared.data >= MIN_SHARED
    first, second, n = shared.row[kept], shared.col[kept], shared.data[kept].astype(np.float64)
    if not len(n):
        return []
    same = (
        np.asarray(_in_common(person, answer, len(people)).tocsr()[first, second])
        .reshape(-1)
        .astype(np.float64)
    )
    expected = _expected(first, second, same, n, len(people))
    z = (same / n - expected) / np.sqrt(expected * (1 - expected) / n)
    z = (z - np.median(z)) / max(1.0, _NORMAL_MAD * float(np.median(np.abs(z - np.median(z)))))
    adjusted = benjamini_hochberg(stats.norm.sf(z))
    linked = (adjusted <= level) & (same / n - expected >= MIN_EXCESS)
    graph = sparse.coo_array((np.ones(linked.sum()), (first[linked], second[linked])), shape=shared.shape)
    _, group = sparse.csgraph.connected_components(graph, directed=False)
    pairs = pd.DataFrame(
        {"first": first, "second": second, "same": same, "n": n, "expected": expected, "q": adjusted}
    )[linked]
    if pairs.empty:
        return []
    agreeing = answers.groupby(_ANSWER)["annotator"].transform("size")
    answers = answers.assign(share=agreeing / answers.groupby(_ANSWER[:2])["annotator"].transform("size"))
    return [
        _finding(number, people, group, pairs, answers)
        for number in sorted({*pairs["first"], *pairs["second"]})
    ]


def _in_common(person: NDArray[np.integer], code: NDArray[np.integer], n_people: int) -> sparse.coo_array:
    """Count the codes that every two people have in common, (people x people); the upper triangle."""
    shape = (n_people, int(code.max()) + 1 if len(code) else 1)
    present = sparse.csr_array((np.ones(len(code), dtype=np.int32), (person, code)), shape=shape)
    return sparse.triu(present @ present.T, k=1).tocoo()


def _expected(
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    same: NDArray[np.float64],
    n: NDArray[np.float64],
    n_people: int,
) -> NDArray[np.float64]:
    """Predict each pair's agreement from the agreement of both with everybody else, without the pair itself."""

    def total(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(
            np.bincount(first, weights, n_people) + np.bincount(second, weights, n_people), np.float64
        )

    overall = same.sum() / n.sum()
    agreeing, answers = total(same), total(n)

    def rate(who: NDArray[np.int64]) -> NDArray[np.float64]:
        others, agreed = answers[who] - n, agreeing[who] - same
        return np.asarray((agreed + MIN_SHARED * overall) / (others + MIN_SHARED))

    return np.asarray((rate(first) + rate(second) - overall).clip(0.02, 0.98), dtype=np.float64)


def _finding(
    number: int, people: pd.Index, group: NDArray[np.int64], pairs: pd.DataFrame, answers: pd.DataFrame
) -> Finding:
    mine = pairs[(pairs["first"] == number) | (pairs["second"] == number)]
    partners = np.flatnonzero(group == group[number])
    with_me = [str(people[partner]) for partner in partners if partner != number]
    return Finding(
        str(people[number]),
        FlagReason.CO_AGREEING,
        {
            "with": with_me,
            "shared_answers": int(mine["n"].sum()),
            "agreement": round(float(mine["same"].sum() / mine["n"].sum()), 3),
            "expected": round(float((mine["expected"] * mine["n"]).sum() / mine["n"].sum()), 3),
            "q_value": float(f"{mine['q'].min():.3g}"),
            "items": _together(str(people[number]), with_me, answers),
        },
        int(mine["n"].sum()),
    )


def _together(person: str, partners: list[str], answers: pd.DataFrame) -> list[str]:
    """Return items on which the person and a partner give the same answer; the rarest answers first."""
    theirs = answers.loc[answers["annotator"].isin(partners), _ANSWER].drop_duplicates()
    both = answers[answers["annotator"] == person].merge(theirs, on=_ANSWER)
    ordered = both.sort_values(["share", "question", "item"])["item"].astype(str)
    return list(dict.fromkeys(ordered))[:MAX_EXAMPLES]
