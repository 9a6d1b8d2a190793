"""The messages of OpenAI's chat-completions protocol, as in fine-tuning files and request logs.

Content is a string or a list of parts; the system prompt and the tools may stand in columns of their own, as in
requests to Anthropic. Messages of which two answer the same one (``id``, ``parent_id``), as in the trees of our own
exports, are a tree; of all others the order says what they answer.
"""

from __future__ import annotations

from task_generators.chat_logs.readers.fields import language, licence, mapping, person, text, timestamp
from task_generators.chat_logs.readers.reading import Reading, RowValue
from task_generators.chat_logs.readers.trees import tree_or_none, unread_names
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
    MESSAGE_ID,
    METADATA,
    MODEL,
    PARENT,
    SOURCE,
    TIME,
    TOOLS,
)
from workspaces.records import Conversation

NAME = "openai"
COLUMNS = frozenset({"messages"})
PRECEDENCE = 50
READS = {
    "conversation_id|id": ID,
    "system": CONTENT,
    **turn_reads("messages"),
    "messages[].id": MESSAGE_ID,
    "messages[].parent_id": PARENT,
    "tools": TOOLS,
    "model": MODEL,
    "source": SOURCE,
    "user|user_id": GIVER,
    "timestamp|created": TIME,
    "licence|license": LICENCE,
    "language": LANGUAGE,
    "metadata": METADATA,
}


def read(row: RowValue) -> Reading:
    """Read one row.

    Raises:
        RowError: the row lacks its messages, or one is malformed.
    """
    conversation_id = identifier_or_none(row, "conversation_id", "id", prefix=f"{NAME}-")
    model_name = text(row.get("model"))
    turns = with_system(row, turns_of(row, "messages"))
    messages = chain(conversation_id, turns, model_name)
    tree = tree_or_none(messages, turns)
    return Reading(
        Conversation(
            id=conversation_id,
            messages=messages if tree is None else tree,
            source=text(row.get("source")) or NAME,
            model_name=model_name,
            giver_id=person(row.get("user")) or person(row.get("user_id")),
            timestamp=timestamp(row.get("timestamp")) or timestamp(row.get("created")),
            licence=licence(row, None),
            language=language(row.get("language")),
            conversation_metadata={**mapping(row.get("metadata")), **tools_of(row)},
        ),
        losses=unread_names(turns, "messages") if tree is None else (),
    )
