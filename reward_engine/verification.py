"""Verifies that the ledger holds what was posted: nothing was changed, removed, inserted, reordered or cut off."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from reward_engine.accounts import HELD, OWED, PERSON, SPENT, TREASURY, requested_entries
from reward_engine.bonuses import ANSWER_BONUSES
from reward_engine.chain import GENESIS, chain_hash, request_hash
from reward_engine.ledger import ADJUSTMENT, Tip
from workspaces.records import AnnotationStatus
from workspaces.store.annotations import annotation_revision, counts, latest_genuine
from workspaces.store.deletions import deletion
from workspaces.store.holds import hold, hold_outcome
from workspaces.store.ledger import ledger_balance, ledger_entry, ledger_transaction
from workspaces.store.settlements import settlement, sharing_settlement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    TransactionRow = tuple[int, str, str, str, str, datetime, datetime, str, str]
    """The columns of ``ledger_transaction`` in order; the first is the sequence number."""

SETTLEMENTS = (settlement, sharing_settlement)
"""The tables that link a credit to its reason: each has ``person_id``, ``sequence`` and ``delta``."""

_KEY = ("person_id", "task_id", "part")
"""The columns of ``settlement`` that say what is paid."""

BATCH = 5_000
"""Transactions read at a time, so that the memory of a verification does not grow with the ledger."""

MAX_PROBLEMS = 1_000
"""Verification stops after so many problems: more of them give no new information."""


@dataclass(frozen=True, slots=True)
class Verification:
    """The result of a verification. ``problems`` has one sentence for each problem; it is empty for a whole ledger.

    ``unsettled`` counts the answers that were paid and do not stand any more: settlement will take the points back.
    """

    transactions: int
    entries: int
    tip: Tip
    problems: tuple[str, ...]
    unsettled: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether there are no problems."""
        return not self.problems


def problems(connection: sa.Connection) -> list[str]:
    """Return the problems of the chain of transactions, one sentence each; empty if it is whole.

    Checks every transaction: numbers without a gap, the chain of hashes, the hash of the request, and entries that sum
    to zero; then the stored balances. A tail that was cut off is detected only with a tip that was noted elsewhere:
    see ``verify``.
    """
    return list(_Walk(connection, lambda _: None).problems)


def verify(
    connection: sa.Connection,
    anchors: Sequence[tuple[str, Tip | str]] = (),
    advance: Callable[[int], None] = lambda _: None,
) -> Verification:
    """Check all that ``problems`` checks, and the origin of all points.

    Every credit must belong to a lead's correction or to the revision of an annotation: a genuine one that names the
    payee and the task, and none older than one that was settled before. It must name the version of its rules; every
    purchase must have its hold; open holds must sum to the points set aside.

    Args:
        connection: a reading transaction, which sees one moment.
        anchors: pairs of the place where a tip was noted and the tip, or its hash alone, that the ledger must contain.
        advance: called with the number of transactions checked since the last call.
    """
    walk = _Walk(connection, advance)
    problems = walk.problems
    for check in (_sources, _evidence, _holds):
        if len(problems) < MAX_PROBLEMS:
            problems += check(connection)
    for where, anchor in anchors:
        problems += _anchor(connection, where, anchor)
    return Verification(
        walk.transactions, walk.entries, walk.tip, tuple(problems[:MAX_PROBLEMS]), _unsettled(connection)
    )


