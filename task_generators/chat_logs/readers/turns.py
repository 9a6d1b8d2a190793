"""Makes messages from a list of turns, the shape of most logs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from task_generators.chat_logs.readers.fields import clean, text
from task_generators.chat_logs.readers.reading import RowError, RowValue
from workspaces.records import Message, Role

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MAX_MESSAGES = 10_000
MAX_CHARACTERS = 5_000_000
MAX_ID_CHARACTERS = 512

ROLES = {
    "system": Role.SYSTEM,
    "developer": Role.SYSTEM,
    "user": Role.USER,
    "human": Role.USER,
    "prompter": Role.USER,
    "assistant": Role.ASSISTANT,
    "bot": Role.ASSISTANT,
    "chatgpt": Role.ASSISTANT,
    "gpt": Role.ASSISTANT,
    "bing": Role.ASSISTANT,
    "bard": Role.ASSISTANT,
    "model": Role.ASSISTANT,
    "tool": Role.TOOL,
    "function": Role.TOOL,
}
"""Roles by the names that logs use."""


def identifier(row: RowValue, *columns: str, prefix: str = "") -> str:
    """Return ``prefix`` and the first id that a row has in one of ``columns``.

    Raises:
        RowError: the row has no id, or the id is too long.
    """
    row_id = next((value for column in columns if (value := text(row.get(column)))), None)
    if row_id is None:
        raise RowError(f"{columns[0]} is missing")
    if len(row_id) > MAX_ID_CHARACTERS:
        raise RowError(f"{columns[0]} is longer than {MAX_ID_CHARACTERS} characters")
    return prefix + row_id


def identifier_or_none(row: RowValue, *columns: str, prefix: str = "") -> str:
    """Return the result of ``identifier``, or ``""`` for a row without id; ``identify`` adds one made of the text."""
    has_id = any(text(row.get(column)) for column in columns)
    return identifier(row, *columns, prefix=prefix) if has_id else ""


def turns_of(row: RowValue, column: str) -> list[object]:
    """Return the list of turns in a column.

    Raises:
        RowError: the column is no list, or the list is empty or too long.
    """
    turns = row.get(column)
    if isinstance(turns, dict):  # Hugging Face stores a sequence of objects as an object of lists
        turns = _zipped(turns)
    if not isinstance(turns, list) or not turns:
        raise RowError(f"{column} is not a list of turns")
    if len(turns) > MAX_MESSAGES:
        raise RowError(f"{column} has more than {MAX_MESSAGES} turns")
    return turns


def _zipped(columns: dict[str, object]) -> list[dict[str, object]] | None:
    lists = [column for column in columns.values() if isinstance(column, list)]
    if not lists or len(lists) < len(columns) or len({len(column) for column in lists}) > 1:
        return None
    return [dict(zip(columns, values, strict=True)) for values in zip(*lists, strict=True)]


def chain(
    conversation_id: str,
    turns: Iterable[object],
    model_name: str | None,
    *,
    role: str = "role",
    content: str = "content",
) -> tuple[Message, ...]:
    """Return one message per turn, each the child of the one before; their ids are ``CONVERSATION#NUMBER``.

    Args:
        conversation_id: the id of the conversation; may be empty (``identify`` completes it).
        turns: dictionaries with the speaker under the key ``role`` and the text under the key ``content``.
        model_name: the model of the answers, unless a turn has a ``model_name`` of its own.
        role: the key of the speaker.
        content: the key of the text.

    Raises:
        RowError: a turn has no text or an unknown role, or all of them are empty or too long.
    """
    messages: list[Message] = []
    parent_id = None
    for index, turn in enumerate(turns):
        if not isinstance(turn, dict) or not isinstance(turn.get(content), str):
            raise RowError(f"a turn has no text: turn {index}")
        speaker = role_of(turn.get(role), index)
        message_id = f"{conversation_id}#{index}"
        messages.append(
            Message(
                id=message_id,
                parent_id=parent_id,
                role=speaker,
                content=clean(turn[content]),
                model_name=(text(turn.get("model_name")) or model_name)
                if speaker is Role.ASSISTANT
                else None,
            )
        )
        parent_id = message_id
    return checked(messages)


def role_of(name: object, index: int) -> Role:
    """Return the role of the speaker in turn ``index``.

    Raises:
        RowError: the name is unknown.
    """
    role = ROLES.get(str(name).lower())
    if role is None:
        raise RowError(f"a turn has an unknown role: {str(name)[:40]!r} in turn {index}")
    return role


def checked(messages: Sequence[Message]) -> tuple[Message, ...]:
    """Return the messages after checking that they are neither all empty nor too long.

    Raises:
        RowError: every turn is empty, or there are too many turns or characters.
    """
    if len(messages) > MAX_MESSAGES:
        raise RowError(f"conversation has more than {MAX_MESSAGES} turns")
    if sum(len(message.content) for message in messages) > MAX_CHARACTERS:
        raise RowError(f"conversation is longer than {MAX_CHARACTERS} characters")
    if not any(message.content.strip() for message in messages):
        raise RowError("every turn is empty")
    return tuple(messages)
