"""Somebody who collects every published table and wants to know about a few people. Written apart from the publisher:

the unknowns are the cells of the whole product of all variables, in every snapshot, and those who joined in between.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, product
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from numpy.typing import NDArray

Group = frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Leak:
    """A count below k that the attacker knows to lie between two bounds."""

    snapshot: int
    group: Group
    what: str
    true: int
    low: int
    high: int


def groups_of(options: Mapping[str, Sequence[str]], tables: Sequence[Sequence[str]]) -> list[Group]:
    """Return every cell of every table and margin, empty ones too."""
    views = {
        part for table in tables for n in range(len(table) + 1) for part in combinations(sorted(table), n)
    }
    return [
        frozenset(zip(view, values, strict=True))
        for view in sorted(views)
        for values in product(*(options[name] for name in view))
    ]


def rounded(n: int, base: int) -> int:
    return int(n / base + 0.5) * base


class Attack:
    """Knows, of each snapshot, the groups shown and their count rounded to ``base`` (1: exactly)."""

    def __init__(
        self,
        options: Mapping[str, Sequence[str]],
        tables: Sequence[Sequence[str]],
        snapshots: Sequence[tuple[Sequence[Mapping[str, str]], Collection[Group]]],
        k: int,
        base: int,
        *,
        knows_nobody_left: bool,
    ) -> None:
        self.tables, self.options, self.k = tables, options, k
        names = sorted(options)
        self.cells = [
            frozenset(zip(names, values, strict=True)) for values in product(*(options[n] for n in names))
        ]
        self.people = [people for people, _ in snapshots]
        self.shown = [set(shown) for _, shown in snapshots]
        size = len(self.cells)
        rows: list[NDArray[np.float64]] = []
        least: list[float] = []
        most: list[float] = []
        for at, (people, shown) in enumerate(snapshots):
            for group in shown:
                published = rounded(self.true(people, group), base)
                spread = base // 2
                rows.append(self.row(at, group))
                least.append(max(k, published - spread))
                most.append(published + spread)
        if knows_nobody_left:
            for at in range(1, len(snapshots)):
                for cell in range(size):
                    row = np.zeros(size * len(snapshots))
                    row[at * size + cell], row[(at - 1) * size + cell] = 1, -1
                    rows.append(row)
                    least.append(0)
                    most.append(np.inf)
        self.n = size * len(snapshots)
        self.known = LinearConstraint(np.array(rows), least, most) if rows else None

    @staticmethod
    def true(people: Sequence[Mapping[str, str]], group: Group) -> int:
        return sum(group <= set(person.items()) for person in people)

    def row(self, at: int, group: Group) -> NDArray[np.float64]:
        row = np.zeros(len(self.cells) * len(self.people))
        for place, cell in enumerate(self.cells):
            if group <= cell:
                row[at * len(self.cells) + place] = 1
        return row

    def bounds(self, row: NDArray[np.float64]) -> tuple[int, int]:
        limits = []
        for sign in (1, -1):
            solved = milp(
                sign * row,
                constraints=self.known or (),
                bounds=Bounds(0, 500),
                integrality=np.ones(self.n),
                options={"presolve": False},  # HiGHS 1.12 returned 7 as the least of what may be 0
            )
            assert solved.x is not None, solved.message  # the truth is one solution
            limits.append(round(float(row @ solved.x)))
        return limits[0], limits[1]

    def leaks(self, *, bounded: bool) -> list[Leak]:
        """Return the counts below k that are determined; with ``bounded``, those known to be below k too."""
        found = []
        for at, people in enumerate(self.people):
            for group in groups_of(self.options, self.tables):
                true = self.true(people, group)
                if true < self.k and group not in self.shown[at]:
                    low, high = self.bounds(self.row(at, group))
                    assert low <= true <= high, (group, at, low, true, high, self.bounds(self.row(at, group)))
                    if low == high or (bounded and high < self.k):
                        found.append(Leak(at, group, "people", true, low, high))
                if at == 0:
                    continue
                joined = true - self.true(self.people[at - 1], group)
                if 0 < joined < self.k:
                    low, high = self.bounds(self.row(at, group) - self.row(at - 1, group))
                    if low == high or (bounded and -self.k < low and high < self.k):
                        found.append(Leak(at, group, "joined", joined, low, high))
        return found
