"""The ShareLM collection, as released: one linear conversation a row.

In the released files a missing value is ``""`` and booleans are strings. Source: ShareLM, section 4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from task_generators.chat_logs.readers.fields import clean, mapping, text, timestamp
from task_generators.chat_logs.readers.reading import Reading, RowError
from workspaces.records import Conversation, Message, Role

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = "sharelm"
COLUMNS = frozenset({"conversation_id", "conversation", "model_name", "source"})
"""A row with these columns is ShareLM's."""

MAX_MESSAGES = 10_000
MAX_CHARACTERS = 5_000_000
MAX_ID_CHARACTERS = 512

_ROLES = {
    "system": Role.SYSTEM,
    "user": Role.USER,
    "human": Role.USER,
    "prompter": Role.USER,
    "assistant": Role.ASSISTANT,
    "bot": Role.ASSISTANT,
    "gpt": Role.ASSISTANT,
    "model": Role.ASSISTANT,
    "tool": Role.TOOL,
}


def read(row: Mapping[str, Any]) -> Reading:
    """Read one row. ``giver_id`` is the ``user_id`` of the file: the caller replaces it by a pseudonym.

    Raises:
        RowError: the row lacks an id or its turns, or they are not what they should be.
    """
    conversation_id = text(row.get("conversation_id"))
    if not conversation_id:
        raise RowError("conversation_id is missing")
    if len(conversation_id) > MAX_ID_CHARACTERS:
        raise RowError(f"conversation_id is longer than {MAX_ID_CHARACTERS} characters")
    turns = row.get("conversation")
    if not isinstance(turns, list) or not turns:
        raise RowError("conversation is not a list of turns")
    if len(turns) > MAX_MESSAGES:
        raise RowError(f"conversation has more than {MAX_MESSAGES} turns")
    model_name = text(row.get("model_name"))
    metadata = mapping(row.get("conversation_metadata"))
    messages = _messages(conversation_id, turns, model_name)
    conversation = Conversation(
        id=conversation_id,
        messages=messages,
        source=text(row.get("source")) or NAME,
        model_name=model_name,
        giver_id=text(row.get("user_id")),
        timestamp=timestamp(row.get("timestamp")),
        licence=text(row.get("licence")) or text(row.get("license")),
        language=text(metadata.get("language")),
        user_metadata=mapping(row.get("user_metadata")),
        conversation_metadata=metadata,
    )
    return Reading(conversation)


def _messages(conversation_id: str, turns: list[Any], model_name: str | None) -> tuple[Message, ...]:
    messages: list[Message] = []
    for index, turn in enumerate(turns):
        if not isinstance(turn, dict) or not isinstance(turn.get("content"), str):
            raise RowError(f"a turn has no text: turn {index}")
        role = _ROLES.get(str(turn.get("role")).lower())
        if role is None:
            raise RowError(f"a turn has an unknown role: {str(turn.get('role'))[:40]!r} in turn {index}")
        messages.append(
            Message(
                id=f"{conversation_id}#{index}",
                parent_id=messages[-1].id if messages else None,
                role=role,
                content=clean(turn["content"]),
                model_name=model_name if role is Role.ASSISTANT else None,
            )
        )
    if sum(len(message.content) for message in messages) > MAX_CHARACTERS:
        raise RowError(f"conversation is longer than {MAX_CHARACTERS} characters")
    if not any(message.content.strip() for message in messages):
        raise RowError("every turn is empty")
    return tuple(messages)
