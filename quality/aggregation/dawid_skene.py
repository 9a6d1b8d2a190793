"""Dawid-Skene model: estimates the true answers and each person's confusion matrix together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from quality.aggregation.em import FREE, HALF_VOTES, Pull, blocks_of, count_by_votes, expect, truths
from quality.labels import CodedLabels, margin, sorted_rows

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from numpy.typing import NDArray

    from quality.aggregation.em import Blocks
    from quality.answer_table import AnswerTable
    from quality.labels import Mirror

_FLOOR = 1e-10
_NEVER = 1e-300


@dataclass(frozen=True, slots=True)
class ConfusionPrior:
    """Prior of the class shares and of every person's confusion matrix, as pseudo-counts of answers.

    Each person starts with ``right`` right answers and ``wrong`` wrong ones (spread evenly over the wrong
    values) under each truth; each truth starts with ``truth`` items. With all three 0, a single answer can
    determine a person's confusion matrix, and one coincidence can determine an item.
    """

    right: float = 4.0
    wrong: float = 1.0
    truth: float = 1.0

    def __post_init__(self) -> None:
        if min(self.right, self.wrong, self.truth) < 0:
            raise ValueError(f"a prior counts answers: nothing in it may be below 0, got {self}")

    def confusion(self, n_values: int) -> NDArray[np.float64]:
        """Return the pseudo-counts, (values given x values true)."""
        wrong = self.wrong / max(n_values - 1, 1)
        return np.full((n_values, n_values), wrong) + (self.right - wrong) * np.eye(n_values)


@dataclass(frozen=True, slots=True)
class PooledPrior:
    """Prior of every person's confusion matrix that is measured: everybody's answers beside the shares of the votes, as
    ``strength`` answers to each truth.

    Whoever gives few answers is taken to mistake what most people mistake, and whoever gives many is measured alone.
    ``centre`` is added to everybody's answers, and ``centre.truth`` items to each truth. ``pull`` keeps the estimate
    near the votes.
    """

    centre: ConfusionPrior
    strength: float = 2.0
    pull: Pull = FREE

    def __post_init__(self) -> None:
        if self.strength < 0:
            raise ValueError(f"a prior counts answers: nothing in it may be below 0, got {self}")

    def of(self, voted: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the pseudo-counts, (values given x values true), from how often each person gave each value beside the
        votes, (people x given x true)."""
        together = voted.sum(axis=0) + self.centre.confusion(voted.shape[1])
        return np.asarray(self.strength * together / together.sum(axis=0), dtype=np.float64)


CAUTIOUS = ConfusionPrior()
POOLED = PooledPrior(CAUTIOUS)
NEAR_VOTES = PooledPrior(CAUTIOUS, pull=HALF_VOTES)
UNSMOOTHED = ConfusionPrior(0.0, 0.0, 0.0)
"""Maximum likelihood, as Dawid and Skene published it."""


@dataclass(frozen=True, slots=True)
class DawidSkene:
    """A fitted model.

    ``posteriors`` has one row per item (the index, ascending) and one column per value, each row summing to
    1. ``class_priors`` is the share of items with each true value. ``confusions`` is indexed by (annotator,
    truth), its columns are the values given, its rows sum to 1. ``log_likelihood`` is of the answers (natural
    logarithm); ``iterations`` is the number of iterations made; ``converged`` tells whether the last one raised
    the objective by no more than the tolerance. With a pull the posteriors are those that it holds near the votes;
    what is said of people and classes is what these posteriors say of them.
    """

    posteriors: pd.DataFrame
    class_priors: pd.Series[float]
    confusions: pd.DataFrame
    log_likelihood: float
    iterations: int
    converged: bool


