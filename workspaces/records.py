"""The nouns of the workbench: what a chat log, a task, an answer and a person are.

Plain, immutable data. Everything above the ground floor exchanges these, and nothing here knows of
a database, a file or a platform.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from pydantic import JsonValue


def stable_id(*parts: str) -> str:
    """Return 24 hexadecimal digits that depend on ``parts`` and on nothing else.

    Parts are separated by an ASCII unit separator, so ``("ab", "c")`` and ``("a", "bc")`` differ.
    """
    return blake2b("\x1f".join(parts).encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


class Role(StrEnum):
    """Who speaks in a message."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


class Quality(StrEnum):
    """The six qualities a response is tagged with. Source: ChatFeedback, section 3, 'Provide feedback'."""

    INSTRUCTION = "instruction"
    HELPFUL = "helpful"
    FACTUAL = "factual"
    STYLE = "style"
    SENSITIVE = "sensitive"
    TOXIC = "toxic"


class Tag(StrEnum):
    """The answer to a quality. ``NA`` means the quality does not apply; it is not a level between the others."""

    NA = "na"
    NO = "no"
    YES = "yes"


class Preference(StrEnum):
    """Which of two displayed answers is better: the first, neither, the second."""

    A = "a"
    TIE = "tie"
    B = "b"


class Significance(StrEnum):
    """How much feedback on a response is worth. Source: ChatFeedback, section 3, 'Dynamic rewards'."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


IMPORTED = "imported"
"""Stands for the platform of tasks whose answers came with a chat log. They are never pushed and never paid."""

ANONYMOUS = "anonymous-"
"""Begins the pseudonym of a person whom a log gives no name: one for each conversation."""


class ChatMode(StrEnum):
    """How a person chats for points: with a model that the platform picks, or with one of their own choice.

    Source: ChatFeedback, section 3, 'Chat with LLMs'.
    """

    DYNAMIC = "dynamic"
    DIRECT = "direct"


class SharingState(StrEnum):
    """Where a conversation stands in its giver's consent. Only ``SHARED`` ones become tasks or exports."""

    HELD = "held"
    SHARED = "shared"
    PRIVATE = "private"
    DELETED = "deleted"


class AnnotationStatus(StrEnum):
    """State of one person's answer to one task."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    DISCARDED = "discarded"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Message:
    """One turn. ``parent_id`` is the turn it answers; siblings are alternative answers to one prompt."""

    id: str
    parent_id: str | None
    role: Role
    content: str
    model_name: str | None = None


def tree_order(messages: Iterable[Message]) -> tuple[Message, ...]:
    """Return the messages of a tree depth first, siblings by id, so that any order given comes to this one.

    What does not hang on a root (a message without a parent) is left out.
    """
    children: dict[str | None, list[Message]] = {}
    for message in messages:
        children.setdefault(message.parent_id, []).append(message)
    ordered: list[Message] = []
    waiting = sorted(children.pop(None, []), key=lambda message: message.id, reverse=True)
    while waiting:
        ordered.append(waiting.pop())
        below = children.pop(ordered[-1].id, [])
        waiting.extend(sorted(below, key=lambda message: message.id, reverse=True))
    return tuple(ordered)


@dataclass(frozen=True, slots=True)
class Conversation:
    """A chat log: a tree of messages, parents before children, the first prompt as its root."""

    id: str
    messages: tuple[Message, ...]
    source: str
    model_name: str | None = None
    giver_id: str | None = None
    timestamp: datetime | None = None
    licence: str | None = None
    language: str | None = None
    user_metadata: Mapping[str, JsonValue] = field(default_factory=dict)
    conversation_metadata: Mapping[str, JsonValue] = field(default_factory=dict)

    def path_to(self, message_id: str) -> tuple[Message, ...]:
        """Return the messages from the root down to ``message_id``, both included.

        Raises:
            KeyError: the conversation has no such message.
        """
        by_id = {message.id: message for message in self.messages}
        path = [by_id[message_id]]
        while (parent_id := path[-1].parent_id) is not None:
            path.append(by_id[parent_id])
        return tuple(reversed(path))

    def responses(self) -> tuple[Message, ...]:
        """Return the assistant messages, in order."""
        return tuple(message for message in self.messages if message.role is Role.ASSISTANT)


@dataclass(frozen=True, slots=True)
class SeedFeedback:
    """What a rater (an LLM, or the offline stand-in) says of one response before people do.

    Never counted as an annotator's answer. ``agent`` and ``prompt_version`` say who spoke and how it was asked.
    """

    message_id: str
    agent: str
    prompt_version: str
    tags: Mapping[Quality, Tag]
    significance: Significance
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Task:
    """One piece of paid work.

    ``kind`` names a ``workspaces.kinds.Kind``. ``message_ids`` names the responses shown, in display order: one for a
    qualitative task; the answers shown as A and as B for a preference task. ``quote`` maps each paid part of the
    answer to the points promised for it; it is fixed when the task is made and ``rules_version`` says by which rules.

    ``seed_agent`` and ``seed_prompt_version`` name the seed feedback that annotators see with the task; a task
    without them is blind. ``reask_of`` names the task that this one asks a second time.
    """

    id: str
    kind: str
    message_ids: tuple[str, ...]
    conversation_ids: tuple[str, ...]
    significance: Significance
    quote: Mapping[str, int]
    rules_version: str
    platform: str
    overlap: int
    created_at: datetime
    seed_agent: str | None = None
    seed_prompt_version: str | None = None
    reask_of: str | None = None

    @property
    def seed_shown(self) -> bool:
        """Whether annotators see the seed feedback."""
        return self.seed_agent is not None

    @property
    def points(self) -> int:
        """All points on offer."""
        return sum(self.quote.values())


@dataclass(frozen=True, slots=True)
class PlacedTask:
    """A task as it stands on a platform: its own id there, and the dataset or project that holds it."""

    task_id: str
    remote_id: str
    container_id: str


@dataclass(frozen=True, slots=True)
class Annotation:
    """The latest revision of one person's answer to one task.

    ``values`` holds plain answers by question name: a ``Tag`` for each quality, ``suggestion`` for a rewrite,
    a ``Preference`` (by display order) for ``preference``.
    """

    id: str
    task_id: str
    person_id: str
    platform: str
    status: AnnotationStatus
    revision: int
    values: Mapping[str, str]
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class ItemPosterior:
    """What the answers so far say of one question on one item.

    ``item`` is named as in ``quality.votes``. ``votes`` counts the answers by value; ``probabilities`` weighs
    them by what each person is like (Dawid-Skene) and sums to 1.
    """

    kind: str
    question: str
    item: str
    votes: Mapping[str, int]
    probabilities: Mapping[str, float]

    @property
    def value(self) -> str:
        """The most probable value."""
        return max(self.probabilities, key=self.probabilities.__getitem__)

    @property
    def probability(self) -> float:
        """That of ``value``."""
        return max(self.probabilities.values())

    @property
    def n_answers(self) -> int:
        """How many people answered."""
        return sum(self.votes.values())
