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

LEAST_SHARED = 5
"""The number of shared answers from which a pair says something about how far agreement varies."""

MANY_PAIRS = 100
"""The number of comparable pairs from which their own variation counts: a few could all be copies."""

MIN_EXCESS = 0.1
"""The smallest excess over the expected agreement at which a pair is flagged, however significant it is."""

MIN_SHARE_OF_REST = 0.5
"""Where agreement is high anyway: the share of what is missing to full agreement that counts as an excess."""

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
    if not len(item):
        return []
    usual = _usual_agreement(pd.factorize(answers["question"])[0], item, answer)
    shared = _in_common(person, item, len(people))
    first, second, n = shared.row, shared.col, shared.data
    same, base = (
        np.asarray(counts.tocsr()[first, second]).reshape(-1)
        for counts in (_in_common(person, answer, len(people)), _in_common(person, item, len(people), usual))
    )
    expected = _expected(first, second, same, base, n, len(people))
    z = (same / n - expected) / np.sqrt(expected * (1 - expected) / n)
    kept = n >= MIN_SHARED
    if not kept.any():
        return []
    centre, scale = _usual_spread(z[n >= LEAST_SHARED])
    if kept.sum() >= MANY_PAIRS:
        scale = max(scale, _usual_spread(z[kept])[1])
    first, second, same, n, expected = (values[kept] for values in (first, second, same, n, expected))
    z = (z[kept] - centre) / scale
    adjusted = benjamini_hochberg(stats.norm.sf(z))
    least = np.minimum(MIN_EXCESS, MIN_SHARE_OF_REST * (1 - expected))
    linked = (adjusted <= level) & (same / n - expected >= least)
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


def _usual_agreement(
    question: NDArray[np.integer], item: NDArray[np.integer], answer: NDArray[np.integer]
) -> NDArray[np.float64]:
    """Return, for each item, the share of pairs of answers to its question that are the same, (items,)."""

    def pairs(code: NDArray[np.integer]) -> NDArray[np.float64]:
        count = np.bincount(code).astype(np.float64)
        asked: NDArray[np.int64] = np.zeros(len(count), dtype=np.int64)
        asked[code] = question
        return np.asarray(np.bincount(asked, count * (count - 1) / 2, int(question.max()) + 1))

    every, alike = pairs(item), pairs(answer)
    of_item: NDArray[np.int64] = np.zeros(int(item.max()) + 1, dtype=np.int64)
    of_item[item] = question
    return np.asarray((alike / every.clip(min=1))[of_item], dtype=np.float64)


def _in_common(
    person: NDArray[np.integer],
    code: NDArray[np.integer],
    n_people: int,
    weight: NDArray[np.float64] | None = None,
) -> sparse.coo_array:
    """Count the codes that every two people have in common, or sum their ``weight``; (people x people), the upper
    triangle.
    """
    shape = (n_people, int(code.max()) + 1)
    present = sparse.csr_array((np.ones(len(code)), (person, code)), shape=shape)
    weighted = present if weight is None else present.multiply(weight).tocsr()
    return sparse.triu(weighted @ present.T, k=1).tocoo()


def _expected(
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    same: NDArray[np.float64],
    base: NDArray[np.float64],
    n: NDArray[np.float64],
    n_people: int,
) -> NDArray[np.float64]:
    """Predict each pair's agreement: that on the questions they share, and how far both agree more or less with
    everybody else, without the pair itself.
    """

    def total(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(
            np.bincount(first, weights, n_people) + np.bincount(second, weights, n_people), np.float64
        )

    above, answers = total(same - base), total(n)

    def rate(who: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.asarray((above[who] - (same - base)) / (answers[who] - n + MIN_SHARED))

    return np.asarray((base / n + rate(first) + rate(second)).clip(0.02, 0.98), dtype=np.float64)


def _usual_spread(z: NDArray[np.float64]) -> tuple[float, float]:
    """Return the median of the excesses and their spread, at least 1, that copies hardly move."""
    centre = float(np.median(z))
    return centre, max(1.0, _NORMAL_MAD * float(np.median(np.abs(z - centre))))


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
