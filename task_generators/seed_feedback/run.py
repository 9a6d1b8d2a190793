"""Which responses have no seed feedback yet, and the run of the offline stand-in over them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from workspaces.chunks import in_chunks

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from workspaces.records import Conversation, Message, SeedFeedback

SAVE_EVERY = 100
"""Ratings of the stand-in saved at a time."""


class Rater(Protocol):
    """Rates responses one by one, without anybody to ask."""

    agent: str
    prompt_version: str

    def rate(self, path: Sequence[Message]) -> SeedFeedback:
        """Rate the last message of a path."""
        ...


def unrated_in(conversation: Conversation, rated: Collection[str]) -> list[Message]:
    """Return the responses of a conversation that are not ``rated``; what nobody asked for is no response."""
    return [
        message
        for message in conversation.responses()
        if message.id not in rated and message.parent_id is not None
    ]


def unrated(conversations: Iterable[Conversation], rated: Collection[str]) -> Iterator[tuple[Message, ...]]:
    """Yield, for every response that is not ``rated`` yet, the messages from the first prompt down to it."""
    for conversation in conversations:
        for message in unrated_in(conversation, rated):
            yield conversation.path_to(message.id)


def rate_each(
    paths: Iterable[tuple[Message, ...]],
    rater: Rater,
    save: Callable[[list[SeedFeedback]], None],
    advance: Callable[[int], None] = lambda _: None,
) -> int:
    """Rate responses and save the ratings as they come; return how many."""
    count = 0
    for chunk in in_chunks(paths, SAVE_EVERY):
        save([rater.rate(path) for path in chunk])
        count += len(chunk)
        advance(len(chunk))
    return count
