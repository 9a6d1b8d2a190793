"""Coded labels: a cleaned table of answers as integer codes, the input of all coefficients."""

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
"""A table of answers, in pandas or Arrow."""

COLUMNS = ("item", "annotator", "value")
_EXACT_FLOAT = 2**53
_SMALL_CODES = 2**20
_LARGEST_INT32 = 2**31 - 1


def as_frame(table: AnswerTable) -> pd.DataFrame:
    """Return a pandas view of a table; the text of an Arrow table stays in Arrow's memory."""
    return table if isinstance(table, pd.DataFrame) else table.to_pandas(types_mapper=_kept_in_arrow)


def _kept_in_arrow(kind: pa.DataType) -> pd.ArrowDtype | None:
    """Return the Arrow type of text; other types go to numpy, because in Arrow's float type NaN is not missing."""
    return pd.ArrowDtype(kind) if pa.types.is_string(kind) or pa.types.is_large_string(kind) else None


@dataclass(frozen=True, slots=True)
class Patterns:
    """The distinct count vectors of items, and the number of items of each.

    Five answers with three possible values have 21 patterns whatever the number of items, which makes
    resampling fast. ``counts`` is (patterns x values), ``weights`` the number of items of each pattern,
    ``of_item`` the pattern of each item. ``code`` has one number per item, whose digits to ``base`` are the
    item's counts; it is ``None`` where that number would be too large.
    """

    counts: NDArray[np.float64]
    weights: NDArray[np.float64]
    of_item: NDArray[np.integer]
    base: int = 1
    code: NDArray[np.float64] | None = None

    @classmethod
    def of_codes(cls, code: NDArray[np.float64], base: int, n_values: int) -> Patterns:
        """Return the patterns of items whose counts are the digits of ``code`` to ``base``."""
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

    ``values`` are in ascending order, or in the order of the argument; ``annotators`` are sorted; the order
    of ``items`` is undefined. ``item``, ``annotator`` and ``value`` index them, one entry per answer, as
    32-bit integers where that is enough.
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
                question not answered. Of several rows for one (item, annotator) the last counts, even if
                its value is missing.
            order: every possible value, lowest first. Without it, the values that occur, ascending.
            ignore: values to treat as not answered.
            repeats: count every row of an (item, annotator).

        Raises:
            ValueError: a column is missing, or a value is not in ``order``.
        """
        names = table.columns if isinstance(table, pd.DataFrame) else table.column_names
        if absent := [column for column in COLUMNS if column not in names]:
            raise ValueError(f"the table has no column {', '.join(absent)}; it needs {', '.join(COLUMNS)}")
        frame = as_frame(table if isinstance(table, pd.DataFrame) else table.select(list(COLUMNS)))
        item, items = codes_of(frame["item"])
        annotator, annotators = codes_of(frame["annotator"])
        value, occurring = codes_of(frame["value"])
        keep = np.ones(len(item), dtype=bool)
        if not repeats and _has_duplicates(item, annotator, len(annotators)):
            keep = ~pd.Series(_pair(item, annotator, len(annotators))).duplicated(keep="last").to_numpy()
        for codes in (item, annotator, value):
            keep &= codes >= 0
        if ignore:
            keep &= ~np.isin(value, np.flatnonzero(occurring.isin(list(ignore))))
        if not keep.all():
            item, items = _compact(item[keep], items)
            annotator, annotators = _compact(annotator[keep], annotators)
            value, occurring = _compact(value[keep], occurring)
        distinct = occurring.tolist()
        values = ascending(distinct) if order is None else tuple(order)
        position = {name: place for place, name in enumerate(values)}
        if strange := [name for name in distinct if name not in position]:
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
            value=np.array([position[name] for name in distinct], dtype=np.int32)[value],
        )

    @cached_property
    def patterns(self) -> Patterns:
        """The count patterns of all items.

        Computed in O(answers) if (1 + the most answers of an item) ** values is an exact float.
        """
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
        """Return the answers where ``keep`` (answers,) is true, with the items and people that still occur."""
        item, items = _compact(self.item[keep], self.items)
        annotator, annotators = _compact(self.annotator[keep], self.annotators)
        return CodedLabels(items, annotators, self.values, item, annotator, self.value[keep])

    def item_counts(self) -> NDArray[np.int64]:
        """Return the number of times each value was given to each item, (items x values)."""
        shape = (len(self.items), len(self.values))
        cell = self.item * np.int64(shape[1]) + self.value
        return np.bincount(cell, minlength=shape[0] * shape[1]).astype(np.int64).reshape(shape)


def codes_of(column: pd.Series) -> tuple[NDArray[np.integer], pd.Index]:
    """Return the code of each entry of a column, -1 if it is missing, and the distinct entries."""
    if isinstance(column.dtype, np.dtype) and column.dtype.kind == "i" and len(column):
        whole = column.to_numpy().astype(np.int64, copy=False)
        low, high = int(whole.min()), int(whole.max())
        if high - low < 2 * len(whole) + 1000:
            # A lookup table over the range takes a fifth of the time of hashing.
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
    """Tell whether an (item, annotator) occurs twice.

    Sorting takes a quarter of the time of hashing, and most tables have no duplicates.
    """
    small = len(item) and (int(item.max()) + 1) * n_annotators < _LARGEST_INT32
    key = _pair(item, annotator, n_annotators, np.int32 if small else np.int64)
    key.sort()
    return bool((key[1:] == key[:-1]).any())


def ascending(values: Iterable[Hashable]) -> tuple[Hashable, ...]:
    """Return the values sorted; values of several types by type, then by text."""
    values = list(values)
    try:
        return tuple(sorted(values))  # type: ignore[type-var]
    except TypeError:
        return tuple(sorted(values, key=lambda value: (type(value).__name__, str(value))))


def _compact(codes: NDArray[np.integer], labels: pd.Index) -> tuple[NDArray[np.integer], pd.Index]:
    """Renumber ``codes`` so that only labels in use remain."""
    used = np.bincount(codes, minlength=len(labels)) > 0
    return (np.cumsum(used) - 1).astype(codes.dtype)[codes], labels[used]


def _sorted(codes: NDArray[np.integer], labels: pd.Index) -> tuple[NDArray[np.integer], pd.Index]:
    """Renumber ``codes`` so that the labels are ascending."""
    if labels.is_monotonic_increasing:
        return codes, labels
    ranking = np.asarray(labels.argsort())
    return np.argsort(ranking).astype(codes.dtype)[codes], labels[ranking]
