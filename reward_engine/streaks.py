"""Daily streaks: how many days in a row a person has worked. Pure, on calendar days.

Source: ChatFeedback, section 3, 'Gamification'. A day is a date in the person's own time zone, so it has 23 or 25 hours
when the clocks change.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import date, datetime

ZONES_DIFFER = 2
"""Days by which the calendar can go back while time goes on, where a person moves to another time zone."""


def streak_lengths(days: Iterable[date], grace: Callable[[date], int]) -> dict[date, int]:
    """Return the length of the streak on each day of work: the days of work in the streak up to that day.

    Args:
        days: dates on which there was work, in any order.
        grace: how many dates without work before this day of work do not break the streak. They do not count.

    Returns:
        Ascending by date; the first day of every streak has 1.
    """
    lengths: dict[date, int] = {}
    previous: date | None = None
    for day in sorted(set(days)):
        goes_on = previous is not None and (day - previous).days <= grace(day) + 1
        lengths[day] = lengths[previous] + 1 if goes_on and previous is not None else 1
        previous = day
    return lengths


def current_streak(days: Iterable[date], today: date, grace: Callable[[date], int]) -> int:
    """Return the length of the streak that ``today`` belongs to or could still extend; 0 if there is none.

    A day without work breaks a streak only when the day is over.
    """
    lengths = streak_lengths((day for day in days if day <= today), grace)
    if not lengths:
        return 0
    last = max(lengths)
    return lengths[last] if (today - last).days <= grace(today) + 1 else 0


def days_of_streak(
    last_work: Callable[[datetime], datetime | None],
    day_of: Callable[[datetime], tuple[date, datetime]],
    now: datetime,
    grace: int,
) -> set[date]:
    """Return the days of work up to ``now`` that can belong to the streak of its day: what ``current_streak`` needs.

    They are looked for backwards until the streak is broken, so that the cost grows with the streak alone.

    Args:
        last_work: returns when there was work last before a moment; None: never.
        day_of: returns the calendar day of a moment, and since when it has been that day.
        now: the current time.
        grace: as in ``streak_lengths``, for every day.
    """
    days: set[date] = set()
    (today, _), before = day_of(now), now + timedelta(days=1 + ZONES_DIFFER)
    while (moment := last_work(before)) is not None:
        day, before = day_of(moment)
        if (min(days, default=today) - day).days > grace + 1 + ZONES_DIFFER:
            break
        if day <= today:
            days.add(day)
    return days
