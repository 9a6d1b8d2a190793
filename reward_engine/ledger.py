"""The double-entry ledger: the only module that writes postings.

A transaction moves whole points between accounts; its entries sum to zero. Its key makes it idempotent: the same key
with the same request is the same transaction, with another request an error. Each transaction carries a hash over its
content and the hash of the previous one, so that a change, a removal or an insertion is detected; the database itself
refuses update and delete.

One writer at a time extends the chain, over all machines: ``take_turn`` waits for the others. The transaction that
posts also updates the balance of every account.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from reward_engine.accounts import OWED, PERSON, TREASURY, credit, owed_account, split_debt
from reward_engine.chain import GENESIS, chain_hash, request_hash
from workspaces.chunks import in_chunks
from workspaces.errors import WorkbenchError
from workspaces.records import stable_id
from workspaces.store.insert import insert_rows, upsert
from workspaces.store.ledger import ledger_balance, ledger_entry, ledger_transaction

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

ADJUSTMENT = "adjust/"
"""The prefix of the key of a lead's correction."""

WRITER_LOCK = 0x6C656467
"""The number of the advisory lock that serialises writers on PostgreSQL."""


_NEWEST = (
    sa.select(ledger_transaction.c.sequence, ledger_transaction.c.hash)
    .order_by(ledger_transaction.c.sequence.desc())
    .limit(1)
)
_BALANCES = sa.select(ledger_balance)
_BALANCES_OF = _BALANCES.where(ledger_balance.c.account.in_(sa.bindparam("accounts", expanding=True)))
_POSTED = sa.select(
    ledger_transaction.c.key, ledger_transaction.c.sequence, ledger_transaction.c.request_hash
).where(ledger_transaction.c.key.in_(sa.bindparam("keys", expanding=True)))
"""What each posting asks is said once: to build a statement anew takes longer than to execute it."""


class LedgerConflictError(WorkbenchError):
    """A transaction with this key exists and has another content."""


@dataclass(frozen=True, slots=True)
class Posting:
    """A transaction to post: ``entries`` maps accounts to the points that they gain or lose."""

    key: str
    entries: Mapping[str, int]
    reason: str
    rules_version: str
    event_at: datetime


@dataclass(frozen=True, slots=True)
class Tip:
    """The newest transaction. Two ledgers with the same tip hold the same transactions."""

    sequence: int
    hash: str


@dataclass(frozen=True, slots=True)
class StatementLine:
    """The movement of one account in one transaction."""

    sequence: int
    event_at: datetime
    reason: str
    rules_version: str
    amount: int


def tip(connection: sa.Connection) -> Tip:
    """Return the newest transaction; number 0 and the genesis hash for an empty ledger."""
    row = connection.execute(_NEWEST).first()
    return Tip(row.sequence, row.hash) if row else Tip(0, GENESIS)


def has(connection: sa.Connection, known: Tip) -> bool:
    """Return whether a transaction that was the newest once is still there: then nothing before it changed."""
    at = sa.select(ledger_transaction.c.hash).where(ledger_transaction.c.sequence == known.sequence)
    return connection.execute(at).scalar() == known.hash


