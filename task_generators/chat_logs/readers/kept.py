"""Whether a value of a row stands in the messages that were read of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from task_generators.chat_logs.readers.columns import Loss
    from task_generators.chat_logs.readers.reading import Reading
    from workspaces.records import Message


class Kept:
    """What the messages of a reading hold.

    Args:
        reading: the reading.
    """

    def __init__(self, reading: Reading) -> None:
        messages = [
            message for each in (reading, *reading.fragments) for message in each.conversation.messages
        ]
        self._contents = {message.content.strip() for message in messages}
        self._everything = "\n".join(text for message in messages for text in _texts(message))

    def without(self, losses: Sequence[Loss]) -> list[Loss]:
        """Return the losses whose values no message holds.

        A value of a turn is kept if it is part of anything in a message. A column beside the turns, which often holds
        the prompt again, is kept if it is the whole text of a message.
        """
        return [
            loss
            for loss in losses
            if not (
                _is_in(loss.value, self._everything)
                if loss.sought
                else _is_one_of(loss.value, self._contents)
            )
        ]


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
