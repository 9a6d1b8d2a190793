"""What an exchange adds to a chat that is stored: the common beginning stays as it is stored.

A program sends the whole chat with each request, and may send it back a little differently: without the reasoning, or
with other white space at the ends. An id is a keyed hash of all that was said, so equal ids are the same message.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from itertools import count
from typing import TYPE_CHECKING

from chatfeedback.steps.chat_messages import conversation_of
from workspaces.privacy.placeholders import PLACEHOLDER

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterable, Mapping

    from workspaces.records import Conversation, Message
    from workspaces.store.chat_exchanges import Exchange


def continued(exchange: Exchange, stored: Mapping[str, Message]) -> Conversation:
    """Return the conversation of an exchange that has messages, continuing what is stored of it.

    Args:
        exchange: its placeholders are numbered on their own.
        stored: the messages that are known of its conversation, by id.

    Returns:
        The stored messages up to the last known one, and those that follow, whose placeholders continue the numbers.
    """
    text = exchange.messages or ""
    path = _read(exchange, text)
    known = [place for place, message in enumerate(path.messages) if message.id in stored]
    if not known:
        return path
    common = [
        (message, stored[message.id]) for message in path.messages[: known[-1] + 1] if message.id in stored
    ]
    path = _read(exchange, PLACEHOLDER.sub(_renumbering(common, stored.values()), text))
    beginning = [stored[path.messages[known[-1]].id]]
    while (parent := stored.get(beginning[-1].parent_id or "")) is not None:
        beginning.append(parent)
    return replace(path, messages=(*reversed(beginning), *path.messages[known[-1] + 1 :]))


def _read(exchange: Exchange, text: str) -> Conversation:
    return conversation_of(text, exchange.conversation_id, exchange.person_id, exchange.answered_at)


def _renumbering(
    common: Iterable[tuple[Message, Message]], stored: Iterable[Message]
) -> Callable[[re.Match[str]], str]:
    """Return what gives placeholders their stored numbers, and new ones numbers that are free."""
    renamed: dict[str, str] = {}
    for message, twin in common:
        for theirs, ours in ((_said(message), _said(twin)), (message.reasoning or "", twin.reasoning or "")):
            before, after = list(PLACEHOLDER.finditer(theirs)), list(PLACEHOLDER.finditer(ours))
            if [match[1] for match in before] == [match[1] for match in after]:
                for match, stored_match in zip(before, after, strict=True):
                    renamed.setdefault(match[0], stored_match[0])
    taken = {match[0] for message in stored for match in PLACEHOLDER.finditer(_whole(message))}

    def rename(match: re.Match[str]) -> str:
        placeholder = match[0]
        if placeholder not in renamed:
            numbered = (f"[{match[1]}_{number}]" for number in count(1))
            free = (candidate for candidate in numbered if candidate not in taken)
            renamed[placeholder] = placeholder if placeholder not in taken else next(free)
            taken.add(renamed[placeholder])
        return renamed[placeholder]

    return rename


def _said(message: Message) -> str:
    """Return all texts of a message but its reasoning: what its id stands for."""
    return _whole(replace(message, reasoning=None))


def _whole(message: Message) -> str:
    return json.dumps(asdict(replace(message, generated=None)))