def take_turn(connection: sa.Connection) -> None:
    """Wait until no other transaction writes to the ledger, and keep other writers waiting until this one ends.

    Call it first in a writing transaction that reads a balance and then posts. On SQLite the begin of the transaction
    does this; on PostgreSQL it is an advisory lock, which readers do not wait for.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITER_LOCK})")


def post(connection: sa.Connection, postings: Sequence[Posting], created_at: datetime) -> list[int]:
    """Post transactions in order and return their numbers; one that was posted before keeps its number.

    Call it inside a writing transaction: all of them are kept, or none. Points that would take a person below zero
    become a debt instead, which later credits repay (see ``accounts``).

    Raises:
        LedgerConflictError: a key was used before for another request.
        ValueError: entries do not sum to zero, one of them is zero, or they name an ``owed`` account.
    """
    take_turn(connection)
    known = _known(connection, [posting.key for posting in postings])
    accounts = _Accounts(connection, {account for posting in postings for account in posting.entries})
    sequence, previous = (last := tip(connection)).sequence, last.hash
    transactions: list[tuple[object, ...]] = []
    entries: list[tuple[int, str, int]] = []
    numbers: list[int] = []
    for posting in postings:
        _check(posting)
        request = request_hash(
            posting.key, posting.entries, posting.reason, posting.rules_version, posting.event_at
        )
        if posting.key in known:
            number, posted_hash = known[posting.key]
            if posted_hash != request:
                raise LedgerConflictError(f"the ledger has {posting.key!r} already, with another content")
            numbers.append(number)
            continue
        sequence += 1
        moved = accounts.move(posting.entries)
        following = chain_hash(
            sequence=sequence,
            key=posting.key,
            entries=moved,
            reason=posting.reason,
            rules_version=posting.rules_version,
            event_at=posting.event_at,
            created_at=created_at,
            request=request,
            previous=previous,
        )
        transactions.append(
            (
                sequence,
                posting.key,
                request,
                posting.reason,
                posting.rules_version,
                posting.event_at,
                created_at,
                previous,
                following,
            )
        )
        entries += [(sequence, account, amount) for account, amount in moved.items()]
        previous = following
        known[posting.key] = (sequence, request)
        numbers.append(sequence)
    if transactions:
        insert_rows(connection, ledger_transaction, transactions)
        insert_rows(connection, ledger_entry, entries)
        accounts.save()
    return numbers


def adjust(
    connection: sa.Connection,
    person_id: str,
    points: int,
    *,
    reason: str,
    author: str,
    rules_version: str,
    now: datetime,
) -> tuple[int, bool]:
    """Post a lead's correction; return its number, and whether it is new.

    The same correction (person, points, reason and author) is posted once; a repetition needs another reason.

    Args:
        connection: a writing transaction.
        person_id: whose points are corrected.
        points: the points to credit; negative points are taken back.
        reason: why; the person reads it.
        author: who decided on the correction.
        rules_version: the rules in force.
        now: the current time.
    """
    key = ADJUSTMENT + stable_id(person_id, str(points), reason, author)
    take_turn(connection)
    if known := _known(connection, [key]):
        return known[key][0], False
    explained = f"correction by {author}: {reason}"
    posting = Posting(key, credit(person_id, points), explained, rules_version, now)
    (number,) = post(connection, [posting], now)
    return number, True


def balance(connection: sa.Connection, account: str) -> int:
    """Return the balance of an account; 0 for an account without entries."""
    return balances(connection, [account]).get(account, 0)


def balances(connection: sa.Connection, accounts: Sequence[str] | None = None) -> dict[str, int]:
    """Return the balances of these accounts, or of all (None); accounts without entries are missing."""
    if accounts is None:
        rows = connection.execute(_BALANCES)
    else:
        rows = connection.execute(_BALANCES_OF, {"accounts": accounts})
    return {account: points for account, points, _ in rows}


def balances_after(connection: sa.Connection, sequence: int) -> dict[str, int]:
    """Return the balances of the accounts that transactions after one moved."""
    moved = sa.select(ledger_entry.c.account).where(ledger_entry.c.sequence > sequence)
    query = sa.select(ledger_balance.c.account, ledger_balance.c.balance)
    rows = connection.execute(query.where(ledger_balance.c.account.in_(moved)))
    return {row.account: row.balance for row in rows}


def earnings(connection: sa.Connection) -> dict[str, int]:
    """Return the points that each person has ever earned, the most first; spending does not lower them."""
    query = (
        sa.select(ledger_balance.c.account, ledger_balance.c.earned)
        .where(ledger_balance.c.earned != 0)
        .order_by(ledger_balance.c.earned.desc(), ledger_balance.c.account)
    )
    return {account.removeprefix(PERSON): earned for account, earned in connection.execute(query)}


def statement(connection: sa.Connection, accounts: Sequence[str]) -> list[StatementLine]:
    """Return the movements of some accounts, oldest first.

    Of one transaction, each account has a line of its own, in the order of the account names.
    """
    query = (
        sa.select(
            ledger_transaction.c.sequence,
            ledger_transaction.c.event_at,
            ledger_transaction.c.reason,
            ledger_transaction.c.rules_version,
            ledger_entry.c.amount,
        )
        .join(ledger_entry, ledger_entry.c.sequence == ledger_transaction.c.sequence)
        .where(ledger_entry.c.account.in_(accounts))
        .order_by(ledger_transaction.c.sequence, ledger_entry.c.account)
    )
    return [StatementLine(*row) for row in connection.execute(query)]


class _Accounts:
    """The accounts of a batch of postings: read once, updated in memory, saved at the end."""

    def __init__(self, connection: sa.Connection, names: Iterable[str]) -> None:
        self._connection = connection
        self._balances: dict[str, int] = {}
        self._earned: dict[str, int] = {}
        self._touched: set[str] = set()
        wanted = set(names)
        wanted |= {owed_account(name.removeprefix(PERSON)) for name in wanted if name.startswith(PERSON)}
        for some in in_chunks(sorted(wanted)):
            for account, points, earned in connection.execute(_BALANCES_OF, {"accounts": some}):
                self._balances[account], self._earned[account] = points, earned

    def move(self, requested: Mapping[str, int]) -> dict[str, int]:
        entries = split_debt(requested, self._balances)
        for account, points in entries.items():
            self._balances[account] = self._balances.get(account, 0) + points
        if TREASURY in requested:
            for account, points in requested.items():
                if account.startswith(PERSON):
                    self._earned[account] = self._earned.get(account, 0) + points
        self._touched.update(requested, entries)
        return entries

    def save(self) -> None:
        rows = [
            {
                "account": account,
                "balance": self._balances.get(account, 0),
                "earned": self._earned.get(account, 0),
            }
            for account in sorted(self._touched)
        ]
        upsert(self._connection, ledger_balance, rows, update=("balance", "earned"))


def _check(posting: Posting) -> None:
    amounts = list(posting.entries.values())
    if sum(amounts) != 0 or not all(amounts) or not amounts:
        raise ValueError(
            f"entries of {posting.key!r} must be non-zero and sum to zero: {dict(posting.entries)}"
        )
    if any(account.startswith(OWED) for account in posting.entries):
        raise ValueError(f"entries of {posting.key!r} must name what somebody gets; what they owe follows")


def _known(connection: sa.Connection, keys: Sequence[str]) -> dict[str, tuple[int, str]]:
    """Return number and request hash of the transactions among ``keys`` that were posted, by key."""
    posted: dict[str, tuple[int, str]] = {}
    for some in in_chunks(keys):
        rows = connection.execute(_POSTED, {"keys": some})
        posted.update((key, (sequence, request)) for key, sequence, request in rows)
    return posted
