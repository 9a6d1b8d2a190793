"""Settlements: the transactions of the ledger that pay or correct answers and shared conversations.

``reward_engine.settlement`` writes them.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import sqlalchemy as sa

from workspaces.store.annotations import annotation_revision
from workspaces.store.ledger import ledger_transaction
from workspaces.store.schema import metadata
from workspaces.store.who_answered import is_first_submitted

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

settlement = sa.Table(
    "settlement",
    metadata,
    sa.Column("person_id", sa.String(24), primary_key=True),
    sa.Column("task_id", sa.String(24), primary_key=True),
    sa.Column("part", sa.String(32), primary_key=True, comment="the paid part of the answer"),
    sa.Column("sequence", sa.Integer, sa.ForeignKey("ledger_transaction.sequence"), primary_key=True),
    sa.Column(
        "annotation_id", sa.String(24), nullable=False, comment="the answer that this pays or corrects"
    ),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("multiplier", sa.Float, nullable=False, comment="the person's, when the answer was first paid"),
    sa.Column("delta", sa.BigInteger, nullable=False, comment="points moved by this transaction"),
    sa.Index("ix_settlement_sequence", "sequence"),
)

sharing_settlement = sa.Table(
    "sharing_settlement",
    metadata,
    sa.Column("person_id", sa.String(24), primary_key=True),
    sa.Column("conversation_key", sa.String(24), primary_key=True, comment="a hash of the conversation's id"),
    sa.Column("sequence", sa.Integer, sa.ForeignKey("ledger_transaction.sequence"), primary_key=True),
    sa.Column("delta", sa.BigInteger, nullable=False, comment="points moved by this transaction"),
    sa.Index("ix_sharing_settlement_sequence", "sequence"),
)


def points_for_answers(connection: sa.Connection) -> list[tuple[datetime, int]]:
    """Return time and points of every credit or correction for an answer, in the order of the ledger."""
    query = (
        sa.select(ledger_transaction.c.event_at, settlement.c.delta)
        .join(settlement, settlement.c.sequence == ledger_transaction.c.sequence)
        .order_by(ledger_transaction.c.sequence)
    )
    return [(moment, points) for moment, points in connection.execute(query)]


def paid_tasks(connection: sa.Connection, person_id: str, without: Collection[str] = ()) -> set[str]:
    """Return the tasks for which a person has points now, by any part but those of ``without``."""
    columns = settlement.c
    query = (
        sa.select(columns.task_id)
        .where(columns.person_id == person_id, columns.part.not_in(sorted(without)))
        .group_by(columns.task_id, columns.part)
        .having(sa.func.sum(columns.delta) > 0)
    )
    return set(connection.execute(query).scalars())


def last_paid_work(
    connection: sa.Connection, person_id: str, before: datetime, without: Collection[str] = ()
) -> datetime | None:
    """Return when a person last submitted an answer for the first time that has points now, before a moment.

    The times are those of ``first_submissions``, and the answers those of ``paid_tasks``. An index finds it: the cost
    grows with what the person did since, without points.
    """
    given = {"person": person_id, "before": before}
    last: datetime | None = connection.execute(_last_paid_work(tuple(sorted(without))), given).scalar()
    return last


@cache
def _last_paid_work(without: tuple[str, ...]) -> sa.Select[datetime]:
    """Return the query of ``last_paid_work``: to build it anew takes longer than to execute it."""
    given, first, paid = annotation_revision.alias("given"), annotation_revision.alias("first"), settlement.c
    earlier = sa.exists().where(
        first.c.task_id == given.c.task_id,
        # written so that SQLite looks among the few answers to the task, not among all of the person's
        sa.func.coalesce(first.c.person_id, "") == given.c.person_id,
        is_first_submitted(first),
        first.c.updated_at < given.c.updated_at,
    )
    has_points = (
        sa.select(paid.part)
        .where(
            paid.person_id == given.c.person_id,
            paid.task_id == given.c.task_id,
            paid.part.not_in(without),
        )
        .group_by(paid.part)
        .having(sa.func.sum(paid.delta) > 0)
        .exists()
    )
    return (
        sa.select(given.c.updated_at)
        .where(given.c.person_id == sa.bindparam("person"), given.c.updated_at < sa.bindparam("before"))
        .where(is_first_submitted(given), ~earlier, has_points)
        .order_by(given.c.updated_at.desc())
        .limit(1)
    )


def points_for_sharing(connection: sa.Connection, person_ids: Sequence[str]) -> int:
    """Return the points that people have for conversations that they shared."""
    query = sa.select(sa.func.coalesce(sa.func.sum(sharing_settlement.c.delta), 0))
    return int(connection.execute(query.where(sharing_settlement.c.person_id.in_(person_ids))).scalar_one())
