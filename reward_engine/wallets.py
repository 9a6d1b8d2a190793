"""Wallets and the leaderboard: views of the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reward_engine.accounts import held_account, owed_account, person_account
from reward_engine.ledger import balances, earnings, statement

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
    """A person's Compute Points, and every movement, oldest first.

    ``balance`` is what they can spend, ``held`` what is set aside for purchases under way. ``owed`` is what was
    taken back after it was spent: what they earn next pays it first. The movements sum to ``balance - owed``.
    """

    person_id: str
    balance: int
    movements: tuple[Movement, ...]
    held: int = 0
    owed: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """A place on the leaderboard. People with the same points share a rank."""

    rank: int
    person_id: str
    points: int


def wallet(connection: sa.Connection, person_id: str) -> Wallet:
    """Return a person's wallet; an empty one for somebody who has earned nothing."""
    person, held, owed = person_account(person_id), held_account(person_id), owed_account(person_id)
    movements: dict[int, Movement] = {}
    for row in statement(connection, [person, owed]):
        before = movements[row.sequence].points if row.sequence in movements else 0
        movements[row.sequence] = Movement(row.event_at, before + row.amount, row.reason)
    found = balances(connection, [person, held, owed])
    return Wallet(
        person_id,
        balance=found.get(person, 0),
        movements=tuple(movements.values()),
        held=found.get(held, 0),
        owed=-found.get(owed, 0),
    )


def leaderboard(connection: sa.Connection, limit: int | None = None) -> list[Standing]:
    """Return everybody who earned points, most first; ``limit`` cuts after so many places."""
    standings: list[Standing] = []
    for place, (person_id, points) in enumerate(earnings(connection, limit).items(), start=1):
        shared = standings and standings[-1].points == points
        standings.append(Standing(standings[-1].rank if shared else place, person_id, points))
    return standings
