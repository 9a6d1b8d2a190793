"""Whether points were promised to anybody, and which version of the rates is to be recorded before they are used."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import sqlalchemy as sa

from workspaces.records import IMPORTED, SharingState
from workspaces.store.conversations import conversation
from workspaces.store.ledger import ledger_transaction
from workspaces.store.rules import BEGINNING, all_rules, next_version
from workspaces.store.tasks import task
from workspaces.store.who_answered import after_work

if TYPE_CHECKING:
    from datetime import datetime

    from workspaces.config import RatesConfig
    from workspaces.store.rules import RulesVersion


def anything_promised(connection: sa.Connection, rates: RatesConfig) -> bool:
    """Return whether somebody may count on ``rates``: a task offers points, points moved, or a log earns some."""
    promises = [
        sa.select(task.c.task_id).where(task.c.platform != IMPORTED),
        sa.select(ledger_transaction.c.sequence),
    ]
    if rates.bonuses.shared_chat_log:
        promises.append(
            sa.select(conversation.c.conversation_id).where(
                conversation.c.giver_id.is_not(None),
                conversation.c.shared_at.is_not(None),
                conversation.c.state != SharingState.DELETED.value,
            )
        )
    return any(connection.execute(query.limit(1)).first() is not None for query in promises)


def next_rules(connection: sa.Connection, rates: RatesConfig, now: datetime) -> RulesVersion | None:
    """Return the version to record before ``rates`` are used; None if they are in use already.

    It holds for no work that was read before: the clock of a platform may be ahead of ours.

    Raises:
        ConfigurationError: as ``next_version``.
        UnknownPaidPartError: as ``all_rules``.
    """
    known = all_rules(connection)
    new = next_version(rates, known, now) if known else _first_version(connection, rates, now)
    if new is None or new.holds_from == BEGINNING:
        return new
    return replace(new, holds_from=after_work(connection, new.holds_from))


def _first_version(connection: sa.Connection, rates: RatesConfig, now: datetime) -> RulesVersion | None:
    paid = sa.select(ledger_transaction.c.sequence)
    offered = sa.select(task.c.task_id).where(
        task.c.platform != IMPORTED, task.c.rules_version == rates.version
    )
    paid_before, offered_before = (
        connection.execute(query.limit(1)).first() is not None for query in (paid, offered)
    )
    return next_version(rates, [], now, paid_before=paid_before, offered_before=offered_before)
