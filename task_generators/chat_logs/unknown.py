"""What to say of a source that no reader knows: the format that comes closest, and how to have it read."""

from __future__ import annotations

from contextlib import suppress
from difflib import SequenceMatcher
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from task_generators.chat_logs.guesses import SAMPLE, guess, may_be_texts
from task_generators.chat_logs.readers import READERS, TABLE_COLUMNS
from task_generators.chat_logs.sources.files import is_table
from workspaces.errors import ConnectionFailedError, UsageError

if TYPE_CHECKING:
    from task_generators.chat_logs.readers import Reader
    from task_generators.chat_logs.sources import Source

MOST_NAMES = 12

CLOSEST = 3
"""Formats that are named; all of them would hide what is said before."""


def unknown_format(source: Source, first_reason: str) -> UsageError:
    """Return the error for a source of which no reader knows a row; it says what to do."""
    values = _values(source.without_mapping())
    columns = list(values)
    if not columns:
        return UsageError(
            f"{source.address}: no reader knows its rows ({first_reason}), and none of the first {SAMPLE} has columns: "
            "docs/chat-logs.md lists the formats"
        )
    cure = _map_columns(values) if is_table(Path(source.address)) else _rename(columns)
    return UsageError(
        f"{source.address}: no reader knows its rows ({first_reason}). {cure}. 'ingest --check' shows where each "
        f"column would go; if you know its format, name it with --format: the closest are "
        f"{', '.join(_closest_formats(columns))}, and docs/chat-logs.md lists all"
    )


def _map_columns(values: dict[str, list[object]]) -> str:
    """Return how to map the columns of a table, as far as it has texts and these are certain."""
    shown = ", ".join(list(values)[:MOST_NAMES]) + (", ..." if len(values) > MOST_NAMES else "")
    guessed = guess(values)
    if not guessed and not any(may_be_texts(found) for found in values.values()):
        return f"None of its columns ({shown}) holds texts of prompts or responses: it is no table of chats"
    mapped = {ours: guessed.get(ours, f"COLUMN-OF-{ours.upper()}S") for ours in ("prompt", "response")}
    if named := next(filter(_names_models, values), None):
        mapped["model_name"] = named
    written = ", ".join(f"{ours}: {theirs!r}" for ours, theirs in mapped.items())
    return (
        f"Map its columns in chatfeedback.yaml, such as chat_logs: {{csv_columns: {{{written}}}}}; its columns are "
        f"{shown}; ours are {', '.join(TABLE_COLUMNS)}"
    )


def _names_models(name: str) -> bool:
    """Return whether a column names the model that answered, in one of the usual languages."""
    return name.casefold() != "model_name" and any(word in name.casefold() for word in ("model", "modèle"))


def _closest_formats(columns: list[str]) -> list[str]:
    """Return the names of the formats whose columns are most like those of a source."""
    known = [column.casefold() for column in columns[:MOST_NAMES]]

    def likeness(reader: Reader) -> float:
        alike = [
            max((SequenceMatcher(None, needed, column).ratio() for column in known), default=0.0)
            for needed in reader.columns
        ]
        return sum(alike) / (len(alike) or 1)

    return [reader.name for reader in sorted(READERS, key=likeness, reverse=True)[:CLOSEST]]


def _rename(columns: list[str]) -> str:
    """Return the format that comes closest, and what is missing of it; or the simplest one to rename the columns to."""
    known = set(columns)
    share, reader = max(
        ((len(reader.columns & known) / (len(reader.columns) or 1), reader) for reader in READERS),
        key=lambda found: found[0],
    )
    closest = ""
    if share >= 0.5:
        missing = sorted(reader.columns - known)
        lacks = f"which needs {', '.join(missing)} as well" if missing else "whose values are others"
        closest = f"The closest format is {reader.name}, {lacks}. "
    return (
        f"{closest}Rename the columns to prompt and response, or to messages, a list of {{role, content}}; or write a "
        "reader: docs/adding-a-reader.md"
    )


def _values(source: Source) -> dict[str, list[object]]:
    """Return the values of the first rows by column, without empty ones."""
    values: dict[str, list[object]] = {}
    with suppress(UsageError, ConnectionFailedError):
        values = {name: [] for names in source.tables().values() for name in names}
        for row in islice(source.rows(), SAMPLE):
            for name, value in (row.value or {}).items():
                values.setdefault(name, []).append(value)
    return values
