"""Parts of a table: the rows of one bucket of a split, which are read when they are needed and not kept."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from exports.buckets import bucket_of
from exports.json_columns import stored_schema, table_of
from exports.spilled import BATCH_CHARACTERS, JSON_LINE, LINE, NAME, PLACE, rows_at

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

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

    def read(self, names: Sequence[str]) -> list[pa.RecordBatch]:
        """Return the rows of each piece, with those columns of these names that are there; none is copied."""
        return [piece.read(names) for piece in self.pieces]

    def places(self, told: Sequence[pa.RecordBatch]) -> Places:
        """Return the places of the rows of this bucket in all of its pieces, in order, as ``NAME`` and ``PLACE`` tell."""
        if self.order is not None:  # there is one bucket
            return np.argsort(
                np.array([self.order[name] for name in _names_in(told)], np.int64), kind="stable"
            )
        found = pc.sort_indices(pa.chunked_array([batch.column(PLACE) for batch in told]))
        places = np.asarray(found).astype(np.int64)
        if not self.mixed:
            return places
        mine = np.array([bucket_of(name, self.of) == self.number for name in _names_in(told)], np.bool_)
        return places[mine[places]]


@dataclass(frozen=True, slots=True)
class Part:
    """A bucket that was looked at: the numbers of rows in the row groups of its file, and the digest of its rows.

    The digest is the sha256 of the rows as canonical JSON lines; unlike the hash of a file it does not depend on the
    version of pyarrow. ``places`` are what ``Bucket.places`` returns.
    """

    bucket: Bucket
    groups: Sequence[int]
    digest: str
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
        schema, read = stored_schema(columns), self.bucket.read([*columns])
        for places in np.split(self.places, np.cumsum(self.groups)[:-1]):
            pieces = [_as_stored(batch, columns, schema) for batch in _held(read, places)]
            yield rows_at(pa.concat_tables(pieces).combine_chunks(), _ranks(places))

    def rows(self, columns: Columns) -> Iterator[Row]:
        """Yield the rows; their JSON columns are text."""
        for table in self.tables(columns):
            yield from table.to_pylist()

    def json_lines(self) -> Iterator[str]:
        """Yield the rows as lines of JSON, their columns in order."""
        for lines in _texts(self.bucket.read([JSON_LINE]), self.places, JSON_LINE):
            yield from lines.to_pylist()


def part_of(bucket: Bucket) -> Part:
    """Look at a bucket: how its rows are divided into row groups, and what their digest is."""
    read = bucket.read([NAME, PLACE, LINE])
    places = bucket.places(read)
    digest, lengths = hashlib.sha256(), [np.empty(0, np.int64)]
    for lines in _texts(read, places, LINE):
        digest.update(_bytes_of(lines))
        lengths.append(np.asarray(pc.utf8_length(lines)) - 1)  # without the line break
    return Part(bucket, _groups(np.concatenate(lengths)), digest.hexdigest(), places)


def _names_in(told: Sequence[pa.RecordBatch]) -> Iterator[str]:
    return (name for batch in told for name in batch.column(NAME).to_pylist())


def _groups(lengths: NDArray[np.int64]) -> list[int]:
    """Return how many rows each row group has, by the characters of each row: its last row makes it large enough."""
    ends = np.cumsum(lengths)
    groups, start, before = [], 0, 0
    while start < len(ends):
        end = min(int(np.searchsorted(ends, before + BATCH_CHARACTERS, "right")) + 1, len(ends))
        groups.append(end - start)
        start, before = end, int(ends[end - 1])
    return groups


def _held(read: Sequence[pa.RecordBatch], places: Places) -> Iterator[pa.RecordBatch]:
    """Yield the rows at these places in all batches, sorted, of each batch that has some."""
    ends = np.cumsum([batch.num_rows for batch in read])
    places = np.sort(places)
    for batch, end, mine in zip(
        read, ends, np.split(places, np.searchsorted(places, ends[:-1])), strict=True
    ):
        if len(mine) == batch.num_rows:
            yield batch
        elif len(mine):
            yield rows_at(batch, mine - (end - batch.num_rows))


def _texts(read: Sequence[pa.RecordBatch], places: Places, name: str) -> Iterator[pa.LargeStringArray]:
    for start in range(0, len(places), ROWS_AT_ONCE):
        some = places[start : start + ROWS_AT_ONCE]
        texts = pa.chunked_array([batch.column(name) for batch in _held(read, some)])
        yield rows_at(texts.cast(pa.large_string()).combine_chunks(), _ranks(some))


def _bytes_of(texts: pa.LargeStringArray) -> memoryview:
    """Return the UTF-8 of texts, one behind the other."""
    _, offsets, data = texts.buffers()
    ends = np.frombuffer(offsets, np.int64)[texts.offset :]
    return memoryview(data)[ends[0] : ends[len(texts)]]


def _ranks(places: Places) -> Places:
    """Return the place of each among these, sorted."""
    return np.searchsorted(np.sort(places), places)


def _as_stored(batch: pa.RecordBatch, columns: Columns, schema: pa.Schema) -> pa.Table:
    """Return a batch with these columns, which other portions may have made wider than its own."""
    if batch.schema.equals(schema):
        return pa.Table.from_batches([batch])
    return table_of(batch.to_pylist(), columns)
