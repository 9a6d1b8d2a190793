"""Rows of chat-log files: what stands in a line, an array's element, a table's row, a dialog.

Unpacking rows takes longer than finding them in a file, so they are handed on packed where that can be: as a line
of JSON, as a stretch of an Arrow table.
"""

from __future__ import annotations

import gzip
import io
import json
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic_core import from_json

from workspaces.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

MAX_LINE_BYTES = 64 * 1024 * 1024

_PACKED = {".gz": "gzip", ".zst": "zstd"}
_KINDS = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".txt", ".parquet", ".arrow")
_ROWS_AT_ONCE = 500
_BYTES_AT_ONCE = 4 * 1024 * 1024
"""Of a table: a stretch has no more rows, and no more bytes unless one row has."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its number (from 1), and what it holds or why it cannot be read.

    ``numbers`` are those of the rows that this one stands for, if it stands for several.
    """

    number: int
    value: dict[str, Any] | None
    problem: str | None = None
    numbers: tuple[int, ...] = ()

    count: ClassVar[int] = 1
    size: ClassVar[int] = 1000
    """Bytes, as a guess."""

    def rows(self) -> Iterator[Row]:
        """Yield this row."""
        yield self


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a JSONL file, still to be parsed; None for one that is too long."""

    number: int
    text: bytes | None

    count: ClassVar[int] = 1

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self.text or b"")

    def rows(self) -> Iterator[Row]:
        """Yield what it holds, or why it cannot be read."""
        yield parsed(self.number, self.text)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Neighbouring rows of a table, the first of which has this number."""

    number: int
    batch: pa.RecordBatch

    @property
    def count(self) -> int:
        """Rows."""
        return int(self.batch.num_rows)

    @property
    def size(self) -> int:
        """Bytes."""
        return int(self.batch.nbytes)

    def rows(self) -> Iterator[Row]:
        """Yield its rows, or why one cannot be read."""
        try:
            values = self.batch.to_pylist()
        except _UNREADABLE as error:
            if self.count == 1:
                yield Row(self.number, None, f"not readable: {_one_line(error)}")
                return
            for offset in range(self.count):
                yield from Stretch(self.number + offset, self.batch.slice(offset, 1)).rows()
        else:
            for number, value in enumerate(values, start=self.number):
                yield Row(number, value)

    def __reduce__(self) -> tuple[Callable[..., Stretch], tuple[int, bytes]]:
        """Send these rows alone to another process; pickled as it is, a batch drags along what it was cut from."""
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, self.batch.schema) as stream:
            stream.write_batch(self.batch)
        return _stretch, (self.number, sink.getvalue().to_pybytes())


Packed = Row | Line | Stretch

_UNREADABLE = (ValueError, OverflowError, pa.ArrowException)
"""What unpacking may raise: text that is not UTF-8, a time beyond the calendar."""


def _stretch(number: int, packed: bytes) -> Stretch:
    with pa.ipc.open_stream(packed) as stream:
        return Stretch(number, stream.read_next_batch())


def rows_in(path: Path, columns: Mapping[str, str]) -> Iterator[Row]:
    """Yield the rows of a file one by one; see ``packed_in``."""
    for packed in packed_in(path, columns):
        yield from packed.rows()


def packed_in(path: Path, columns: Mapping[str, str]) -> Iterator[Packed]:
    """Yield the rows of a file, told from its name, packed where that can be.

    Args:
        path: the file.
        columns: for tables of text, the table's own name of each column that is called otherwise there.

    Raises:
        UsageError: the file cannot be opened or unpacked, or is of no known kind.
    """
    kind = kind_of(path)
    try:
        if kind == ".parquet":
            yield from _numbered(pq.ParquetFile(path).iter_batches(batch_size=_ROWS_AT_ONCE))
        elif kind == ".arrow":
            yield from _numbered(_arrow_batches(path))
        elif kind in (".jsonl", ".ndjson"):
            yield from _lines(path)
        elif kind is None:
            raise UsageError(
                f"{path}: unknown kind of file; known: {', '.join(_KINDS)}, all but the last two also with .gz or .zst"
            )
        else:
            with _opened(path) as file:
                yield from _text_rows(kind, path, file, columns)
    except (OSError, EOFError, zlib.error, pa.ArrowException) as error:
        raise UsageError(f"{path} cannot be read: {_one_line(error)}") from None


