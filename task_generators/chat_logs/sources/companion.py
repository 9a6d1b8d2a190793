"""Joins a file that stands beside a log, such as a survey of the people who wrote it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from task_generators.chat_logs.readers.fields import text
from task_generators.chat_logs.sources.rows import rows_in
from workspaces.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from task_generators.chat_logs.sources.rows import Row
    from task_generators.chat_logs.sources.source import Source

MAX_ROWS = 1_000_000
"""Of a companion: it is held in memory, because a log names its people in any order."""


def joined(source: Source, reader: ModuleType) -> Callable[[Row], Row] | None:
    """Return what adds the companion's row to a row; None where the format or the folder has no companion.

    Raises:
        UsageError: the companion cannot be read, or has more than ``MAX_ROWS`` rows.
    """
    if not hasattr(reader, "COMPANION"):
        return None
    column, name, key = reader.COMPANION
    path = source.beside(name)
    if path is None:
        return None
    found: dict[str, dict[str, Any]] = {}
    for row in rows_in(path, {}):
        if row.number > MAX_ROWS:
            raise UsageError(f"{path} has more than {MAX_ROWS} rows")
        if row.value is not None and (person := text(row.value.get(key))):
            found[person] = row.value

    def join(row: Row) -> Row:
        said = None if row.value is None else found.get(text(row.value.get(key)) or "")
        return row if said is None or row.value is None else replace(row, value={column: said, **row.value})

    return join
