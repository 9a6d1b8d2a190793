"""Whether a value of a row stands in the messages that were read of it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from task_generators.chat_logs.readers.columns import CUT, UNREAD, leaves_of
from task_generators.chat_logs.readers.fields import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from task_generators.chat_logs.readers.columns import Loss
    from task_generators.chat_logs.readers.reading import Reading
    from workspaces.records import Message


_MARKS = re.compile(
    r"</?(?:think|tool_call)>|<extra_id_1>(?:User|Assistant|System)\n|"
    r"(?:\A\s*|\n\n)(?:Human|Assistant|system|user|assistant|tool):"
)
"""What stands between the reasoning, the calls and the text of a model, and between the turns of a transcript."""


def texts_held(reading: Reading, name: str) -> set[str]:
    """Return the texts that most values of a row become: of messages and of the conversation.

    Args:
        reading: what was read.
        name: the name of the format, which stands before the log's own ids.
    """
    conversation = reading.conversation
    held = {message.content for message in conversation.messages}
    held.update(message.model_name for message in conversation.messages if message.model_name)
    held.add(conversation.id.removeprefix(f"{name}-"))
    held.update(filter(None, (conversation.model_name, conversation.giver_id, conversation.language)))
    if conversation.timestamp is not None:
        held.add(conversation.timestamp.isoformat())
    return held


def _about(reading: Reading) -> Iterator[str]:
    """Yield what is known of the conversations beside their messages, and the judgments in them."""
    for each in (reading, *reading.fragments):
        conversation = each.conversation
        yield conversation.id.removeprefix(f"{conversation.source}-")
        yield from filter(
            None,
            (
                conversation.id,
                conversation.model_name,
                conversation.giver_id,
                conversation.source,
                conversation.licence,
                conversation.language,
            ),
        )
        times = [conversation.timestamp]
        for about in (conversation.conversation_metadata, conversation.user_metadata):
            for leaf in _leaves(about):
                yield from (leaf, *leaf.split(", "))  # a location is a place and a country
        for judgment in each.feedback:
            yield from judgment.values.values()
            if judgment.rater is not None:
                yield judgment.rater
            times.append(judgment.at)
        yield from (at.isoformat() for at in times if at is not None)


def _leaves(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield str(key)
            yield from _leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    elif value is not None:
        yield str(value)


def without_kept(rows: Iterable[Iterable[Loss]], reading: Reading) -> list[Loss]:
    """Return the losses whose values no message holds; of each row one of each path, because rows are counted.

    A value of a turn is kept if it is part of anything in a message. A column beside the turns, which often holds the
    prompt again, is kept if it is the whole text of a message. What the reading itself says is lost is not said again.

    Args:
        rows: the losses of each row.
        reading: what was read of the rows.
    """
    said = {loss.path.partition(" (")[0] for loss in reading.losses if loss.kind != CUT}
    messages = [message for each in (reading, *reading.fragments) for message in each.conversation.messages]
    texts = {message.content.strip() for message in messages}
    held = {text for message in messages for text in _texts(message)}
    everything = "\n".join(held)
    known = {*held, *_about(reading)}
    lost: list[Loss] = []
    for losses in rows:
        paths: set[str] = set()
        for loss in losses:
            if loss.kind == UNREAD and loss.path in paths:
                continue
            if loss.read and _is_below(loss.path, said):
                continue
            if loss.read:
                kept = loss.value in known
            elif loss.sought:
                kept = (isinstance(loss.value, str) and loss.value in held) or _is_in(loss.value, everything)
            else:
                kept = _is_one_of(loss.value, texts)
            if not kept:
                paths.add(loss.path)
                lost.append(loss)
    return lost


def _is_below(path: str, others: set[str]) -> bool:
    """Return whether one of the other paths is this one, or one above it."""
    return any(
        path.startswith(other) and path[len(other) : len(other) + 1] in ("", ".", "[") for other in others
    )


def _is_one_of(value: object, texts: set[str]) -> bool:
    return isinstance(value, str) and value.strip() in texts


def _is_in(value: object, everything: str) -> bool:
    if not isinstance(value, str):
        return json.dumps(value, default=str) in everything
    return _is_part(value, everything) or all(
        _is_part(piece, everything) for piece in _pieces(value) if piece.strip()
    )


def _is_part(text: str, everything: str) -> bool:
    text = clean(text).strip()
    return text in everything or json.dumps(text, ensure_ascii=False)[1:-1] in everything


def _pieces(text: str) -> Iterator[str]:
    """Yield the texts between the marks of reasoning, calls and turns, and those in JSON text."""
    for piece in _MARKS.split(text):
        yield from _in_json(piece)


def _in_json(text: str) -> Iterator[str]:
    if text.lstrip()[:1] in ("[", "{"):
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            pass
        else:
            yield from (str(loss.value) for loss in leaves_of("", value))
            return
    yield text


def _texts(message: Message) -> Iterator[str]:
    yield message.content
    for call in message.tool_calls:
        yield from filter(None, (call.name, call.arguments, call.id))
    for attachment in message.attachments:
        yield from filter(None, (attachment.kind, attachment.name, attachment.media_type))
    yield from filter(None, (message.reasoning, message.model_name, message.tool_call_id, message.tool_name))
