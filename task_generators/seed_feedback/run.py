"""Rates every response that has no seed feedback yet."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from task_generators.llm.concurrency import ask_each

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from workspaces.records import Conversation, Message, SeedFeedback


class Rater(Protocol):
    """Gives seed feedback."""

    agent: str
    prompt_version: str
    concurrency: int

    def rate(self, path: Sequence[Message]) -> SeedFeedback:
        """Rate the last message of a path."""
        ...

    def close(self) -> None:
        """Close connections."""
        ...


@dataclass(slots=True)
class Seeded:
    """Counts of responses. ``failures`` counts unusable replies by fault; the next run asks again for those."""

    agent: str
    rated: int = 0
    failed: int = 0
    failures: dict[str, int] = field(default_factory=dict)


def unrated(conversations: Iterable[Conversation], rated: Collection[str]) -> Iterator[tuple[Message, ...]]:
    """Yield, for every response that is not ``rated`` yet, the messages from the first prompt down to it."""
    for conversation in conversations:
        for message in conversation.responses():
            if message.id not in rated and message.parent_id is not None:
                yield conversation.path_to(message.id)


def seed(
    paths: Iterable[tuple[Message, ...]],
    rater: Rater,
    save: Callable[[list[SeedFeedback]], None],
    advance: Callable[[int], None] = lambda _: None,
) -> Seeded:
    """Rate responses, several at once, and save the ratings as they arrive.

    Raises:
        ConnectionFailedError: the rater cannot be reached; the ratings until then are saved.
    """
    outcome = ask_each(paths, rater.rate, save, concurrency=rater.concurrency, advance=advance)
    return Seeded(rater.agent, outcome.answered, outcome.failed, outcome.failures)
