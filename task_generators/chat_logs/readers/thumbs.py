"""Thumbs up and down, as ratings of responses."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from task_generators.chat_logs.readers.columns import UNREAD, Loss, Use
from task_generators.chat_logs.readers.feedback import Feedback
from workspaces.records import Role

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from workspaces.records import Message

THUMB = "thumb"
UP, DOWN = "up", "down"
_UP_WORDS = (
    "up thumbup thumbsup upvote upvoted like liked likes good great positive pos helpful yes true correct right "
    "desirable chosen accept accepted satisfied happy 1 1.0 +1 👍"
)
_DOWN_WORDS = (
    "down thumbdown thumbsdown downvote downvoted dislike disliked dislikes bad poor negative neg unhelpful nothelpful "
    "no false incorrect wrong undesirable rejected reject unsatisfied dissatisfied unhappy -1 -1.0 👎"
)
_WORDS = {**dict.fromkeys(_UP_WORDS.split(), UP), **dict.fromkeys(_DOWN_WORDS.split(), DOWN)}
_ZEROS = frozenset({"0", "0.0", "-0.0"})
_NEUTRAL_WORDS = _ZEROS | frozenset({"none", "null", "nan", "n/a", "na", "neutral", "norating", "unrated"})
_FILLING = re.compile(r"[\s_:()\ufe0e\ufe0f\U0001f3fb-\U0001f3ff]+|(?<=[a-z])-(?=[a-z])|(?<=not)[' ]")


def thumb_of(value: object, *, zero: str | None = DOWN) -> str | None:
    """Return ``up`` or ``down`` for any spelling of it in logs; None for no rating.

    Args:
        value: a word, an emoji, a boolean, or 1, 0 or -1.
        zero: what 0 means: down where the values are 0 and 1, None where they are -1, 0 and 1.
    """
    word = _word(value)
    return zero if word in _ZEROS else _WORDS.get(word)


def is_neutral(value: object) -> bool:
    """Return whether a value says that there is no rating, on a scale where 0 does."""
    return _word(value) in _NEUTRAL_WORDS


def is_zero(value: object) -> bool:
    """Return whether a value is the number 0."""
    return not isinstance(value, bool) and _word(value) in _ZEROS


def _word(value: object) -> str:
    return _FILLING.sub("", str(value).lower()) if isinstance(value, str | int | float) else ""


THUMB_OR_NONE = Use(
    "imported feedback: thumb", lambda value: thumb_of(value) is not None or is_neutral(value), decides=True
)
THUMB_READS = {"rate": THUMB_OR_NONE, "message_ratings[]": THUMB_OR_NONE}
"""Of the metadata of ShareLM: 0 is no rating there."""


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
        ratings: a list with one rating per response, in order, of which 0 is none; any other value counts as none.
        overall: the rating of the conversation; it counts for the last response if that has none of its own.
        rater: the log's name of the person, or None.
        at: the time of the ratings.
    """
    responses = [message.id for message in messages if message.role is Role.ASSISTANT]
    each = [thumb_of(rating, zero=None) for rating in ratings] if isinstance(ratings, list) else []
    given = dict(zip(responses, each, strict=False))
    if responses and given.get(responses[-1]) is None:
        given[responses[-1]] = thumb_of(overall, zero=None)
    return tuple(
        Feedback.ratings(rater, message_id, {THUMB: thumb}, at)
        for message_id, thumb in given.items()
        if thumb is not None
    )


def ratings_of_nothing(messages: Sequence[Message], ratings: object, path: str) -> tuple[Loss, ...]:
    """Return the ratings of a list that is longer than the responses of a conversation.

    Args:
        messages: the conversation.
        ratings: a list with one rating per response.
        path: the path of a rating.
    """
    responses = sum(message.role is Role.ASSISTANT for message in messages)
    further = ratings[responses:] if isinstance(ratings, list) else []
    return tuple(Loss(UNREAD, path, rating) for rating in further if thumb_of(rating, zero=None))
