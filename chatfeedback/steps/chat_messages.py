"""What a chat's messages are called, and what of an exchange is kept.

A program sends the whole chat with each request. The id of a message is a keyed hash of all that was said up to it, so
that a chat is one conversation that grows, and another answer to the same prompt is a sibling. An answer of ours is
known by its id: what a program puts into a model's mouth has another one, and no model.
"""

from __future__ import annotations

import hmac
import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from task_generators.chat_logs.batches import Batch, batch_of, readings_in
from task_generators.chat_logs.curation import redact
from task_generators.chat_logs.readers import Reading, RowError
from task_generators.chat_logs.readers.turns import chain, tools_of
from workspaces.records import Attachment, Conversation, Message, Role, ToolCall

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import datetime

    from pydantic import JsonValue, SecretBytes

    from workspaces.privacy.redaction import Redactor

SOURCE = "chatfeedback-chat"
"""The source of conversations that were chatted here."""

PURPOSE = "chat messages"
"""Of the key that ids are made with."""


class NoPromptError(ValueError):
    """The messages of a request cannot be read, or nobody asks anything in them."""


@dataclass(frozen=True, slots=True)
class Path:
    """A request's messages in a row, and for each the hash of all that was said up to it."""

    conversation_id: str
    messages: tuple[Message, ...]
    hashes: tuple[str, ...]
    metadata: Mapping[str, JsonValue]

    @property
    def prompt_id(self) -> str:
        """The id of the message that is to be answered."""
        return _id(self.hashes[-1], "")

    def candidates(self, models: Collection[str]) -> list[str]:
        """Return the ids that the path's answers would have, had one of these models given them."""
        return [
            _id(text_hash, model)
            for message, text_hash in zip(self.messages, self.hashes, strict=True)
            if message.role is Role.ASSISTANT
            for model in models
        ]


def path_of(request: Mapping[str, JsonValue], person_id: str, key: SecretBytes) -> Path:
    """Return the messages of a request with their hashes.

    Raises:
        NoPromptError: they cannot be read, or none is a person's.
    """
    turns = request.get("messages")
    if not isinstance(turns, list) or not turns:
        raise NoPromptError("messages must be a list with at least one message")
    try:
        messages = chain("", turns, None)
        tools = tools_of(request)
    except (RowError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise NoPromptError(f"messages cannot be read: {str(error)[:200]}") from None
    messages = tuple(replace(message, model_name=None) for message in messages)
    first = next((at for at, message in enumerate(messages) if message.role is Role.USER), None)
    if first is None:
        raise NoPromptError("messages holds no message of a user")
    hashes = _hashes(messages, person_id, key)
    return Path(f"chat-{_id(hashes[first], 'conversation')}", messages, hashes, tools)


def answered(path: Path, turn: Mapping[str, JsonValue], model: str, person_id: str, key: SecretBytes) -> Path:
    """Return a path with the answer of a model at its end.

    Raises:
        NoPromptError: the answer cannot be read.
    """
    try:
        # after a prompt: a conversation without any text is none, but an answer may be calls of tools alone
        _, answer = chain("", [{"role": "user", "content": "asked"}, dict(turn)], model)
    except (RowError, ValueError) as error:
        raise NoPromptError(f"the answer cannot be read: {str(error)[:200]}") from None
    messages = (*path.messages, answer)
    return replace(path, messages=messages, hashes=_hashes(messages, person_id, key))


def response_id(path: Path) -> str:
    """Return the id of the answer at the end of a path."""
    return _id(path.hashes[-1], path.messages[-1].model_name or "")


def kept(path: Path, known: Mapping[str, str], redactor: Redactor) -> str:
    """Return the messages of a path as JSON, redacted, with the models of those answers that are ``known`` by id."""
    messages: list[Message] = []
    for message, text_hash in zip(path.messages, path.hashes, strict=True):
        model = message.model_name
        if message.role is Role.ASSISTANT and model is None:
            model = next((known[it] for it in sorted(known) if it == _id(text_hash, known[it])), None)
        parent_id = messages[-1].id if messages else None
        messages.append(
            replace(message, id=_id(text_hash, model or ""), parent_id=parent_id, model_name=model)
        )
    conversation = Conversation(
        path.conversation_id, tuple(messages), SOURCE, conversation_metadata=dict(path.metadata)
    )
    rows = redact(Batch(batch_of([0], [Reading(conversation)])), redactor).rows
    (reading,) = readings_in(rows)
    redacted = reading.conversation
    return json.dumps(
        {
            "messages": [asdict(message) for message in redacted.messages],
            "metadata": dict(redacted.conversation_metadata),
        }
    )


def conversation_of(text: str, conversation_id: str, person_id: str, answered_at: datetime) -> Conversation:
    """Return the conversation that ``kept`` wrote."""
    held = json.loads(text)
    messages = tuple(
        Message(
            **{
                **fields,
                "role": Role(fields["role"]),
                "tool_calls": tuple(ToolCall(**call) for call in fields["tool_calls"]),
                "attachments": tuple(Attachment(**attached) for attached in fields["attachments"]),
                "generated": None,
            }
        )
        for fields in held["messages"]
    )
    return Conversation(
        conversation_id,
        messages,
        SOURCE,
        model_name=messages[-1].model_name,
        giver_id=person_id,
        timestamp=answered_at,
        conversation_metadata=held["metadata"],
    )


def _hashes(messages: Iterable[Message], person_id: str, key: SecretBytes) -> tuple[str, ...]:
    hashes: list[str] = []
    before = hmac.digest(key.get_secret_value(), person_id.encode(), "sha256").hex()
    for message in messages:
        said = (
            message.role.value,
            message.content.strip(),
            [[call.name, call.arguments, call.id] for call in message.tool_calls],
            message.tool_call_id,
            [asdict(attachment) for attachment in message.attachments],
        )
        text = json.dumps([before, *said])
        before = hmac.digest(key.get_secret_value(), text.encode(), "sha256").hex()
        hashes.append(before)
    return tuple(hashes)


def _id(text_hash: str, what: str) -> str:
    """Return 24 digits of a hash for one purpose: an answer by a model, or anything else."""
    return hmac.digest(bytes.fromhex(text_hash), what.encode(), "sha256").hex()[:24]
