"""Explains each credit in words: base, significance, confidence, cap or bonus, and the rules that applied.

All of it comes from data stored when the points moved; a later change of the rules does not change an explanation.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from reward_engine.accounts import owed_account, person_account
from reward_engine.rates import multiplied
from reward_engine.rules import RuleBook
from workspaces.chunks import in_chunks
from workspaces.grammar import counted, word_for
from workspaces.records import Significance
from workspaces.registry import PLATFORMS
from workspaces.store.confidences import confidence_history
from workspaces.store.holds import hold, hold_named, hold_outcome
from workspaces.store.ledger import ledger_entry, ledger_transaction
from workspaces.store.rules import all_rules
from workspaces.store.settlements import settlement
from workspaces.store.tasks import task

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from workspaces.store.confidences import PersonConfidence


@dataclass(frozen=True, slots=True)
class Explanation:
    """One movement of a wallet.

    ``task_id`` is the number by which annotators see the task, ``kind`` and ``platform`` are the task's; None without
    one. ``base * factor`` (rounded) is ``offered``; ``offered * multiplier`` is what an answer is worth. All four are
    None for bonuses and for movements without an answer. ``rules_since`` is when the version of the rules was first
    used; None if it was used before versions were recorded.
    """

    sequence: int
    at: datetime
    points: int
    reason: str
    rules_version: str
    rules_since: datetime | None
    task_id: str | None
    kind: str | None
    platform: str | None
    annotation_id: str | None
    revision: int | None
    base: int | None
    factor: float | None
    offered: int | None
    multiplier: float | None
    text: str


def explain(
    connection: sa.Connection, person_id: str, *, before: int | None = None, limit: int | None = None
) -> list[Explanation]:
    """Return an explanation of every movement of a person's wallet, oldest first.

    Args:
        connection: a connection to the store.
        person_id: whose wallet.
        before: only movements with a smaller sequence.
        limit: only the last so many of these.
    """
    book = RuleBook(all_rules(connection))
    snapshots = confidence_history(connection, person_id)
    movements = _movements(connection, person_id, before, limit)
    became = _became(connection, movements)
    return [_explained(each, book, snapshots, became.get(each.sequence)) for each in movements]


@dataclass(frozen=True, slots=True)
class _Movement:
    """One transaction of a person's wallet, with the part of an answer that it pays and the task's quote."""

    sequence: int
    key: str
    event_at: datetime
    created_at: datetime
    reason: str
    rules_version: str
    amount: int
    task_id: str | None
    annotation_id: str | None
    revision: int | None
    part: str | None
    multiplier: float | None
    kind: str | None
    platform: str | None
    significance: str | None
    quote: Mapping[str, int] | None


def _movements(
    connection: sa.Connection, person_id: str, before: int | None, limit: int | None
) -> list[_Movement]:
    given: dict[str, object] = {"wallet": person_account(person_id), "debt": owed_account(person_id)}
    if before is not None:
        given["before"] = before
    rows = connection.execute(_last_movements(limit, is_bounded=before is not None), given)
    return [_Movement(**row._mapping) for row in rows][::-1]


@cache
def _last_movements(limit: int | None, *, is_bounded: bool) -> sa.Select[Any]:
    """Return the query for a person's movements, newest first: to build it anew takes longer than to execute it.

    Its parameters are the accounts ``wallet`` and ``debt``, and ``before`` if it is bounded.
    """
    transaction = ledger_transaction.c
    accounts: list[sa.BindParameter[str]] = [sa.bindparam("wallet"), sa.bindparam("debt")]
    last = sa.union(*(_last_of(account, limit, is_bounded=is_bounded) for account in accounts))
    return (
        sa.select(
            transaction.sequence,
            transaction.key,
            transaction.event_at,
            transaction.created_at,
            transaction.reason,
            transaction.rules_version,
            sa.func.sum(ledger_entry.c.amount).label("amount"),
            settlement.c.task_id,
            settlement.c.annotation_id,
            settlement.c.revision,
            settlement.c.part,
            settlement.c.multiplier,
            task.c.kind,
            task.c.platform,
            task.c.significance,
            task.c.quote,
        )
        .join(ledger_entry, ledger_entry.c.sequence == transaction.sequence)
        .outerjoin(settlement, settlement.c.sequence == transaction.sequence)
        .outerjoin(task, task.c.task_id == settlement.c.task_id)
        .where(transaction.sequence.in_(last), ledger_entry.c.account.in_(accounts))
        .group_by(transaction.sequence, *settlement.primary_key, task.c.task_id)
        .order_by(transaction.sequence.desc())
        .limit(limit)
    )


def _last_of(account: sa.BindParameter[str], limit: int | None, *, is_bounded: bool) -> sa.Select[tuple[int]]:
    """Return the query for the last transactions of one account, which an index answers without the others."""
    query = sa.select(ledger_entry.c.sequence).where(ledger_entry.c.account == account)
    if is_bounded:
        query = query.where(ledger_entry.c.sequence < sa.bindparam("before"))
    last = query.order_by(ledger_entry.c.sequence.desc()).limit(limit).subquery()
    return sa.select(last.c.sequence)


def _became(connection: sa.Connection, movements: Sequence[_Movement]) -> dict[int, str]:
    """Return what became of the points that movements set aside for purchases, in words, by sequence.

    Movements that end a purchase say it themselves; theirs is empty.
    """
    ids = {name for each in movements if (name := hold_named(each.key)) is not None}
    outcome = hold_outcome.c
    query = sa.select(
        hold.c.sequence, hold.c.price, outcome.outcome, outcome.spent, outcome.sequence
    ).outerjoin(hold_outcome, outcome.hold_id == hold.c.hold_id)
    found: dict[int, str] = {}
    for some in in_chunks(sorted(ids)):
        for begun, price, how, spent, ended in connection.execute(query.where(hold.c.hold_id.in_(some))):
            found[begun] = _end_in_words(how, price, spent)
            if ended is not None:
                found[ended] = ""
    return found


def _end_in_words(outcome: str | None, price: int, spent: int | None) -> str:
    if outcome is None:
        return "the answer is under way"
    if not spent:
        return "there was no answer, and they went back"
    return (
        "paid for its answer" if spent == price else f"{counted(spent, 'point')} of them paid for its answer"
    )


def _explained(
    movement: _Movement, book: RuleBook, snapshots: Sequence[PersonConfidence], became: str | None
) -> Explanation:
    """Explain a movement; ``became``: what became of points that it set aside, None for other movements."""
    version = book.named(movement.rules_version) if became is None else None
    part, significance = movement.part or "", movement.significance or ""
    offered = (movement.quote or {}).get(part)
    base: int | None = None
    factor: float | None = None
    if offered is not None and version is not None:
        base, factor = (
            getattr(version.rates, part, None),
            version.rates.significance[Significance(significance)],
        )
        if base is None or multiplied(base, factor) != offered:
            base = factor = None  # the task was priced before its version was recorded
    multiplier = movement.multiplier if offered is not None else None
    reason = movement.reason[:1].upper() + movement.reason[1:]
    sentences = [*_task(movement), reason]
    if offered is not None:
        sentences.append(_price(base, factor, significance, offered))
    if multiplier is not None and multiplier != 1.0:
        worth = multiplied(offered or 0, multiplier)
        sentences.append(f"{offered} x {multiplier:.2f} for confidence = {worth}{_why(movement, snapshots)}")
    since = f", in use since {version.first_used_at:%Y-%m-%d}" if version else ""
    if became is not None:
        sentences[-1] += f": {became}" if became else ""
        sentences.append(f"By version {movement.rules_version} of the prices")
    elif movement.rules_version:
        sentences.append(f"Paid by rules version {movement.rules_version}{since}")
    return Explanation(
        sequence=movement.sequence,
        at=movement.event_at,
        points=movement.amount,
        reason=movement.reason,
        rules_version=movement.rules_version,
        rules_since=version.first_used_at if version else None,
        task_id=movement.task_id,
        kind=movement.kind,
        platform=movement.platform,
        annotation_id=movement.annotation_id,
        revision=movement.revision,
        base=base,
        factor=factor,
        offered=offered,
        multiplier=multiplier,
        text=". ".join(sentences) + ".",
    )


def _task(movement: _Movement) -> Iterator[str]:
    """Yield the task of a movement by the number that its annotators see, with its kind and platform."""
    if movement.kind is not None and movement.platform is not None:
        entry = PLATFORMS.get(movement.platform)
        where = entry.title if entry else movement.platform
        yield f"Task {movement.task_id}, {movement.kind}, on {where}"
    elif movement.annotation_id is not None:
        yield f"Task {movement.task_id}, which is deleted"


def _price(base: int | None, factor: float | None, significance: str, offered: int) -> str:
    if base is None or factor is None:
        return f"{counted(offered, 'point')} {word_for(offered, 'was', 'were')} offered"
    return f"{base} x {factor:g} for {significance} significance = {offered} offered"


def _why(movement: _Movement, snapshots: Sequence[PersonConfidence]) -> str:
    """Name the answers behind a multiplier: those of the newest report before the movement that has this multiplier."""
    for snapshot in reversed(snapshots):
        if snapshot.snapshot_at <= movement.created_at and snapshot.multiplier == movement.multiplier:
            return (
                f" (report of {snapshot.snapshot_at:%Y-%m-%d}: {snapshot.n_divergent:.0f} of "
                f"{counted(snapshot.n_answers, 'comparable vote')} went against everyone else's)"
            )
    return ""
