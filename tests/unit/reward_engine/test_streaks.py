"""Streaks: days in a row, with grace, whatever the clocks do."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reward_engine import Calendar, RuleBook, current_streak, days_of_streak, streak_lengths
from workspaces.store.people import PersonSettings

FIRST = date(2026, 3, 1)


def days(*numbers: int) -> list[date]:
    return [FIRST + timedelta(days=number) for number in numbers]


@pytest.mark.parametrize(
    ("worked", "grace", "lengths"),
    [
        ((), 0, []),
        ((0,), 0, [1]),
        ((0, 1, 2), 0, [1, 2, 3]),
        ((2, 0, 1, 1), 0, [1, 2, 3]),
        ((0, 1, 3, 4), 0, [1, 2, 1, 2]),
        ((0, 1, 3, 4), 1, [1, 2, 3, 4]),
        ((0, 1, 4), 1, [1, 2, 1]),
        ((0, 1, 4), 2, [1, 2, 3]),
        ((0, 2, 4, 6), 1, [1, 2, 3, 4]),
    ],
)
def test_the_length_of_a_streak_counts_its_days_of_work(
    worked: tuple[int, ...], grace: int, lengths: list[int]
) -> None:
    assert list(streak_lengths(days(*worked), lambda _: grace).values()) == lengths


def test_each_day_has_the_grace_of_its_own_rules() -> None:
    changed = FIRST + timedelta(days=3)
    lengths = streak_lengths(days(0, 2, 4), lambda day: 1 if day < changed else 0)
    assert list(lengths.values()) == [1, 2, 1]


@pytest.mark.parametrize(
    ("worked", "today", "grace", "length"),
    [
        ((), 5, 0, 0),
        ((3, 4, 5), 5, 0, 3),
        ((3, 4), 5, 0, 2),  # today is not over yet
        ((3, 4), 6, 0, 0),
        ((3, 4), 6, 1, 2),
        ((3, 4), 7, 1, 0),
        ((4, 5, 6), 5, 0, 2),  # a date ahead of today's is no work yet
    ],
)
def test_the_current_streak_waits_for_today(
    worked: tuple[int, ...], today: int, grace: int, length: int
) -> None:
    assert current_streak(days(*worked), days(today)[0], lambda _: grace) == length


@pytest.mark.parametrize("month", [3, 10])
def test_a_streak_survives_the_change_of_clocks(month: int) -> None:
    """Work at 23:30 by Berlin's clocks each evening around the nights in which they are changed in 2026."""
    calendar = Calendar(
        RuleBook(), [PersonSettings("p", datetime.min.replace(tzinfo=UTC), time_zone="Europe/Berlin")]
    )
    change = {3: date(2026, 3, 29), 10: date(2026, 10, 25)}[month]
    offsets = {3: (1, 2), 10: (2, 1)}[month]
    evenings = [
        datetime(2026, month, day, 23, 30, tzinfo=UTC)
        - timedelta(hours=offsets[date(2026, month, day) >= change])
        for day in range(change.day - 2, change.day + 3)
    ]
    told = [calendar.day("p", evening) for evening in evenings]
    assert told == [change + timedelta(days=offset) for offset in range(-2, 3)]
    assert max(streak_lengths(told, lambda _: 0).values()) == 5


def test_days_are_the_persons_own() -> None:
    """Two answers an hour apart: one day in Berlin, two in London, where it is midnight between them."""
    moments = [datetime(2026, 5, 1, 22, 30, tzinfo=UTC), datetime(2026, 5, 1, 23, 30, tzinfo=UTC)]
    start = datetime.min.replace(tzinfo=UTC)
    found = {}
    for zone in ("Europe/Berlin", "America/Sao_Paulo", "Asia/Kolkata", "Europe/London"):
        calendar = Calendar(RuleBook(), [PersonSettings("p", start, time_zone=zone)])
        found[zone] = len({calendar.day("p", moment) for moment in moments})
    assert found == {"Europe/Berlin": 1, "America/Sao_Paulo": 1, "Asia/Kolkata": 1, "Europe/London": 2}


ZONES = ("Etc/GMT+12", "America/New_York", "UTC", "Europe/Berlin", "Asia/Kathmandu", "Pacific/Kiritimati")
NOW = datetime(2026, 3, 29, 12, tzinfo=UTC)
HOURS = st.integers(-40 * 24, 60)


@given(
    worked=st.lists(HOURS, max_size=40),
    moves=st.lists(st.tuples(HOURS, st.sampled_from(ZONES)), max_size=4),
    grace=st.integers(0, 3),
)
@example(
    worked=[0, -24, -48, -49, -60, -72], moves=[(-50, "Pacific/Kiritimati"), (-25, "Etc/GMT+12")], grace=0
)
def test_the_days_that_are_looked_for_backwards_are_enough_for_the_streak(
    worked: list[int], moves: list[tuple[int, str]], grace: int
) -> None:
    moments = [NOW + timedelta(hours=hours) for hours in worked]
    calendar = Calendar(
        RuleBook(),
        [PersonSettings("ada", NOW + timedelta(hours=hours), time_zone=zone) for hours, zone in moves],
    )
    asked: list[datetime] = []

    def last_work(before: datetime) -> datetime | None:
        asked.append(before)
        return max((moment for moment in moments if moment < before), default=None)

    today = calendar.day("ada", NOW)
    every = {calendar.day("ada", moment) for moment in moments}
    found = days_of_streak(last_work, lambda moment: calendar.day_and_beginning("ada", moment), NOW, grace)
    assert current_streak(found, today, lambda _: grace) == current_streak(every, today, lambda _: grace)
    assert (today in found) == (today in every)
    assert len(asked) <= len(every) + len(moves) + 4, "once for each day, not for each answer"
