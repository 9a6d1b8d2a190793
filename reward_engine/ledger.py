"""The double-entry ledger: the only module that writes postings.

A transaction moves whole points between accounts; its entries sum to zero. It has a key that says what it is for:
the same key with the same request is the same transaction, with another request an error. Each carries a hash over
its content and the hash of the one before, so that nothing can be changed, removed or slipped in unseen; the
database itself refuses update and delete.

One writer at a time extends the chain, on whatever machine: ``take_turn`` waits for the others. The balance of
every account is kept in the transaction that posts.
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
"""How the key of a lead's correction begins."""

WRITER_LOCK = 0x6C656467
"""The number of the advisory lock that writers take turns with on PostgreSQL."""


class LedgerConflictError(WorkbenchError):
    """A transaction with this key exists and is not the same."""


@dataclass(frozen=True, slots=True)
class Posting:
    """A transaction to be made: ``entries`` maps accounts to the points they gain or lose."""

    key: str
    entries: Mapping[str, int]
    reason: str
    rules_version: str
    event_at: datetime


@dataclass(frozen=True, slots=True)
class Tip:
    """The newest transaction; two ledgers with the same tip hold the same transactions."""

    sequence: int
    hash: str


@dataclass(frozen=True, slots=True)
class StatementLine:
    """A movement of one account by one transaction."""

    sequence: int
    event_at: datetime
    reason: str
    rules_version: str
    amount: int


def tip(connection: sa.Connection) -> Tip:
    """Return the newest transaction; number 0 and the genesis hash for an empty ledger."""
    newest = sa.select(ledger_transaction.c.sequence, ledger_transaction.c.hash)
    row = connection.execute(newest.order_by(ledger_transaction.c.sequence.desc()).limit(1)).first()
    return Tip(row.sequence, row.hash) if row else Tip(0, GENESIS)


def take_turn(connection: sa.Connection) -> None:
    """Wait until no other transaction writes to the ledger, and keep the others waiting until this one ends.

    Call it first in a writing transaction that reads a balance and then posts. On SQLite the transaction itself
    does this when it begins; on PostgreSQL it is an advisory lock, so that readers are never in the way.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITER_LOCK})")


def post(connection: sa.Connection, postings: Sequence[Posting], created_at: datetime) -> list[int]:
    """Post transactions in order and return their numbers; one that was posted before keeps its number.

    Call it inside a writing transaction; all are kept or none. What would take a person below zero is owed
    instead, and paid by what they earn next (see ``accounts``).

    Raises:
        LedgerConflictError: a key was used before for another request.
        ValueError: entries do not sum to zero, one of them is zero, or they name what somebody owes.
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
    """Post a lead's correction and return its number, and whether it is new.

    The same correction (person, points, reason and author) is made once: to make it again, give another reason.

    Args:
        connection: a writing transaction.
        person_id: whose points.
        points: what they gain; negative for what is taken back.
        reason: why, for the person to read.
        author: who decided.
        rules_version: the rules in force.
        now: when.
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
    """Return the balance of one account; 0 for one that never moved."""
    return balances(connection, [account]).get(account, 0)


def balances(connection: sa.Connection, accounts: Sequence[str] | None = None) -> dict[str, int]:
    """Return the balance of those of some accounts (all when None) that ever moved."""
    query = sa.select(ledger_balance.c.account, ledger_balance.c.balance)
    if accounts is not None:
        query = query.where(ledger_balance.c.account.in_(accounts))
    return {row.account: row.balance for row in connection.execute(query)}


def earnings(connection: sa.Connection) -> dict[str, int]:
    """Return what each person earned in all, most first: spending lowers a balance, never this."""
    query = (
        sa.select(ledger_balance.c.account, ledger_balance.c.earned)
        .where(ledger_balance.c.earned != 0)
        .order_by(ledger_balance.c.earned.desc(), ledger_balance.c.account)
    )
    return {row.account.removeprefix(PERSON): row.earned for row in connection.execute(query)}


def statement(connection: sa.Connection, accounts: Sequence[str]) -> list[StatementLine]:
    """Return the movements of some accounts, oldest first.

    Accounts that move in one transaction give one line each, in the order of their names.
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
    """The accounts that a batch touches: read once, moved on in memory, saved at its end."""

    def __init__(self, connection: sa.Connection, names: Iterable[str]) -> None:
        self._connection = connection
        self._balances: dict[str, int] = {}
        self._earned: dict[str, int] = {}
        self._touched: set[str] = set()
        wanted = set(names)
        wanted |= {owed_account(name.removeprefix(PERSON)) for name in wanted if name.startswith(PERSON)}
        for some in in_chunks(sorted(wanted)):
            query = sa.select(ledger_balance).where(ledger_balance.c.account.in_(some))
            for row in connection.execute(query):
                self._balances[row.account], self._earned[row.account] = row.balance, row.earned

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
    """Return number and request hash of those of these transactions that were posted, by key."""
    posted: dict[str, tuple[int, str]] = {}
    columns = (ledger_transaction.c.key, ledger_transaction.c.sequence, ledger_transaction.c.request_hash)
    for some in in_chunks(keys):
        query = sa.select(*columns).where(ledger_transaction.c.key.in_(some))
        posted.update((row.key, (row.sequence, row.request_hash)) for row in connection.execute(query))
    return posted
