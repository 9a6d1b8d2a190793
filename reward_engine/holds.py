"""Holds: points are set aside before a purchase, then captured or released.

``reserve`` sets points aside; ``capture`` keeps the actual price, and ``release`` gives all of them back. A hold that
is neither captured nor released goes back when it expires. Nobody's balance goes below zero, also under concurrency:
reserved points leave the spendable balance at once. Every function may be repeated with the same arguments; the
repetition changes nothing.

Call each function inside a writing transaction of its own; it takes effect when the transaction commits::

    with store.write() as connection:
        hold = reserve(connection, person_id, price, hold_id=request_id, purchase=purchase, now=now, ...)
    ...  # ask the model
    with store.write() as connection:
        capture(connection, hold.id, actual, now=now)
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from reward_engine.accounts import SPENT, held_account, person_account
from reward_engine.ledger import Posting, balance, post, take_turn
from workspaces.errors import WorkbenchError
from workspaces.grammar import counted, word_for
from workspaces.records import ChatMode
from workspaces.store.holds import KEY, hold, hold_outcome
from workspaces.store.insert import insert_rows

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from workspaces.config import SpendingConfig

EXPIRE_BATCH = 500


class NotEnoughPointsError(WorkbenchError):
    """The person's spendable balance is too low."""


class HoldError(WorkbenchError):
    """The hold does not exist, or it ended in another way."""


class HoldConflictError(HoldError):
    """A hold with this id exists for another person or purchase."""


class Outcome(StrEnum):
    """How a hold ended."""

    CAPTURED = "captured"
    RELEASED = "released"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Purchase:
    """What is bought: an answer of ``model`` in a mode, at a price from a version of the price list."""

    model: str
    mode: ChatMode
    price: int
    rules_version: str


@dataclass(frozen=True, slots=True)
class Hold:
    """Points set aside for a purchase. ``outcome`` is None while it is open; ``spent`` are the points kept."""

    id: str
    person_id: str
    purchase: Purchase
    reserved_at: datetime
    expires_at: datetime
    outcome: Outcome | None = None
    spent: int = 0


def quote_purchase(spending: SpendingConfig, model: str, mode: ChatMode) -> Purchase:
    """Return the current price of an answer of a model. Pure.

    A model that the configuration does not name has the default price.
    """
    prices = spending.models.get(model, spending.default)
    return Purchase(model, mode, prices.of(mode), spending.version)


def reserve(
    connection: sa.Connection,
    person_id: str,
    purchase: Purchase,
    *,
    hold_id: str,
    now: datetime,
    expires_at: datetime,
) -> Hold:
    """Set aside the price of a purchase.

    Args:
        connection: a writing transaction.
        person_id: who pays.
        purchase: what the points are for; its price is the most that can be captured.
        hold_id: the caller's own name for this purchase, at most 64 characters. The same id for the same purchase
            is the same hold, so a call can be repeated if its result was lost.
        now: the current time.
        expires_at: when the points go back if the hold has not ended before.

    Raises:
        NotEnoughPointsError: the person has fewer points; nothing was set aside.
        HoldConflictError: the id was used for another person or purchase.
        ValueError: the price is not above zero, or ``expires_at`` is not after ``now``.
    """
    if purchase.price <= 0 or expires_at <= now:
        raise ValueError("a hold needs a price above zero and an end after its beginning")
    take_turn(connection)
    if (known := find_hold(connection, hold_id)) is not None:
        if (known.person_id, known.purchase) != (person_id, purchase):
            raise HoldConflictError(f"the hold {hold_id!r} exists already, for another person or purchase")
        return known
    account = person_account(person_id)
    if balance(connection, account) < purchase.price:
        release_expired(connection, now, person_id)
        if (available := balance(connection, account)) < purchase.price:
            raise NotEnoughPointsError(
                f"this costs {counted(purchase.price, 'point')}, {available:,} {word_for(available, 'is', 'are')} there"
            )
    entries = {account: -purchase.price, held_account(person_id): purchase.price}
    what = f"set aside for {purchase.model} ({purchase.mode})"
    posting = Posting(f"{KEY}{hold_id}/reserve", entries, what, purchase.rules_version, now)
    (sequence,) = post(connection, [posting], now)
    row = (hold_id, person_id, purchase.model, purchase.mode.value, purchase.price)
    insert_rows(connection, hold, [(*row, purchase.rules_version, sequence, now, expires_at)])
    return Hold(hold_id, person_id, purchase, now, expires_at)