class _Walk:
    """One pass over the ledger, in order."""

    def __init__(self, connection: sa.Connection, advance: Callable[[int], None]) -> None:
        self._connection = connection
        self.problems: list[str] = []
        self.transactions = self.entries = 0
        self.tip = Tip(0, GENESIS)
        self._balances: defaultdict[str, int] = defaultdict(int)
        self._earned: defaultdict[str, int] = defaultdict(int)
        try:
            for batch in self._batches():
                for row, entries in batch:
                    self._look_at(row, entries)
                advance(len(batch))
                if len(self.problems) >= MAX_PROBLEMS:
                    return
            self._compare_balances()
        except (TypeError, ValueError, sa.exc.DataError) as error:  # SQLite keeps any text in any column
            reason = str(error).splitlines()[0]
            self.problems.append(f"a transaction holds what is no number or no time: {reason}")

    def _batches(self) -> Iterator[list[tuple[TransactionRow, dict[str, int]]]]:
        """Yield transactions with their entries, in order, ``BATCH`` at a time."""
        last: int | None = None
        while True:
            query = sa.select(ledger_transaction).order_by(ledger_transaction.c.sequence).limit(BATCH)
            if last is not None:
                query = query.where(ledger_transaction.c.sequence > last)
            rows: Sequence[TransactionRow] = self._connection.execute(query).all()
            amounts = self._entries(last, rows[-1][0] if len(rows) == BATCH else None)
            yield [(row, amounts.pop(row[0], {})) for row in rows]
            self.problems += [
                f"entries of transaction {sequence} belong to no transaction" for sequence in sorted(amounts)
            ]
            if len(rows) < BATCH:
                return
            last = rows[-1][0]

    def _entries(self, after: int | None, to: int | None) -> dict[int, dict[str, int]]:
        query = sa.select(ledger_entry.c.sequence, ledger_entry.c.account, ledger_entry.c.amount)
        if after is not None:
            query = query.where(ledger_entry.c.sequence > after)
        if to is not None:
            query = query.where(ledger_entry.c.sequence <= to)
        entries: dict[int, dict[str, int]] = {}
        for sequence, account, amount in self._connection.execute(query):
            entries.setdefault(sequence, {})[account] = amount
        return entries

    def _look_at(self, row: TransactionRow, entries: dict[str, int]) -> None:
        sequence, key, request, reason, rules_version, event_at, created_at, previous, stored = row
        problems = self.problems
        if sequence != self.tip.sequence + 1:
            problems.append(f"transaction {self.tip.sequence + 1} is missing")
        if previous != self.tip.hash:
            problems.append(f"transaction {sequence} does not follow the one before it")
        content = chain_hash(
            sequence=sequence,
            key=key,
            entries=entries,
            reason=reason,
            rules_version=rules_version,
            event_at=event_at,
            created_at=created_at,
            request=request,
            previous=previous,
        )
        if content != stored:
            problems.append(f"transaction {sequence} was changed")
        requested = requested_entries(entries)
        if request_hash(key, requested, reason, rules_version, event_at) != request:
            problems.append(f"transaction {sequence} is not what was asked for")
        if sum(entries.values()) or not entries:
            problems.append(f"transaction {sequence} does not sum to zero")
        for account, amount in entries.items():
            self._balances[account] += amount
        if TREASURY in requested:
            for account, points in requested.items():
                if account.startswith(PERSON):
                    self._earned[account] += points
        self.transactions += 1
        self.entries += len(entries)
        self.tip = Tip(sequence, stored)

    def _compare_balances(self) -> None:
        kept = {
            row.account: (row.balance, row.earned)
            for row in self._connection.execute(sa.select(ledger_balance))
        }
        for account in sorted({*kept, *self._balances, *self._earned}):
            expected = (self._balances.get(account, 0), self._earned.get(account, 0))
            if kept.get(account) != expected:
                self.problems.append(
                    f"the balance kept for {account} is not the sum of its entries, {expected[0]}"
                )
            if expected[0] < 0 and account.startswith((PERSON, HELD)):
                self.problems.append(f"{account} is below zero: {expected[0]}")
            if expected[0] > 0 and account.startswith(OWED):
                self.problems.append(f"{account} is above zero: {expected[0]}")


def _sources(connection: sa.Connection) -> list[str]:
    """Return transactions without an origin, and settlements that differ from what was posted."""
    t, s, r = ledger_transaction, settlement, annotation_revision
    unexplained = sa.except_(
        sa.select(t.c.sequence).where(sa.not_(t.c.key.startswith(ADJUSTMENT, autoescape=True))),
        *(sa.select(table.c.sequence) for table in (*SETTLEMENTS, hold, hold_outcome)),
    )
    of_revision = (r.c.annotation_id == s.c.annotation_id) & (r.c.revision == s.c.revision)
    same = (r.c.person_id == s.c.person_id) & (r.c.task_id == s.c.task_id)
    return [
        *_numbered(connection, unexplained, "transaction {} has no answer, correction or purchase behind it"),
        *(
            problem
            for table in SETTLEMENTS
            for problem in _numbered(
                connection,
                sa.select(table.c.sequence).where(table.c.delta != _moved(table)),
                "transaction {} is not what was settled",
            )
        ),
        *_numbered(
            connection,
            sa.select(s.c.sequence).outerjoin(r, of_revision & same).where(r.c.annotation_id.is_(None)),
            "transaction {} was settled for a revision of an answer that is not there",
        ),
        *_numbered(
            connection,
            sa.select(t.c.sequence).where(t.c.rules_version == ""),
            "transaction {} names no version of the rules",
        ),
    ]


def _evidence(connection: sa.Connection) -> list[str]:
    """Return payments for answers that are not the payee's, and for revisions that are not the latest one settled."""
    s, first, later = settlement, annotation_revision.alias("first"), settlement.alias("later")
    paid = _paid().subquery()
    others = (
        sa.select(s.c.sequence)
        .join(paid, sa.and_(*(paid.c[name] == s.c[name] for name in _KEY)))
        .join(first, (first.c.annotation_id == s.c.annotation_id) & (first.c.revision == 1))
        .where((first.c.person_id != s.c.person_id) | (first.c.task_id != s.c.task_id))
    )
    older = (
        sa.select(later.c.sequence)
        .join(s, sa.and_(*(later.c[name] == s.c[name] for name in (*_KEY, "annotation_id"))))
        .where(later.c.sequence > s.c.sequence, later.c.revision < s.c.revision)
        .distinct()
    )
    return [
        *_numbered(
            connection,
            others,
            "transaction {} pays for an answer of another person or task",
        ),
        *_numbered(
            connection, older, "transaction {} pays for a revision older than one that was settled before"
        ),
    ]


