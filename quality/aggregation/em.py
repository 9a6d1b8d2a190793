"""The expectation step of Dawid-Skene and MACE: the probability of each item's true answers, and the expected
number of times that each person gave each value under each truth."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

    from quality.labels import CodedLabels

Blocks: TypeAlias = "Callable[[], Iterable[sparse.csr_matrix]]"
"""Returns the answers, some items at a time, each time it is called: matrices of items x (people x values), the
number of times the person gave the value to the item."""

BLOCK_ITEMS = 16_384
_THREADS = min(4, os.cpu_count() or 1)


@dataclass(frozen=True, slots=True)
class Pull:
    """What keeps an estimate near the votes.

    People who misread the same items agree with each other, so that a model takes them for the ones who know: fitted
    freely, it can end below the majority. ``votes`` (0 to 1) is the part of each item's truth that people are measured
    against which stays the shares of its votes; the rest is what the model expects. ``weight`` (over 0, at most 1) is
    how many independent answers one answer counts as: answers to one item are alike for more reasons than its truth.
    """

    votes: float
    weight: float

    def __post_init__(self) -> None:
        if not (0 <= self.votes <= 1 and 0 < self.weight <= 1):
            raise ValueError(f"votes is from 0 to 1, weight over 0 and at most 1; got {self}")

    def held(self, expected: Expected, voted: Expected) -> Expected:
        """Return the expectation (with its log-likelihood), as far as the pull lets it leave the votes."""
        free = 1 - self.votes
        return Expected(
            free * expected.counts + self.votes * voted.counts,
            free * expected.classes + self.votes * voted.classes,
            expected.log_likelihood,
        )


FREE = Pull(0.0, 1.0)
"""The published algorithms: nothing but the model."""
HALF_VOTES = Pull(0.5, 0.9)
"""Half votes, nine tenths of an answer: in the middle of what does well on nineteen public sets."""


@dataclass(frozen=True, slots=True)
class Expected:
    """The result of one expectation step.

    ``counts`` is (people x values given, values true): the expected number of times that the person gave the
    value under that truth; ``classes`` is the expected number of items of each truth; ``log_likelihood`` is
    that of all answers.
    """

    counts: NDArray[np.float64]
    classes: NDArray[np.float64]
    log_likelihood: float

    @property
    def n_items(self) -> float:
        """The number of items answered."""
        return float(self.classes.sum())


def block(
    item: NDArray[np.integer],
    annotator: NDArray[np.integer],
    value: NDArray[np.integer],
    shape: tuple[int, int, int],
) -> sparse.csr_matrix:
    """Return the answers as a matrix of items x (people x values); ``shape`` is (items, people, values)."""
    n_items, n_people, n_values = shape
    column = annotator * np.int32(n_values) + value
    return sparse.csr_matrix((np.ones(len(item)), (item, column)), shape=(n_items, n_people * n_values))


def blocks_of(labels: CodedLabels) -> Blocks:
    """Split the answers into blocks that fit into a processor's cache."""
    n_items, n_people, n_values = len(labels.items), len(labels.annotators), len(labels.values)
    matrix = block(labels.item, labels.annotator, labels.value, (n_items, n_people, n_values))
    cut = [matrix[start : start + BLOCK_ITEMS] for start in range(0, n_items, BLOCK_ITEMS)]
    return lambda: cut


def expect(
    blocks: Blocks, log_probability: NDArray[np.float64], log_prior: NDArray[np.float64], *, threads: bool
) -> Expected:
    """Run one expectation step.

    Args:
        blocks: the answers.
        log_probability: logarithm of the probability that a person gives a value under each truth, (people x
            values given, values true).
        log_prior: logarithm of the share of each truth.
        threads: process several blocks in parallel; all of them must be in memory.
    """

    def expect_block(matrix: sparse.csr_matrix) -> Expected:
        truth, log_likelihood = truths(matrix, log_probability, log_prior)
        return Expected(matrix.T @ truth, truth.sum(axis=0), float(log_likelihood.sum()))

    counts, classes, log_likelihood = np.zeros_like(log_probability), np.zeros_like(log_prior), 0.0
    for expected in _mapped(expect_block, blocks(), threads=threads):
        counts += expected.counts
        classes += expected.classes
        log_likelihood += expected.log_likelihood
    return Expected(counts, classes, log_likelihood)


def count_by_votes(blocks: Blocks, n_people: int, n_values: int) -> Expected:
    """Take the shares of the votes on each item as the probabilities of its truths: Dawid-Skene's initial values."""
    counts, classes = np.zeros((n_people * n_values, n_values)), np.zeros(n_values)
    for matrix in blocks():
        votes = vote_shares(matrix, n_values)
        counts += matrix.T @ votes
        classes += votes.sum(axis=0)
    return Expected(counts, classes, -np.inf)


def vote_shares(matrix: sparse.csr_matrix, n_values: int) -> NDArray[np.float64]:
    """Return the share of each value among the votes on each item of a block, (items x values)."""
    votes: NDArray[np.float64] = matrix @ np.tile(np.eye(n_values), (matrix.shape[1] // n_values, 1))
    return np.asarray(votes / votes.sum(axis=1, keepdims=True), dtype=np.float64)


def truths(
    matrix: sparse.csr_matrix, log_probability: NDArray[np.float64], log_prior: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the probability of each truth, (items x values), and the log-likelihood of each item's answers."""
    joint: NDArray[np.float64] = matrix @ log_probability
    joint += log_prior
    # Loop over columns: there are few values, and numpy reduces short rows slowly.
    most = joint[:, 0].copy()
    for column in joint.T[1:]:
        np.maximum(most, column, out=most)
    joint -= most[:, None]
    np.exp(joint, out=joint)
    total = joint[:, 0].copy()
    for column in joint.T[1:]:
        total += column
    joint /= total[:, None]
    return joint, most + np.log(total)


def _mapped(
    function: Callable[[sparse.csr_matrix], Expected], blocks: Iterable[sparse.csr_matrix], *, threads: bool
) -> Iterator[Expected]:
    if not threads:
        yield from map(function, blocks)
        return
    with ThreadPoolExecutor(_THREADS) as pool:
        yield from pool.map(function, blocks)
