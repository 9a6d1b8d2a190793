"""Rates every response that has no seed feedback yet."""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Protocol

from task_generators.replies import UnusableReplyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from concurrent.futures import Future

    from workspaces.records import Conversation, Message, SeedFeedback

SAVE_EVERY = 25
"""Ratings kept at once: a killed run loses at most these and the requests that were under way."""


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
    result = Seeded(agent=rater.agent)
    remaining = iter(paths)
    ready: list[SeedFeedback] = []
    with ThreadPoolExecutor(rater.concurrency) as pool:
        running: set[Future[SeedFeedback]] = set()
        try:
            while True:
                room = 2 * rater.concurrency - len(running)
                running |= {pool.submit(rater.rate, path) for path in islice(remaining, room)}
                if not running:
                    break
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    running.remove(future)
                    try:
                        ready.append(future.result())
                        result.rated += 1
                    except UnusableReplyError as error:
                        result.failed += 1
                        result.failures[str(error)] = result.failures.get(str(error), 0) + 1
                    advance(1)
                if len(ready) >= SAVE_EVERY:
                    save(ready)
                    ready = []
        finally:
            for future in running:
                future.cancel()
            if ready:
                save(ready)
            if late := _finished(running):  # the pool waits for them in any case
                save(late)
    return result


def _finished(futures: set[Future[SeedFeedback]]) -> list[SeedFeedback]:
    done = (future for future in wait(futures).done if not future.cancelled())
    return [future.result() for future in done if future.exception() is None]
