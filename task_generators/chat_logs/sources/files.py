"""Reads one file of a chat log as packed rows; the file's name says which kind of file it is."""

from __future__ import annotations

import gzip
import io
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from task_generators.chat_logs.sources import rows
from task_generators.chat_logs.sources.archives import opened_member
from task_generators.chat_logs.sources.dialogs import dialog_rows
from task_generators.chat_logs.sources.encodings import in_utf8
from task_generators.chat_logs.sources.json_arrays import array_rows
from task_generators.chat_logs.sources.json_shapes import ARRAY, LINES, OBJECT, object_rows, shape_of
from task_generators.chat_logs.sources.packed import Line, Stretch
from task_generators.chat_logs.sources.tables import table_rows
from workspaces.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from task_generators.chat_logs.sources.packed import Packed
    from task_generators.chat_logs.sources.rows import Row

_COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}
_KINDS = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".txt", ".parquet", ".arrow")
_STRETCH_ROWS = 500
_STRETCH_BYTES = 4 * 1024 * 1024
"""The most rows of a stretch, and the most bytes unless a single row has more."""


def rows_in(path: Path, columns: Mapping[str, str]) -> Iterator[Row]:
    """Yield the rows of a file one by one; see ``packed_in``."""
    for packed in packed_in(path, columns):
        yield from packed.rows()


def packed_in(path: Path, columns: Mapping[str, str], encoding: str | None = None) -> Iterator[Packed]:
    """Yield the rows of a file, packed where possible.

    Args:
        path: the file.
        columns: for text tables: our column name to the table's own name, where they differ.
        encoding: that of a text file; None: UTF-8, or what a byte order mark says.

    Raises:
        UsageError: the file cannot be opened or decompressed, or is of no known kind.
    """
    kind = kind_of(path)
    try:
        if kind == ".parquet":
            yield from _stretches(pq.ParquetFile(path).iter_batches(batch_size=_STRETCH_ROWS))
        elif kind == ".arrow":
            yield from _stretches(_arrow_batches(path))
        else:
            with in_utf8(_opened(path), encoding) as file:
                yield from text_rows(str(path), kind, file, columns)
    except (OSError, EOFError, zlib.error, pa.ArrowException) as error:
        raise UsageError(f"{path} cannot be read: {' '.join(str(error).split())}") from None


def packed_member(
    path: Path, name: str, columns: Mapping[str, str], encoding: str | None = None
) -> Iterator[Packed]:
    """Yield the rows of a text file in an archive, as ``packed_in`` does.

    Raises:
        UsageError: as ``packed_in``.
    """
    try:
        with in_utf8(opened_member(path, name), encoding) as file:
            yield from text_rows(f"{path}: {name}", kind_of(Path(name)), file, columns)
    except (OSError, EOFError, zlib.error) as error:
        raise UsageError(f"{path}: {name} cannot be read: {' '.join(str(error).split())}") from None


def kind_of(path: Path) -> str | None:
    """Return the kind of a file by its name, such as ``.jsonl``; None for an unknown one."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    compressed = bool(suffixes) and suffixes[-1] in _COMPRESSIONS
    kind = suffixes[-2:-1] if compressed else suffixes[-1:]
    known = _KINDS[:-2] if compressed else _KINDS
    return kind[0] if kind and kind[0] in known else None


def text_rows(
    name: str, kind: str | None, file: io.BufferedReader, columns: Mapping[str, str]
) -> Iterator[Packed]:
    """Yield the rows of a text file in UTF-8. JSON is recognised whatever the file is called.

    Args:
        name: how errors call the file.
        kind: the kind that its name says.
        file: the file.
        columns: for tables: our column name to the table's own name, where they differ.

    Raises:
        UsageError: it is of no known kind, or no JSON.
    """
    shape = None if kind in (".csv", ".tsv") else shape_of(file)
    if kind in (".jsonl", ".ndjson") and shape != ARRAY and file.peek(2)[:2].strip() != b"{":
        shape = LINES
    if shape == LINES:
        yield from _lines(file)
    elif shape == OBJECT:
        yield from object_rows(name, file)
    elif shape == ARRAY or kind == ".json":
        yield from array_rows(name, file)
    elif kind == ".txt":
        yield from dialog_rows(file)
    elif kind in (".csv", ".tsv"):
        yield from table_rows(file, "\t" if kind == ".tsv" else None, columns)
    else:
        raise UsageError(
            f"{name}: unknown kind of file; known: {', '.join(_KINDS)}, all but the last two also with .gz or .zst, "
            "and .zip"
        )


def _lines(file: io.BufferedReader) -> Iterator[Line]:
    """Yield the lines of a JSONL file; blank lines are counted and skipped."""
    number = 0
    while line := file.readline(rows.MAX_LINE_BYTES):
        number += 1
        if len(line) == rows.MAX_LINE_BYTES and not line.endswith(b"\n"):
            while (rest := file.readline(rows.MAX_LINE_BYTES)) and not rest.endswith(b"\n"):
                pass
            yield Line(number, None)
        elif line.strip():
            yield Line(number, line)


def _opened(path: Path) -> BinaryIO:
    """Open a file, decompressed. A truncated file raises an error when its end is read."""
    compression = _COMPRESSIONS.get(path.suffix.lower())
    if compression == "gzip":
        return gzip.open(path, "rb")  # type: ignore[return-value]
    if compression == "zstd":
        return io.BufferedReader(pa.input_stream(str(path), compression=compression))
    return path.open("rb")


def _arrow_batches(path: Path) -> Iterator[pa.RecordBatch]:
    """Yield the batches of a file in Arrow's stream format or file format."""
    with pa.memory_map(str(path)) as file:
        try:
            batches: Iterable[pa.RecordBatch] = pa.ipc.open_stream(file)
        except pa.ArrowInvalid:
            arrow_file = pa.ipc.open_file(file)
            batches = (arrow_file.get_batch(index) for index in range(arrow_file.num_record_batches))
        for batch in batches:
            for start in range(0, batch.num_rows, _STRETCH_ROWS):
                yield batch.slice(start, _STRETCH_ROWS)


def _stretches(batches: Iterator[pa.RecordBatch]) -> Iterator[Stretch]:
    number = 1
    for batch in batches:
        stretch_rows = max(1, batch.num_rows * _STRETCH_BYTES // max(batch.nbytes, 1))
        for start in range(0, batch.num_rows, stretch_rows):
            stretch = Stretch(number, batch.slice(start, stretch_rows))
            yield stretch
            number += stretch.count
