"""Wallets: views of the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reward_engine.accounts import held_account, owed_account, person_account
from reward_engine.ledger import balances, statement

if TYPE_CHECKING:
    from datetime import datetime

    import sqlalchemy as sa


@dataclass(frozen=True, slots=True)
class Movement:
    """One credit or correction, with its reason."""

    at: datetime
    points: int
    reason: str


@dataclass(frozen=True, slots=True)
class Wallet:
    """A person's Compute Points, and all movements, oldest first.

    ``balance`` are the points that they can spend, ``held`` those set aside for open purchases. ``owed`` are points
    that were taken back after they had been spent: later credits repay them first. The movements sum to
    ``balance - owed``.
    """

    person_id: str
    balance: int
    movements: tuple[Movement, ...]
    held: int = 0
    owed: int = 0


def wallet(connection: sa.Connection, person_id: str) -> Wallet:
    """Return a person's wallet; it is empty for a person who has earned nothing."""
    person, held, owed = person_account(person_id), held_account(person_id), owed_account(person_id)
    movements: dict[int, Movement] = {}
    for line in statement(connection, [person, owed]):
        before = movements[line.sequence].points if line.sequence in movements else 0
        movements[line.sequence] = Movement(line.event_at, before + line.amount, line.reason)
    by_account = balances(connection, [person, held, owed])
    return Wallet(
        person_id,
        balance=by_account.get(person, 0),
        movements=tuple(movements.values()),
        held=by_account.get(held, 0),
        owed=-by_account.get(owed, 0),
    )
