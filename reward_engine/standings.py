"""Wallets and the leaderboard: views of the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reward_engine.accounts import person_account
from reward_engine.ledger import earnings, statement

if TYPE_CHECKING:
    from datetime import datetime

    import sqlalchemy as sa


@dataclass(frozen=True, slots=True)
class Movement:
    """One credit or correction, and how it came about."""

    at: datetime
    points: int
    reason: str


@dataclass(frozen=True, slots=True)
class Wallet:
    """A person's balance in Compute Points, and every movement, oldest first."""

    person_id: str
    balance: int
    movements: tuple[Movement, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """A place on the leaderboard. People with the same points share a rank."""

    rank: int
    person_id: str
    points: int


def wallet(connection: sa.Connection, person_id: str) -> Wallet:
    """Return a person's wallet; an empty one for somebody who has earned nothing."""
    movements = tuple(
        Movement(at=row.event_at, points=row.amount, reason=row.reason)
        for row in statement(connection, person_account(person_id))
    )
    return Wallet(person_id, sum(movement.points for movement in movements), movements)


def leaderboard(connection: sa.Connection, limit: int | None = None) -> list[Standing]:
    """Return everybody who earned points, most first; ``limit`` cuts after so many places."""
    standings: list[Standing] = []
    for place, (person_id, points) in enumerate(earnings(connection, limit).items(), start=1):
        shared = standings and standings[-1].points == points
        standings.append(Standing(standings[-1].rank if shared else place, person_id, points))
    return standings
