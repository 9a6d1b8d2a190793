"""Brings the rows of one conversation together, wherever they stand in a file, without holding the file.

Rows are spilled to a temporary database file and come back sorted by conversation, so that their order does not
matter and neither does their number.
"""

from __future__ import annotations

import json
import sqlite3
import tempfile
from contextlib import closing
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from task_generators.chat_logs.readers import ROWS, RowError
from task_generators.chat_logs.sources.rows import Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import ModuleType

MAX_ROWS = 10_000
MAX_CHARACTERS = 64 * 1024 * 1024
"""Of the rows of one conversation: a file in which all rows have one key must not fill the memory."""


def grouped(rows: Iterable[Row], reader: ModuleType) -> Iterator[Row]:
    """Yield one row for each conversation, ``{ROWS: [...]}``, in the order of their keys.

    A row that cannot be read, that the reader finds no key for, or that is one too many, comes by itself with its
    problem.

    Args:
        rows: the rows of a source.
        reader: a reader with ``group_key``.
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
                key = reader.group_key(row.value)
            except RowError as error:
                yield Row(row.number, None, str(error))
                continue
            # ASCII JSON: a lone surrogate is kept; a time of a Parquet file becomes text, which readers know
            spilled = (key, row.number, json.dumps(row.value, default=str))
            spill.execute("INSERT INTO spilled VALUES (?, ?, ?)", spilled)
        spill.execute("COMMIT")
        found = spill.execute("SELECT key, number, value FROM spilled ORDER BY key, number")
        for _, members in groupby(found, key=lambda member: member[0]):
            yield from _group(members)


def _group(members: Iterable[tuple[str, int, str]]) -> Iterator[Row]:
    values: list[object] = []
    numbers: list[int] = []
    size = 0
    for _, number, value in members:
        size += len(value)
        if values and (len(values) == MAX_ROWS or size > MAX_CHARACTERS):
            problem = f"its conversation has more than {MAX_ROWS} rows or {MAX_CHARACTERS} characters"
            yield Row(number, None, problem)
            continue
        values.append(json.loads(value))
        numbers.append(number)
    yield Row(numbers[0], {ROWS: values}, numbers=tuple(numbers))