def dawid_skene(
    table: AnswerTable,
    values: Sequence[Hashable] | None = None,
    *,
    prior: ConfusionPrior | PooledPrior = POOLED,
    iterations: int = 100,
    tolerance: float = 1e-7,
    repeats: bool = False,
    mirror: Mirror | None = None,
) -> DawidSkene:
    """Estimate each item's true answer, and how each person answers under each truth.

    Unlike a majority vote it weighs each person by their estimated confusion matrix: two careful people may
    outvote three careless ones, and a person who always mistakes one value for another still carries
    information. It is not always better than a majority vote: where people answer few items each, or differ in
    taste rather than care, the majority is as good. Report both.

    **Which prior.** ``POOLED``, the default, takes whoever gives few answers to mistake what everybody does: on
    sixteen of nineteen public sets within 1.5 points of the best of the majority and the others
    (bench/aggregation.py). On the other three (ZenCrowd, CrowdScale facts) good people make the same mistakes, which
    no answer tells from the truth, and the majority is 4 to 5 points better. ``NEAR_VOTES`` is for that: half of what
    people are measured against stays the votes. It is then at most 2 points below the majority, but up to 12 behind
    where people differ much in skill and err each for themselves. ``CAUTIOUS`` assumes that people are right in four
    of five answers: for a handful of people, of whom nothing can be learned; where most are right in fewer, it is
    wrong about all who give few answers (7 points on Web search relevance). ``UNSMOOTHED`` assumes nothing, and needs
    dozens of answers of each person to each value: to reproduce published figures (11 points below the others on
    Weather sentiment, with four answers a person).

    Args:
        table: columns ``item``, ``annotator``, ``value``; a missing value is a question not answered; the
            last row of an (item, annotator) counts.
        values: every possible answer. Without it, those that occur.
        prior: prior of every person: ``POOLED``, ``NEAR_VOTES``, ``CAUTIOUS``, ``UNSMOOTHED`` (the published
            algorithm), or one of your own.
        iterations: the largest number of iterations, at least 1.
        tolerance: stop when an iteration raises the objective (log-likelihood plus log-prior) by no more
            than this per item; 0 makes every iteration.
        repeats: count every row of an (item, annotator), as of a person who was asked several times.
        mirror: for a comparison, what each value becomes when its two sides change places, as ``{"first": "second",
            "second": "first"}``. A person then mistakes either side for the other equally often, and both are
            equally often the true answer: which of the two is called first changes nothing.

    Returns:
        The model. Without answers its tables are empty and the log-likelihood is 0.

    Raises:
        ValueError: an answer is not among ``values``, or an argument is out of its range.

    Source: Dawid and Skene (1979), Maximum likelihood estimation of observer error-rates using the EM
    algorithm, Applied Statistics 28; initialised with the shares of the votes. With a prior the estimates are
    means of Dirichlet posteriors (modes, if 1 is added to every pseudo-count). ``POOLED`` is a common Dirichlet prior
    as in Kim and Ghahramani (2012), Bayesian classifier combination, centred on the confusion of everybody beside the
    votes. A pull maximises (1 - votes) times the log-likelihood of the answers plus votes times that of the answers
    and of truths as voted.
    """
    labels = CodedLabels.of(table, values, repeats=repeats, mirror=mirror)
    blocks, shape = blocks_of(labels), (len(labels.annotators), len(labels.values))
    fit = Fit.of(blocks, shape, prior, iterations, tolerance, threads=True, mirror=labels.mirror)
    rows = [truths(matrix, fit.evidence, fit.log_prior)[0] for matrix in blocks()]
    columns = pd.Index(labels.values, name="value")
    posteriors = pd.DataFrame(
        labels.as_given(np.concatenate(rows)) if rows else np.zeros((0, len(columns))),
        pd.Index(labels.items, name="item"),
        columns,
    )
    return DawidSkene(
        sorted_rows(posteriors),
        *fit.described(labels.annotators, labels.values),
        fit.log_likelihood,
        fit.iterations,
        fit.converged,
    )


