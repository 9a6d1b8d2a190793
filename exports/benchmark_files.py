"""Reads the prompts of benchmarks from a folder."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

from exports.contamination import Benchmarks
from workspaces.errors import UsageError, reason_of
from workspaces.files import read_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pydantic import JsonValue

COLUMNS = ("prompt", "question", "instruction", "problem", "turns", "messages", "context", "text", "content")
"""Where a row holds its prompt: a text, a list of texts, or messages, of which those of users count."""
ENDINGS = (".jsonl", ".json", ".csv", ".parquet", ".txt")
MAX_BYTES = 1 << 30
"""Of one file."""


class BenchmarkFolderError(UsageError):
    """A folder of benchmarks cannot be read, or holds no prompt."""


def read_benchmarks(folder: Path) -> Benchmarks:
    """Return the prompts of every file in a folder; of a text file, each line is one.

    Args:
        folder: with files of ``ENDINGS``, in folders of their own if need be; other files are not read.

    Raises:
        BenchmarkFolderError: there is no such folder, no file in it, or a file without prompts.
    """
    if not folder.is_dir():
        raise BenchmarkFolderError(
            f"exports.decontaminate: {folder} is no folder; expected one with benchmarks"
        )
    files = sorted(path for path in folder.rglob("*") if path.suffix in ENDINGS and path.is_file())
    if not files:
        raise BenchmarkFolderError(
            f"exports.decontaminate: {folder} has no file that ends with {', '.join(ENDINGS)}"
        )
    return Benchmarks({path.relative_to(folder).as_posix(): _prompts(path) for path in files})


def _prompts(path: Path) -> list[str]:
    try:
        found = [text for row in _rows(path) for text in _texts_of(row) if text.strip()]
    except (OSError, ValueError, csv.Error) as error:
        raise BenchmarkFolderError(
            f"exports.decontaminate: {path} cannot be read: {reason_of(error)}"
        ) from None
    if not found:
        raise BenchmarkFolderError(
            f"exports.decontaminate: {path} has no prompt; expected rows with one of {', '.join(COLUMNS)}"
        )
    return found


def _rows(path: Path) -> Iterator[JsonValue]:
    if path.suffix == ".parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            table = pq.read_table(path)
        except pa.ArrowException as error:
            raise ValueError(error) from None
        names = [name for name in table.column_names if name in COLUMNS]
        yield from table.select(names).to_pylist()
        return
    text = read_text(path, MAX_BYTES)
    if path.suffix == ".jsonl":
        yield from (json.loads(line) for line in text.split("\n") if line.strip())
    elif path.suffix == ".csv":
        csv.field_size_limit(MAX_BYTES)  # of the whole process: 131,072 characters without it
        yield from csv.DictReader(io.StringIO(text))
    elif path.suffix == ".txt":
        yield from text.splitlines()
    else:
        yield from _rows_of(json.loads(text))


def _rows_of(whole: JsonValue) -> list[JsonValue]:
    """Return the rows of a JSON document: a list of them, an object of such lists, or a single row."""
    if isinstance(whole, list):
        return whole
    if not isinstance(whole, dict) or any(whole.get(name) is not None for name in COLUMNS):
        return [whole]
    return [row for some in whole.values() if isinstance(some, list) for row in some]


def _texts_of(row: JsonValue) -> Iterator[str]:
    """Yield the texts of users in a row, a message, or a list of them."""
    if isinstance(row, str):
        yield row
    elif isinstance(row, list):
        for inner in row:
            yield from _texts_of(inner)
    elif isinstance(row, dict) and row.get("role", "user") in ("user", "human"):
        for name in COLUMNS:
            if row.get(name) is not None:
                yield from _texts_of(row[name])