def _unsettled(connection: sa.Connection) -> int:
    """Return how many (person, task) were paid for an answer that does not stand any more, forgotten people aside."""
    r = annotation_revision
    paid = _paid().where(settlement.c.part.not_in(ANSWER_BONUSES)).subquery()
    query = (
        sa.select(paid.c.person_id, paid.c.task_id)
        .where(
            paid.c.person_id.not_in(sa.select(deletion.c.person_id).where(deletion.c.person_id.is_not(None)))
        )
        .distinct()
    )
    behind = {(person_id, task_id) for person_id, task_id in connection.execute(query)}
    if not behind:
        return 0
    standing = latest_genuine().where(counts(), r.c.status == AnnotationStatus.SUBMITTED.value).subquery()
    pairs = sa.select(standing.c.person_id, standing.c.task_id).distinct()
    return len(behind - {(person_id, task_id) for person_id, task_id in connection.execute(pairs)})


def _paid() -> sa.Select[Any]:
    """Return a query of the (person, task, part) that points were paid for, and not taken back."""
    key = [settlement.c[name] for name in _KEY]
    return sa.select(*key).group_by(*key).having(sa.func.sum(settlement.c.delta) > 0)


def _holds(connection: sa.Connection) -> list[str]:
    """Return holds and outcomes that differ from what was posted, and accounts that are not the sum of open holds."""
    reserved = _amount(hold.c.sequence, HELD + hold.c.person_id)
    ended = _amount(hold_outcome.c.sequence, HELD + hold.c.person_id)
    spent = _amount(hold_outcome.c.sequence, sa.literal(SPENT))
    outcomes = sa.select(hold_outcome.c.sequence).join(hold, hold.c.hold_id == hold_outcome.c.hold_id)
    under_way = (
        sa.select(hold.c.person_id, sa.func.sum(hold.c.price).label("points"))
        .outerjoin(hold_outcome, hold_outcome.c.hold_id == hold.c.hold_id)
        .where(hold_outcome.c.hold_id.is_(None))
        .group_by(hold.c.person_id)
    )
    set_aside = sa.select(ledger_balance.c.account, ledger_balance.c.balance).where(
        ledger_balance.c.account.startswith(HELD), ledger_balance.c.balance != 0
    )
    expected = {HELD + row.person_id: int(row.points) for row in connection.execute(under_way)}
    kept = {row.account: row.balance for row in connection.execute(set_aside)}
    return [
        *_numbered(
            connection,
            sa.select(hold.c.sequence).where(hold.c.price != reserved),
            "the hold of transaction {} is not what was posted",
        ),
        *_numbered(
            connection,
            outcomes.where((hold.c.price != -ended) | (hold_outcome.c.spent != spent)),
            "the end of a hold in transaction {} is not what was posted",
        ),
        *(
            f"{account} is {kept.get(account, 0)}, its holds under way come to {expected.get(account, 0)}"
            for account in sorted({*expected, *kept})
            if expected.get(account, 0) != kept.get(account, 0)
        ),
    ]


def _moved(table: sa.Table) -> sa.ScalarSelect[int]:
    """Return the points that a settlement's transaction moved to its person, including those that repaid a debt."""
    accounts = [PERSON + table.c.person_id, OWED + table.c.person_id]
    query = sa.select(sa.func.coalesce(sa.func.sum(ledger_entry.c.amount), 0))
    return query.where(
        ledger_entry.c.sequence == table.c.sequence, ledger_entry.c.account.in_(accounts)
    ).scalar_subquery()


def _amount(sequence: sa.ColumnElement[int], account: sa.ColumnElement[str]) -> sa.ScalarSelect[int]:
    query = sa.select(sa.func.coalesce(sa.func.sum(ledger_entry.c.amount), 0))
    return query.where(
        ledger_entry.c.sequence == sequence, ledger_entry.c.account == account
    ).scalar_subquery()


def _numbered(
    connection: sa.Connection, query: sa.Select[Any] | sa.CompoundSelect[Any], sentence: str
) -> list[str]:
    sequences = connection.execute(query.limit(MAX_PROBLEMS)).scalars()
    return [sentence.format(sequence) for sequence in sorted(sequences)]


def _anchor(connection: sa.Connection, where: str, anchor: Tip | str) -> list[str]:
    wanted = anchor if isinstance(anchor, str) else anchor.hash
    query = sa.select(ledger_transaction.c.sequence).where(ledger_transaction.c.hash == wanted)
    sequence = 0 if wanted == GENESIS else connection.execute(query).scalar()
    if sequence is None or (isinstance(anchor, Tip) and anchor.sequence != sequence):
        number = f"transaction {anchor.sequence}" if isinstance(anchor, Tip) else "a transaction"
        noted = f"{number} with the hash {wanted[:16]}... was noted in {where} and is not there"
        return [f"{noted}: the tail was cut off, or the ledger rewritten"]
    return []
