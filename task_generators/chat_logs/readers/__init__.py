"""Readers of chat-log formats, one file each. ``docs/adding-a-reader.md`` says how to add one.

A reader is a module with ``NAME``, ``COLUMNS`` and ``read(row)``. It may have ``matches(row)`` where columns alone
do not tell, ``LICENCE`` of its source, ``COMPANION`` (a file to join), ``group_key(row)`` and ``read_group(rows)``
where several rows make one conversation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from task_generators.chat_logs.readers import (
    arena,
    babi_dialog,
    collective_cognition,
    csv_messages,
    csv_pairs,
    hh_rlhf,
    lmsys,
    oasst,
    oasst_tree,
    openai,
    prism,
    self_feeding,
    sharegpt,
    sharelm,
    sharelm_plugin,
    wildchat,
)
from task_generators.chat_logs.readers.reading import Feedback, Reading, RowError, identify
from workspaces.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

READERS = (
    oasst,
    oasst_tree,
    arena,
    prism,
    sharelm_plugin,
    sharelm,
    wildchat,
    lmsys,
    hh_rlhf,
    collective_cognition,
    sharegpt,
    openai,
    babi_dialog,
    self_feeding,
    csv_messages,
    csv_pairs,
)
"""Every known format, in the order they are tried: the most special one first."""

ROWS = "rows of one conversation"
"""The one key of a row that stands for several, as ``grouped`` makes them."""


def detect(row: Mapping[str, Any]) -> ModuleType | None:
    """Return the first reader that knows the columns of a row."""
    for reader in READERS:
        if row.keys() >= reader.COLUMNS and getattr(reader, "matches", _always)(row):
            return reader
    return None


def named(name: str) -> ModuleType:
    """Return the reader of a format.

    Raises:
        UsageError: there is none of this name; the message lists those there are.
    """
    for reader in READERS:
        if name == reader.NAME:
            return reader
    raise UsageError(f"no format is called {name!r}; known: {', '.join(sorted(it.NAME for it in READERS))}")


def read(reader: ModuleType, row: Mapping[str, Any]) -> Reading:
    """Read a row, or the rows that ``grouped`` put into one.

    Raises:
        RowError: nothing of it can be read.
    """
    try:
        reading: Reading = reader.read_group(row[ROWS]) if ROWS in row else reader.read(row)
    except RecursionError:
        raise RowError("nested too deeply") from None
    return reading


def _always(_row: Mapping[str, Any]) -> bool:
    return True


__all__ = [
    "READERS",
    "ROWS",
    "Feedback",
    "Reading",
    "RowError",
    "detect",
    "identify",
    "named",
    "read",
]
