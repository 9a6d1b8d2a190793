"""Groups the rows of one conversation, wherever they are in a source, without holding the source in memory.

Rows are written to a temporary database file and read back sorted by conversation, so neither their order nor
their number matters.
"""

from __future__ import annotations

import json
import sqlite3
import tempfile
from contextlib import closing
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

from task_generators.chat_logs.readers import ROWS, RowError
from task_generators.chat_logs.sources.rows import TOO_DEEP, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from task_generators.chat_logs.readers import Reader, RowValue

MAX_ROWS = 10_000
MAX_CHARACTERS = 16 * 1024 * 1024
"""Of the rows of one conversation: a file whose rows all have one key must not exhaust the memory."""


def together(rows: Iterable[Row], reader: Reader) -> Iterator[Row]:
    """Yield the rows as a reader reads them: one per conversation where several make one, or else as they are."""
    if reader.group_key is not None:
        return grouped(rows, reader.group_key)
    if reader.begins is not None:
        return in_stretches(rows, reader.begins)
    return iter(rows)


def grouped(rows: Iterable[Row], group_key: Callable[[RowValue], str]) -> Iterator[Row]:
    """Yield one row per conversation, ``{ROWS: [...]}``, sorted by key.

    A row that cannot be read, has no key, or exceeds the maximum of its conversation comes by itself with its
    problem.

    Args:
        rows: the rows of a source.
        group_key: returns the key of a row's conversation; raises RowError where the row has none.
    """
    with (
        tempfile.TemporaryDirectory(prefix="chatfeedback-") as folder,
        closing(sqlite3.connect(Path(folder) / "rows.db", isolation_level=None)) as spill,
    ):
        spill.execute("PRAGMA journal_mode=OFF")
        spill.execute("PRAGMA synchronous=OFF")
        spill.execute("PRAGMA temp_store=FILE")
        spill.execute("CREATE TABLE spilled (key TEXT, number INTEGER, value TEXT)")
        spill.execute("BEGIN")
        for row in rows:
            if row.value is None:
                yield row
                continue
            try:
                key = group_key(row.value)
            except RowError as error:
                yield Row(row.number, None, str(error))
                continue
            try:
                # ASCII JSON keeps a lone surrogate; a time of a Parquet file becomes text, which readers parse
                spilled = (key, row.number, json.dumps(row.value, default=str))
            except RecursionError:
                yield Row(row.number, None, TOO_DEEP)
                continue
            spill.execute("INSERT INTO spilled VALUES (?, ?, ?)", spilled)
        spill.execute("COMMIT")
        sorted_rows = spill.execute("SELECT key, number, value FROM spilled ORDER BY key, number")
        for _, group in groupby(sorted_rows, key=itemgetter(0)):
            yield from _combined(group)


def in_stretches(rows: Iterable[Row], begins: Callable[[RowValue], bool]) -> Iterator[Row]:
    """Yield one row per conversation, ``{ROWS: [...]}``: a row that begins one, and those up to the next such row.

    A row that cannot be read, or exceeds the maximum of its conversation, comes by itself with its problem.

    Args:
        rows: the rows of a source.
        begins: returns whether a conversation begins with a row.
    """
    values: list[object] = []
    numbers: list[int] = []
    size = 0
    for row in rows:
        if row.value is None:
            yield row
            continue
        if values and begins(row.value):
            yield Row(numbers[0], {ROWS: values}, numbers=tuple(numbers))
            values, numbers, size = [], [], 0
        try:
            size += len(json.dumps(row.value, default=str))
        except RecursionError:
            yield Row(row.number, None, TOO_DEEP)
            continue
        if values and (len(values) == MAX_ROWS or size > MAX_CHARACTERS):
            yield Row(row.number, None, _too_many())
            continue
        values.append(row.value)
        numbers.append(row.number)
    if values:
        yield Row(numbers[0], {ROWS: values}, numbers=tuple(numbers))


def _too_many() -> str:
    return f"its conversation has more than {MAX_ROWS} rows or {MAX_CHARACTERS} characters"


def _combined(group: Iterable[tuple[str, int, str]]) -> Iterator[Row]:
    values: list[object] = []
    numbers: list[int] = []
    size = 0
    for _, number, value in group:
        size += len(value)
        if values and (len(values) == MAX_ROWS or size > MAX_CHARACTERS):
            yield Row(number, None, _too_many())
            continue
        values.append(json.loads(value))
        numbers.append(number)
    yield Row(numbers[0], {ROWS: values}, numbers=tuple(numbers))
