"""Rates every response that has no seed feedback yet."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from task_generators.llm.concurrency import ask_each

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from workspaces.records import Conversation, Message, SeedFeedback


class Rater(Protocol):
    """Whoever gives seed feedback."""

    agent: str
    prompt_version: str
    concurrency: int

    def rate(self, path: Sequence[Message]) -> SeedFeedback:
        """Rate the last message of a path."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


@dataclass(slots=True)
class Seeded:
    """What became of the responses. ``failures`` counts unusable replies by what was wrong; they are asked
    again by the next run.
    """

    agent: str
    rated: int = 0
    failed: int = 0
    failures: dict[str, int] = field(default_factory=dict)


def unrated(conversations: Iterable[Conversation], rated: set[str]) -> Iterator[tuple[Message, ...]]:
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
    """Rate responses, a few at once, and save as it goes.

    Raises:
        ConnectionFailedError: the rater cannot be reached; what was rated until then is saved.
    """
    asked = ask_each(paths, rater.rate, save, concurrency=rater.concurrency, advance=advance)
    return Seeded(rater.agent, asked.answered, asked.failed, asked.failures)
