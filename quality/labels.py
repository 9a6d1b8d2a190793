"""The cleaned form of a table of answers that every coefficient counts from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Iterable, Sequence

    from numpy.typing import NDArray

AnswerTable: TypeAlias = pd.DataFrame | pa.Table
"""Where answers come in: a pandas or an Arrow table."""

COLUMNS = ("item", "annotator", "value")
_EXACT_FLOAT = 2**53
_SMALL_CODES = 2**20
_LARGEST_INT32 = 2**31 - 1


def as_frame(table: AnswerTable) -> pd.DataFrame:
    """Return a pandas view of a table; an Arrow table's text stays in Arrow's memory."""
    return table if isinstance(table, pd.DataFrame) else table.to_pandas(types_mapper=_kept_in_arrow)


def _kept_in_arrow(kind: pa.DataType) -> pd.ArrowDtype | None:
    """A number that is not one (NaN) would count as a value in Arrow's own type; numpy knows it is missing."""
    return pd.ArrowDtype(kind) if pa.types.is_string(kind) or pa.types.is_large_string(kind) else None


@dataclass(frozen=True, slots=True)
class Patterns:
    """The distinct ways in which an item was answered, and how often each occurs.

    Five answers of three kinds have 21 patterns however many items there are, which is what makes
    resampling cheap. ``counts`` is (patterns x values), ``weights`` the number of items of each pattern,
    ``of_item`` the pattern of each item. ``base`` and ``code`` write an item's counts as the digits of one
    number; ``code`` is ``None`` where that number would be too long.
    """

    counts: NDArray[np.float64]
    weights: NDArray[np.float64]
    of_item: NDArray[np.integer]
    base: int = 1
    code: NDArray[np.float64] | None = None

    @classmethod
    def of_codes(cls, code: NDArray[np.float64], base: int, n_values: int) -> Patterns:
        """Tell the distinct ones among items whose counts are the digits of ``code`` to ``base``."""
        of_item: NDArray[np.integer]
        if base**n_values <= _SMALL_CODES:
            whole = code.astype(np.int32)
            often = np.bincount(whole)
            distinct = np.flatnonzero(often)
            weights = often[distinct]
            of_item = (np.cumsum(often > 0) - 1).astype(np.int32)[whole]
        else:
            distinct, of_item, weights = np.unique(code, return_inverse=True, return_counts=True)
            distinct = distinct.astype(np.int64)
        counts = (distinct[:, None] // base ** np.arange(n_values)) % base
        return cls(counts.astype(np.float64), weights.astype(np.float64), of_item, base, code)


@dataclass(frozen=True)
class CodedLabels:
    """Answers as integer codes: one entry per (item, annotator), nothing missing.

    ``values`` are in ascending order, or in the order that was asked for; ``annotators`` are sorted;
    ``items`` are in no order to rely on. ``item``, ``annotator`` and ``value`` index them, one entry per
    answer, as 32-bit numbers where that is enough.
    """

    items: pd.Index
    annotators: pd.Index
    values: tuple[Hashable, ...]
    item: NDArray[np.integer]
    annotator: NDArray[np.integer]
    value: NDArray[np.integer]

    @classmethod
    def of(
        cls,
        table: AnswerTable,
        order: Sequence[Hashable] | None = None,
        ignore: Collection[Hashable] = (),
        *,
        repeats: bool = False,
    ) -> CodedLabels:
        """Clean a long table of answers.

        Args:
            table: columns ``item``, ``annotator``, ``value``, in pandas or Arrow. A missing value is a
                question not answered. Of several rows for one (item, annotator) the last counts, also when
                it takes the answer back.
            order: every possible value, lowest first. Without it, the values that occur, ascending.
            ignore: values to treat as not answered.
            repeats: let every row of an (item, annotator) count.

        Raises:
            ValueError: a column is missing, or a value is not in ``order``.
        """
        names = table.columns if isinstance(table, pd.DataFrame) else table.column_names
        if absent := [column for column in COLUMNS if column not in names]:
            raise ValueError(f"the table has no column {', '.join(absent)}; it needs {', '.join(COLUMNS)}")
        frame = as_frame(table if isinstance(table, pd.DataFrame) else table.select(list(COLUMNS)))
        item, items = codes_of(frame["item"])
        annotator, annotators = codes_of(frame["annotator"])
        value, found = codes_of(frame["value"])
        keep = np.ones(len(item), dtype=bool)
        if not repeats and _has_duplicates(item, annotator, len(annotators)):
            keep = ~pd.Series(_pair(item, annotator, len(annotators))).duplicated(keep="last").to_numpy()
        for codes in (item, annotator, value):
            keep &= codes >= 0
        if ignore:
            keep &= ~np.isin(value, np.flatnonzero(found.isin(list(ignore))))
        if not keep.all():
            item, items = _compact(item[keep], items)
            annotator, annotators = _compact(annotator[keep], annotators)
            value, found = _compact(value[keep], found)
        occurring = found.tolist()
        values = ascending(occurring) if order is None else tuple(order)
        position = {one: place for place, one in enumerate(values)}
        if strange := [one for one in occurring if one not in position]:
            raise ValueError(
                f"{strange[0]!r} is not one of the values in order: {', '.join(map(repr, values))}"
            )
        annotator, annotators = _sorted(annotator, annotators)
        return cls(
            items=items,
            annotators=annotators,
            values=values,
            item=item,
            annotator=annotator,
            value=np.array([position[one] for one in occurring], dtype=np.int32)[value],
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
            code = np.asarray(np.bincount(self.item, powers[self.value], n_items), dtype=np.float64)
            return Patterns.of_codes(code, base, n_values)
        counts, of_item, weights = np.unique(
            self.item_counts(), axis=0, return_inverse=True, return_counts=True
        )
        return Patterns(counts.astype(np.float64), weights.astype(np.float64), of_item.reshape(-1), base)

    def where(self, keep: NDArray[np.bool_]) -> CodedLabels:
        """Return the answers for which ``keep`` is true, with the items and people that still occur."""
        item, items = _compact(self.item[keep], self.items)
        annotator, annotators = _compact(self.annotator[keep], self.annotators)
        return CodedLabels(items, annotators, self.values, item, annotator, self.value[keep])

    def item_counts(self) -> NDArray[np.int64]:
        """Return how often each value was given to each item, (items x values)."""
        shape = (len(self.items), len(self.values))
        cell = self.item * np.int64(shape[1]) + self.value
        return np.bincount(cell, minlength=shape[0] * shape[1]).astype(np.int64).reshape(shape)


def codes_of(column: pd.Series) -> tuple[NDArray[np.integer], pd.Index]:
    """Number the distinct entries of a column; -1 is a missing one."""
    if isinstance(column.dtype, np.dtype) and column.dtype.kind == "i" and len(column):
        whole = column.to_numpy().astype(np.int64, copy=False)
        low, high = int(whole.min()), int(whole.max())
        if high - low < 2 * len(whole) + 1000:
            # A table over the range costs a fifth of hashing.
            offset = whole - low if low else whole
            seen = np.zeros(high - low + 1, dtype=bool)
            seen[offset] = True
            return _narrow(np.cumsum(seen) - 1)[offset], pd.Index(np.flatnonzero(seen) + low)
    codes, labels = pd.factorize(column)
    return _narrow(codes), pd.Index(labels)


def _narrow(codes: NDArray[np.integer]) -> NDArray[np.integer]:
    return codes.astype(np.int32) if len(codes) <= _LARGEST_INT32 else codes


def _pair(
    item: NDArray[np.integer],
    annotator: NDArray[np.integer],
    n_annotators: int,
    kind: type[np.integer] = np.int64,
) -> NDArray[np.integer]:
    key = item.astype(kind)
    key *= max(n_annotators, 1)
    key += annotator
    return key


def _has_duplicates(item: NDArray[np.integer], annotator: NDArray[np.integer], n_annotators: int) -> bool:
    """Sorting numbers costs a quarter of hashing them, and most tables have no duplicates."""
    small = len(item) and (int(item.max()) + 1) * n_annotators < _LARGEST_INT32
    key = _pair(item, annotator, n_annotators, np.int32 if small else np.int64)
    key.sort()
    return bool((key[1:] == key[:-1]).any())


def ascending(values: Iterable[Hashable]) -> tuple[Hashable, ...]:
    """Sort values; those of several types by type, then by text."""
    values = list(values)
    try:
        return tuple(sorted(values))  # type: ignore[type-var]
    except TypeError:
        return tuple(sorted(values, key=lambda one: (type(one).__name__, str(one))))


def _compact(codes: NDArray[np.integer], labels: pd.Index) -> tuple[NDArray[np.integer], pd.Index]:
    """Renumber ``codes`` so that only labels still in use remain."""
    used = np.bincount(codes, minlength=len(labels)) > 0
    return (np.cumsum(used) - 1).astype(codes.dtype)[codes], labels[used]


def _sorted(codes: NDArray[np.integer], labels: pd.Index) -> tuple[NDArray[np.integer], pd.Index]:
    """Renumber ``codes`` so that the labels ascend."""
    if labels.is_monotonic_increasing:
        return codes, labels
    ranking = np.asarray(labels.argsort())
    return np.argsort(ranking).astype(codes.dtype)[codes], labels[ranking]