@dataclass(frozen=True, slots=True)
class Fit:
    """Fitted parameters.

    ``evidence`` (people x values given, values true) is what an answer says for each truth, and ``log_prior`` what is
    said before any: with them the truths are found. ``log_probability`` and ``log_shares``, of the same shapes, are
    what was found about people and truths; without a pull they are the same. ``log_likelihood`` is under them.
    """

    evidence: NDArray[np.float64]
    log_prior: NDArray[np.float64]
    log_probability: NDArray[np.float64]
    log_shares: NDArray[np.float64]
    log_likelihood: float
    iterations: int
    converged: bool

    @classmethod
    def of(
        cls,
        blocks: Blocks,
        shape: tuple[int, int],
        prior: ConfusionPrior | PooledPrior,
        iterations: int,
        tolerance: float,
        *,
        threads: bool,
        mirror: NDArray[np.integer] | None = None,
    ) -> Fit:
        """Fit the parameters to ``blocks`` of (people, values); see ``dawid_skene``."""
        n_people, n_values = shape
        if iterations < 1 or tolerance < 0:
            raise ValueError(
                f"iterations is at least 1 and tolerance at least 0; got {iterations}, {tolerance}"
            )
        if not n_people:
            nobody, nothing = np.zeros((0, n_values)), np.zeros(n_values)
            return cls(nobody, nothing, nobody, nothing, 0.0, 0, True)
        expected = voted = count_by_votes(blocks, n_people, n_values)
        objective, made, converged = -np.inf, 0, False
        if isinstance(prior, PooledPrior):
            by_person = _exchanged(voted.counts.reshape(-1, n_values, n_values), mirror)
            pseudo, truth, pull = prior.of(by_person), prior.centre.truth, prior.pull
        else:
            pseudo, truth, pull = prior.confusion(n_values), prior.truth, FREE
        while made < iterations and not (converged and tolerance):
            made += 1
            held = pull.held(expected, voted)
            log_probability = _most_likely(held.counts.reshape(-1, n_values, n_values), pseudo, mirror)
            log_prior = _log_shares(held.classes, truth, mirror)
            expected = expect(blocks, pull.weight * log_probability, log_prior, threads=threads)
            before, objective = objective, (1 - pull.votes) * expected.log_likelihood
            if pull.votes:
                complete = pull.weight * (voted.counts * log_probability).sum() + voted.classes @ log_prior
                objective += pull.votes * float(complete)
            of_prior = (log_probability.reshape(-1, n_values, n_values) * pseudo).sum()
            objective += float(pull.weight * of_prior + truth * log_prior.sum())
            converged = objective - before <= tolerance * expected.n_items
        evidence, found = pull.weight * log_probability, (log_probability, log_prior)
        if pull != FREE:
            counts = expected.counts.reshape(-1, n_values, n_values)
            found = _most_likely(counts, pseudo, mirror), _log_shares(expected.classes, truth, mirror)
            expected = expect(blocks, *found, threads=threads)
        return cls(evidence, log_prior, *found, expected.log_likelihood, made, converged)

    def described(
        self, annotators: pd.Index, values: Sequence[Hashable]
    ) -> tuple[pd.Series[float], pd.DataFrame]:
        """Return class priors and confusions labelled with annotators and values."""
        n_values = len(values)
        truth = pd.Index(list(values), name="truth")
        confusion = np.exp(self.log_probability).reshape(len(annotators), n_values, n_values)
        rows = pd.MultiIndex.from_product([annotators, truth], names=["annotator", "truth"])
        confusions = pd.DataFrame(
            confusion.transpose(0, 2, 1).reshape(len(rows), n_values),
            rows,
            pd.Index(list(values), name="given"),
        )
        shares = np.exp(self.log_shares) if len(annotators) else np.zeros(n_values)
        return pd.Series(shares, truth, name="share"), confusions


def _exchanged(counts: NDArray[np.float64], mirror: NDArray[np.integer] | None) -> NDArray[np.float64]:
    """Return expected counts in which what a person says of the first side says as much of the second."""
    return counts if mirror is None else (counts + counts[:, mirror][:, :, mirror]) / 2


def _most_likely(
    counts: NDArray[np.float64], pseudo: NDArray[np.float64], mirror: NDArray[np.integer] | None
) -> NDArray[np.float64]:
    counts = _exchanged(counts, mirror)
    # Without a prior the estimated probability of an answer may be 0; the floor keeps its logarithm finite.
    floor = np.where(counts.sum(axis=2, keepdims=True) > 0, _FLOOR, 0.0)
    counts = np.maximum(counts, floor) + pseudo
    confusion = counts / counts.sum(axis=1, keepdims=True)
    return np.asarray(np.log(np.maximum(confusion, _NEVER)), dtype=np.float64).reshape(-1, len(pseudo))


def _log_shares(
    classes: NDArray[np.float64], truth: float, mirror: NDArray[np.integer] | None
) -> NDArray[np.float64]:
    classes = margin(classes, mirror) + truth
    return np.asarray(np.log(np.maximum(classes / classes.sum(), _FLOOR)), dtype=np.float64)
