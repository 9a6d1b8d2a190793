"""What the collection and its labels say beside answers: read when a projection asks for it, and not before."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from pydantic import JsonValue

    from workspaces.records import Conversation

Moderations: TypeAlias = Mapping[str, Mapping[str, tuple[str, ...] | None]]
"""By message id and endpoint, the categories that it flagged the message for; None where it did not flag it."""


@dataclass(frozen=True, slots=True)
class BenchmarkPrompt:
    """A challenging prompt of the collection: its topic and score, and the conversation that it opens."""

    conversation_id: str
    prompt: str
    topic: str
    score: float
    language: str
    source: str
    licence: str | None


@dataclass(frozen=True, slots=True)
class BenchmarkChoice:
    """The prompts of a benchmark, what was left out by reason, the quotas, and who judges."""

    prompts: tuple[BenchmarkPrompt, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)
    quotas: Mapping[str, JsonValue] = field(default_factory=dict)
    judges: tuple[str, ...] = ()


def no_moderations(message_ids: Iterable[str]) -> Moderations:
    """Return nothing."""
    return {}


@dataclass(frozen=True, slots=True)
class Collected:
    """What a workspace holds beside answers.

    Attributes:
        conversations: returns the conversations that may be exported.
        moderations: returns what moderation endpoints say of messages with these ids.
        benchmark: returns the chosen prompts.
    """

    conversations: Callable[[], Iterable[Conversation]] = tuple
    moderations: Callable[[Iterable[str]], Moderations] = no_moderations
    benchmark: Callable[[], BenchmarkChoice] = BenchmarkChoice
