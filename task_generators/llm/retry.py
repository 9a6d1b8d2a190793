"""When to ask an endpoint again: what it says itself (``Retry-After``), or a bounded back-off with jitter."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

FIRST_SECONDS = 0.5
MAX_SECONDS = 20.0
"""Bounds of the back-off: the first wait, which doubles with each attempt, and the longest."""

MAX_ASKED_SECONDS = 300.0
"""The longest wait that an endpoint may ask for; one that asks for more is given up."""


def is_passing(status: int) -> bool:
    """Return whether a status says that the same request may be answered later."""
    return status in (408, 409, 425, 429) or status >= 500


def asked_wait(header: str | None, now: datetime) -> float | None:
    """Return the seconds that ``Retry-After`` asks for; None if it says nothing that can be understood.

    Args:
        header: its value: seconds, or a date.
        now: this moment, in UTC.

    Source: RFC 9110, section 10.2.3.
    """
    text = (header or "").strip()
    try:
        seconds = float(text)
    except ValueError:
        try:
            date = parsedate_to_datetime(text)
        except ValueError:
            return None
        seconds = ((date if date.tzinfo else date.replace(tzinfo=UTC)) - now).total_seconds()
    return max(seconds, 0.0) if seconds == seconds else None  # not a number


def backoff(attempt: int, uniform: Callable[[float, float], float]) -> float:
    """Return the seconds before the next attempt after attempt 1, 2, ...: exponential, with jitter over its upper half.

    Source: Brooker, "Exponential Backoff and Jitter" (AWS Architecture Blog, 2015), equal jitter.
    """
    longest = min(FIRST_SECONDS * 2 ** (attempt - 1), MAX_SECONDS)
    return uniform(longest / 2, longest)
