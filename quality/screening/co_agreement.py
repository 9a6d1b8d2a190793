"""Co-agreement: pairs of people who agree with each other more often than honest people would.

How likely an honest person is to say what a partner says depends on everybody's answers to the item: nearly certain
where all others say the same, rare where a third person contradicts the partner. Each agreement counts by how
surprising it is (the score of a mixture of honest answers and copies). What either of the two agrees more or less with
everybody else is taken off, and the excess is compared with those of all pairs, so that a pair of experts, or an easy
set of items, is not flagged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import sparse, stats

from quality.multiple_testing import benjamini_hochberg
from quality.screening.finding import MAX_EXAMPLES, Finding, FlagReason
from quality.screening.predictive import Predictive

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from numpy.typing import NDArray

    from quality.labels import Mirror

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

_RAREST = 0.2
"""Agreements less likely than this count no more, so that a single one decides nothing."""

_NORMAL_MAD = 1.4826
_ANSWER = ["question", "item", "value"]


def co_agreement(
    votes: pd.DataFrame, level: float, *, mirrors: Mapping[Hashable, Mirror] | None = None
) -> list[Finding]:
    """Return the people of every group whose members agree with each other more than expected.

    Args:
        votes: columns ``question``, ``item``, ``annotator``, ``value``.
        level: false discovery rate among pairs, between 0 and 1.
        mirrors: for each question that is a comparison, what its values become when the two sides change places.

    Returns:
        One finding for each member of a group (pairs connected by common members), ascending by person.
    """
    answers = votes.drop_duplicates(["question", "item", "annotator"], keep="last")
    answers = answers[answers["value"].notna()]
    people = pd.Index(np.unique(answers["annotator"].to_numpy()))
    pairs = _Pairs.of(answers, people, mirrors or {})
    kept = pairs.n >= MIN_SHARED
    if not kept.any():
        return []
    z = pairs.excess(len(people))
    centre, scale = _usual_spread(z[pairs.n >= LEAST_SHARED])
    if kept.sum() >= MANY_PAIRS:
        scale = max(scale, _usual_spread(z[kept])[1])
    compared = pd.DataFrame(
        {
            "first": pairs.first,
            "second": pairs.second,
            "same": pairs.same,
            "n": pairs.n,
            "expected": pairs.expected / pairs.n,
        }
    )[kept]
    compared["q"] = benjamini_hochberg(stats.norm.sf((z[kept] - centre) / scale))
    beyond = compared["same"] / compared["n"] - compared["expected"]
    least = np.minimum(MIN_EXCESS, MIN_SHARE_OF_REST * (1 - compared["expected"]))
    found = compared[(compared["q"] <= level) & (beyond >= least)]
    if found.empty:
        return []
    links = (np.ones(len(found)), (found["first"], found["second"]))
    graph = sparse.coo_array(links, shape=(len(people), len(people)))
    _, group = sparse.csgraph.connected_components(graph, directed=False)
    agreeing = answers.groupby(_ANSWER)["annotator"].transform("size")
    answers = answers.assign(share=agreeing / answers.groupby(_ANSWER[:2])["annotator"].transform("size"))
    return [
        _finding(number, people, group, found, answers)
        for number in sorted({*found["first"], *found["second"]})
    ]


@dataclass(frozen=True, slots=True)
class _Pairs:
    """All pairs of people who answered the same items: one entry per pair in each array.

    ``n`` questions were answered by both, ``same`` of them alike; ``expected`` would be alike. ``score`` is the sum
    over the questions of (1 if alike - probability) / probability, ``variance`` its variance if both answer honestly.
    """

    first: NDArray[np.integer]
    second: NDArray[np.integer]
    n: NDArray[np.float64]
    same: NDArray[np.float64]
    expected: NDArray[np.float64]
    score: NDArray[np.float64]
    variance: NDArray[np.float64]

    @classmethod
    def of(cls, answers: pd.DataFrame, people: pd.Index, mirrors: Mapping[Hashable, Mirror]) -> _Pairs:
        """Compare all people on all questions."""
        total = _Sums.none(len(people))
        for question, table in answers.groupby("question", sort=True):
            predictive = Predictive.of(table, mirrors.get(question))
            if len(predictive.value):
                total += _Sums.of(predictive, people)
        n = sparse.triu(total.n, k=1).tocoo()
        at = (n.row, n.col)
        same, expected, score, variance = (
            np.asarray(sums.tocsr()[at]).reshape(-1)
            for sums in (total.same, total.expected, total.score, total.variance)
        )
        return cls(n.row, n.col, n.data, same, expected, score, variance)

    def excess(self, n_people: int) -> NDArray[np.float64]:
        """Return each pair's score in standard deviations, without what both score with everybody else."""

        def total(weights: NDArray[np.float64]) -> NDArray[np.float64]:
            sides = (np.bincount(side, weights, n_people) for side in (self.first, self.second))
            return np.asarray(sum(sides), dtype=np.float64)

        scored, answered = total(self.score), total(self.n)

        def rate(who: NDArray[np.integer]) -> NDArray[np.float64]:
            return np.asarray((scored[who] - self.score) / (answered[who] - self.n + MIN_SHARED))

        own = self.score - self.n * (rate(self.first) + rate(self.second))
        return np.asarray(own / np.sqrt(self.variance.clip(min=1e-12)), dtype=np.float64)


@dataclass(slots=True)
class _Sums:
    """Sums over questions for every two people, (people x people), symmetric; see ``_Pairs``."""

    n: sparse.csr_array
    same: sparse.csr_array
    expected: sparse.csr_array
    score: sparse.csr_array
    variance: sparse.csr_array

    @classmethod
    def none(cls, n_people: int) -> _Sums:
        return cls(*(sparse.csr_array((n_people, n_people)) for _ in range(5)))

    @classmethod
    def of(cls, predictive: Predictive, people: pd.Index) -> _Sums:
        """Sum over the items of one question. What one side expects and what the other expects are averaged."""
        n_values, n_items = len(predictive.values), len(predictive.items)
        person = people.get_indexer(predictive.people)[predictive.person]
        answer = predictive.item * n_values + predictive.value
        every_answer = (predictive.item[:, None] * n_values + np.arange(n_values)).reshape(-1)
        chance = predictive.probability[predictive.rest]
        counts = 1 / chance.clip(min=_RAREST)
        own = np.arange(len(person)), predictive.value

        def by_person(
            rows: NDArray[np.integer], codes: NDArray[np.integer], data: NDArray[np.float64], width: int
        ) -> sparse.csr_array:
            return sparse.csr_array((data, (rows, codes)), shape=(len(people), width))

        said = by_person(person, answer, np.ones(len(person)), n_items * n_values)
        there = by_person(person, predictive.item, np.ones(len(person)), n_items)

        def expected(weights: NDArray[np.float64]) -> sparse.csr_array:
            of_answers = by_person(
                np.repeat(person, n_values), every_answer, weights.reshape(-1), n_items * n_values
            )
            sums = said @ of_answers.T
            return (sums + sums.T) / 2

        alike = said @ by_person(person, answer, counts[own], n_items * n_values).T
        return cls(
            n=there @ there.T,
            same=said @ said.T,
            expected=expected(chance),
            score=(alike + alike.T) / 2 - expected(counts * chance),
            variance=expected(counts**2 * chance * (1 - chance)),
        )

    def __iadd__(self, other: _Sums) -> _Sums:
        self.n += other.n
        self.same += other.same
        self.expected += other.expected
        self.score += other.score
        self.variance += other.variance
        return self


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
