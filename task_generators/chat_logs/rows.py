"""Opens a chat-log file as a stream of rows, whatever it is packed in."""

from __future__ import annotations

import gzip
import json
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from workspaces.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_LINE_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a file: its number (from 1), and what it holds or why it cannot be read."""

    number: int
    value: dict[str, Any] | None
    problem: str | None = None


def open_rows(path: Path) -> Iterator[Row]:
    """Yield the rows of a ``.jsonl``, ``.jsonl.gz``, ``.json`` (one array) or ``.parquet`` file, streamed.

    Raises:
        UsageError: the file does not exist, cannot be opened, or is of no known kind.
    """
    if not path.is_file():
        raise UsageError(f"{path} is not a file")
    suffixes = [suffix.lower() for suffix in path.suffixes]
    try:
        if suffixes[-1:] == [".parquet"]:
            yield from _parquet_rows(path)
        elif suffixes[-1:] == [".json"]:
            yield from _json_rows(path)
        elif is_jsonl(path):
            yield from (parsed(number, line) for number, line in jsonl_lines(path))
        else:
            raise UsageError(
                f"{path}: unknown kind of file; known: .jsonl, .jsonl.gz, .ndjson, .json, .parquet"
            )
    except (OSError, EOFError, zlib.error, pa.ArrowException) as error:
        raise UsageError(f"{path} cannot be read: {error}") from None


def is_jsonl(path: Path) -> bool:
    """Return whether a file holds one JSON object a line, by its name."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    return suffixes[-1:] in ([".jsonl"], [".ndjson"]) or suffixes[-2:] in (
        [".jsonl", ".gz"],
        [".ndjson", ".gz"],
    )


def jsonl_lines(path: Path) -> Iterator[tuple[int, bytes | None]]:
    """Yield the lines of a JSONL file that hold anything, with their numbers; None for one that is too long.

    Raises:
        UsageError: the file cannot be opened or unpacked.
    """
    try:
        with gzip.open(path, "rb") if path.suffix.lower() == ".gz" else path.open("rb") as file:
            number = 0
            while line := file.readline(MAX_LINE_BYTES):
                number += 1
                if len(line) == MAX_LINE_BYTES and not line.endswith(b"\n"):
                    while (rest := file.readline(MAX_LINE_BYTES)) and not rest.endswith(b"\n"):
                        pass
                    yield number, None
                elif line.strip():
                    yield number, line
    except (OSError, EOFError, zlib.error) as error:
        raise UsageError(f"{path} cannot be read: {error}") from None


def parsed(number: int, line: bytes | None) -> Row:
    """Return what a line of a JSONL file holds, or why it cannot be read."""
    if line is None:
        return Row(number, None, f"longer than {MAX_LINE_BYTES} bytes")
    try:
        value = json.loads(line)
    except UnicodeDecodeError:
        return Row(number, None, "not UTF-8")
    except (ValueError, RecursionError) as error:
        return Row(number, None, f"not JSON: {error}")
    return _checked(number, value)


def _checked(number: int, value: object) -> Row:
    if not isinstance(value, dict):
        return Row(number, None, f"not an object but {type(value).__name__}")
    return Row(number, value)


def _json_rows(path: Path) -> Iterator[Row]:
    try:
        values = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is not JSON: {error}") from None
    if not isinstance(values, list):
        raise UsageError(f"{path} must hold an array of conversations; for one object a line, name it .jsonl")
    yield from (_checked(number, value) for number, value in enumerate(values, start=1))


def _parquet_rows(path: Path) -> Iterator[Row]:
    number = 0
    for batch in pq.ParquetFile(path).iter_batches(batch_size=512):
        for value in batch.to_pylist():
            number += 1
            yield Row(number, value)
