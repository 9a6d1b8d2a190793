"""The candidates of one kind, in the order in which they are drawn: in cells of those that the same quotas bound."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Sequence

    from numpy.typing import NDArray

    IdsOf: TypeAlias = Callable[[NDArray[np.int32]], list[str]]

Value: TypeAlias = "tuple[str, str]"
"""A value in a dimension that has quotas, as (dimension, value)."""

SPARE = 50_000
"""Candidates that a cell keeps beyond those that can be drawn, before they are taken out."""


@dataclass(slots=True)
class Cell:
    """Keys of candidates, and a number by which each is found again; of many it keeps those with the largest keys."""

    most: int | None
    keys: list[NDArray[np.float64]] = field(default_factory=list)
    numbers: list[NDArray[np.int32]] = field(default_factory=list)
    _new_keys: list[float] = field(default_factory=list)
    _new_numbers: list[int] = field(default_factory=list)
    _size: int = 0

    def add(self, key: float, number: int) -> None:
        """Add one candidate."""
        if self.most == 0:
            return
        self._new_keys.append(key)
        self._new_numbers.append(number)
        if len(self._new_keys) >= SPARE:
            self._settle()

    def extend(self, keys: NDArray[np.float64], numbers: NDArray[np.int32]) -> None:
        """Add candidates."""
        if self.most == 0:
            return
        self.keys.append(keys)
        self.numbers.append(numbers)
        self._size += len(keys)
        if self.most is not None and self._size > self.most + SPARE:
            self.joined()

    def joined(self) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
        """Return the keys and numbers of at least those with the ``most`` largest keys; ties are all kept."""
        if self._new_keys:
            self._settle()
        keys = np.concatenate([np.empty(0, np.float64), *self.keys])
        numbers = np.concatenate([np.empty(0, np.int32), *self.numbers])
        if self.most is not None and self.most < len(keys):
            least = np.partition(keys, len(keys) - self.most)[len(keys) - self.most]
            keys, numbers = keys[keys >= least], numbers[keys >= least]
        self.keys, self.numbers, self._size = [keys], [numbers], len(keys)
        return keys, numbers

    def _settle(self) -> None:
        keys, numbers = np.array(self._new_keys), np.array(self._new_numbers, np.int32)
        self._new_keys, self._new_numbers = [], []
        self.extend(keys, numbers)


class Queue:
    """The candidates of one kind, those with the largest keys first, of equal ones those with the largest id."""

    def __init__(
        self,
        cells: Sequence[tuple[tuple[Value, ...], Cell]],
        ids_of: IdsOf,
        skip: Container[str] | None,
    ) -> None:
        """Args: cells with the values of their candidates; the ids of numbers; those to leave out."""
        self.values = [values for values, _ in cells]
        joined = [cell.joined() for _, cell in cells]
        keys = np.concatenate([np.empty(0, np.float64), *(keys for keys, _ in joined)])
        numbers = np.concatenate([np.empty(0, np.int32), *(some for _, some in joined)])
        which = np.repeat(np.arange(len(cells)), [len(some) for _, some in joined])
        order = _by_key_and_id(keys, numbers, ids_of)
        self.numbers = numbers[order]
        which = which[order]
        groups = np.argsort(which, kind="stable")
        ends = np.cumsum(np.bincount(which, minlength=len(cells)))[:-1]
        self.ranks = [
            self._without(ranks[: cell.most], ids_of, skip)
            for ranks, (_, cell) in zip(np.split(groups, ends), cells, strict=True)
        ]
        self.starts = [0] * len(cells)

    def __len__(self) -> int:
        return sum(self.left(cell) for cell in range(len(self.values)))

    def left(self, cell: int) -> int:
        """Return how many candidates of a cell are not drawn."""
        return len(self.ranks[cell]) - self.starts[cell]

    def cells(self) -> Iterator[tuple[tuple[Value, ...], int]]:
        """Yield the values of each cell with the number of candidates that are left."""
        for cell, values in enumerate(self.values):
            yield values, self.left(cell)

    def _without(
        self, ranks: NDArray[np.int64], ids_of: IdsOf, skip: Container[str] | None
    ) -> NDArray[np.int64]:
        if not skip:
            return ranks
        ids = ids_of(self.numbers[ranks])
        return ranks[np.fromiter((each not in skip for each in ids), np.bool_, len(ids))]


def _by_key_and_id(keys: NDArray[np.float64], numbers: NDArray[np.int32], ids_of: IdsOf) -> NDArray[np.int64]:
    """Return the order of candidates: by key, largest first; of the few with equal keys, by id, the largest first.

    Of candidates with one id, which have equal keys, one is kept: the ids of their messages name several texts.
    """
    order = np.argsort(-keys, kind="stable")
    same = np.append(keys[order][1:] == keys[order][:-1], False)
    kept = np.ones(len(order), np.bool_)
    start = 0
    for place in np.flatnonzero(np.append(False, same[:-1]) < same).tolist():
        start = place
        end = start + 1
        while end < len(order) and same[end - 1]:
            end += 1
        run = order[start:end]
        ids = ids_of(numbers[run])
        places = sorted(range(len(run)), key=ids.__getitem__, reverse=True)
        order[start:end] = run[places]
        kept[start + 1 : end] = [ids[a] != ids[b] for a, b in pairwise(places)]
    return order[kept]
