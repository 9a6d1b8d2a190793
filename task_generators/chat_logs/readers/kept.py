"""Whether a value of a row stands in the messages that were read of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from task_generators.chat_logs.readers.columns import UNREAD

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from task_generators.chat_logs.readers.columns import Loss
    from task_generators.chat_logs.readers.reading import Reading
    from workspaces.records import Message


def without_kept(rows: Iterable[Iterable[Loss]], reading: Reading) -> list[Loss]:
    """Return the losses whose values no message holds; of each row one of each path, because rows are counted.

    A value of a turn is kept if it is part of anything in a message. A column beside the turns, which often holds the
    prompt again, is kept if it is the whole text of a message.

    Args:
        rows: the losses of each row.
        reading: what was read of the rows.
    """
    messages = [message for each in (reading, *reading.fragments) for message in each.conversation.messages]
    texts = {message.content.strip() for message in messages}
    held = {text for message in messages for text in _texts(message)}
    everything = "\n".join(held)
    lost: list[Loss] = []
    for losses in rows:
        paths: set[str] = set()
        for loss in losses:
            if loss.kind == UNREAD and loss.path in paths:
                continue
            if loss.sought:
                kept = (isinstance(loss.value, str) and loss.value in held) or _is_in(loss.value, everything)
            else:
                kept = _is_one_of(loss.value, texts)
            if not kept:
                paths.add(loss.path)
                lost.append(loss)
    return lost


def _is_one_of(value: object, texts: set[str]) -> bool:
    return isinstance(value, str) and value.strip() in texts


def _is_in(value: object, everything: str) -> bool:
    if not isinstance(value, str):
        return json.dumps(value, default=str) in everything
    return value.strip() in everything or json.dumps(value, ensure_ascii=False)[1:-1] in everything


def _texts(message: Message) -> Iterator[str]:
    yield message.content
    for call in message.tool_calls:
        yield from filter(None, (call.name, call.arguments, call.id))
    for attachment in message.attachments:
        yield from filter(None, (attachment.kind, attachment.name, attachment.media_type))
    yield from filter(None, (message.reasoning, message.model_name, message.tool_call_id, message.tool_name))
