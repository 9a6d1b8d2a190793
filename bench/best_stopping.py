"""The best that any rule of stopping can do, by dynamic programming: the fewest answers for a fixed number's accuracy.

No rule saves more that knows no more than is given to this one: the shares of the classes, how people err, the share of
hard items, and of each answer how skilled the person is who gave it. People come as they come. The rule that asks on
while the expected gain in the probability of the most probable class is above a price for each answer is the best for
that price; the prices trace out the fewest answers for each accuracy, between two of them by lot.

Skills are drawn evenly between two bounds; three of them stand for all (Gauss and Legendre), which gives the share of
right answers and what skills tell exactly up to its fifth power.

Source: Arrow, Blackwell and Girshick (1949), Bayes and Minimax Solutions of Sequential Decision Problems.
"""

from __future__ import annotations

from math import factorial
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEVELS = 3
"""Skills that stand for all."""

_HALVINGS = 14


class BestStopping:
    """All counts of answers, by skill and class, up to ``most``, and what is right after each."""

    def __init__(
        self,
        shares: tuple[float, ...],
        skill: tuple[float, float],
        hard: float,
        right_if_hard: float,
        most: int,
        least: int,
    ) -> None:
        """Args: ``shares`` of the classes, bounds of ``skill``, the share of ``hard`` items, and of right answers
        there; answers are between ``least`` and ``most``.
        """
        classes = len(shares)
        points, weights = np.polynomial.legendre.leggauss(LEVELS)
        skills = np.mean(skill) + (skill[1] - skill[0]) / 2 * points
        says = np.empty((LEVELS, classes, classes, 2))
        for number, right in enumerate(skills):
            for column, rate in enumerate((right, right_if_hard)):
                wrong = (1 - rate) / (classes - 1)
                says[number, :, :, column] = np.where(np.eye(classes, dtype=bool), rate, wrong)
        logs = np.log(says * (weights / 2)[:, None, None, None]).reshape(LEVELS * classes, -1)
        start = (np.array(shares)[:, None] * [1 - hard, hard]).reshape(-1)
        self._least = least
        self._steps = (most + 1) ** np.arange(LEVELS * classes, dtype=np.int64)
        self._counts: list[NDArray[np.int8]] = []
        self._best: list[NDArray[np.float64]] = []
        self._all: list[NDArray[np.float64]] = []
        self._next: list[NDArray[np.int32]] = []
        before = None
        for number in range(most + 1):
            counts = _compositions(number, LEVELS * classes)
            codes = counts.astype(np.int64) @ self._steps
            order = np.argsort(codes)
            counts, codes = counts[order], codes[order]
            joint = (np.exp(counts.astype(np.float32) @ logs.astype(np.float32)) * start).reshape(
                -1, classes, 2
            )
            likely = joint.sum(axis=2, dtype=np.float64)
            self._counts.append(counts)
            self._best.append(likely.max(axis=1))
            self._all.append(likely.sum(axis=1))
            if before is not None:
                self._next.append(np.searchsorted(codes, before[:, None] + self._steps).astype(np.int32))
            before = codes

    def fixed(self, answers: int) -> float:
        """Return the share of items that are right with so many answers to each."""
        factorials = np.array([float(factorial(number)) for number in range(answers + 1)])
        orders = factorials[answers] / factorials[self._counts[answers]].prod(axis=1)
        return float(orders @ self._best[answers])

    def fewest(self, accuracy: float) -> float:
        """Return the mean number of answers for which the best rule reaches an accuracy."""
        low, high = 0.0, 0.3
        more, less = self._at(low), self._at(high)
        for _ in range(_HALVINGS):
            price = (low + high) / 2
            found = self._at(price)
            if found[1] >= accuracy:
                low, more = price, found
            else:
                high, less = price, found
        share = (accuracy - less[1]) / (more[1] - less[1])
        return less[0] + share * (more[0] - less[0])

    def _at(self, price: float) -> tuple[float, float]:
        """Return the mean number of answers, and the share of right items, of the best rule at a price."""
        right: NDArray[np.float64] = self._best[-1]
        asked: NDArray[np.float64] = np.zeros_like(right)
        for number in range(len(self._next) - 1, -1, -1):
            following = self._next[number]
            on_right = right[following].sum(axis=1)
            on_asked = self._all[number] + asked[following].sum(axis=1)
            best = self._best[number]
            on = (number < self._least) | (on_right - price * on_asked > best)
            right, asked = np.where(on, on_right, best), np.where(on, on_asked, 0.0)
        return float(asked[0]), float(right[0])


def _compositions(number: int, parts: int) -> NDArray[np.int8]:
    if parts == 1:
        return np.array([[number]], np.int8)
    return np.concatenate(
        [np.insert(_compositions(number - first, parts - 1), 0, first, axis=1) for first in range(number + 1)]
    )
