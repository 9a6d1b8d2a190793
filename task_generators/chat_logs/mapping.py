"""Refuses a mapping of columns that names a column which a table does not have."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from task_generators.chat_logs.readers import TABLE_COLUMNS
from task_generators.chat_logs.sources import Source, is_readable
from workspaces.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable

CLOSE = 0.7
"""From this share of equal letters on, a name is taken for another one that was mistyped."""

MOST_NAMES = 30


def check_mapping(source: Source) -> None:
    """Refuse a mapping that names a column which a table of the source does not have.

    A table that is read without the mapping is of another shape: there a missing column is a fault only where other
    mapped columns are found, and its name is close to that of a column. The same counts for tables in a folder, some
    of which may be no chats.

    Raises:
        ConfigurationError: a mapped column is missing.
        UsageError: a table cannot be opened.
    """
    if not source.mapped:
        return
    for file, columns in source.tables().items():
        missing = [
            theirs for ours, theirs in source.mapped.items() if theirs not in columns and ours not in columns
        ]
        if not missing or not columns:
            continue
        free = [name for name in columns if name not in source.mapped.values() and name not in TABLE_COLUMNS]
        meant = {name: _closest(name, free) for name in missing}
        if Path(source.address).is_dir() or is_readable(Source(file, None, source.encoding)):
            if not any(theirs in columns for theirs in source.mapped.values()):
                continue
            missing = [name for name in missing if meant[name] is not None]
        if missing:
            raise ConfigurationError(_said(file, columns, {name: meant[name] for name in missing}))


def _said(file: Path, columns: list[str], meant: dict[str, str | None]) -> str:
    more = f", and {len(columns) - MOST_NAMES} more" if len(columns) > MOST_NAMES else ""
    which = "which is no column" if len(meant) == 1 else "which are no columns"
    found = [
        f"{name!r}" if len(meant) == 1 else f"{name!r} for {theirs!r}"
        for theirs, name in meant.items()
        if name
    ]
    cure = f"did you mean {', '.join(found)}?" if found else "correct it in chatfeedback.yaml, or take it out"
    return (
        f"chat_logs.csv_columns names {', '.join(map(repr, meant))}, {which} of {file}: "
        f"{', '.join(columns[:MOST_NAMES])}{more}; {cure}"
    )


def _closest(name: str, columns: Iterable[str]) -> str | None:
    by_folded = {column.casefold(): column for column in columns}
    found = get_close_matches(name.casefold(), by_folded, 1, CLOSE)
    return by_folded[found[0]] if found else None
