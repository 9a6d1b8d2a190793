"""Message ids: each stands once in a collection, because it begins with the id of its conversation.

Seed feedback, tasks, answers and corrections name a response by its message id alone. A conversation's id is unique
(the register sees to it), and so is ``CONVERSATION#OWN``, where ``OWN`` holds no ``#``. Ids of a log's own are not: two
logs number their messages from 0, and a copy of a chat keeps the ids of the original, whatever their form. So the rule
asks for nothing but the two ids. It does not depend on what else is in the file or the collection, nor on the order of
reading. What the log itself calls the message stands behind the last ``#``.

Versions before this rule stored ids of logs as they were. Such conversations keep them, because tasks and answers name
them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def is_within(conversation_id: str, message_id: str) -> bool:
    """Return whether a message id is ``CONVERSATION#OWN``."""
    return message_id.rfind("#") == len(conversation_id) and message_id.startswith(conversation_id)


def within(conversation_id: str, own_id: str) -> str:
    """Return the id in the collection of a message of a conversation; such an id itself stays.

    Args:
        conversation_id: the id of the conversation; empty where it is made later, and stands before the result.
        own_id: what the log, or an older version, calls the message; its ``#`` become ``%23``.
    """
    if is_within(conversation_id, own_id):
        return own_id
    prefix = f"{conversation_id}#"
    return prefix + own_id.removeprefix(prefix).replace("#", "%23")


def as_stored(conversation_id: str, stored: Sequence[str]) -> Mapping[str, str]:
    """Return the ids that the messages of a stored conversation have, by those that ``within`` makes of them."""
    return {
        within(conversation_id, message_id): message_id
        for message_id in stored
        if not is_within(conversation_id, message_id)
    }
