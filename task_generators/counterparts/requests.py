"""Requests for counterparts: the turns whose response was rated low, as a model is asked about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workspaces.records import Quality, Role, Tag, stable_id

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from workspaces.records import Conversation, Message, SeedFeedback

MAX_CHARACTERS = 24_000
"""Of the messages that a model is asked to go on with; an answer to a part of them would be no counterpart."""

TOO_LONG = "the conversation is too long"
BESIDE_TEXT = "tools or attachments, which are not sent"
NO_QUESTION = "the response answers no message of a person"
_SENT = (Role.SYSTEM, Role.USER, Role.ASSISTANT)
_BAD = frozenset({Quality.SENSITIVE, Quality.TOXIC})


@dataclass(frozen=True, slots=True)
class CounterpartRequest:
    """A request to one model: to answer the last message of ``path``.

    ``id`` depends on the model, its parameters, and all that is sent.
    """

    id: str
    conversation_id: str
    path: tuple[Message, ...]

    @property
    def parent_id(self) -> str:
        """The message that the response answers."""
        return self.path[-1].id


@dataclass(frozen=True, slots=True)
class LowTurn:
    """A turn with a response that was rated low: the messages down to what it answers, and why it is not sent."""

    conversation_id: str
    path: tuple[Message, ...]
    models: frozenset[str]
    """The models that have answered it, in the log or when they were asked."""

    reason: str | None = None

    def request(self, agent: str, parameters: str) -> CounterpartRequest:
        """Return the request to a model with these parameters."""
        texts = (text for message in self.path for text in (message.id, message.role.value, message.content))
        name = stable_id("counterpart request", agent, parameters, self.conversation_id, *texts)
        return CounterpartRequest(name, self.conversation_id, self.path)


def is_low(seed: SeedFeedback, qualities: Collection[Quality]) -> bool:
    """Return whether seed feedback denies one of these qualities, or states ``sensitive`` or ``toxic`` among them."""
    return any(seed.tags[quality] is (Tag.YES if quality in _BAD else Tag.NO) for quality in qualities)


def low_turns(conversation: Conversation, low: Callable[[Message], bool]) -> Iterator[LowTurn]:
    """Yield the turns of a conversation of which a logged response is ``low``, each once, in order."""
    wanted = dict.fromkeys(
        message.parent_id
        for message in conversation.responses()
        if message.parent_id is not None and message.generated is None and low(message)
    )
    for parent_id in wanted:
        if parent_id is None:
            continue
        path = conversation.path_to(parent_id)
        models = frozenset(
            model
            for message in conversation.responses()
            if message.parent_id == parent_id and (model := message.model_name or conversation.model_name)
        )
        yield LowTurn(conversation.id, path, models, _reason(path))


def _reason(path: Sequence[Message]) -> str | None:
    if path[-1].role is not Role.USER or not path[-1].content.strip():
        return NO_QUESTION
    if any(it.tool_calls or it.attachments or it.role not in _SENT for it in path):
        return BESIDE_TEXT
    return TOO_LONG if sum(len(it.content) for it in path) > MAX_CHARACTERS else None