def kind_of(path: Path) -> str | None:
    """Return what a file's name says that it is, such as ``.jsonl``; None where it says nothing that is known."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    packed = bool(suffixes) and suffixes[-1] in _PACKED
    kind = suffixes[-2:-1] if packed else suffixes[-1:]
    known = _KINDS[:-2] if packed else _KINDS
    return kind[0] if kind and kind[0] in known else None


def _lines(path: Path) -> Iterator[Line]:
    """Yield the lines of a JSONL file that hold anything."""
    with _opened(path) as file:
        number = 0
        while line := file.readline(MAX_LINE_BYTES):
            number += 1
            if len(line) == MAX_LINE_BYTES and not line.endswith(b"\n"):
                while (rest := file.readline(MAX_LINE_BYTES)) and not rest.endswith(b"\n"):
                    pass
                yield Line(number, None)
            elif line.strip():
                yield Line(number, line)


def parsed(number: int, line: bytes | None) -> Row:
    """Return what a line of a JSONL file holds, or why it cannot be read."""
    if line is None:
        return Row(number, None, f"longer than {MAX_LINE_BYTES} bytes")
    try:
        value = _value_of(line)
    except UnicodeDecodeError:
        return Row(number, None, "not UTF-8")
    except (ValueError, RecursionError) as error:
        return Row(number, None, f"not JSON: {error}")
    return checked_row(number, value)


def _value_of(line: bytes) -> object:
    """Parse JSON; what the fast parser refuses is for ``json`` to judge, which takes more and says why not."""
    try:
        return from_json(line, cache_strings="keys")
    except ValueError:
        return json.loads(line)


def checked_row(number: int, value: object) -> Row:
    """Return a row for a JSON value, which has to be an object."""
    if not isinstance(value, dict):
        return Row(number, None, f"not an object but {type(value).__name__}")
    return Row(number, value)


def _text_rows(kind: str, path: Path, file: BinaryIO, columns: Mapping[str, str]) -> Iterator[Row]:
    from task_generators.chat_logs.sources import text_formats as text_files

    if kind == ".json":
        return text_files.array_rows(path, file)
    if kind == ".txt":
        return text_files.dialog_rows(file)
    return text_files.table_rows(file, "\t" if kind == ".tsv" else ",", columns)


def _opened(path: Path) -> BinaryIO:
    """Open a file, unpacked; one that ends too early raises an error when its end is read."""
    packing = _PACKED.get(path.suffix.lower())
    if packing == "gzip":
        return gzip.open(path, "rb")  # type: ignore[return-value]
    if packing == "zstd":
        return io.BufferedReader(pa.input_stream(str(path), compression=packing))
    return path.open("rb")


def _arrow_batches(path: Path) -> Iterator[pa.RecordBatch]:
    """Yield the batches of a file in Arrow's format for streams or for files."""
    with pa.memory_map(str(path)) as file:
        try:
            batches: Iterable[pa.RecordBatch] = pa.ipc.open_stream(file)
        except pa.ArrowInvalid:
            reader = pa.ipc.open_file(file)
            batches = (reader.get_batch(index) for index in range(reader.num_record_batches))
        for batch in batches:
            for start in range(0, batch.num_rows, _ROWS_AT_ONCE):
                yield batch.slice(start, _ROWS_AT_ONCE)


def _numbered(batches: Iterator[pa.RecordBatch]) -> Iterator[Stretch]:
    number = 1
    for batch in batches:
        rows = max(1, batch.num_rows * _BYTES_AT_ONCE // max(batch.nbytes, 1))
        for start in range(0, batch.num_rows, rows):
            stretch = Stretch(number, batch.slice(start, rows))
            yield stretch
            number += stretch.count


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