def capture(connection: sa.Connection, hold_id: str, actual: int, *, now: datetime) -> Hold:
    """Keep the actual price of a purchase and give the rest back; return the updated hold.

    Args:
        connection: a writing transaction.
        hold_id: the hold.
        actual: points, from 0 (the hold is released) to the price.
        now: the current time.

    Raises:
        HoldError: the hold does not exist, has expired, or ended in another way.
        ValueError: ``actual`` is below zero or above the price.
    """
    take_turn(connection)
    known = _existing(connection, hold_id)
    if not 0 <= actual <= known.purchase.price:
        raise ValueError(
            f"from 0 to {counted(known.purchase.price, 'point')} can be captured (given: {actual})"
        )
    outcome = Outcome.CAPTURED if actual else Outcome.RELEASED
    if known.outcome is not None:
        return _same(known, outcome, actual)
    if known.expires_at <= now:
        raise HoldError(f"the hold {hold_id!r} expired: its points go back")
    return _end(connection, known, outcome, actual, now)


def release(connection: sa.Connection, hold_id: str, *, now: datetime) -> Hold:
    """Give back all points of a hold; return the updated hold. An expired hold was given back already.

    Raises:
        HoldError: the hold does not exist, or points of it were captured.
    """
    take_turn(connection)
    known = _existing(connection, hold_id)
    if known.outcome in {Outcome.RELEASED, Outcome.EXPIRED}:
        return known
    if known.outcome is not None:
        return _same(known, Outcome.RELEASED, 0)
    return _end(connection, known, Outcome.RELEASED, 0, now)


def release_expired(connection: sa.Connection, now: datetime, person_id: str | None = None) -> int:
    """Give back the points of at most ``EXPIRE_BATCH`` expired holds; return how many there were.

    ``reserve`` does this for its person when their points do not suffice; call it from time to time for everybody.
    """
    take_turn(connection)
    query = _query().where(hold_outcome.c.hold_id.is_(None), hold.c.expires_at <= now)
    if person_id is not None:
        query = query.where(hold.c.person_id == person_id)
    expired = _holds(connection, query.order_by(hold.c.expires_at, hold.c.hold_id).limit(EXPIRE_BATCH))
    for ending in expired:
        _end(connection, ending, Outcome.EXPIRED, 0, now)
    return len(expired)


def find_hold(connection: sa.Connection, hold_id: str) -> Hold | None:
    """Return a hold in its current state; None for an id that was never used."""
    return next(iter(_holds(connection, _NAMED, {"name": hold_id})), None)


def _query() -> sa.Select[Any]:
    ended = hold_outcome.c.hold_id == hold.c.hold_id
    return sa.select(hold, hold_outcome.c.outcome, hold_outcome.c.spent).outerjoin(hold_outcome, ended)


_NAMED = _query().where(hold.c.hold_id == sa.bindparam("name"))


def _holds(
    connection: sa.Connection, query: sa.Executable, parameters: Mapping[str, object] | None = None
) -> list[Hold]:
    """Return the holds of a ``_query`` to which conditions may have been added."""
    return [
        Hold(
            id=row.hold_id,
            person_id=row.person_id,
            purchase=Purchase(row.model, ChatMode(row.mode), row.price, row.rules_version),
            reserved_at=row.reserved_at,
            expires_at=row.expires_at,
            outcome=Outcome(row.outcome) if row.outcome else None,
            spent=row.spent or 0,
        )
        for row in connection.execute(query, parameters)
    ]


def _existing(connection: sa.Connection, hold_id: str) -> Hold:
    if (known := find_hold(connection, hold_id)) is None:
        raise HoldError(f"there is no hold {hold_id!r}")
    return known


def _same(ended: Hold, outcome: Outcome, spent: int) -> Hold:
    if (ended.outcome, ended.spent) == (outcome, spent):
        return ended
    raise HoldError(
        f"the hold {ended.id!r} has ended: {ended.outcome}, {counted(ended.spent, 'point')} spent"
    )


def _end(connection: sa.Connection, ending: Hold, outcome: Outcome, spent: int, now: datetime) -> Hold:
    price = ending.purchase.price
    entries = {
        held_account(ending.person_id): -price,
        person_account(ending.person_id): price - spent,
        SPENT: spent,
    }
    posting = Posting(
        key=f"{KEY}{ending.id}/end",
        entries={account: points for account, points in entries.items() if points},
        reason=_reason(ending.purchase, outcome, spent),
        rules_version=ending.purchase.rules_version,
        event_at=now,
    )
    (sequence,) = post(connection, [posting], now)
    insert_rows(connection, hold_outcome, [(ending.id, outcome.value, spent, sequence, now)])
    return replace(ending, outcome=outcome, spent=spent)


def _reason(purchase: Purchase, outcome: Outcome, spent: int) -> str:
    what = f"{purchase.model} ({purchase.mode})"
    if outcome is Outcome.CAPTURED:
        return f"paid {spent:,} of {counted(purchase.price, 'point')} set aside for {what}"
    return f"{outcome}: the points set aside for {what}"
