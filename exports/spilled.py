"""Rows on their way: what one portion of the evidence gives to each split and bucket, in a file.

A file holds an Arrow schema, then record batches with rows of one split and bucket each. Beside its columns, a row has
its name, by which it is put into a bucket; its place, by which rows are sorted; and itself as canonical JSON.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from exports.arrays import rows_at, texts_of
from exports.canonical import canonical_lines
from exports.canonical import json_lines as lines_of_json
from exports.json_columns import stored_schema, table_of
from workspaces.batch_files import batch_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from exports.columns import Columns, Row
    from workspaces.batch_files import Waiting

    Places = NDArray[np.int64]

BATCH_CHARACTERS = 1 << 25
"""Size of a row group."""
ROWS_AT_ONCE = 1 << 15
"""Rows that are made a table at once."""
BYTES_AT_ONCE = 1 << 28
"""Size of such a table: a column of text holds 2 GiB at most, and as JSON a text can be six times as long."""
NAME, PLACE, LINE, JSON_LINE = "#name", "#place", "#line", "#json_line"
"""The columns beside those of a table; no table has columns of such names."""


@dataclass(frozen=True, slots=True)
class Goals:
    """Where the rows of items go, in the order of the items.

    ``aims`` are splits and buckets, and ``numbers`` the place of each item's aim in them. ``places`` are compared byte
    by byte.
    """

    aims: Sequence[tuple[str, int]]
    numbers: Places
    names: pa.StringArray
    places: pa.StringArray

    @classmethod
    def of(
        cls, splits: Sequence[str], buckets: Sequence[int], names: Sequence[str], places: Sequence[str]
    ) -> Goals:
        """Return the goals of items, from the split, bucket, name and place of each."""
        every = [*zip(splits, buckets, strict=True)]
        aims = sorted({*every})
        number_of = {aim: number for number, aim in enumerate(aims)}
        numbers = np.array([number_of[aim] for aim in every], np.int64)
        return cls(aims, numbers, texts_of(names), texts_of(places))


@dataclass(frozen=True, slots=True)
class Piece:
    """Rows of one split and bucket, which wait in a file."""

    split: str
    bucket: int
    rows: Waiting


@dataclass(frozen=True, slots=True)
class Spilled:
    """Where the rows of each split and bucket stand, and all rows as JSON with a line break each, in their order."""

    pieces: list[Piece]
    lines: list[pa.Array]


def spill(
    path: Path,
    rows: Sequence[Row],
    owners: Sequence[int],
    goals: Goals,
    columns: Columns,
    *,
    json_lines: bool = False,
) -> Spilled:
    """Write rows to a file, as ``spill_tables`` does.

    Args:
        path: of the file.
        rows: those of one place in their order; those of one split and bucket, best one behind the other.
        owners: the item of each row, by its number.
        goals: of the items.
        columns: of the table.
        json_lines: keep each row also as a line of JSON, its columns in order.
    """
    return spill_tables(
        path,
        _tables(rows, columns),
        np.array(owners, np.int64),
        goals,
        columns,
        json_lines=json_lines,
    )


def spill_tables(
    path: Path,
    tables: Iterable[pa.Table],
    owners: Places,
    goals: Goals,
    columns: Columns,
    *,
    json_lines: bool = False,
) -> Spilled:
    """Write the rows of tables of ``stored_schema`` to a file.

    A file is there whole or not at all, so that work can be done twice. The other arguments are those of ``spill``.
    """
    numbers = goals.numbers[owners]
    beside = [NAME, PLACE, LINE, *([JSON_LINE] if json_lines else [])]
    schema = pa.schema([*((name, pa.string()) for name in beside), *stored_schema(columns)])
    found = Spilled([], [])
    with batch_file(path, schema) as add:
        start = 0
        for table in tables:
            end = start + table.num_rows
            lines = canonical_lines(table, columns)
            told = [rows_at(texts, owners[start:end]) for texts in (goals.names, goals.places)]
            told.append(lines)
            if json_lines:
                told.append(lines_of_json(table, columns))
            (batch,) = (
                pa.Table.from_arrays([*told, *table.columns], schema=schema).combine_chunks().to_batches()
            )
            begins = np.flatnonzero(np.diff(numbers[start:end], prepend=-1)).tolist()
            for first, last in pairwise([*begins, end - start]):
                split, bucket = goals.aims[numbers[start + first]]
                found.pieces.append(Piece(split, bucket, add(batch.slice(first, last - first))))
            found.lines.append(lines)
            start = end
    return found


def digest_of_lines(lines: Iterable[str]) -> str:
    """Return the sha256 of lines of text."""
    return hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()


def in_sizes(table: pa.Table) -> Iterator[pa.Table]:
    """Yield a table in pieces that can be worked at at once."""
    n = max(1, -(-table.num_rows // ROWS_AT_ONCE), -(-table.nbytes // BYTES_AT_ONCE))
    size = max(1, -(-table.num_rows // n))
    for start in range(0, table.num_rows, size):
        yield table.slice(start, size)


def _tables(rows: Sequence[Row], columns: Columns) -> Iterator[pa.Table]:
    for start in range(0, len(rows), ROWS_AT_ONCE):
        yield from _in_sizes(rows[start : start + ROWS_AT_ONCE], columns)


def _in_sizes(rows: Sequence[Row], columns: Columns) -> Iterator[pa.Table]:
    """Yield rows in order, as many at a time as an Arrow table, and their JSON, can hold for certain."""
    half = len(rows) // 2
    try:
        table = table_of(rows, columns)
    except pa.ArrowCapacityError:
        if not half:
            raise
        table = None
    if table is not None and (not half or table.nbytes <= BYTES_AT_ONCE):
        yield table
    else:
        yield from _in_sizes(rows[:half], columns)
        yield from _in_sizes(rows[half:], columns)
