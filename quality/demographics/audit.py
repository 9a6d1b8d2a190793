"""Disclosure audit: what an attacker who knows every published count exactly can infer about the suppressed counts.

The published counts are rounded; the audit gives the attacker the exact ones, so that protection does not depend on
the rounding. The attacker's knowledge is a system of linear equations over non-negative integers: the cells of the
largest tables in every snapshot, and the people who joined and left in between. A suppressed count is protected if it
is at least k in some population that is consistent with everything published, and its possible values span at least k.
Integer programming finds such a population, or none; each population found is a witness for many cells.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations, product
from math import prod
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

from quality.demographics.tables import EVERYBODY, Cell, View, views_of
from workspaces.privacy.declared_tables import largest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

REST = "\0rest"
"""Stands for all values of a variable of which nothing is published: an attacker cannot tell them apart."""

_SECONDS_EACH = 5.0


@dataclass(frozen=True)
class World:
    """One population: the exact count of each occupied cell, and the cells whose count the attacker knows.

    ``zero_is_sensitive`` tells whether an attacker may not learn that a group is empty. This is so for people in a
    group; that nobody joined a group discloses nobody.
    """

    counts: Mapping[Cell, int]
    known: frozenset[Cell]
    zero_is_sensitive: bool = True


@dataclass(frozen=True)
class Flow:
    """The number of people who joined and of those who left between two worlds, by cell."""

    joined: Mapping[Cell, int]
    left: Mapping[Cell, int]


@dataclass(frozen=True)
class Target:
    """A count that must not be inferred: a cell of a world, or of the people who joined or left after it."""

    block: int
    cell: Cell


@dataclass(frozen=True)
class Audit:
    """An attack on several snapshots of the same tables.

    Args:
        options: every value of each variable.
        tables: declared tables; acyclic.
        worlds: the snapshots, oldest first.
        flows: the changes between consecutive worlds; one fewer than worlds.
        k: the smallest count that may be disclosed.
    """

    options: Mapping[str, Sequence[str]]
    tables: Sequence[View]
    worlds: Sequence[World]
    k: int
    flows: Sequence[Flow] = field(default=())

    def unprotected(self) -> Iterator[Target]:
        """Yield each sensitive count that is not protected.

        ``Target.block`` numbers the worlds, and after them joined, left, joined, left, ... of each flow. A count that
        cannot be shown to be protected within 5 seconds is yielded too.
        """
        targets = list(self._targets())
        if not targets:
            return
        sums = _Equations(self._n_blocks * len(self._unknowns))
        for target, _ in targets:
            sums.add(self._sum(target.block, target.cell), ())
        vectors = sums.matrix()
        highest, lowest = np.full(len(targets), -1.0), np.full(len(targets), np.inf)

        def protected(place: int, free: bool) -> bool:
            return highest[place] >= self.k and (free or highest[place] - lowest[place] >= self.k)

        for place, (target, free) in enumerate(targets):
            for sign in (-1, 1):
                if protected(place, free):
                    break
                population = self._extreme(sign * vectors[[place]].toarray()[0])
                if population is not None:
                    values = vectors @ population
                    np.maximum(highest, values, out=highest)
                    np.minimum(lowest, values, out=lowest)
            if not protected(place, free):
                yield target

    @cached_property
    def _values(self) -> dict[str, list[str]]:
        mentioned: dict[str, set[str]] = {variable: set() for table in self.tables for variable in table}
        for world in self.worlds:
            for cell in world.known:
                for variable, value in cell:
                    mentioned[variable].add(value)
        return {
            variable: sorted(values) + ([REST] if self._rest_size(variable, values) else [])
            for variable, values in mentioned.items()
        }

    def _rest_size(self, variable: str, mentioned: set[str]) -> int:
        return len(set(self.options[variable]) - mentioned)

    def _size(self, cell: Cell) -> int:
        """Return the number of real cells that a cell with ``REST`` stands for."""
        return prod(
            self._rest_size(variable, set(self._values[variable]))
            for variable, value in cell
            if value == REST
        )

    def _merged(self, cell: Cell) -> Cell:
        return tuple((var, value if value in self._values[var] else REST) for var, value in cell)

    @cached_property
    def _tables(self) -> list[View]:
        return largest(self.tables) or [()]

    @cached_property
    def _unknowns(self) -> list[tuple[View, Cell]]:
        """The unknowns of one block: the cells of the largest tables, with their table."""
        return [(table, cell) for table in self._tables for cell in self._cells_of(table)]

    @cached_property
    def _inside(self) -> dict[tuple[View, Cell], list[int]]:
        """The unknowns whose sum is the count of a cell, by table and cell of the table or of a margin."""
        inside: dict[tuple[View, Cell], list[int]] = {}
        for number, (table, inner) in enumerate(self._unknowns):
            for size in range(len(inner) + 1):
                for cell in combinations(inner, size):
                    inside.setdefault((table, cell), []).append(number)
        return inside

    def _cells_of(self, view: View) -> Iterator[Cell]:
        for values in product(*(self._values[variable] for variable in view)):
            yield tuple(zip(view, values, strict=True))

    @property
    def _n_blocks(self) -> int:
        return len(self.worlds) + 2 * len(self.flows)

    def _sum(self, block: int, cell: Cell, table: View | None = None) -> NDArray[np.int64]:
        """Return the unknowns of one table (by default the first that contains the cell) whose sum is its count."""
        chosen = table or next(view for view in self._tables if {var for var, _ in cell} <= set(view))
        return np.array(self._inside[chosen, cell], dtype=np.int64) + block * len(self._unknowns)

    def _targets(self) -> Iterator[tuple[Target, bool]]:
        """Yield every sensitive count, and whether it may be 0 in any case (it belongs to one of several cells)."""
        flows = [counts for flow in self.flows for counts in (flow.joined, flow.left)]
        blocks = [(world.counts, world.zero_is_sensitive, world.known) for world in self.worlds]
        blocks += [(counts, False, frozenset[Cell]()) for counts in flows]
        for block, (counts, zero_is_sensitive, known) in enumerate(blocks):
            occupied: dict[Cell, list[int]] = {}
            for cell, n in counts.items():
                if cell not in known:
                    occupied.setdefault(self._merged(cell), []).append(n)
            for view in views_of(self.tables):
                for cell in self._cells_of(view):
                    if cell in known:
                        continue
                    here, size = occupied.get(cell, []), self._size(cell)
                    if any(0 < n < self.k for n in here) or (zero_is_sensitive and len(here) < size):
                        yield Target(block, cell), size > 1

    @cached_property
    def _system(self) -> tuple[LinearConstraint, Bounds]:
        size, n_worlds = len(self._unknowns), len(self.worlds)
        system = _Equations(self._n_blocks * size)
        for block in range(self._n_blocks):
            for first, second in combinations(self._tables, 2):
                for cell in self._cells_of(tuple(sorted(set(first) & set(second)))):
                    system.add(self._sum(block, cell, first), self._sum(block, cell, second))
        for block, world in enumerate(self.worlds):
            for cell in sorted(world.known):
                system.add(self._sum(block, cell), (), world.counts.get(cell, 0))
        everybody = max((world.counts.get(EVERYBODY, 0) for world in self.worlds), default=0)
        upper = np.full(system.n_unknowns, 10.0 * (self.k + everybody))
        for place, flow in enumerate(self.flows):
            joined, left = n_worlds + 2 * place, n_worlds + 2 * place + 1
            if not flow.left:  # an attacker who observes the project may know that nobody left
                upper[left * size : (left + 1) * size] = 0
            for number in range(size):
                before, after = place * size + number, (place + 1) * size + number
                came, went = joined * size + number, left * size + number
                system.add((after, went), (before, came))
                system.add((before,), (went,), spare=np.inf)  # only a person of the world before can leave
        return system.constraint(), Bounds(0, upper)

    def _extreme(self, objective: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """Return a population that is consistent with the attacker's knowledge and minimises ``objective``.

        ``None`` if the solver finds none in time, or its solution violates a constraint after rounding.
        """
        constraints, bounds = self._system
        solved = milp(
            objective,
            constraints=constraints,
            bounds=bounds,
            integrality=np.ones_like(objective),
            # with presolve, HiGHS returned 7 as the minimum of a count that may be 0: a group suppressed in vain
            options={"time_limit": _SECONDS_EACH, "presolve": False},
        )
        if solved.x is None:
            return None
        population = np.asarray(np.round(solved.x), dtype=np.float64)
        sums = constraints.A @ population
        held = (sums >= constraints.lb) & (sums <= constraints.ub)
        within = (population >= 0) & (population <= bounds.ub)
        return population if held.all() and within.all() else None


class _Equations:
    """The rows of a linear system, added one at a time."""

    def __init__(self, n_unknowns: int) -> None:
        self.n_unknowns = n_unknowns
        self._columns: list[int] = []
        self._signs: list[int] = []
        self._starts: list[int] = [0]
        self._least: list[float] = []
        self._most: list[float] = []

    def add(self, plus: Iterable[int], minus: Iterable[int], total: float = 0, spare: float = 0) -> None:
        """Add a row: the sum of ``plus`` less that of ``minus`` lies from ``total`` to ``total + spare``."""
        for sign, unknowns in ((1, plus), (-1, minus)):
            for unknown in unknowns:
                self._columns.append(int(unknown))
                self._signs.append(sign)
        self._starts.append(len(self._columns))
        self._least.append(total)
        self._most.append(total + spare)

    def matrix(self) -> sparse.csr_array:
        return sparse.csr_array(
            (self._signs, self._columns, self._starts), shape=(len(self._least), self.n_unknowns), dtype=float
        )

    def constraint(self) -> LinearConstraint:
        return LinearConstraint(self.matrix(), self._least, self._most)
