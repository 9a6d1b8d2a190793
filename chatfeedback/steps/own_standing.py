"""Where one person stands: points, streak, level, neighbours, and how steady they are. Reads what is theirs alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

from reward_engine import Calendar, RuleBook, board, current_streak, wallet
from reward_engine.bonuses import ANSWER_BONUSES
from reward_engine.explain import explain
from reward_engine.leaderboard import around, level, levels_of, totals_of_people
from reward_engine.ledger import balances
from workspaces.store.annotations import first_submissions
from workspaces.store.confidences import confidence_history
from workspaces.store.people import PersonSettings, settings_history
from workspaces.store.rules import all_rules
from workspaces.store.settlements import paid_tasks
from workspaces.time_zones import time_zone
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from reward_engine import LeaderboardEntry
    from reward_engine.explain import Explanation
    from workspaces.config import Config
    from workspaces.store.confidences import PersonConfidence
    from workspaces.workspace import Workspace

NEIGHBOURS = 2
"""Places before and after one's own."""

HISTORY = 25
"""Movements on a page."""

FAIR_FROM_ANSWERS = 30
"""How many answers a figure of agreement rests on at least, before its person is told it."""


@dataclass(frozen=True, slots=True)
class Steadiness:
    """How often a person agrees with the majority of the others, as an interval from 0 to 1."""

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


def my_standing(workspace: Workspace, person_id: str) -> MyStanding:
    """Return where a person stands."""
    now, config = utc_now(), workspace.config
    with workspace.store.read() as connection:
        book = RuleBook(all_rules(connection))
        history = settings_history(connection)
        points = totals_of_people(connection)
        submitted = first_submissions(connection, person_id)
        paid = paid_tasks(connection, person_id, without=ANSWER_BONUSES)
        own = wallet(connection, person_id)
        known = confidence_history(connection, person_id)
    settings = {each.person_id: each for each in history}
    calendar = Calendar(book, history)
    today = calendar.day(person_id, now)
    days = {calendar.day(person_id, moment) for (_, task_id), moment in submitted.items() if task_id in paid}
    zone = time_zone(calendar.zone(person_id, now))
    grace = config.rates.bonuses.streak_grace_days
    places = board(points, settings, levels_of(points, config.levels), viewer=person_id)
    earned = points.get(person_id, 0)
    return MyStanding(
        balance=own.balance,
        held=own.held,
        owed=own.owed,
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
        neighbours=tuple(around(places, person_id, NEIGHBOURS)),
        steadiness=_steadiness(known[-1] if known else None),
    )


def all_balances(workspace: Workspace) -> dict[str, int]:
    """Return the balance of every account of the ledger."""
    with workspace.store.read() as connection:
        return balances(connection)


def my_history(workspace: Workspace, person_id: str, before: int | None = None) -> list[Explanation]:
    """Return the last movements of a person's wallet before one, newest first; one more than a page shows."""
    with workspace.store.read() as connection:
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
