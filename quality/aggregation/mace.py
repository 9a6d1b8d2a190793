"""MACE model: estimates how often each person answers from knowledge and how often without looking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import special

from quality.aggregation.em import (
    FREE,
    HALF_VOTES,
    Expected,
    Pull,
    blocks_of,
    count_by_votes,
    expect,
    truths,
)
from quality.labels import CodedLabels, margin, sorted_rows

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from numpy.typing import NDArray

    from quality.aggregation.em import Blocks
    from quality.answer_table import AnswerTable
    from quality.labels import Mirror

_KNOWING_PRIOR = 0.5
_STRATEGY_PRIOR = 10.0
_NOISE = 0.5


@dataclass(frozen=True, slots=True)
class Mace:
    """A fitted model.

    ``posteriors`` has one row per item (the index, ascending) and one column per value, each row summing to
    1. ``competence`` is, for each person (the index), the expected share of answers given from knowledge, 0
    to 1. ``strategies`` is the distribution of a person's other answers: one row per person, one column per
    value, rows sum to 1. ``log_likelihood`` is that of the answers under the parameters (natural logarithm).
    """

    posteriors: pd.DataFrame
    competence: pd.Series[float]
    strategies: pd.DataFrame
    log_likelihood: float


def mace(
    table: AnswerTable,
    values: Sequence[Hashable] | None = None,
    *,
    restarts: int = 10,
    iterations: int = 50,
    seed: int = 0,
    mirror: Mirror | None = None,
    pull: Pull | None = HALF_VOTES,
) -> Mace:
    """Estimate each item's true answer, assuming that people either know it or answer without looking.

    A person knows the true answer with an individual probability, and then gives it; otherwise the person
    draws an answer from an individual distribution that does not depend on the item. MACE detects people who
    click through better than confusion matrices do; it does not model honest mistakes that follow a pattern.

    As published, each answer is as likely to be true as any other, and people who make the same mistake look competent:
    7 points below the majority where one of eight items is of the rare class (Product), 6 on ZenCrowd. So the classes'
    shares are learned, and an ``pull`` keeps the estimate near the votes: on public sets it is then above the
    majority, or at most two points below it (bench/aggregation.py). Where everybody misreads the same items, no model
    of people is above it.

    Args:
        table: columns ``item``, ``annotator``, ``value``; a missing value is a question not answered; the
            last row of an (item, annotator) counts.
        values: every possible answer. Without it, those that occur.
        restarts: number of runs from random initial parameters, in addition to one from uniform ones; the run
            with the highest likelihood is used.
        iterations: number of iterations of each run, at least 1.
        seed: seed of the random initial parameters.
        mirror: for a comparison, as in ``dawid_skene``: a person who does not know the answer draws either side
            equally often.
        pull: how far the estimate may leave the votes; ``None`` is the published algorithm, with equal shares of the
            classes.

    Returns:
        The model. Without answers its tables are empty and the log-likelihood is 0.

    Raises:
        ValueError: an answer is not among ``values``, or ``iterations`` is below 1.

    Source: Hovy, Berg-Kirkpatrick, Vaswani and Hovy (2013), Learning whom to trust with MACE, NAACL;
    variational Bayes with their priors, Beta(1/2, 1/2) on knowing and Dirichlet(10) on strategies; one item is added to
    each class.
    """
    if iterations < 1:
        raise ValueError(f"iterations is at least 1, got {iterations}")
    labels = CodedLabels.of(table, values, mirror=mirror)
    n_people, n_values = len(labels.annotators), len(labels.values)
    blocks, rng = blocks_of(labels), np.random.default_rng(seed)
    starts = [_even(n_people, n_values)] + [
        _random(n_people, n_values, rng, labels.mirror) for _ in range(restarts)
    ]
    runs = (
        [_run(blocks, start, iterations, labels.mirror, pull) for start in starts]
        if n_people
        else [_nothing(n_values)]
    )
    best = max(runs, key=lambda run: run.log_likelihood)
    evidence = best.parameters.log_probability * (pull or FREE).weight
    rows = [truths(matrix, evidence, best.log_prior)[0] for matrix in blocks()]
    columns = pd.Index(labels.values, name="value")
    people = pd.Index(labels.annotators, name="annotator")
    posteriors = pd.DataFrame(
        labels.as_given(np.concatenate(rows)) if rows else np.zeros((0, n_values)),
        pd.Index(labels.items, name="item"),
        columns,
    )
    knowing = best.knowing + _KNOWING_PRIOR
    habits = best.habits + _STRATEGY_PRIOR
    answers = best.knowing + best.habits.sum(axis=1)
    return Mace(
        sorted_rows(posteriors),
        pd.Series(knowing / (answers + 2 * _KNOWING_PRIOR), people, name="competence"),
        pd.DataFrame(habits / habits.sum(axis=1, keepdims=True), people, columns),
        best.log_likelihood,
    )


@dataclass(frozen=True, slots=True)
class _Parameters:
    """Probabilities that a person knows the answer, ``knows`` (people,), or does not, ``looks_away`` (people,),
    and the strategy in the second case, ``habit`` (people x values); under variational Bayes they need not sum
    to 1."""

    knows: NDArray[np.float64]
    looks_away: NDArray[np.float64]
    habit: NDArray[np.float64]

    @property
    def log_probability(self) -> NDArray[np.float64]:
        """Log-probability that a person gives a value under each truth, (people x values given, values true)."""
        n_values = self.habit.shape[1]
        blind = (self.looks_away[:, None] * self.habit)[:, :, None]
        seeing = self.knows[:, None, None] * np.eye(n_values)
        probability: NDArray[np.float64] = np.log(blind + seeing).reshape(self.habit.size, n_values)
        return probability

    def share_known(self) -> NDArray[np.float64]:
        """Return the probability that a right answer came from knowledge, (people x values)."""
        known = self.knows[:, None]
        return np.asarray(known / (self.looks_away[:, None] * self.habit + known), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class _Run:
    parameters: _Parameters
    log_prior: NDArray[np.float64]
    knowing: NDArray[np.float64]
    habits: NDArray[np.float64]
    log_likelihood: float


def _even(n_people: int, n_values: int) -> _Parameters:
    half = np.full(n_people, 0.5)
    return _Parameters(half, half, np.full((n_people, n_values), 1 / max(n_values, 1)))


def _random(
    n_people: int, n_values: int, rng: np.random.Generator, mirror: NDArray[np.integer] | None
) -> _Parameters:
    knows = rng.uniform(1, 1 + _NOISE, (n_people, 2))
    habit = margin(rng.uniform(1, 1 + _NOISE, (n_people, n_values)), mirror)
    knows /= knows.sum(axis=1, keepdims=True)
    return _Parameters(knows[:, 1], knows[:, 0], habit / habit.sum(axis=1, keepdims=True))


def _nothing(n_values: int) -> _Run:
    return _Run(_even(0, n_values), _even_shares(n_values), np.zeros(0), np.zeros((0, n_values)), 0.0)


def _even_shares(n_values: int) -> NDArray[np.float64]:
    return np.full(n_values, -np.log(max(n_values, 1)))


def _run(
    blocks: Blocks,
    parameters: _Parameters,
    iterations: int,
    mirror: NDArray[np.integer] | None,
    pull: Pull | None,
) -> _Run:
    n_people, n_values = parameters.habit.shape
    tied = pull or FREE
    voted = count_by_votes(blocks, n_people, n_values)

    def expected_under(parameters: _Parameters, log_prior: NDArray[np.float64]) -> _Run:
        evidence = tied.weight * parameters.log_probability
        expected = tied.held(expect(blocks, evidence, log_prior, threads=True), voted)
        counts = expected.counts.reshape(-1, n_values, n_values)
        known = np.diagonal(counts, axis1=1, axis2=2) * parameters.share_known()
        learned = log_prior if pull is None else _shares(expected, mirror)
        unknown = margin(counts.sum(axis=2) - known, mirror)
        return _Run(parameters, learned, known.sum(axis=1), unknown, expected.log_likelihood)

    run = expected_under(parameters, _even_shares(n_values))
    for _ in range(iterations):
        unknowing = run.habits.sum(axis=1)
        total = special.digamma(run.knowing + unknowing + 2 * _KNOWING_PRIOR)
        strategy = run.habits + _STRATEGY_PRIOR
        parameters = _Parameters(
            np.exp(special.digamma(run.knowing + _KNOWING_PRIOR) - total),
            np.exp(special.digamma(unknowing + _KNOWING_PRIOR) - total),
            np.exp(special.digamma(strategy) - special.digamma(strategy.sum(axis=1, keepdims=True))),
        )
        run = expected_under(parameters, run.log_prior)
    return run


def _shares(expected: Expected, mirror: NDArray[np.integer] | None) -> NDArray[np.float64]:
    classes = margin(expected.classes, mirror) + 1
    return np.asarray(np.log(classes / classes.sum()), dtype=np.float64)
