"""Arrow arrays from numbers, and numbers from arrays: what columns are worked at with."""

from __future__ import annotations

from hashlib import blake2b
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Flags = NDArray[np.bool_]
    Numbers = NDArray[np.int64]

NOWHERE = -1
"""The place of a value that is not there."""


def rows_at(rows: Any, places: Numbers) -> Any:
    """Return what stands at places of an array, a record batch or a table; null where a place is ``NOWHERE``.

    The indices are built from buffers, because ``pa.array`` of an array of numpy imports pandas.
    """
    places = np.asarray(places, np.int64)
    return rows.take(numbers_of(places, places >= 0 if len(places) and places.min() < 0 else None))


def numbers_of(values: Numbers, there: Flags | None = None) -> pa.Int64Array:
    """Return whole numbers as an Arrow array, null where they are not ``there``."""
    valid = None if there is None else pa.py_buffer(np.packbits(there, bitorder="little"))
    data = pa.py_buffer(np.ascontiguousarray(values, np.int64))
    return pa.Array.from_buffers(pa.int64(), len(values), [valid, data])


def floats_of(values: NDArray[np.float64], there: Flags | None = None) -> pa.DoubleArray:
    """Return numbers as an Arrow array, null where they are not ``there``."""
    return numbers_of(np.ascontiguousarray(values, np.float64).view(np.int64), there).view(pa.float64())


def flags_of(values: pa.Array) -> Flags:
    """Return an array of flags; false where it is null."""
    return np.asarray(values.fill_null(False).cast(pa.uint8()), np.bool_)


def places_of(names: pa.Array, among: pa.Array) -> Numbers:
    """Return the place of each name among others, its first one; ``NOWHERE`` of one that is not there."""
    return np.asarray(pc.index_in(names, value_set=among).fill_null(NOWHERE), np.int64)


def codes_of(names: pa.Array) -> tuple[Numbers, list[Any]]:
    """Return names by numbers, and the name of each number."""
    coded = names.dictionary_encode(null_encoding="encode")
    return np.asarray(coded.indices, np.int64), coded.dictionary.to_pylist()


def lists_of(values: pa.Array, lengths: Numbers) -> pa.ListArray:
    """Return values as lists of these lengths, one behind the other."""
    ends = np.zeros(len(lengths) + 1, np.int32)
    np.cumsum(lengths, out=ends[1:])
    offsets = pa.Array.from_buffers(pa.int32(), len(ends), [None, pa.py_buffer(ends)])
    return pa.ListArray.from_arrays(offsets, values)


def one_array(column: pa.ChunkedArray) -> pa.Array:
    """Return a column of a table as one array."""
    combined = column.combine_chunks()
    return combined if isinstance(combined, pa.Array) else pa.concat_arrays(combined.chunks)


def slices(texts: pa.Array) -> list[memoryview]:
    """Return the UTF-8 of each text, none of which is null, without a copy."""
    width = np.int64 if pa.types.is_large_string(texts.type) else np.int32
    _, offsets, data = texts.buffers()
    ends = np.frombuffer(offsets, width)[texts.offset : texts.offset + len(texts) + 1].tolist()
    view = memoryview(b"" if data is None else data)
    return [view[start:end] for start, end in pairwise(ends)]


def hashed(texts: pa.Array, size: int) -> list[bytes]:
    """Return the BLAKE2b digest of each text, of so many bytes."""
    return [blake2b(text, digest_size=size).digest() for text in slices(texts)]


def ranges(starts: Numbers, lengths: Numbers) -> Numbers:
    """Return the numbers from each start on, as many as its length, one range behind the other."""
    ends = np.cumsum(lengths)
    found: Numbers = np.arange(ends[-1] if len(ends) else 0) + np.repeat(starts - (ends - lengths), lengths)
    return found


def texts_of(values: Sequence[str | None]) -> pa.StringArray:
    """Return texts as an Arrow array."""
    return pa.array(values, pa.string())


def filled(*names: pa.StringArray | str) -> pa.StringArray:
    """Return the first of several names that is there and not empty, row by row."""
    some = (
        it if isinstance(it, str) else pc.if_else(pc.equal(it, ""), pa.scalar(None, pa.string()), it)
        for it in names
    )
    return pc.coalesce(*some)
