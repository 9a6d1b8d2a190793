"""Calendar days, weeks and months, in the time zone of whoever counts by them."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import tzinfo


class Period(StrEnum):
    """What a leaderboard covers: the calendar day, week (from Monday) or month of a moment, or all time."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    ALL = "all"


def bounds(period: Period, now: datetime, zone: tzinfo) -> tuple[datetime, datetime] | None:
    """Return the first moment of a period and the first moment after it; None for all time.

    Days begin at midnight in ``zone``; a day may have 23 or 25 hours.
    """
    if period is Period.ALL:
        return None
    today = now.astimezone(zone).date()
    if period is Period.DAY:
        first, after = today, today + timedelta(days=1)
    elif period is Period.WEEK:
        first = today - timedelta(days=today.weekday())
        after = first + timedelta(days=7)
    else:
        first = today.replace(day=1)
        after = (first + timedelta(days=31)).replace(day=1)
    start, end = (datetime.combine(day, time(), zone).astimezone(UTC) for day in (first, after))
    return start, end
