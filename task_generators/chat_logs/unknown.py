"""What to say of a source that no reader knows: the format that comes closest, and how to have it read."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from task_generators.chat_logs.readers import READERS, TABLE_COLUMNS, format_names
from task_generators.chat_logs.sources.files import kind_of
from workspaces.errors import ConnectionFailedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from task_generators.chat_logs.sources import Source

_MEANT = {
    "prompt": (
        "prompt",
        "question",
        "query",
        "input",
        "user",
        "human",
        "instruction",
        "request",
        "message",
        "frage",
    ),
    "response": (
        "response",
        "answer",
        "reply",
        "output",
        "assistant",
        "completion",
        "bot",
        "model",
        "ai",
        "antwort",
    ),
}
"""Words in the names of columns that tables of prompts and responses use instead of ours."""

MOST_NAMES = 12


def unknown_format(source: Source, first_reason: str) -> UsageError:
    """Return the error for a source of which no reader knows a row; it says what to do."""
    columns = _columns(source)
    cure = _map_columns(columns) if _is_table(source) else _rename(columns)
    return UsageError(
        f"{source.address}: no reader knows its rows ({first_reason}). {cure}. 'ingest --check' shows where each "
        f"column would go; if it is one of these formats, name it with --format: {', '.join(format_names())}"
    )


def _map_columns(columns: list[str]) -> str:
    """Return how to map the columns of a table, by the names that look like ours."""
    mapped = {
        ours: next(_alike(columns, words), f"COLUMN-OF-{ours.upper()}S") for ours, words in _MEANT.items()
    }
    written = ", ".join(f"{ours}: {theirs!r}" for ours, theirs in mapped.items())
    return (
        f"Map its columns in chatfeedback.yaml, such as chat_logs: {{csv_columns: {{{written}}}}}; ours are "
        f"{', '.join(TABLE_COLUMNS)}"
    )


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


def _alike(columns: Iterable[str], words: tuple[str, ...]) -> Iterator[str]:
    """Yield the columns whose names contain one of the words, by the order of the words."""
    names = list(columns)
    return (name for word in words for name in names if word in name.casefold())


def _columns(source: Source) -> list[str]:
    with suppress(UsageError, ConnectionFailedError):
        for row in source.rows():
            if row.value is not None:
                return list(row.value)[:MOST_NAMES]
    return []


def _is_table(source: Source) -> bool:
    return kind_of(Path(source.address)) in (".csv", ".tsv")
