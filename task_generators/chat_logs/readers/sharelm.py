"""The ShareLM collection, as released: one linear conversation a row.

In the released files a missing value is ``""`` and booleans are strings. Source: ShareLM, section 4.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from workspaces.records import Conversation, Message, Role

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import JsonValue

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


class RowError(ValueError):
    """A row is not what its format says; the message is the reason, and up to its colon the kind of reason."""


def read(row: Mapping[str, Any]) -> Conversation:
    """Read one row. ``giver_id`` is the ``user_id`` of the file: the caller replaces it by a pseudonym.

    Raises:
        RowError: the row lacks an id or its turns, or they are not what they should be.
    """
    conversation_id = _text(row.get("conversation_id"))
    if not conversation_id:
        raise RowError("conversation_id is missing")
    if len(conversation_id) > MAX_ID_CHARACTERS:
        raise RowError(f"conversation_id is longer than {MAX_ID_CHARACTERS} characters")
    turns = row.get("conversation")
    if not isinstance(turns, list) or not turns:
        raise RowError("conversation is not a list of turns")
    if len(turns) > MAX_MESSAGES:
        raise RowError(f"conversation has more than {MAX_MESSAGES} turns")
    model_name = _text(row.get("model_name"))
    metadata = _mapping(row.get("conversation_metadata"))
    messages = _messages(conversation_id, turns, model_name)
    return Conversation(
        id=conversation_id,
        messages=messages,
        source=_text(row.get("source")) or NAME,
        model_name=model_name,
        giver_id=_text(row.get("user_id")),
        timestamp=_timestamp(row.get("timestamp")),
        licence=_text(row.get("licence")) or _text(row.get("license")),
        language=_text(metadata.get("language")),
        user_metadata=_mapping(row.get("user_metadata")),
        conversation_metadata=metadata,
    )


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
                content=_clean(turn["content"]),
                model_name=model_name if role is Role.ASSISTANT else None,
            )
        )
    if sum(len(message.content) for message in messages) > MAX_CHARACTERS:
        raise RowError(f"conversation is longer than {MAX_CHARACTERS} characters")
    if not any(message.content.strip() for message in messages):
        raise RowError("every turn is empty")
    return tuple(messages)


def _clean(text: str) -> str:
    """Replace what UTF-8 or PostgreSQL cannot hold: lone surrogates and NUL."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\x00", "\ufffd")


def _text(value: object) -> str | None:
    return (_clean(str(value)).strip() or None) if isinstance(value, str | int) else None


def _mapping(value: object) -> dict[str, JsonValue]:
    if not isinstance(value, dict):
        return {}
    return {_clean(str(name)): _null_or_value(item) for name, item in value.items()}


def _null_or_value(value: object) -> JsonValue:
    if isinstance(value, str):
        return {"": None, "true": True, "false": False}.get(value.lower(), _clean(value))
    if isinstance(value, dict):
        return _mapping(value)
    if isinstance(value, list):
        return [_null_or_value(item) for item in value]
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else None
    return str(value)


def _timestamp(value: object) -> datetime | None:
    """Read ISO 8601 or seconds since 1970; None for what is missing or is no time."""
    try:
        if isinstance(value, datetime):
            moment = value
        elif isinstance(value, int | float) and not isinstance(value, bool):
            moment = datetime.fromtimestamp(value, UTC)
        elif isinstance(value, str) and value.strip():
            moment = datetime.fromisoformat(value.strip())
        else:
            return None
        return (moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None
