"""Coded labels: a cleaned table of answers as integer codes, the input of all coefficients."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from quality.answer_table import AnswerTable, AnswerTableError, as_frame
from quality.numbers import are_numbers

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

Mirror: TypeAlias = "Mapping[Hashable, Hashable]"
"""What each answer to a comparison says after the two sides change places: ``{"first": "second", "second":
"first"}``. Values that are not named stay as they are."""

COLUMNS = ("item", "annotator", "value")
_EXACT_FLOAT = 2**53
_SMALL_CODES = 2**20
_LARGEST_INT32 = 2**31 - 1


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

    ``is_ordered`` tells whether the order of ``values`` was given or is that of numbers, not only that of the
    alphabet.

    Comparisons have ``mirror`` (values,), the value that each value becomes when the two sides change places. Which
    side is first is arbitrary, so every item is turned to a canonical side: the first of its annotators who prefers a
    side prefers the one that comes first in ``values``. ``turned`` (items,) tells which items were given the other
    way round. Whatever is computed from the codes then does not depend on how the items were given, and every
    frequency of values must be taken through ``margin``, so that it does not depend on the canonical side.
    """

    items: pd.Index
    annotators: pd.Index
    values: tuple[Hashable, ...]
    item: NDArray[np.integer]
    annotator: NDArray[np.integer]
    value: NDArray[np.integer]
    is_ordered: bool = False
    mirror: NDArray[np.integer] | None = None
    turned: NDArray[np.bool_] | None = None

    @classmethod
    def of(
        cls,
        table: AnswerTable,
        order: Sequence[Hashable] | None = None,
        ignore: Collection[Hashable] = (),
        *,
        repeats: bool = False,
        mirror: Mirror | None = None,
    ) -> CodedLabels:
        """Clean a long table of answers.

        Args:
            table: columns ``item``, ``annotator``, ``value``. A missing value or an empty text is a question not
                answered. Of several rows for one (item, annotator) the last counts, even if its value is missing.
            order: every possible value, lowest first. Without it, the values that occur, in the order of an ordered
                categorical, or ascending.
            ignore: values to treat as not answered.
            repeats: count every row of an (item, annotator).
            mirror: for a comparison: each value's image when the two sides change places. The images of the values
                that occur are possible values too.

        Raises:
            AnswerTableError: the input is no table, or a column is missing.
            ValueError: a value is not in ``order``, or ``mirror`` is not its own inverse or leaves ``order``.
        """
        frame = as_frame(table, COLUMNS)
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
        values, is_ordered = _ordered(distinct, order, frame["value"], mirror)
        position = {name: place for place, name in enumerate(values)}
        if strange := [name for name in distinct if name not in position]:
            raise ValueError(
                f"{strange[0]!r} is not one of the values in order: {', '.join(map(repr, values))}"
            )
        annotator, annotators = _sorted(annotator, annotators)
        codes_in_order = np.array([position[name] for name in distinct], dtype=np.int32)[value]
        labels = cls(items, annotators, values, item, annotator, codes_in_order, is_ordered)
        return labels if mirror is None else labels._on_canonical_sides(mirrored_places(mirror, values))

    def _on_canonical_sides(self, mirror: NDArray[np.integer]) -> CodedLabels:
        sided = np.flatnonzero(mirror[self.value] != self.value)
        # the last assignment stays: the answer of the first annotator
        backwards = sided[np.argsort(self.annotator[sided], kind="stable")[::-1]]
        leading = np.zeros(len(self.items), dtype=np.int64)
        leading[self.item[backwards]] = self.value[backwards]
        is_sided = np.zeros(len(self.items), dtype=bool)
        is_sided[self.item[sided]] = True
        turned = is_sided & (mirror[leading] < leading) if len(mirror) else is_sided
        value = np.where(turned[self.item], mirror[self.value], self.value) if len(mirror) else self.value
        return replace(self, value=value.astype(np.int32), mirror=mirror, turned=turned)

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
        turned = self.turned
        if turned is not None:
            used = np.bincount(self.item[keep], minlength=len(self.items)) > 0
            turned = turned[used]
        return CodedLabels(
            items,
            annotators,
            self.values,
            item,
            annotator,
            self.value[keep],
            self.is_ordered,
            self.mirror,
            turned,
        )

    def as_given(self, figures: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return figures of each item's values, (items x values), for the sides on which the items were given."""
        if self.mirror is None or self.turned is None:
            return figures
        return np.where(self.turned[:, None], figures[:, self.mirror], figures)

    def item_counts(self) -> NDArray[np.int64]:
        """Return the number of times each value was given to each item, (items x values)."""
        shape = (len(self.items), len(self.values))
        cell = self.item * np.int64(shape[1]) + self.value
        return np.bincount(cell, minlength=shape[0] * shape[1]).astype(np.int64).reshape(shape)


def margin(totals: NDArray[np.float64], mirror: NDArray[np.integer] | None) -> NDArray[np.float64]:
    """Return how often each value is given by chance, (... x values), from how often it was given.

    The two sides of a comparison are exchangeable: which of them is first is arbitrary, so that both are equally
    frequent. Every figure that needs the frequencies of values takes them from here.
    """
    return totals if mirror is None else (totals + totals[..., mirror]) / 2


def check_symmetric(distance: NDArray[np.float64], mirror: NDArray[np.integer] | None) -> None:
    """Raise ``ValueError`` if distances or weights (values x values) change when the two sides change places."""
    if mirror is not None and not np.allclose(distance[np.ix_(mirror, mirror)], distance, equal_nan=True):
        raise ValueError(
            "the mirror must turn the order of the values round (first < tie < second): otherwise their distances "
            "depend on which side is first"
        )


def codes_of(column: pd.Series) -> tuple[NDArray[np.integer], pd.Index]:
    """Return the code of each entry of a column, -1 if it is missing or an empty text, and the distinct entries.

    Raises:
        AnswerTableError: an entry is a list, a dict or another object that cannot be compared.
    """
    kind = column.dtype
    if isinstance(kind, np.dtype) and kind.kind == "i" and len(column):
        whole = column.to_numpy().astype(np.int64, copy=False)
        low, high = int(whole.min()), int(whole.max())
        if high - low < 2 * len(whole) + 1000:
            # A lookup table over the range takes a fifth of the time of hashing.
            offset = whole - low if low else whole
            seen = np.zeros(high - low + 1, dtype=bool)
            seen[offset] = True
            return _narrow(np.cumsum(seen) - 1)[offset], pd.Index(np.flatnonzero(seen) + low)
    if isinstance(kind, pd.CategoricalDtype):
        return _present(column.cat.codes.to_numpy().astype(np.int64), _index(kind.categories))
    is_object = isinstance(kind, np.dtype) and kind.kind == "O"
    try:
        codes, labels = pd.factorize(column.to_numpy() if is_object else column)
    except TypeError as error:
        raise AnswerTableError(
            f"column {column.name!r} holds something that is neither a text nor a number ({error}): one plain value "
            "a cell"
        ) from None
    narrow, index = _narrow(codes), _index(labels)
    return _present(narrow, index) if _missing(index).any() else (narrow, index)


def _index(labels: Iterable[Hashable]) -> pd.Index:
    """Return an index with one entry per label, tuples among them."""
    if type(labels) is pd.Index:
        return labels
    try:
        return pd.Index(list(labels), tupleize_cols=False)
    except OverflowError:  # whole numbers of more than 64 bits
        return pd.Index(list(labels), dtype=object, tupleize_cols=False)


def _missing(labels: pd.Index) -> NDArray[np.bool_]:
    """Tell which labels are missing: none at all, not a number, or a text of white space."""
    kind = labels.dtype
    if isinstance(kind, pd.ArrowDtype) and pd.api.types.is_string_dtype(kind):
        empty = pc.equal(pc.utf8_trim_whitespace(pa.array(labels.array)), "").fill_null(True)
    elif not pd.api.types.is_numeric_dtype(kind):
        empty = [isinstance(label, str) and (not label or label.isspace()) for label in labels.tolist()]
    elif not isinstance(kind, np.dtype) and pd.api.types.is_float_dtype(kind):
        # an array of pandas's own types tells NaN from missing
        empty = np.isnan(labels.to_numpy(dtype=np.float64, na_value=np.nan))
    else:
        empty = False
    missing: NDArray[np.bool_] = np.asarray(labels.isna(), dtype=bool) | np.asarray(empty, dtype=bool)
    return missing


def _present(codes: NDArray[np.integer], labels: pd.Index) -> tuple[NDArray[np.integer], pd.Index]:
    """Number only the labels that occur and are not missing."""
    used = np.bincount(codes[codes >= 0], minlength=len(labels)) > 0
    used &= ~_missing(labels)
    number = np.where(used, np.cumsum(used) - 1, -1)
    return _narrow(np.append(number, -1)[codes]), labels[used]


def _ordered(
    distinct: Sequence[Hashable],
    order: Sequence[Hashable] | None,
    column: pd.Series,
    mirror: Mirror | None,
) -> tuple[tuple[Hashable, ...], bool]:
    """Return all values in order, and whether the order was given or is that of numbers."""
    if order is not None:
        return tuple(order), True
    possible = {*distinct, *(mirror.get(value, value) for value in distinct)} if mirror else set(distinct)
    if isinstance(column.dtype, pd.CategoricalDtype) and column.dtype.ordered:
        named = column.dtype.categories.tolist()
        if possible <= set(named):
            return tuple(value for value in named if value in possible), True
    return ascending(possible), are_numbers(tuple(possible))


def mirrored_places(mirror: Mirror, values: Sequence[Hashable]) -> NDArray[np.integer]:
    """Return the place in ``values`` of each value's image.

    Raises:
        ValueError: the mirror is not its own inverse, or an image is none of the values.
    """
    position = {value: place for place, value in enumerate(values)}
    for value in values:
        image = mirror.get(value, value)
        if mirror.get(image, image) != value:
            raise ValueError(
                f"the mirror is not its own inverse: {value!r} becomes {image!r}, which does not come back"
            )
        if image not in position:
            raise ValueError(f"the mirror of {value!r} is {image!r}, which is not one of the values in order")
    return np.array([position[mirror.get(value, value)] for value in values], dtype=np.int32)


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
        return tuple(sorted(values, key=_by_type))


def _by_type(value: Hashable) -> tuple[str, str]:
    return type(value).__name__, str(value)


def _compact(codes: NDArray[np.integer], labels: pd.Index) -> tuple[NDArray[np.integer], pd.Index]:
    """Renumber ``codes`` so that only labels in use remain."""
    used = np.bincount(codes, minlength=len(labels)) > 0
    return (np.cumsum(used) - 1).astype(codes.dtype)[codes], labels[used]


def _sorted(codes: NDArray[np.integer], labels: pd.Index) -> tuple[NDArray[np.integer], pd.Index]:
    """Renumber ``codes`` so that the labels are ascending."""
    if labels.is_monotonic_increasing:
        return codes, labels
    ranking = ranking_of(labels)
    return np.argsort(ranking).astype(codes.dtype)[codes], labels[ranking]


def ranking_of(labels: pd.Index) -> NDArray[np.intp]:
    """Return the places of the labels in ascending order; labels of several types are ordered as in ``ascending``."""
    try:
        return np.asarray(labels.argsort())
    except TypeError:
        names = labels.tolist()
        return np.array(sorted(range(len(names)), key=lambda place: _by_type(names[place])), dtype=np.intp)


def sorted_rows(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with its index ascending, whatever the types of its labels."""
    return table if table.index.is_monotonic_increasing else table.iloc[ranking_of(table.index)]
