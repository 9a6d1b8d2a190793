"""ShareGPT: conversations that people shared from ChatGPT, as turns ``from`` and ``value``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from task_generators.chat_logs.readers.fields import language, licence, text, timestamp
from task_generators.chat_logs.readers.reading import Reading, RowValue
from task_generators.chat_logs.readers.turn_columns import turns as turn_reads
from task_generators.chat_logs.readers.turns import (
    chain,
    identifier_or_none,
    tools_of,
    turns_of,
    with_system,
)
from task_generators.chat_logs.readers.uses import CONTENT, ID, LANGUAGE, LICENCE, MODEL, TIME, TOOLS
from workspaces.records import Conversation

if TYPE_CHECKING:
    from pydantic import JsonValue

NAME = "sharegpt"
COLUMNS = frozenset({"conversations"})
PRECEDENCE = 60
READS = {
    "id|conversation_id": ID,
    "system": CONTENT,
    **turn_reads("conversations"),
    "tools": TOOLS,
    "model": MODEL,
    "timestamp": TIME,
    "licence|license": LICENCE,
    "language|lang": LANGUAGE,
}


def read(row: RowValue) -> Reading:
    """Read one row. Its ``id`` is optional: common copies of the set have none.

    Raises:
        RowError: the row lacks its turns, or a turn is malformed.
    """
    return Reading(conversation_of(row, NAME, None, {}))


def conversation_of(
    row: RowValue, source: str, known_licence: str | None, metadata: dict[str, JsonValue]
) -> Conversation:
    """Return the conversation of a row with the columns of ShareGPT.

    Raises:
        RowError: the row lacks its turns, or a turn is malformed.
    """
    conversation_id = identifier_or_none(row, "id", "conversation_id", prefix=f"{source}-")
    model_name = text(row.get("model"))
    turns = with_system(row, turns_of(row, "conversations"))
    return Conversation(
        id=conversation_id,
        messages=chain(conversation_id, turns, model_name),
        source=source,
        model_name=model_name,
        timestamp=timestamp(row.get("timestamp")),
        licence=licence(row, known_licence),
        language=language(row.get("language")) or language(row.get("lang")),
        conversation_metadata={**metadata, **tools_of(row)},
    )
