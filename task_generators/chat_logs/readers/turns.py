"""Makes messages of the list of turns that most logs are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
"""Who speaks, by the names that logs use."""


def identifier(row: RowValue, *columns: str, prefix: str = "") -> str:
    """Return the first id that a row has in one of ``columns``, behind ``prefix``.

    Raises:
        RowError: it has none, or one that is too long.
    """
    found = next((value for column in columns if (value := text(row.get(column)))), None)
    if found is None:
        raise RowError(f"{columns[0]} is missing")
    if len(found) > MAX_ID_CHARACTERS:
        raise RowError(f"{columns[0]} is longer than {MAX_ID_CHARACTERS} characters")
    return prefix + found


def identifier_or_none(row: RowValue, *columns: str, prefix: str = "") -> str:
    """Return what ``identifier`` does, or ``""`` where a row has no id: it gets one made of its text."""
    return identifier(row, *columns, prefix=prefix) if any(text(row.get(each)) for each in columns) else ""


def turns_of(row: RowValue, column: str) -> list[Any]:
    """Return the list of turns in a column.

    Raises:
        RowError: there is none, it is empty, or too long.
    """
    turns = row.get(column)
    if isinstance(turns, dict):  # a Hugging Face sequence of objects is stored as an object of lists
        turns = _zipped(turns)
    if not isinstance(turns, list) or not turns:
        raise RowError(f"{column} is not a list of turns")
    if len(turns) > MAX_MESSAGES:
        raise RowError(f"{column} has more than {MAX_MESSAGES} turns")
    return turns


def _zipped(columns: dict[str, Any]) -> list[dict[str, Any]] | None:
    lists = [each for each in columns.values() if isinstance(each, list)]
    if not lists or len(lists) < len(columns) or len({len(each) for each in lists}) > 1:
        return None
    return [dict(zip(columns, values, strict=True)) for values in zip(*lists, strict=True)]


def chain(
    conversation_id: str,
    turns: Iterable[Any],
    model_name: str | None,
    *,
    role: str = "role",
    content: str = "content",
) -> tuple[Message, ...]:
    """Return one message a turn, each the answer to the one before; their ids are ``CONVERSATION#NUMBER``.

    Args:
        conversation_id: may be empty (``identify`` completes it).
        turns: dictionaries, with speaker and text under the keys ``role`` and ``content``.
        model_name: who wrote the answers, unless a turn has a ``model_name`` of its own.
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
    """Return who speaks in turn ``index``.

    Raises:
        RowError: nobody known has this name.
    """
    role = ROLES.get(str(name).lower())
    if role is None:
        raise RowError(f"a turn has an unknown role: {str(name)[:40]!r} in turn {index}")
    return role


def checked(messages: Sequence[Message]) -> tuple[Message, ...]:
    """Return the messages, once they are known to say something and not too much.

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
