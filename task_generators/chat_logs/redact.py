"""Takes personal data and secrets out of a conversation: out of its messages and of what is said about it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic import JsonValue

    from workspaces.privacy.redaction import Redactor
    from workspaces.records import Conversation


def redact(conversation: Conversation, redactor: Redactor) -> tuple[Conversation, Mapping[str, int]]:
    """Return the conversation with placeholders, and how many there are by type.

    The same value has the same placeholder in every message and in the metadata, such as a title.
    """
    metadata = dict(conversation.conversation_metadata)
    texts = [message.content for message in conversation.messages]
    redacted = redactor.redact([*texts, *_texts(metadata)])
    if not redacted.counts:
        return conversation, {}
    messages = tuple(
        replace(message, content=text)
        for message, text in zip(conversation.messages, redacted.texts, strict=False)
    )
    remaining = iter(redacted.texts[len(texts) :])
    said = {name: _refilled(value, remaining) for name, value in metadata.items()}
    return replace(conversation, messages=messages, conversation_metadata=said), redacted.counts


def _texts(value: JsonValue) -> Iterator[str]:
    """Yield the strings inside a value, in the order that ``_refilled`` takes them."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _refilled(value: JsonValue, texts: Iterator[str]) -> JsonValue:
    if isinstance(value, str):
        return next(texts)
    if isinstance(value, dict):
        return {name: _refilled(item, texts) for name, item in value.items()}
    if isinstance(value, list):
        return [_refilled(item, texts) for item in value]
    return value
