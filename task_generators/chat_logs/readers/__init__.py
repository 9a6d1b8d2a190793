"""Readers of chat-log formats, one module each, found by themselves. ``docs/adding-a-reader.md`` says how to add one.

A reader is a module with ``NAME``, ``COLUMNS``, ``READS`` and ``read(row)``. It may have ``IGNORES``, ``PRECEDENCE``
where several readers know a row, ``matches(row)`` where columns alone do not identify the format, ``LICENCE`` of its
source, ``COMPANION`` (a file to join), ``group_key(row)`` or ``begins(row)``, and ``read_group(rows)``, where several
rows make one conversation.
"""

from task_generators.chat_logs.readers.columns import Loss
from task_generators.chat_logs.readers.feedback import Feedback
from task_generators.chat_logs.readers.reading import Reading, RowError, RowValue, identify
from task_generators.chat_logs.readers.registry import (
    READERS,
    ROWS,
    TABLE_COLUMNS,
    Companion,
    Reader,
    detect,
    format_names,
    is_known,
    named,
)

__all__ = [
    "READERS",
    "ROWS",
    "TABLE_COLUMNS",
    "Companion",
    "Feedback",
    "Loss",
    "Reader",
    "Reading",
    "RowError",
    "RowValue",
    "detect",
    "format_names",
    "identify",
    "is_known",
    "named",
]
