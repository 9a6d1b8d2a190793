"""Chats in a column ``conversation`` that are of no known source: turns in any of the usual writings, id optional."""

from __future__ import annotations

from task_generators.chat_logs.readers.fields import language, licence, mapping, person, text, timestamp
from task_generators.chat_logs.readers.reading import Reading, RowValue
from task_generators.chat_logs.readers.turn_columns import turns as turn_reads
from task_generators.chat_logs.readers.turns import (
    chain,
    identifier_or_none,
    tools_of,
    turns_of,
    with_system,
)
from task_generators.chat_logs.readers.uses import (
    CONTENT,
    GIVER,
    ID,
    LANGUAGE,
    LICENCE,
    METADATA,
    MODEL,
    SOURCE,
    TIME,
    TOOLS,
)
from workspaces.records import Conversation

NAME = "conversation"
COLUMNS = frozenset({"conversation"})
PRECEDENCE = 25
READS = {
    "conversation_id|conversation_hash|id": ID,
    "system": CONTENT,
    **turn_reads("conversation"),
    "tools": TOOLS,
    "model|model_name": MODEL,
    "source": SOURCE,
    "user_id|user": GIVER,
    "timestamp|created": TIME,
    "licence|license": LICENCE,
    "language": LANGUAGE,
    "metadata": METADATA,
}


def read(row: RowValue) -> Reading:
    """Read one row.

    Raises:
        RowError: the row lacks its turns, or a turn is malformed.
    """
    conversation_id = identifier_or_none(row, "conversation_id", "conversation_hash", "id", prefix=f"{NAME}-")
    model_name = text(row.get("model")) or text(row.get("model_name"))
    turns = with_system(row, turns_of(row, "conversation"))
    return Reading(
        Conversation(
            id=conversation_id,
            messages=chain(conversation_id, turns, model_name),
            source=text(row.get("source")) or NAME,
            model_name=model_name,
            giver_id=person(row.get("user_id")) or person(row.get("user")),
            timestamp=timestamp(row.get("timestamp")) or timestamp(row.get("created")),
            licence=licence(row, None),
            language=language(row.get("language")),
            conversation_metadata={**mapping(row.get("metadata")), **tools_of(row)},
        )
    )
