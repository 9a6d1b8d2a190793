"""The double-entry ledger: the only module that writes postings.

A transaction moves whole points between accounts; its entries sum to zero. It has a key that says what it is for:
the same key with the same request is the same transaction, with another request an error. Each carries a hash over
its content and the hash of the one before, so that nothing can be changed, removed or slipped in unseen; the
database itself refuses update and delete.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from workspaces.errors import WorkbenchError
from workspaces.store.tables import ledger_entry, ledger_transaction

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

TREASURY = "treasury"
GENESIS = "0" * 64
"""The hash before the first transaction."""

KEY_CHUNK = 500


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


def person_account(person_id: str) -> str:
    """Return the account of a person."""
    return f"person:{person_id}"


def credit(person_id: str, points: int) -> dict[str, int]:
    """Return entries that move points from the treasury to a person (back, when negative)."""
    return {person_account(person_id): points, TREASURY: -points}


def tip(connection: sa.Connection) -> Tip:
    """Return the newest transaction; number 0 and the genesis hash for an empty ledger."""
    newest = sa.select(ledger_transaction.c.sequence, ledger_transaction.c.hash)
    row = connection.execute(newest.order_by(ledger_transaction.c.sequence.desc()).limit(1)).first()
    return Tip(row.sequence, row.hash) if row else Tip(0, GENESIS)


def post(connection: sa.Connection, postings: Sequence[Posting], created_at: datetime) -> list[int]:
    """Post transactions in order and return their numbers; one that was posted before keeps its number.

    Call it inside a writing transaction; all are kept or none.

    Raises:
        LedgerConflictError: a key was used before for another request.
        ValueError: entries do not sum to zero, or one of them is zero.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(
            sa.text("LOCK TABLE ledger_transaction IN EXCLUSIVE MODE")
        )  # one writer at the tip
    known = _known(connection, [posting.key for posting in postings])
    sequence, previous = (last := tip(connection)).sequence, last.hash
    transactions: list[dict[str, Any]] = []
    entries: list[dict[str, Any]] = []
    numbers: list[int] = []
    for posting in postings:
        if sum(posting.entries.values()) or not all(posting.entries.values()) or not posting.entries:
            raise ValueError(
                f"entries of {posting.key!r} must be non-zero and sum to zero: {dict(posting.entries)}"
            )
        request_hash = _request_hash(posting)
        if posting.key in known:
            number, posted_hash = known[posting.key]
            if posted_hash != request_hash:
                raise LedgerConflictError(f"the ledger has {posting.key!r} already, with another content")
            numbers.append(number)
            continue
        sequence += 1
        row = {
            "sequence": sequence,
            "key": posting.key,
            "request_hash": request_hash,
            "reason": posting.reason,
            "rules_version": posting.rules_version,
            "event_at": posting.event_at,
            "created_at": created_at,
            "previous_hash": previous,
        }
        row["hash"] = previous = _chain_hash(row, posting.entries)
        known[posting.key] = (sequence, request_hash)
        transactions.append(row)
        entries += [
            {"sequence": sequence, "account": account, "amount": amount}
            for account, amount in posting.entries.items()
        ]
        numbers.append(sequence)
    if transactions:
        connection.execute(sa.insert(ledger_transaction), transactions)
        connection.execute(sa.insert(ledger_entry), entries)
    return numbers


def balances(connection: sa.Connection) -> dict[str, int]:
    """Return the balance of every account that ever moved."""
    query = sa.select(ledger_entry.c.account, sa.func.sum(ledger_entry.c.amount)).group_by(
        ledger_entry.c.account
    )
    return {account: int(balance) for account, balance in connection.execute(query)}


def statement(connection: sa.Connection, account: str) -> list[sa.Row[Any]]:
    """Return an account's movements, oldest first: ``sequence, event_at, reason, rules_version, amount``."""
    query = (
        sa.select(
            ledger_transaction.c.sequence,
            ledger_transaction.c.event_at,
            ledger_transaction.c.reason,
            ledger_transaction.c.rules_version,
            ledger_entry.c.amount,
        )
        .join(ledger_entry, ledger_entry.c.sequence == ledger_transaction.c.sequence)
        .where(ledger_entry.c.account == account)
        .order_by(ledger_transaction.c.sequence)
    )
    return list(connection.execute(query))


def problems(connection: sa.Connection) -> list[str]:
    """Return what is wrong with the ledger, one sentence each; nothing when it is whole.

    Looks at every transaction: numbers without a gap, the chain of hashes, entries that sum to zero. A tail that
    was cut off shows only against a ``tip`` noted elsewhere, such as in an export's manifest.
    """
    try:
        return _problems(connection)
    except (TypeError, ValueError) as error:  # SQLite keeps any text in a column of numbers or times
        return [f"a transaction holds what is no number or no time: {error}"]


def _problems(connection: sa.Connection) -> list[str]:
    amounts: dict[int, dict[str, int]] = {}
    for sequence, account, amount in connection.execute(sa.select(ledger_entry)):
        amounts.setdefault(sequence, {})[account] = amount
    found: list[str] = []
    previous, expected = GENESIS, 1
    for row in connection.execute(sa.select(ledger_transaction).order_by(ledger_transaction.c.sequence)):
        entries = amounts.pop(row.sequence, {})
        if row.sequence != expected:
            found.append(f"transaction {expected} is missing")
        if row.previous_hash != previous:
            found.append(f"transaction {row.sequence} does not follow the one before it")
        if _chain_hash(dict(row._mapping), entries) != row.hash:
            found.append(f"transaction {row.sequence} was changed")
        if sum(entries.values()) or not entries:
            found.append(f"transaction {row.sequence} does not sum to zero")
        previous, expected = row.hash, row.sequence + 1
    found += [f"entries of transaction {sequence} belong to no transaction" for sequence in sorted(amounts)]
    return found


def _known(connection: sa.Connection, keys: Sequence[str]) -> dict[str, tuple[int, str]]:
    found: dict[str, tuple[int, str]] = {}
    columns = (ledger_transaction.c.key, ledger_transaction.c.sequence, ledger_transaction.c.request_hash)
    for start in range(0, len(keys), KEY_CHUNK):
        query = sa.select(*columns).where(ledger_transaction.c.key.in_(keys[start : start + KEY_CHUNK]))
        found.update((row.key, (row.sequence, row.request_hash)) for row in connection.execute(query))
    return found


def _request_hash(posting: Posting) -> str:
    return _digest(
        {
            "entries": dict(posting.entries),
            "event_at": _moment(posting.event_at),
            "key": posting.key,
            "reason": posting.reason,
            "rules_version": posting.rules_version,
        }
    )


def _chain_hash(row: Mapping[str, Any], entries: Mapping[str, int]) -> str:
    return _digest(
        {
            "created_at": _moment(row["created_at"]),
            "entries": dict(entries),
            "event_at": _moment(row["event_at"]),
            "key": row["key"],
            "previous_hash": row["previous_hash"],
            "reason": row["reason"],
            "request_hash": row["request_hash"],
            "rules_version": row["rules_version"],
            "sequence": row["sequence"],
        }
    )


def _moment(time: datetime) -> str:
    return time.astimezone(UTC).isoformat()


def _digest(content: Mapping[str, Any]) -> str:
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()
