"""Where one person stands: points, streak, level, neighbours, and how steady they are. Reads what is theirs alone.

A page is read in one moment: where SQLite keeps no WAL, each read may have to wait for a commit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

from reward_engine import Calendar, RuleBook, board, current_streak, days_of_streak
from reward_engine.accounts import held_account, owed_account, person_account
from reward_engine.bonuses import ANSWER_BONUSES
from reward_engine.explain import explain
from reward_engine.leaderboard import around, level, totals_of_people
from reward_engine.ledger import balances
from workspaces.store.confidences import newest_confidence
from workspaces.store.lead_messages import unread_messages
from workspaces.store.people import PersonSettings, settings_history
from workspaces.store.rules import all_rules
from workspaces.store.settlements import last_paid_work
from workspaces.time_zones import time_zone
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    import sqlalchemy as sa

    from reward_engine import LeaderboardEntry
    from reward_engine.explain import Explanation
    from workspaces.config import Config
    from workspaces.store.confidences import PersonConfidence
    from workspaces.store.lead_messages import LeadMessage
    from workspaces.workspace import Workspace

NEIGHBOURS = 2
"""Places before and after one's own."""

HISTORY = 25
"""Movements on a page."""

FAIR_FROM_ANSWERS = 30
"""How many answers a figure of agreement rests on at least, before its person is told it."""


@dataclass(frozen=True, slots=True)
class Steadiness:
    """How often a person agrees with the majority of the others, an interval from 0 to 1.

    Rare answers count as much as frequent ones (``quality.annotator_confidence``).
    """

    low: float
    high: float
    answers: int


@dataclass(frozen=True, slots=True)
class MyStanding:
    """One person's standing now.

    ``held`` points are set aside for open purchases, ``owed`` were taken back after they had been spent. ``vests`` is
    whether points may wait for other answers. ``next_level`` is the level above, and the points that are missing.
    ``day_ends`` is when the person's day is over, by the clock of their own time zone ``zone``. ``neighbours`` are the
    places around theirs, empty without points.
    """

    balance: int
    held: int
    owed: int
    earned: int
    vests: bool
    level: str | None
    next_level: tuple[str, int] | None
    streak: int
    worked_today: bool
    grace_days: int
    day_ends: datetime
    zone: str
    settings: PersonSettings
    neighbours: tuple[LeaderboardEntry, ...]
    steadiness: Steadiness | None


@dataclass(frozen=True, slots=True)
class MyPage:
    """What one's own page shows, of one moment: see ``my_standing``, ``my_history`` and ``my_messages``."""

    standing: MyStanding
    history: list[Explanation]
    messages: list[LeadMessage]


def my_page(workspace: Workspace, person_id: str) -> MyPage:
    """Return what a person's own page shows, with the newest page of their history."""
    with workspace.store.read() as connection:
        return MyPage(
            _standing(connection, workspace.config, person_id),
            _history(connection, person_id, None),
            unread_messages(connection, person_id),
        )


def my_standing(workspace: Workspace, person_id: str) -> MyStanding:
    """Return where a person stands."""
    with workspace.store.read() as connection:
        return _standing(connection, workspace.config, person_id)


def _standing(connection: sa.Connection, config: Config, person_id: str) -> MyStanding:
    now = utc_now()
    book = RuleBook(all_rules(connection))
    history = settings_history(connection)
    points = totals_of_people(connection)
    calendar, grace = Calendar(book, history), config.rates.bonuses.streak_grace_days
    today = calendar.day(person_id, now)
    days = days_of_streak(
        lambda before: last_paid_work(connection, person_id, before, without=ANSWER_BONUSES),
        lambda moment: calendar.day_and_beginning(person_id, moment),
        now,
        grace,
    )
    accounts = (person_account(person_id), held_account(person_id), owed_account(person_id))
    own = balances(connection, accounts)
    known = newest_confidence(connection, person_id)
    settings = {each.person_id: each for each in history}
    zone = time_zone(calendar.zone(person_id, now))
    places = around(board(points, settings, viewer=person_id), person_id, NEIGHBOURS)
    earned = points.get(person_id, 0)
    balance, held, owed = (own.get(account, 0) for account in accounts)
    return MyStanding(
        balance=balance,
        held=held,
        owed=-owed,
        earned=earned,
        vests=any(version.rates.vests for version in book.versions),
        level=level(earned, config.levels),
        next_level=_next_level(earned, config),
        streak=current_streak(days, today, lambda _: grace),
        worked_today=today in days,
        grace_days=grace,
        day_ends=datetime.combine(today + timedelta(days=1), time(), zone).astimezone(UTC),
        zone=zone.key,
        settings=settings.get(person_id) or PersonSettings(person_id, now),
        neighbours=tuple(replace(place, level=level(place.points, config.levels)) for place in places),
        steadiness=_steadiness(known),
    )


def my_history(workspace: Workspace, person_id: str, before: int | None = None) -> list[Explanation]:
    """Return the last movements of a person's wallet before one, newest first; one more than a page shows."""
    with workspace.store.read() as connection:
        return _history(connection, person_id, before)


def _history(connection: sa.Connection, person_id: str, before: int | None) -> list[Explanation]:
    return explain(connection, person_id, before=before, limit=HISTORY + 1)[::-1]


def _next_level(earned: int, config: Config) -> tuple[str, int] | None:
    above = sorted(
        (threshold - earned, name) for name, threshold in config.levels.items() if threshold > earned
    )
    return (above[0][1], above[0][0]) if above else None


def _steadiness(latest: PersonConfidence | None) -> Steadiness | None:
    """Return what is fair to tell: nothing that rests on few answers, no question by itself, nothing about gold."""
    if latest is None or latest.n_answers < FAIR_FROM_ANSWERS:
        return None
    return Steadiness(latest.low, latest.high, latest.n_answers)
