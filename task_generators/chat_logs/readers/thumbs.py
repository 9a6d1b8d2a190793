"""Thumbs up and down, as ratings of responses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from task_generators.chat_logs.readers.feedback import Feedback
from workspaces.records import Role

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from workspaces.records import Message

THUMB = "thumb"
UP, DOWN = "up", "down"
_WORDS = {
    **dict.fromkeys(("thumbup", "thumbsup", "thumbs_up", "up", "1", "1.0", "+1"), UP),
    **dict.fromkeys(("thumbdown", "thumbsdown", "thumbs_down", "down", "-1", "-1.0"), DOWN),
}


def thumb_of(value: object) -> str | None:
    """Return ``up`` or ``down`` for any spelling of it in logs; None for no rating."""
    if isinstance(value, bool) or value is None:
        return None
    return _WORDS.get(str(value).strip().lower())


def thumbs(
    messages: Sequence[Message],
    ratings: object,
    overall: object,
    *,
    rater: str | None,
    at: datetime | None,
) -> tuple[Feedback, ...]:
    """Return the ratings of a linear conversation.

    Args:
        messages: the conversation.
        ratings: a list with one rating per response, in order; any other value counts as none.
        overall: the rating of the conversation; it counts for the last response if that has none of its own.
        rater: the log's name of the person, or None.
        at: the time of the ratings.
    """
    responses = [message.id for message in messages if message.role is Role.ASSISTANT]
    given = dict(zip(responses, map(thumb_of, ratings if isinstance(ratings, list) else []), strict=False))
    if responses and given.get(responses[-1]) is None:
        given[responses[-1]] = thumb_of(overall)
    return tuple(
        Feedback.ratings(rater, message_id, {THUMB: thumb}, at)
        for message_id, thumb in given.items()
        if thumb is not None
    )
