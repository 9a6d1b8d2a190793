"""Reads one file of a chat log as packed rows; the file's name says which kind of file it is."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, BinaryIO

import pyarrow as pa

from task_generators.chat_logs.sources import rows
from task_generators.chat_logs.sources.contained import contained
from task_generators.chat_logs.sources.dialogs import dialog_rows
from task_generators.chat_logs.sources.json_arrays import array_rows
from task_generators.chat_logs.sources.opening import COMPRESSIONS, unpacked
from task_generators.chat_logs.sources.packed import Line
from task_generators.chat_logs.sources.tables import table_rows
from workspaces.errors import UsageError
from workspaces.files import opened

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from task_generators.chat_logs.sources.packed import Packed
    from task_generators.chat_logs.sources.rows import Row

_KINDS = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".txt", ".parquet", ".arrow")


def rows_in(path: Path, columns: Mapping[str, str]) -> Iterator[Row]:
    """Yield the rows of a file one by one; see ``packed_in``."""
    for packed in packed_in(path, columns):
        yield from packed.rows()


def packed_in(path: Path, columns: Mapping[str, str]) -> Iterator[Packed]:
    """Yield the rows of a file, packed where possible.

    Args:
        path: the file.
        columns: for text tables: our column name to the table's own name, where they differ.

    Raises:
        UsageError: the file cannot be opened or decompressed, or is of no known kind.
    """
    kind = kind_of(path)
    try:
        if kind in (".parquet", ".arrow"):
            opened(path).close()  # a pipe or a device raises an error here
            yield from contained(path)
        elif kind in (".jsonl", ".ndjson"):
            yield from _lines(path)
        elif kind is None:
            raise UsageError(
                f"{path}: unknown kind of file; known: {', '.join(_KINDS)}, all but the last two also with .gz or .zst"
            )
        else:
            with unpacked(path) as file:
                yield from _text_rows(kind, path, file, columns)
    except (OSError, EOFError, zlib.error, pa.ArrowException) as error:
        raise UsageError(f"{path} cannot be read: {' '.join(str(error).split())}") from None


def kind_of(path: Path) -> str | None:
    """Return the kind of a file by its name, such as ``.jsonl``; None for an unknown one."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    compressed = bool(suffixes) and suffixes[-1] in COMPRESSIONS
    kind = suffixes[-2:-1] if compressed else suffixes[-1:]
    known = _KINDS[:-2] if compressed else _KINDS
    return kind[0] if kind and kind[0] in known else None


def _text_rows(kind: str, path: Path, file: BinaryIO, columns: Mapping[str, str]) -> Iterator[Row]:
    if kind == ".json":
        return array_rows(path, file)
    if kind == ".txt":
        return dialog_rows(file)
    return table_rows(file, "\t" if kind == ".tsv" else ",", columns)


def _lines(path: Path) -> Iterator[Line]:
    """Yield the lines of a JSONL file; blank lines are counted and skipped."""
    with unpacked(path) as file:
        number = 0
        while line := file.readline(rows.MAX_LINE_BYTES):
            number += 1
            if len(line) == rows.MAX_LINE_BYTES and not line.endswith(b"\n"):
                while (rest := file.readline(rows.MAX_LINE_BYTES)) and not rest.endswith(b"\n"):
                    pass
                yield Line(number, None)
            elif line.strip():
                yield Line(number, line)
