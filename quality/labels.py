"""The cleaned form of a table of answers that every coefficient counts from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Sequence

    from numpy.typing import NDArray

COLUMNS = ("item", "annotator", "value")
_EXACT_FLOAT = 2**53


@dataclass(frozen=True, slots=True)
class Patterns:
    """The distinct ways in which an item was answered, and how often each occurs.

    Five answers of three kinds have 21 patterns however many items there are, which is what makes
    resampling cheap. ``counts`` is (patterns x values), ``weights`` the number of items of each pattern,
    ``of_item`` the pattern of each item.
    """

    counts: NDArray[np.float64]
    weights: NDArray[np.float64]
    of_item: NDArray[np.int64]


@dataclass(frozen=True)
class Labels:
    """Answers as integer codes: one entry per (item, annotator), nothing missing.

    ``values`` are in ascending order, or in the order that was asked for; ``annotators`` are sorted;
    ``items`` are in order of appearance. ``item``, ``annotator`` and ``value`` index them, one entry per
    answer.
    """

    items: pd.Index
    annotators: pd.Index
    values: tuple[Hashable, ...]
    item: NDArray[np.int64]
    annotator: NDArray[np.int64]
    value: NDArray[np.int64]

    @classmethod
    def of(
        cls, table: pd.DataFrame, order: Sequence[Hashable] | None = None, ignore: Collection[Hashable] = ()
    ) -> Labels:
        """Clean a long table of answers.

        Args:
            table: columns ``item``, ``annotator``, ``value``. A missing value is a question not answered.
                Of several rows for one (item, annotator) the last counts, also when it takes the answer
                back.
            order: every possible value, lowest first. Without it, the values that occur, ascending.
            ignore: values to treat as not answered.

        Raises:
            ValueError: a column is missing, or a value is not in ``order``.
        """
        if absent := [column for column in COLUMNS if column not in table.columns]:
            raise ValueError(f"the table has no column {', '.join(absent)}; it needs {', '.join(COLUMNS)}")
        item, items = pd.factorize(table["item"])
        annotator, annotators = pd.factorize(table["annotator"])
        key = pd.Series(item.astype(np.int64) * max(len(annotators), 1) + annotator)
        keep = ~key.duplicated(keep="last").to_numpy() & (item >= 0) & (annotator >= 0)
        keep &= table["value"].notna().to_numpy()
        if ignore:
            keep &= ~table["value"].isin(list(ignore)).to_numpy()
        value, found = pd.factorize(table["value"].to_numpy()[keep])
        values = _ascending(found) if order is None else tuple(order)
        if strange := [one for one in found if one not in values]:
            raise ValueError(
                f"{strange[0]!r} is not one of the values in order: {', '.join(map(repr, values))}"
            )
        position = {one: place for place, one in enumerate(values)}
        kept_item, kept_items = _compact(item[keep], pd.Index(items))
        person, people = _compact(annotator[keep], pd.Index(annotators))
        ranking = np.asarray(people.argsort(), dtype=np.int64)
        return cls(
            items=kept_items,
            annotators=people[ranking],
            values=values,
            item=kept_item,
            annotator=np.argsort(ranking)[person],
            value=np.array([position[one] for one in found], dtype=np.int64)[value],
        )

    @cached_property
    def patterns(self) -> Patterns:
        """Count patterns of all items. O(answers) while (1 + most answers of an item) ** values stays
        exact."""
        n_items, n_values = len(self.items), len(self.values)
        if n_items == 0:
            return Patterns(np.zeros((0, n_values)), np.zeros(0), np.zeros(0, dtype=np.int64))
        base = int(np.bincount(self.item, minlength=n_items).max()) + 1
        if base**n_values < _EXACT_FLOAT:
            powers = float(base) ** np.arange(n_values)
            code = np.bincount(self.item, weights=powers[self.value], minlength=n_items).astype(np.int64)
            distinct, of_item, weights = np.unique(code, return_inverse=True, return_counts=True)
            counts = (distinct[:, None] // powers.astype(np.int64)) % base
        else:
            counts, of_item, weights = np.unique(
                self.item_counts(), axis=0, return_inverse=True, return_counts=True
            )
        return Patterns(counts.astype(np.float64), weights.astype(np.float64), of_item.reshape(-1))

    def item_counts(self) -> NDArray[np.int64]:
        """Return how often each value was given to each item, (items x values)."""
        shape = (len(self.items), len(self.values))
        cell = self.item * shape[1] + self.value
        return np.bincount(cell, minlength=shape[0] * shape[1]).astype(np.int64).reshape(shape)


def _ascending(values: Collection[Hashable]) -> tuple[Hashable, ...]:
    try:
        return tuple(sorted(values))  # type: ignore[type-var]
    except TypeError:
        return tuple(sorted(values, key=lambda one: (type(one).__name__, str(one))))


def _compact(codes: NDArray[np.int64], labels: pd.Index) -> tuple[NDArray[np.int64], pd.Index]:
    """Renumber ``codes`` so that only labels still in use remain."""
    used = np.bincount(codes, minlength=len(labels)) > 0
    return (np.cumsum(used) - 1)[codes].astype(np.int64), labels[used]
