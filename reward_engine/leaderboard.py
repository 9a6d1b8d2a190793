"""Leaderboards of a day, a week, a month or all time. Ties share a rank; people may choose a name, or hide.

Source: ChatFeedback, section 3, 'Gamification'.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import sqlalchemy as sa

from reward_engine.accounts import TREASURY
from reward_engine.ledger import earnings
from workspaces.store.identities import all_people
from workspaces.store.ledger import ledger_entry, ledger_transaction

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from workspaces.store.people import PersonSettings


@dataclass(frozen=True, slots=True)
class LeaderboardEntry:
    """A place on a leaderboard. ``name`` is None for a person shown by pseudonym; ``level`` follows from all points
    ever earned. ``hidden`` and ``under_review`` are for the lead alone, and None for everybody else.
    """

    rank: int
    person_id: str
    name: str | None
    points: int
    level: str | None
    hidden: bool | None = None
    under_review: bool | None = None


def totals(connection: sa.Connection, within: tuple[datetime, datetime] | None = None) -> dict[str, int]:
    """Return the points that people earned by work in a period, by person; corrections count at their own time.

    Only points from the treasury count: spending does not lower a person's place within a period.
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
        earned[account.partition(":")[2]] += int(points)  # a credit may go to any account of the person
    return dict(earned)


def totals_of_people(
    connection: sa.Connection, within: tuple[datetime, datetime] | None = None
) -> dict[str, int]:
    """Return ``totals`` without those who were forgotten: whether they hid was forgotten with them."""
    people = all_people(connection)
    return {it: points for it, points in totals(connection, within).items() if it in people}


def board(
    points: Mapping[str, int],
    settings: Mapping[str, PersonSettings] = MappingProxyType({}),
    level_of: Mapping[str, str | None] = MappingProxyType({}),
    *,
    viewer: str | None = None,
    lead: bool = False,
    flagged: Collection[str] = (),
) -> list[LeaderboardEntry]:
    """Return the places of everybody with points, the highest first. Pure.

    Args:
        points: the points that count, by person.
        settings: the settings of people who have any, by person.
        level_of: levels by person.
        viewer: the person who looks at the leaderboard; they see themselves even if they are hidden.
        lead: show hidden people, and who is under review.
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
    """Return a person's place with ``neighbours`` places before and after it; empty for a person without points."""
    position = next((i for i, place in enumerate(places) if place.person_id == person_id), None)
    if position is None:
        return []
    return list(places[max(0, position - neighbours) : position + neighbours + 1])


def level(points: int, levels: Mapping[str, int]) -> str | None:
    """Return the highest level that ``points`` reach; None below the lowest."""
    reached = [(threshold, name) for name, threshold in levels.items() if points >= threshold]
    return max(reached)[1] if reached else None


def levels_of(points: Mapping[str, int], levels: Mapping[str, int]) -> dict[str, str | None]:
    """Return the level of each person."""
    return {person_id: level(gained, levels) for person_id, gained in points.items()}


def names_in_use(settings: Iterable[PersonSettings], *, besides: str) -> set[str]:
    """Return the case-folded display names of everybody but one person."""
    return {
        own.display_name.casefold()
        for own in settings
        if own.display_name is not None and own.person_id != besides
    }


def _hidden(settings: Mapping[str, PersonSettings], person_id: str) -> bool:
    return person_id in settings and settings[person_id].hidden
