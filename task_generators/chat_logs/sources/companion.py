"""Joins the rows of a companion file, such as a survey of the people who wrote a log, to the rows of the log."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from task_generators.chat_logs.readers.fields import text
from task_generators.chat_logs.sources.files import rows_in
from workspaces.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from task_generators.chat_logs.readers import Companion
    from task_generators.chat_logs.sources.rows import Row
    from task_generators.chat_logs.sources.source import Source

MAX_ROWS = 1_000_000
"""Of a companion file: it is held in memory, because a log names its people in any order."""


def companion_join(source: Source, companion: Companion) -> Callable[[Row], Row] | None:
    """Return a function that adds the companion's row to a row of the log; None if there is no companion file.

    Raises:
        UsageError: the companion cannot be read, or has more than ``MAX_ROWS`` rows.
    """
    path = source.beside(companion.file_name)
    if path is None:
        return None
    companion_values: dict[str, dict[str, object]] = {}
    for companion_row in rows_in(path, {}):
        if companion_row.number > MAX_ROWS:
            raise UsageError(f"{path} has more than {MAX_ROWS} rows")
        if companion_row.value is not None and (key := text(companion_row.value.get(companion.key))):
            companion_values[key] = companion_row.value

    def join(row: Row) -> Row:
        if row.value is None:
            return row
        value = companion_values.get(text(row.value.get(companion.key)) or "")
        return row if value is None else replace(row, value={companion.column: value, **row.value})

    return join
