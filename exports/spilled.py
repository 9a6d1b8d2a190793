"""Rows on their way: what one portion of the evidence gives to each split and bucket, in an Arrow file.

A file holds a record batch for each split and bucket (several of a large one). Beside the columns of the table, a row
has its name, by which it is put into a bucket; its place, by which rows are sorted; and itself as canonical JSON.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from exports.json_columns import stored_schema, table_of
from workspaces.files import written_before

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from exports.columns import Columns, Row

BATCH_CHARACTERS = 1 << 25
"""Size of a row group: an Arrow string column holds 2 GiB at most."""
NAME, PLACE, LINE, JSON_LINE = "#name", "#place", "#line", "#json_line"
"""The columns beside those of a table; no table has columns of such names."""

_CANONICAL = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class SpilledRow:
    """A row of a table, and where it goes; ``place`` is compared byte by byte, rows of one place keep their order."""

    split: str
    bucket: int
    name: str
    place: str
    row: Row
    line: str


@dataclass(frozen=True, slots=True)
class Piece:
    """Rows of one split and bucket: a record batch, by its number, of an Arrow file."""

    split: str
    bucket: int
    path: str
    number: int

    def read(self, names: Sequence[str]) -> pa.RecordBatch:
        """Return the rows, with those columns of these names that are there."""
        with written_before(Path(self.path)), pa.OSFile(self.path) as file:
            known = pa.ipc.open_file(file).schema.names
            options = pa.ipc.IpcReadOptions(
                included_fields=[known.index(name) for name in names if name in known]
            )
            return pa.ipc.open_file(file, options=options).get_batch(self.number)


def spill(
    path: Path, rows: Iterable[SpilledRow], columns: Columns, *, json_lines: bool = False
) -> list[Piece]:
    """Write rows to a file; return where those of each split and bucket stand.

    A file is there whole or not at all, so that work can be done twice.

    Args:
        path: of the file.
        rows: in any order, those of one place in theirs.
        columns: of the table.
        json_lines: keep each row also as a line of JSON, its columns in order.
    """
    ordered = sorted(rows, key=attrgetter("split", "bucket", "place"))
    beside = [NAME, PLACE, LINE, *([JSON_LINE] if json_lines else [])]
    schema = pa.schema([*((name, pa.string()) for name in beside), *stored_schema(columns)])
    pieces: list[Piece] = []
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    with pa.OSFile(str(temporary), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        for some in _in_sizes(ordered):
            table = table_of([it.row for it in some], columns)
            texts = {
                NAME: [it.name for it in some],
                PLACE: [it.place for it in some],
                LINE: [f"{it.line}\n" for it in some],
                JSON_LINE: [f"{json.dumps(it.row, ensure_ascii=False)}\n" for it in some]
                if json_lines
                else [],
            }
            told = pa.Table.from_pydict({name: texts[name] for name in beside})
            whole = pa.Table.from_arrays([*told.columns, *table.columns], schema=schema).combine_chunks()
            start = 0
            for (split, bucket), of_bucket in groupby(some, attrgetter("split", "bucket")):
                size = sum(1 for _ in of_bucket)
                (batch,) = whole.slice(start, size).to_batches()
                pieces.append(Piece(split, bucket, str(path), len(pieces)))
                writer.write_batch(batch)
                start += size
    temporary.replace(path)
    return pieces


def as_json(row: Row) -> str:
    """Return a row as canonical JSON."""
    return _CANONICAL.encode(row)


def digest_of_lines(lines: Iterable[str]) -> str:
    """Return the sha256 of lines of text."""
    return hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()


def _in_sizes(rows: Sequence[SpilledRow]) -> Iterator[Sequence[SpilledRow]]:
    """Yield rows in order, as many at a time as an Arrow table can hold for certain."""
    start = characters = 0
    for end, it in enumerate(rows, start=1):
        characters += len(it.line)
        if characters > BATCH_CHARACTERS or end == len(rows):
            yield rows[start:end]
            start, characters = end, 0
