"""Agreement of seed feedback with the majority of people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from quality.aggregation.majority import majority_vote
from quality.agreement.coefficient import Coefficient
from quality.votes import on_seeded
from workspaces.grammar import counted
from workspaces.records import Tag

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import pandas as pd
    from numpy.typing import NDArray

TAGS = tuple(tag.value for tag in Tag)
NOTHING_TO_COMPARE = "No response has both this judge's seed and a majority of people who did not see it."
DRAWS = 4000


@dataclass(frozen=True, slots=True)
class Confusion:
    """Counts of responses by people's majority (rows) and the seed's answer (columns), in the order of ``values``."""

    values: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]

    @property
    def total(self) -> int:
        """The number of responses compared."""
        return sum(map(sum, self.counts))


@dataclass(frozen=True, slots=True)
class SeedAgreement:
    """Agreement of one judge with people's majority on one question.

    ``coefficients`` holds ``percent_agreement``, ``kappa`` (Cohen's) and ``ac1`` (Gwet's); in each, ``n_items``
    counts the responses compared, ``n_annotators`` and ``n_labels`` the people and answers behind the majorities.
    ``n_tied`` responses are left out because people's answers are tied.
    """

    judge: str
    question: str
    confusion: Confusion
    coefficients: Mapping[str, Coefficient]
    n_tied: int


def seed_agreement(
    votes: pd.DataFrame, seeds: pd.DataFrame, shown: Collection[str] = (), seed: int = 0
) -> tuple[SeedAgreement, ...]:
    """Compare each judge's seeds with the majority of people, question by question.

    Answers of people who saw a seed are left out, because they would agree with it too often. Tied responses are left
    out too.

    Args:
        votes: as ``quality.votes`` returns it; only rows of kinds whose questions seeds answer are used.
        seeds: columns ``judge``, ``item``, ``question``, ``value``, as ``seed_table`` returns it.
        shown: ids of the tasks that show a seed.
        seed: seed of the draws for the intervals.

    Returns:
        Judges and questions in ascending order. A coefficient without a value gives the reason: nothing to compare,
        or (kappa only) a single answer. Intervals are for other responses and the same people: 95 % of the posterior
        Dirichlet(counts + 1/9), Perks's prior, which keeps the interval from being empty where seed and people never
        differ.

    Source: Cohen (1960); Gwet (2008), as in ``gwet_ac1`` for two raters; Perks (1947).
    """
    seeded = on_seeded(votes)
    blind = seeded[~seeded["task_id"].isin(list(shown))]
    judges = sorted(seeds["judge"].unique())
    agreements = []
    seeds_by_question = dict(list(seeds.groupby("question", sort=True)))
    answers_by_question = dict(list(blind.groupby("question", sort=True)))
    for judge in judges:
        for question, of_question in seeds_by_question.items():
            of_judge = of_question[of_question["judge"] == judge]
            if len(of_judge):
                answers = answers_by_question.get(question, blind.iloc[:0])
                rng = np.random.default_rng(seed)
                agreements.append(_compare(judge, str(question), answers, of_judge, rng))
    return tuple(agreements)


def _compare(
    judge: str, question: str, answers: pd.DataFrame, seeds: pd.DataFrame, rng: np.random.Generator
) -> SeedAgreement:
    rated = answers[answers["item"].isin(seeds["item"])]
    majority = majority_vote(rated)
    decided = majority[~majority["tied"].astype(bool)]
    seed_tags = seeds.set_index("item")["value"].reindex(decided["item"])
    code = {tag: number for number, tag in enumerate(TAGS)}
    row = decided["value"].map(code).to_numpy(dtype=np.int64)
    cell = row * len(TAGS) + seed_tags.map(code).to_numpy(dtype=np.int64)
    counts = np.bincount(cell, minlength=len(TAGS) ** 2).reshape(len(TAGS), len(TAGS))
    confusion = Confusion(TAGS, tuple(tuple(int(count) for count in row) for row in counts))
    behind = rated[rated["item"].isin(decided["item"])]
    sizes = (len(decided), behind["annotator"].nunique(), len(behind), len(decided))
    return SeedAgreement(
        judge, question, confusion, _coefficients(counts, sizes, judge, rng), len(majority) - len(decided)
    )


def _coefficients(
    counts: NDArray[np.int64], sizes: tuple[int, int, int, int], judge: str, rng: np.random.Generator
) -> dict[str, Coefficient]:
    measures = {"percent_agreement": _percent, "kappa": _kappa, "ac1": _ac1}
    if counts.sum() == 0:
        return {name: Coefficient(None, None, None, *sizes, NOTHING_TO_COMPARE) for name in measures}
    share = (counts / counts.sum())[None]
    draws = rng.dirichlet(counts.ravel() + 1 / counts.size, DRAWS).reshape(-1, *counts.shape)
    coefficients = {}
    for name, measure in measures.items():
        value = float(measure(share)[0])
        if np.isnan(value):
            coefficients[name] = Coefficient(
                None, None, None, *sizes,
                f"People and {judge} say the same of all responses ({sizes[0]:,}), always in one answer: kappa is "
                "undefined because nothing varies (Gwet's AC1 is 1.00).",
            )  # fmt: skip
            continue
        low, high = np.quantile(measure(draws), [0.025, 0.975])
        low, high = min(float(low), value), max(float(high), value)
        sentence = _sentence(name, value, low, high, counts, judge)
        coefficients[name] = Coefficient(value, low, high, *sizes, sentence)
    return coefficients


def _percent(share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of the diagonal of each (values x values) table of shares."""
    return np.asarray(np.trace(share, axis1=1, axis2=2), dtype=np.float64)


def _kappa(share: NDArray[np.float64]) -> NDArray[np.float64]:
    chance = (share.sum(axis=1) * share.sum(axis=2)).sum(axis=1)
    kappa = np.full(len(share), np.nan)
    np.divide(_percent(share) - chance, 1 - chance, out=kappa, where=chance < 1)
    return kappa


def _ac1(share: NDArray[np.float64]) -> NDArray[np.float64]:
    prevalence = (share.sum(axis=1) + share.sum(axis=2)) / 2
    chance = (prevalence * (1 - prevalence)).sum(axis=1) / (share.shape[1] - 1)
    return np.asarray((_percent(share) - chance) / (1 - chance), dtype=np.float64)


def _sentence(name: str, value: float, low: float, high: float, counts: NDArray[np.int64], judge: str) -> str:
    interval = f"95 % interval {low:.2f} to {high:.2f}"
    total = int(counts.sum())
    if name == "percent_agreement":
        return (
            f"{judge} says what most people say of {value:.0%} of {counted(total, 'response')} ({interval})"
            f"{_where_it_differs(counts)}."
        )
    if name == "kappa":
        return f"Cohen's kappa is {value:.2f}, where 1 is full agreement and 0 is chance ({interval})."
    return f"Gwet's AC1 is {value:.2f}, where 1 is full agreement and 0 is chance ({interval})."


def _where_it_differs(counts: NDArray[np.int64]) -> str:
    apart = counts.copy()
    np.fill_diagonal(apart, 0)
    if not apart.any():
        return ""
    row, column = np.unravel_index(int(apart.argmax()), apart.shape)
    return f"; where they differ, it most often says {TAGS[column]} and people {TAGS[row]} ({apart[row, column]} times)"
