"""How sure the answers to an item must be before no more are asked for, so that as many items are right as with a fixed
number of answers to each. Pure.

The threshold is not the lead's to guess: where people are right in six of ten cases five answers make an item right in
three of four, and to wait for .95 would cost more answers than it saves. ``Crowd`` estimates what answers tell, from
the votes alone: how often each class is true, how a typical person answers then, and which share of the items tells
nothing, because people guess there. Under it the accuracy of a fixed number of answers, and that of stopping at a
threshold, are sums over the counts of votes that can come, without simulation; ``as_sure_as`` finds the threshold at
which both are the same. ``sureness`` is compared with it.

Stopping at a threshold is within a point of the best rule that there is (bench/overlap.py computes that one by dynamic
programming). Where stopping looked at nothing but the votes it stopped, the votes stay fit to estimate the crowd: what
is not asked is missing at random.

Source: Wald (1947), Sequential Analysis, for the test; Dawid and Skene (1979), without persons, for the model.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from math import comb, factorial
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from workspaces.records import ItemPosterior

    Numbers = NDArray[np.float64]

LEAST_ITEMS = 50
"""With fewer items that two people answered nothing is known of the crowd."""

MOST_STATES = 200_000
"""Counts of votes that are summed over at most; more answers and classes than that have no threshold."""

_ROUNDS = 100
_HALVINGS = 20
_ROUNDING = 1e-12
_LEAST_PROBABILITY = 5e-5
_ANY = 0.25
_RIGHT = 0.5
_IDLE = (1.0, 10.0)
"""Prior of the idle share: so many idle items of so many."""


@dataclass(frozen=True, slots=True)
class Crowd:
    """What an answer of a typical person tells.

    ``shares`` of the classes; ``answers``, how often a class (column) is said where another (row) is true; ``idle``,
    the share of items about which people say the same whatever is true, as often as ``said``.
    """

    shares: Numbers
    answers: Numbers
    idle: float
    said: Numbers

    @classmethod
    def of(cls, counts: Numbers, probabilities: Numbers, turned: Sequence[int] | None = None) -> Crowd:
        """Estimate it by expectation maximisation.

        Args:
            counts: how many gave each answer, (items x classes).
            probabilities: of each class, from which the search begins, (items x classes).
            turned: the class that each becomes when the two sides of a comparison change places; both sides are alike.
        """
        classes = counts.shape[1]
        turned = list(range(classes) if turned is None else turned)
        said = _alike(counts.sum(axis=0) + _ANY, turned)
        said /= said.sum()
        seen, often = np.unique(counts, axis=0, return_counts=True)
        told = np.asarray(probabilities.T @ counts, np.float64)
        found = cls(*_estimated(probabilities.sum(axis=0), told, turned), _IDLE[0] / _IDLE[1], said)
        for _ in range(_ROUNDS):
            active, idle = found._relative(seen)
            weights = often / (active + idle).sum(axis=1)
            active = active * weights[:, None]
            shares, answers = _estimated(active.sum(axis=0), active.T @ seen, turned)
            share = (float(idle.sum(axis=1) @ weights) + _IDLE[0]) / (often.sum() + _IDLE[1])
            found = cls(shares, answers, share, said)
        return found

    def joint(self, counts: Numbers) -> Numbers:
        """Return the probability of one order of these votes together with each class, (items x classes)."""
        active, idle = self._logs(counts)
        return np.asarray(np.exp(active) + np.exp(idle), np.float64)

    def posteriors(self, counts: Numbers) -> Numbers:
        """Return the probability of each class, (items x classes), whoever answered."""
        active, idle = self._relative(counts)
        likely = active + idle
        return np.asarray(likely / likely.sum(axis=1, keepdims=True), np.float64)

    def _logs(self, counts: Numbers) -> tuple[Numbers, Numbers]:
        """Return the logarithms of both parts of ``joint``: of items that tell something, and of idle ones."""
        active = np.log((1 - self.idle) * self.shares) + counts @ np.log(self.answers).T
        idle = np.log(self.idle * self.shares) + (counts @ np.log(self.said))[:, None]
        return active, idle

    def _relative(self, counts: Numbers) -> tuple[Numbers, Numbers]:
        """Return both parts of ``joint`` as shares of the largest: that of hundreds of votes is zero in floats."""
        active, idle = self._logs(counts)
        top = np.maximum(active, idle).max(axis=1, keepdims=True)
        return np.exp(active - top), np.exp(idle - top)

    def accuracy(self, answers: int) -> float:
        """Return the share of items of which the most probable class is right after so many answers to each."""
        counts = _votes(answers, len(self.shares))
        orders = factorial(answers) / _FACTORIALS[counts].prod(axis=1)
        return float(orders @ self.joint(counts.astype(np.float64)).max(axis=1))

    def as_sure_as(self, answers: int, least: int, most: int) -> float | None:
        """Return how probable the most probable class must be before no more is asked; None: it takes too long to tell.

        As many items are right then as with ``answers`` answers to each.

        Args:
            answers: to each item.
            least: so many are asked in any case.
            most: so many are asked at most, at least ``answers``.
        """
        classes = len(self.shares)
        if comb(most + classes, classes) > MOST_STATES or most >= len(_FACTORIALS):
            return None
        rule = _Stopping(self, least, most)
        goal = self.accuracy(answers) - _ROUNDING
        low, high = 1 / classes, 1.0
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            low, high = (low, middle) if rule.accuracy(middle) >= goal else (middle, high)
        return rule.above(high)


class _Stopping:
    """The counts of votes that can come, up to ``most``, and what stopping at them is worth."""

    def __init__(self, crowd: Crowd, least: int, most: int) -> None:
        classes = len(crowd.shares)
        votes = [_votes(number, classes) for number in range(most + 1)]
        steps = (most + 1) ** np.arange(classes)
        codes = [some @ steps for some in votes]
        orders = [np.argsort(some) for some in codes]
        codes = [some[order] for some, order in zip(codes, orders, strict=True)]
        joint = [
            crowd.joint(some[order].astype(np.float64)) for some, order in zip(votes, orders, strict=True)
        ]
        self._least = least
        self._best = [some.max(axis=1) for some in joint]
        self._all = [some.sum(axis=1) for some in joint]
        self._next = [np.searchsorted(after, before[:, None] + steps) for before, after in pairwise(codes)]

    def accuracy(self, sure: float) -> float:
        """Return the share of items that are right when each stops from this probability on."""
        right = self._best[-1]
        for number in range(len(self._next) - 1, -1, -1):
            stops = (self._best[number] >= sure * self._all[number]) & (number >= self._least)
            right = np.where(stops, self._best[number], right[self._next[number]].sum(axis=1))
        return float(right[0])

    def above(self, sure: float) -> float:
        """Return the middle of the two probabilities that counts can have on both sides of ``sure``.

        Every threshold between them stops at the same counts; what is known of single people brings items in between.
        """
        found = [
            best / every
            for best, every in zip(self._best[self._least : -1], self._all[self._least : -1], strict=True)
        ]
        reached = np.unique(np.concatenate([np.empty(0), *found]))
        upper, lower = reached[reached >= sure], reached[reached < sure]
        return float((lower[-1] + upper[0]) / 2) if len(upper) and len(lower) else sure


def sureness(crowd: Crowd, counts: Numbers, probabilities: Numbers) -> Numbers:
    """Return for each item how probable its most probable class is, as ``Crowd.as_sure_as`` means it.

    It is the mean of two posteriors: that of the crowd, for which all people are alike, and that of Dawid-Skene, which
    knows each person, but is too sure of few answers. So the latter is brought to the former's mean first, by a common
    exponent.

    Args:
        crowd: of the same items.
        counts: how many gave each answer, (items x classes).
        probabilities: of Dawid-Skene, (items x classes).
    """
    alike = crowd.posteriors(counts)
    goal = alike.max(axis=1).mean()
    logs = np.log(np.maximum(probabilities, _LEAST_PROBABILITY))
    low, high = 0.0, 4.0
    for _ in range(_HALVINGS):
        power = (low + high) / 2
        known = np.exp(power * logs)
        known /= known.sum(axis=1, keepdims=True)
        low, high = (low, power) if known.max(axis=1).mean() >= goal else (power, high)
    return np.asarray(((alike + known) / 2).max(axis=1), np.float64)


def tables(posteriors: Sequence[ItemPosterior], classes: Sequence[str]) -> tuple[Numbers, Numbers]:
    """Return the votes and the probabilities of items of one question, (items x classes)."""
    counts = [[each.votes.get(name, 0) for name in classes] for each in posteriors]
    found = [[each.probabilities.get(name, 0.0) for name in classes] for each in posteriors]
    return np.array(counts, np.float64), np.array(found, np.float64)


def _estimated(shares: Numbers, answers: Numbers, turned: Sequence[int]) -> tuple[Numbers, Numbers]:
    shares = _alike(shares + 1, turned)
    answers = answers + _RIGHT * np.eye(len(shares)) + _ANY
    answers = (answers + answers[turned][:, turned]) / 2
    return shares / shares.sum(), answers / answers.sum(axis=1, keepdims=True)


def _alike(numbers: Numbers, turned: Sequence[int]) -> Numbers:
    return np.asarray((numbers + numbers[turned]) / 2, np.float64)


@cache
def _votes(answers: int, classes: int) -> NDArray[np.int64]:
    """Return every way in which so many answers can fall on the classes, (ways x classes)."""
    if classes == 1:
        return np.array([[answers]])
    some = [(first, _votes(answers - first, classes - 1)) for first in range(answers + 1)]
    return np.concatenate([np.insert(rest, 0, first, axis=1) for first, rest in some])


_FACTORIALS = np.array([float(factorial(number)) for number in range(171)])
