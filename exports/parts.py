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

    from exports.columns import Columns, Row
    from exports.spilled import Piece, Places

ROWS_AT_ONCE = 20_000
"""Rows whose texts are in memory at once."""


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

    def places(self) -> tuple[list[int], Places]:
        """Return how many rows each piece has, and the places of the rows of this bucket in all of them, in order."""
        told = [piece.read([NAME, PLACE]) for piece in self.pieces]
        names = (name for batch in told for name in batch.column(0).to_pylist())
        if self.order is None:
            found = pc.sort_indices(pa.chunked_array([batch.column(1) for batch in told]))
            places = np.asarray(found, np.int64)
            if self.mixed:
                mine = np.array([bucket_of(name, self.of) == self.number for name in names], np.bool_)
                places = places[mine[places]]
        else:  # there is one bucket
            places = np.argsort(np.array([self.order[name] for name in names], np.int64), kind="stable")
        return [batch.num_rows for batch in told], places

    def take(self, sizes: Sequence[int], places: Places, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield the rows at these places, sorted, of each piece that has some, with columns of these names."""
        ends = np.cumsum(sizes)
        for piece, size, end, mine in zip(
            self.pieces, sizes, ends, np.split(places, np.searchsorted(places, ends[:-1])), strict=True
        ):
            if len(mine):
                yield rows_at(piece.read(names), mine - (end - size))


@dataclass(frozen=True, slots=True)
class Part:
    """A bucket that was looked at: the numbers of rows in the row groups of its file, and the digest of its rows.

    The digest is the sha256 of the rows as canonical JSON lines; unlike the hash of a file it does not depend on the
    version of pyarrow. ``sizes`` and ``places`` are what ``Bucket.places`` returns.
    """

    bucket: Bucket
    groups: Sequence[int]
    digest: str
    sizes: Sequence[int]
    places: Places

    @property
    def split(self) -> str:
        """The split it is in."""
        return self.bucket.split

    @property
    def n_rows(self) -> int:
        """The number of rows."""
        return sum(self.groups)

    def tables(self, columns: Columns) -> Iterator[pa.Table]:
        """Yield the rows of each row group, as a table of ``stored_schema``."""
        start = 0
        for size in self.groups:
            some = self.places[start : start + size]
            read = self.bucket.take(self.sizes, np.sort(some), [*columns])
            pieces = [_as_stored(batch, columns) for batch in read]
            yield rows_at(pa.concat_tables(pieces).combine_chunks(), _ranks(some))
            start += size

    def rows(self, columns: Columns) -> Iterator[Row]:
        """Yield the rows; their JSON columns are text."""
        for table in self.tables(columns):
            yield from table.to_pylist()

    def json_lines(self) -> Iterator[str]:
        """Yield the rows as lines of JSON, their columns in order."""
        for lines in _texts(self.bucket, self.sizes, self.places, JSON_LINE):
            yield from lines.to_pylist()


def part_of(bucket: Bucket) -> Part:
    """Look at a bucket: how its rows are divided into row groups, and what their digest is."""
    sizes, places = bucket.places()
    groups, size, characters = [], 0, 0
    digest = hashlib.sha256()
    for lines in _texts(bucket, sizes, places, LINE):
        digest.update(_bytes_of(lines))
        for length in pc.utf8_length(lines).to_pylist():
            size, characters = size + 1, characters + length - 1
            if characters > BATCH_CHARACTERS:
                groups.append(size)
                size = characters = 0
    return Part(bucket, [*groups, size] if size else groups, digest.hexdigest(), sizes, places)


def _texts(bucket: Bucket, sizes: Sequence[int], places: Places, name: str) -> Iterator[pa.LargeStringArray]:
    for start in range(0, len(places), ROWS_AT_ONCE):
        some = places[start : start + ROWS_AT_ONCE]
        read = bucket.take(sizes, np.sort(some), [name])
        texts = pa.chunked_array([batch.column(0).cast(pa.large_string()) for batch in read])
        yield rows_at(texts.combine_chunks(), _ranks(some))


def _bytes_of(texts: pa.LargeStringArray) -> memoryview:
    """Return the UTF-8 of texts, one behind the other."""
    _, offsets, data = texts.buffers()
    ends = np.frombuffer(offsets, np.int64)[texts.offset :]
    return memoryview(data)[ends[0] : ends[len(texts)]]


def _ranks(places: Places) -> Places:
    """Return the place of each among these, sorted."""
    return np.searchsorted(np.sort(places), places)


def _as_stored(batch: pa.RecordBatch, columns: Columns) -> pa.Table:
    """Return a batch with these columns, which other portions may have made wider than its own."""
    schema = stored_schema(columns)
    if batch.schema.equals(schema):
        return pa.Table.from_batches([batch])
    return table_of(batch.to_pylist(), columns)
