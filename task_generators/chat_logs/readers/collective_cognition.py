"""Collective Cognition: ShareGPT's turns with a title and the person's custom instruction."""

from __future__ import annotations

from task_generators.chat_logs.readers import sharegpt
from task_generators.chat_logs.readers.fields import mapping
from task_generators.chat_logs.readers.reading import Reading, RowValue
from task_generators.chat_logs.readers.sharegpt import conversation_of
from task_generators.chat_logs.readers.uses import ANY_METADATA

NAME = "collective-cognition"
COLUMNS = frozenset({"conversations", "title"})
PRECEDENCE = 70
LICENCE = "MIT"

_METADATA = ("title", "custom_instruction", "tags", "bookmarks", "views")
READS = {**sharegpt.READS, **dict.fromkeys(_METADATA, ANY_METADATA)}


def read(row: RowValue) -> Reading:
    """Read one row.

    Raises:
        RowError: the row lacks its turns, or a turn is malformed.
    """
    metadata = mapping({name: row[name] for name in _METADATA if row.get(name) is not None})
    return Reading(conversation_of(row, NAME, LICENCE, metadata))
