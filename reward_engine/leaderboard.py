"""Leaderboards of a day, a week, a month or all time: ties share a rank, people show a name of their own or hide.

Source: ChatFeedback, section 3, 'Gamification'.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

import sqlalchemy as sa

from reward_engine.accounts import TREASURY
from reward_engine.ledger import earnings
from workspaces.store.ledger import ledger_entry, ledger_transaction

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import tzinfo

    from workspaces.store.people import PersonSettings


class Period(StrEnum):
    """What a board covers: the calendar day, week (from Monday) or month of a moment, or everything."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class LeaderboardEntry:
    """A place on a board. ``name`` is None for somebody shown by pseudonym; ``level`` follows from all points ever
    earned. ``hidden`` and ``under_review`` are told to the lead alone, and None for everybody else.
    """

    rank: int
    person_id: str
    name: str | None
    points: int
    level: str | None
    hidden: bool | None = None
    under_review: bool | None = None


def bounds(period: Period, now: datetime, zone: tzinfo) -> tuple[datetime, datetime] | None:
    """Return the first moment of a period and the first one after it; None for all time.

    Days begin at midnight by the clocks of ``zone``; one may have 23 or 25 hours.
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


def totals(connection: sa.Connection, within: tuple[datetime, datetime] | None = None) -> dict[str, int]:
    """Return what people earned by work of a period, by person; corrections count when they came about.

    Only what comes from the treasury counts: spending lowers nobody's place within a period.
    """
    if within is None:
        return earnings(connection)
    treasury = ledger_entry.alias("treasury")
    query = (
        sa.select(ledger_entry.c.account, sa.func.sum(ledger_entry.c.amount))
        .join(ledger_transaction, ledger_transaction.c.sequence == ledger_entry.c.sequence)
        .join(
            treasury,
            (treasury.c.sequence == ledger_entry.c.sequence) & (treasury.c.account == TREASURY),
        )
        .where(
            ledger_entry.c.account != TREASURY,
            ledger_transaction.c.event_at >= within[0],
            ledger_transaction.c.event_at < within[1],
        )
        .group_by(ledger_entry.c.account)
    )
    earned: Counter[str] = Counter()
    for account, points in connection.execute(query):
        earned[account.partition(":")[2]] += int(points)  # whatever account of theirs it went to
    return dict(earned)


def board(
    points: Mapping[str, int],
    settings: Mapping[str, PersonSettings] = MappingProxyType({}),
    level_of: Mapping[str, str | None] = MappingProxyType({}),
    *,
    viewer: str | None = None,
    lead: bool = False,
    flagged: Collection[str] = (),
) -> list[LeaderboardEntry]:
    """Return the places of everybody with points, most first. Pure.

    Args:
        points: what counts, by person.
        settings: the settings of people who set any.
        level_of: everybody's level.
        viewer: the person who looks: they see themselves even when they hide from others.
        lead: show the hidden, and who is under review.
        flagged: people under review.
    """
    shown = [
        (person_id, gained)
        for person_id, gained in points.items()
        if gained and (lead or person_id == viewer or not _hidden(settings, person_id))
    ]
    shown.sort(key=lambda entry: (-entry[1], entry[0]))
    places: list[LeaderboardEntry] = []
    for number, (person_id, gained) in enumerate(shown, start=1):
        own = settings.get(person_id)
        places.append(
            LeaderboardEntry(
                rank=places[-1].rank if places and places[-1].points == gained else number,
                person_id=person_id,
                name=own.display_name if own else None,
                points=gained,
                level=level_of.get(person_id),
                hidden=_hidden(settings, person_id) if lead else None,
                under_review=person_id in flagged if lead else None,
            )
        )
    return places


def around(places: Sequence[LeaderboardEntry], person_id: str, neighbours: int) -> list[LeaderboardEntry]:
    """Return a person's place with so many before and after it; nothing for somebody without points."""
    position = next((i for i, place in enumerate(places) if place.person_id == person_id), None)
    if position is None:
        return []
    return list(places[max(0, position - neighbours) : position + neighbours + 1])


def level(points: int, levels: Mapping[str, int]) -> str | None:
    """Return the highest level that so many points reach; None below the lowest."""
    reached = [(threshold, name) for name, threshold in levels.items() if points >= threshold]
    return max(reached)[1] if reached else None


def levels_of(points: Mapping[str, int], levels: Mapping[str, int]) -> dict[str, str | None]:
    """Return everybody's level."""
    return {person_id: level(gained, levels) for person_id, gained in points.items()}


def names_in_use(settings: Iterable[PersonSettings], *, besides: str) -> set[str]:
    """Return the display names of everybody but one person, without regard to case."""
    return {
        own.display_name.casefold()
        for own in settings
        if own.display_name is not None and own.person_id != besides
    }


def _hidden(settings: Mapping[str, PersonSettings], person_id: str) -> bool:
    return person_id in settings and settings[person_id].hidden
