"""Where a response stands: the conversation before it, and whose it is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from exports.omissions import OmissionReason
from workspaces.records import Role

if TYPE_CHECKING:
    from collections.abc import Iterable

    from workspaces.records import Conversation, Message

Prompt: TypeAlias = tuple[tuple[str, str], ...]
"""The messages before a response as (role, content), the first one first."""

UNKNOWN = "unknown"
"""Stands for a licence or a model that the source does not name."""


@dataclass(frozen=True, slots=True)
class Context:
    """What an export needs to know of one message.

    ``path`` holds the messages from the root down to the message itself. ``licence`` is ``None`` where the
    source names none.
    """

    path: tuple[Message, ...]
    conversation_id: str
    source: str
    licence: str | None = None
    model_name: str | None = None

    @property
    def message(self) -> Message:
        """The message itself."""
        return self.path[-1]

    @property
    def text(self) -> str:
        """What the message says, as it is written to a file."""
        return clean(self.message.content)

    @property
    def prompt(self) -> Prompt:
        """What was said before the message, as it is written to a file."""
        return tuple((message.role.value, clean(message.content)) for message in self.path[:-1])


def contexts_of(conversations: Iterable[Conversation]) -> dict[str, Context]:
    """Return the context of every response, by message id.

    Args:
        conversations: the ones that may be exported. A response of any other conversation has no context, and
            what was answered about it is dropped as no longer shared.
    """
    contexts = {}
    for conversation in conversations:
        paths: dict[str, tuple[Message, ...]] = {}
        for message in conversation.messages:
            before = () if message.parent_id is None else paths[message.parent_id]
            paths[message.id] = (*before, message)
        for response in conversation.responses():
            contexts[response.id] = Context(
                path=paths[response.id],
                conversation_id=conversation.id,
                source=conversation.source,
                licence=conversation.licence,
                model_name=response.model_name or conversation.model_name,
            )
    return contexts


def check_response(context: Context) -> OmissionReason | None:
    """Return why no trainer can use this response to its prompt, or ``None``."""
    if context.message.role is not Role.ASSISTANT:
        return OmissionReason.NOT_A_RESPONSE
    prompt = context.prompt
    # a chat template continues a last assistant turn instead of answering it; TRL refuses a last system turn
    if not prompt or prompt[-1][0] not in (Role.USER, Role.TOOL):
        return OmissionReason.NO_PROMPT
    if not prompt[-1][1].strip():
        return OmissionReason.EMPTY_PROMPT
    return None if context.text.strip() else OmissionReason.EMPTY_SIDE


def models_of(contexts: Iterable[Context]) -> tuple[str, ...]:
    """Return the names of the models that wrote these responses, each once, sorted."""
    return distinct(context.message.model_name or context.model_name or UNKNOWN for context in contexts)


def distinct(values: Iterable[str]) -> tuple[str, ...]:
    """Return each value once, sorted, as UTF-8 can hold it."""
    return tuple(sorted({clean(value) for value in values}))


def clean(text: str) -> str:
    """Return ``text`` as UTF-8 can hold it: halves of a surrogate pair are joined, lone ones become U+FFFD.

    Done before texts are compared, so that two texts never become equal on their way into a file.
    """
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def squeeze(text: str) -> str:
    """Return ``text`` with every run of white space as one blank, and none at the ends."""
    return " ".join(text.split())


def canonical(prompt: Prompt) -> str:
    """Return the JSON text of a prompt that its identity is computed from."""
    return json.dumps(prompt, ensure_ascii=False, separators=(",", ":"))
