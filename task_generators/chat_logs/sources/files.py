"""Reads one file of a chat log as packed rows; the file's name says which kind of file it is."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from task_generators.chat_logs.sources import rows
from task_generators.chat_logs.sources.archives import opened_member
from task_generators.chat_logs.sources.contained import contained
from task_generators.chat_logs.sources.dialogs import dialog_rows
from task_generators.chat_logs.sources.encodings import in_utf8
from task_generators.chat_logs.sources.json_arrays import array_rows
from task_generators.chat_logs.sources.json_shapes import ARRAY, LINES, OBJECT, object_rows, shape_of
from task_generators.chat_logs.sources.opening import COMPRESSIONS, unpacked
from task_generators.chat_logs.sources.packed import Line
from task_generators.chat_logs.sources.tables import names_in, table_rows
from workspaces.errors import UsageError
from workspaces.files import opened

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator, Mapping

    from task_generators.chat_logs.sources.packed import Packed
    from task_generators.chat_logs.sources.rows import Row

_KINDS = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".txt", ".parquet", ".arrow")


def rows_in(path: Path, columns: Mapping[str, str]) -> Iterator[Row]:
    """Yield the rows of a file one by one; see ``packed_in``."""
    for packed in packed_in(path, columns):
        yield from packed.rows()


def packed_in(
    path: Path, columns: Mapping[str, str], encoding: str | None = None, beside: list[str] | None = None
) -> Iterator[Packed]:
    """Yield the rows of a file, packed where possible.

    Args:
        path: the file.
        columns: for text tables: our column name to the table's own name, where they differ.
        encoding: that of a text file; None: UTF-8, or what a byte order mark says.
        beside: gets the paths of what stands beside a list of rows, and is not read.

    Raises:
        UsageError: the file cannot be opened or decompressed, or is of no known kind.
    """
    kind = kind_of(path)
    try:
        if kind in (".parquet", ".arrow"):
            opened(path).close()  # a pipe or a device raises an error here
            yield from contained(path)
        else:
            with unpacked(path) as stored, in_utf8(stored, encoding) as file:
                yield from text_rows(str(path), kind, file, columns, beside)
    except (OSError, EOFError, zlib.error, pa.ArrowException) as error:
        raise UsageError(f"{path} cannot be read: {' '.join(str(error).split())}") from None


def packed_member(
    path: Path,
    name: str,
    columns: Mapping[str, str],
    encoding: str | None = None,
    beside: list[str] | None = None,
) -> Iterator[Packed]:
    """Yield the rows of a text file in an archive, as ``packed_in`` does.

    Raises:
        UsageError: as ``packed_in``.
    """
    try:
        with opened_member(path, name) as stored, in_utf8(stored, encoding) as file:
            yield from text_rows(f"{path}: {name}", kind_of(Path(name)), file, columns, beside)
    except (OSError, EOFError, zlib.error) as error:
        raise UsageError(f"{path}: {name} cannot be read: {' '.join(str(error).split())}") from None


def table_columns(path: Path, encoding: str | None = None) -> list[str]:
    """Return the names of the columns of a text table, by its header; none if there is none.

    Raises:
        UsageError: the file cannot be opened or decompressed.
    """
    try:
        with unpacked(path) as stored, in_utf8(stored, encoding) as file:
            return names_in(file, "\t" if kind_of(path) == ".tsv" else None)
    except (OSError, EOFError, zlib.error) as error:
        raise UsageError(f"{path} cannot be read: {' '.join(str(error).split())}") from None


def is_table(path: Path) -> bool:
    """Return whether the name of a file says that it is a text table."""
    return kind_of(path) in (".csv", ".tsv")


def kind_of(path: Path) -> str | None:
    """Return the kind of a file by its name, such as ``.jsonl``; None for an unknown one."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    compressed = bool(suffixes) and suffixes[-1] in COMPRESSIONS
    kind = suffixes[-2:-1] if compressed else suffixes[-1:]
    known = _KINDS[:-2] if compressed else _KINDS
    return kind[0] if kind and kind[0] in known else None


def text_rows(
    name: str,
    kind: str | None,
    file: io.BufferedReader,
    columns: Mapping[str, str],
    beside: list[str] | None = None,
) -> Iterator[Packed]:
    """Yield the rows of a text file in UTF-8. JSON is recognised whatever the file is called.

    Args:
        name: how errors call the file.
        kind: the kind that its name says.
        file: the file.
        columns: for tables: our column name to the table's own name, where they differ.
        beside: gets the paths of what stands beside a list of rows, and is not read.

    Raises:
        UsageError: it is of no known kind, or no JSON.
    """
    shape = None if kind in (".csv", ".tsv") else shape_of(file)
    if kind in (".jsonl", ".ndjson") and shape != ARRAY and file.peek(2)[:2].strip() != b"{":
        shape = LINES
    if shape == LINES:
        yield from _lines(file)
    elif shape == OBJECT:
        yield from object_rows(name, file, [] if beside is None else beside)
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
