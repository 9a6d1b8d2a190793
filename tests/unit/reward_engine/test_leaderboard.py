"""Leaderboards: periods by the clock, shared ranks, neighbours, names, opting out, levels."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from reward_engine import Posting, post
from reward_engine.accounts import credit
from reward_engine.leaderboard import (
    LeaderboardEntry,
    around,
    board,
    level,
    levels_of,
    totals,
)
from reward_engine.periods import Period, bounds
from tests.sample_records import NOW
from workspaces.store import Store
from workspaces.store.people import PersonSettings
from workspaces.store.tables import metadata
from workspaces.time_zones import time_zone

LEVELS = {"newcomer": 0, "regular": 100, "expert": 1000}
POINTS = {"a": 300, "b": 50, "c": 300, "d": 20, "e": 0, "f": 7}


def ranks(places: list[LeaderboardEntry]) -> list[tuple[int, str]]:
    return [(place.rank, place.person_id) for place in places]


def places(
    settings: dict[str, PersonSettings] | None = None, viewer: str | None = None, lead: bool = False
) -> list[LeaderboardEntry]:
    return board(
        POINTS, settings or {}, levels_of(POINTS, LEVELS), viewer=viewer, lead=lead, flagged={"b", "zz"}
    )


def test_ties_share_a_rank_and_the_next_one_counts_everybody_before_it() -> None:
    assert ranks(places()) == [(1, "a"), (1, "c"), (3, "b"), (4, "d"), (5, "f")]


def test_names_are_shown_and_nothing_about_reviews() -> None:
    first, *_, last = places({"a": PersonSettings("a", NOW, display_name="Countess")})
    assert (first.name, first.level, last.name, last.level) == ("Countess", "regular", None, "newcomer")
    assert {(place.hidden, place.under_review) for place in places()} == {(None, None)}


def test_who_hides_is_seen_by_themselves_and_the_lead_alone() -> None:
    hidden = {"c": PersonSettings("c", NOW, hidden=True)}
    assert ranks(places(hidden)) == [(1, "a"), (2, "b"), (3, "d"), (4, "f")]
    assert ranks(places(hidden, viewer="c"))[:3] == [(1, "a"), (1, "c"), (3, "b")]
    seen = places(hidden, lead=True)
    assert [(it.person_id, it.hidden, it.under_review) for it in seen][:3] == [
        ("a", False, False),
        ("c", True, False),
        ("b", False, True),
    ]


def test_ones_own_place_stands_among_its_neighbours() -> None:
    assert ranks(around(places(), "b", 1)) == [(1, "c"), (3, "b"), (4, "d")]
    assert ranks(around(places(), "a", 1)) == [(1, "a"), (1, "c")]
    assert ranks(around(places(), "f", 2)) == [(3, "b"), (4, "d"), (5, "f")]
    assert around(places(), "e", 2) == []


@pytest.mark.parametrize(
    ("points", "name"),
    [(-1, None), (0, "newcomer"), (99, "newcomer"), (100, "regular"), (999, "regular"), (10**6, "expert")],
)
def test_a_level_is_the_highest_that_is_reached(points: int, name: str | None) -> None:
    assert level(points, LEVELS) == name
    assert level(points, {}) is None


def test_periods_begin_at_midnight_on_monday_and_on_the_first() -> None:
    now = datetime(2026, 5, 6, 0, 30, tzinfo=UTC)  # Wednesday in UTC, still Tuesday in New York

    def found(period: Period, zone: str) -> list[str]:
        within = bounds(period, now, time_zone(zone))
        assert within is not None
        return [f"{moment:%m-%d %H:%M}" for moment in within]

    assert found(Period.DAY, "UTC") == ["05-06 00:00", "05-07 00:00"]
    assert found(Period.DAY, "America/New_York") == ["05-05 04:00", "05-06 04:00"]
    assert found(Period.WEEK, "UTC") == ["05-04 00:00", "05-11 00:00"]
    assert found(Period.MONTH, "UTC") == ["05-01 00:00", "06-01 00:00"]
    assert bounds(Period.ALL, now, UTC) is None


@pytest.mark.parametrize(("month", "day", "hours"), [(3, 29, 23), (10, 25, 25), (6, 1, 24)])
def test_a_day_is_as_long_as_its_clocks_make_it(month: int, day: int, hours: int) -> None:
    within = bounds(Period.DAY, datetime(2026, month, day, 12, tzinfo=UTC), time_zone("Europe/Berlin"))
    assert within is not None
    assert within[1] - within[0] == timedelta(hours=hours)


def test_a_board_of_a_period_counts_what_was_earned_in_it_and_no_spending() -> None:
    store = Store("sqlite://")
    metadata.create_all(store.engine)
    entries = {
        "before": (credit("a", 5), NOW - timedelta(days=1)),
        "first moment": (credit("a", 7), NOW),
        "another's": (credit("b", 4), NOW + timedelta(hours=1)),
        "taken back": (credit("a", -2), NOW + timedelta(hours=2)),
        "spent": ({"person:a": -3, "spent": 3}, NOW + timedelta(hours=3)),
        "after": (credit("b", 9), NOW + timedelta(days=1)),
    }
    postings = [Posting(key, each, "because", "1", moment) for key, (each, moment) in entries.items()]
    with store.write() as connection:
        post(connection, postings, NOW)
    with store.read() as connection:
        assert totals(connection, (NOW, NOW + timedelta(days=1))) == {"a": 5, "b": 4}
    store.close()
