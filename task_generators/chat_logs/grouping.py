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
from task_generators.chat_logs.rows import Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import ModuleType

MAX_ROWS = 10_000
MAX_CHARACTERS = 64 * 1024 * 1024
"""Of the rows of one conversation: a file in which all rows have one key must not fill the memory."""


def grouped(rows: Iterable[Row], reader: ModuleType) -> Iterator[Row]:
    """Yield one row for each conversation, ``{ROWS: [...]}``, in the order of their keys.

    Rows that cannot be read, that the reader finds no key for, or that are too many, come as they are, with
    their problem; the first two at once, while the file is being read.

    Args:
        rows: the rows of a file.
        reader: a reader with ``group_key``.
    """
    with (
        tempfile.TemporaryDirectory(prefix="chatfeedback-") as folder,
        closing(sqlite3.connect(Path(folder) / "rows.db", isolation_level=None)) as spill,
    ):
        spill.execute("PRAGMA journal_mode=OFF")
        spill.execute("PRAGMA synchronous=OFF")
        spill.execute("PRAGMA temp_store=FILE")
        spill.execute("CREATE TABLE spilled (key TEXT, number INTEGER, file TEXT, value TEXT)")
        spill.execute("BEGIN")
        for row in rows:
            if row.value is None:
                yield row
                continue
            try:
                key = reader.group_key(row.value)
            except RowError as error:
                yield Row(row.number, None, str(error), row.file)
                continue
            # ASCII JSON: a lone surrogate is kept; a time of a Parquet file becomes text, which readers know
            spilled = (key, row.number, row.file, json.dumps(row.value, default=str))
            spill.execute("INSERT INTO spilled VALUES (?, ?, ?, ?)", spilled)
        spill.execute("COMMIT")
        found = spill.execute("SELECT key, number, file, value FROM spilled ORDER BY key, file, number")
        for _, members in groupby(found, key=lambda member: member[0]):
            yield from _group(members)


def _group(members: Iterator[tuple[str, int, str | None, str]]) -> Iterator[Row]:
    values: list[object] = []
    places: list[tuple[str | None, int]] = []
    size = 0
    for _, number, file, value in members:
        size += len(value)
        if values and (len(values) == MAX_ROWS or size > MAX_CHARACTERS):
            problem = f"its conversation has more than {MAX_ROWS} rows or {MAX_CHARACTERS} characters"
            yield Row(number, None, problem, file)
            continue
        values.append(json.loads(value))
        places.append((file, number))
    file, number = places[0]
    yield Row(number, {ROWS: values}, file=file, places=tuple(places))
