"""Parts of a table: the rows of one bucket of a split, which are read when they are needed and not kept."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from exports.arrays import rows_at
from exports.buckets import bucket_of
from exports.json_columns import stored_schema, table_of
from exports.spilled import BATCH_CHARACTERS, JSON_LINE, LINE, NAME, PLACE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from exports.columns import Columns, Row
    from exports.spilled import Piece, Places

TO_LOOK_AT = (NAME, PLACE, LINE)
"""Columns of pieces that tell how a bucket is divided and what its digest is."""
ROWS_AT_ONCE = 20_000
"""Rows whose texts are in memory at once."""
OPEN_BYTES = 1 << 28
"""Size of what a bucket's pieces hold, up to which they stay open while the bucket is worked at."""
LARGE_BYTES = (1 << 31) - 1
"""Size from which texts need offsets of 64 bits."""


@dataclass(frozen=True, slots=True)
class Read:
    """Columns of pieces, and the number of rows in each; ``batches`` are empty if each piece is opened when needed."""

    pieces: Sequence[Piece]
    names: Sequence[str]
    sizes: Sequence[int]
    batches: Sequence[pa.RecordBatch]

    def batch(self, number: int) -> pa.RecordBatch:
        """Return the rows of one piece."""
        return self.batches[number] if self.batches else self.pieces[number].rows.read(self.names)

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows of each piece."""
        return map(self.batch, range(len(self.pieces)))

    def held(self, places: Places) -> Iterator[pa.RecordBatch]:
        """Yield the rows at these places in all pieces, sorted, of each piece that has some."""
        if len(places) == sum(self.sizes):
            yield from self
            return
        ends, places = np.cumsum(self.sizes), np.sort(places)
        for number, mine in enumerate(np.split(places, np.searchsorted(places, ends[:-1]))):
            size = self.sizes[number]
            if len(mine):
                yield rows_at(self.batch(number), mine - (ends[number] - size))


@dataclass(frozen=True, slots=True)
class Bucket:
    """The rows of one bucket of a split of a table, as portions left them.

    ``of`` is the number of buckets. With ``mixed`` pieces, some of their rows are in other buckets. ``order`` has the
    place of each item, where that is not by its id.
    """

    split: str
    number: int
    of: int
    pieces: Sequence[Piece]
    mixed: bool = False
    order: Mapping[str, int] | None = None

    def read(self, names: Sequence[str]) -> Read:
        """Open the rows of each piece, with those columns of these names that are there; none is copied."""
        batches, sizes, size = [], [], 0
        for piece in self.pieces:
            batch = piece.rows.read(names)
            sizes.append(batch.num_rows)
            size += batch.get_total_buffer_size()
            if size <= OPEN_BYTES:
                batches.append(batch)
        return Read(self.pieces, names, sizes, batches if size <= OPEN_BYTES else [])

    def places(self, read: Read) -> Places:
        """Return the places of the rows of this bucket in all of its pieces, in order."""
        if self.order is not None:  # there is one bucket
            return np.argsort(
                np.array([self.order[name] for name in _names_in(read)], np.int64), kind="stable"
            )
        texts = pa.chunked_array([batch.column(PLACE) for batch in read]).combine_chunks()  # sorts quicker
        places = np.asarray(pc.sort_indices(texts)).astype(np.int64)
        if not self.mixed:
            return places
        mine = np.array([bucket_of(name, self.of) == self.number for name in _names_in(read)], np.bool_)
        return places[mine[places]]


@dataclass(frozen=True, slots=True)
class Draft:
    """Files of a part that wait to be put in place: of Parquet, with its size in memory in bytes, and of JSON lines."""

    table: Path
    size: int
    lines: Path | None


@dataclass(frozen=True, slots=True)
class Part:
    """A bucket that was looked at: the numbers of rows in the row groups of its file, and the digest of its rows.

    The digest is the sha256 of the rows as canonical JSON lines; unlike the hash of a file it does not depend on the
    version of pyarrow. ``places`` are what ``Bucket.places`` returns.
    ``draft`` are its files, if they were written already.
    """

    bucket: Bucket
    groups: Sequence[int]
    digest: str
    places: Places
    draft: Draft | None = None

    @property
    def split(self) -> str:
        """The split it is in."""
        return self.bucket.split

    @property
    def n_rows(self) -> int:
        """The number of rows."""
        return sum(self.groups)

    def tables(self, columns: Columns, read: Read | None = None) -> Iterator[pa.Table]:
        """Yield the rows of each row group, as a table of ``stored_schema``; ``read`` has them, if they are open."""
        schema, read = stored_schema(columns), read or self.bucket.read([*columns])
        for places in np.split(self.places, np.cumsum(self.groups)[:-1]):
            table = _as_stored(list(read.held(places)), columns, schema)
            yield rows_at(table.combine_chunks(), _ranks(places))

    def rows(self, columns: Columns) -> Iterator[Row]:
        """Yield the rows; their JSON columns are text."""
        for table in self.tables(columns):
            yield from table.to_pylist()

    def json_lines(self, read: Read | None = None) -> Iterator[memoryview]:
        """Yield the rows as lines of JSON in UTF-8, their columns in order, many at a time."""
        return map(_bytes_of, _texts(read or self.bucket.read([JSON_LINE]), self.places, JSON_LINE))


def part_of(bucket: Bucket, read: Read) -> Part:
    """Look at a bucket: how its rows are divided into row groups, and what their digest is.

    Args:
        bucket: what to look at.
        read: its columns ``TO_LOOK_AT``, and any others.
    """
    places = bucket.places(read)
    digest = hashlib.sha256()
    lengths: list[NDArray[np.int64]] = [np.empty(0, np.int64)]
    for lines in _texts(read, places, LINE):
        data = _bytes_of(lines)
        digest.update(data)
        few = len(lines) == len(places) and len(data) <= BATCH_CHARACTERS  # characters are no more than bytes
        found = pc.binary_length(lines) if few else pc.utf8_length(lines)
        lengths.append(np.asarray(found).astype(np.int64) - 1)  # without the line break
    return Part(bucket, _groups(np.concatenate(lengths)), digest.hexdigest(), places)


def _names_in(read: Read) -> Iterator[str]:
    return (name for batch in read for name in batch.column(NAME).to_pylist())


def _groups(lengths: NDArray[np.int64]) -> list[int]:
    """Return how many rows each row group has, by the characters of each row: its last row makes it large enough."""
    ends = np.cumsum(lengths)
    groups, start, before = [], 0, 0
    while start < len(ends):
        end = min(int(np.searchsorted(ends, before + BATCH_CHARACTERS, "right")) + 1, len(ends))
        groups.append(end - start)
        start, before = end, int(ends[end - 1])
    return groups


def _texts(read: Read, places: Places, name: str) -> Iterator[pa.StringArray | pa.LargeStringArray]:
    for start in range(0, len(places), ROWS_AT_ONCE):
        some = places[start : start + ROWS_AT_ONCE]
        texts = pa.chunked_array([batch.column(name) for batch in read.held(some)])
        if texts.nbytes > LARGE_BYTES:
            texts = texts.cast(pa.large_string())
        yield rows_at(texts.combine_chunks(), _ranks(some))


def _bytes_of(texts: pa.StringArray | pa.LargeStringArray) -> memoryview:
    """Return the UTF-8 of texts, one behind the other."""
    _, offsets, data = texts.buffers()
    kind = np.int32 if pa.types.is_string(texts.type) else np.int64
    ends = np.frombuffer(offsets, kind)[texts.offset :]
    return memoryview(data)[ends[0] : ends[len(texts)]]


def _ranks(places: Places) -> Places:
    """Return the place of each among these, sorted; all places from 0 are their own."""
    if int(places.max(initial=-1)) == len(places) - 1:
        return places
    return np.searchsorted(np.sort(places), places)


def _as_stored(batches: Sequence[pa.RecordBatch], columns: Columns, schema: pa.Schema) -> pa.Table:
    """Return batches as one table of this schema; portions may have made some narrower."""
    first = batches[0].schema
    if len(batches) == 1 or all(batch.schema.equals(first) for batch in batches[1:]):
        table = pa.Table.from_batches(batches)
        names = [name for name in columns if name in first.names]
        table = table.select(names)
        return table if table.schema.equals(schema) else table_of(table.to_pylist(), columns)
    return pa.concat_tables(_as_stored([batch], columns, schema) for batch in batches)
