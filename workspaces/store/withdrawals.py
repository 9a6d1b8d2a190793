"""Withdrawals: tasks to be taken off their platform, because their conversation is no longer shared.

A task on a platform has a placement. When its conversation is made private or deleted, the same transaction turns the
placement into a withdrawal. From then on ``sync`` ignores that the task disappears from the platform, so that nobody
loses points.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from workspaces.chunks import in_chunks
from workspaces.store.insert import insert_missing
from workspaces.store.schema import UTCDateTime, metadata
from workspaces.store.tasks import placement, task

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

push_begun = sa.Table(
    "push_begun",
    metadata,
    sa.Column("task_id", sa.String(24), sa.ForeignKey("task.task_id"), primary_key=True),
    comment="tasks that may stand on their platform although no placement says so",
)

withdrawal = sa.Table(
    "withdrawal",
    metadata,
    sa.Column("task_id", sa.String(24), sa.ForeignKey("task.task_id"), primary_key=True),
    sa.Column("platform", sa.String(32), nullable=False),
    sa.Column(
        "remote_id", sa.Text, comment="the platform's own id of the task; null where it has to be found"
    ),
    sa.Column("container_id", sa.Text),
    sa.Column("forget", sa.Boolean, nullable=False, comment="whether its conversation is deleted"),
    sa.Column("made_at", UTCDateTime, comment="when the platform made its copy, by its clock"),
    comment="tasks that still have to be taken off their platform",
)


@dataclass(frozen=True, slots=True)
class PendingWithdrawal:
    """A task to be taken off its platform. Without a ``remote_id`` it has to be searched for there; ``forget`` is True
    if its conversation is deleted.
    """

    task_id: str
    platform: str
    remote_id: str | None
    container_id: str | None
    made_at: datetime | None
    forget: bool
    kind: str


def begin_push(connection: sa.Connection, task_ids: Iterable[str]) -> None:
    """Record that tasks are about to be pushed: a killed push may leave them on the platform without a placement."""
    insert_missing(connection, push_begun, [{"task_id": task_id} for task_id in task_ids])


def end_push(connection: sa.Connection, task_ids: Iterable[str]) -> None:
    """Delete the records that tasks are about to be pushed: their placements are known."""
    for ids in in_chunks(task_ids):
        connection.execute(sa.delete(push_begun).where(push_begun.c.task_id.in_(ids)))


def begin_withdrawal(connection: sa.Connection, task_ids: Iterable[str], *, forget: bool) -> dict[str, int]:
    """Mark tasks to be taken off their platforms; return how many there are by platform.

    Args:
        connection: a writing transaction.
        task_ids: tasks; those that cannot be on a platform are ignored.
        forget: whether their conversation is deleted; otherwise it is private and may be shared again.
    """
    counts: dict[str, int] = {}
    for ids in in_chunks(task_ids):
        chosen = withdrawal.c.task_id.in_(ids)
        if forget:
            connection.execute(sa.update(withdrawal).where(chosen).values(forget=True))
        query = (
            sa.select(
                task.c.task_id,
                task.c.platform,
                placement.c.remote_id,
                placement.c.container_id,
                placement.c.made_at,
            )
            .outerjoin(placement, placement.c.task_id == task.c.task_id)
            .outerjoin(push_begun, push_begun.c.task_id == task.c.task_id)
            .where(task.c.task_id.in_(ids))
            .where(placement.c.task_id.is_not(None) | push_begun.c.task_id.is_not(None))
        )
        rows = [dict(row._mapping) | {"forget": forget} for row in connection.execute(query)]
        # a task may be pushed again while its old withdrawal is pending: its new placement counts
        known = [row["task_id"] for row in rows]
        connection.execute(sa.delete(withdrawal).where(withdrawal.c.task_id.in_(known)))
        insert_missing(connection, withdrawal, rows)
        connection.execute(sa.delete(placement).where(placement.c.task_id.in_(known)))
        connection.execute(sa.delete(push_begun).where(push_begun.c.task_id.in_(known)))
        for (platform,) in connection.execute(sa.select(withdrawal.c.platform).where(chosen)):
            counts[platform] = counts.get(platform, 0) + 1
    return counts


def pending(connection: sa.Connection, platform: str) -> list[PendingWithdrawal]:
    """Return the pending withdrawals from a platform, ordered by task id."""
    query = (
        sa.select(withdrawal, task.c.kind)
        .join(task, task.c.task_id == withdrawal.c.task_id)
        .where(withdrawal.c.platform == platform)
        .order_by(withdrawal.c.task_id)
    )
    return [PendingWithdrawal(**row._mapping) for row in connection.execute(query)]


def pending_platforms(connection: sa.Connection) -> list[str]:
    """Return the platforms with pending withdrawals."""
    query = sa.select(withdrawal.c.platform).distinct().order_by(withdrawal.c.platform)
    return list(connection.execute(query).scalars())


def closed_everywhere(connection: sa.Connection) -> set[str]:
    """Return the closed tasks that no platform offers any more, so that no further answer can come."""
    query = (
        sa.select(task.c.task_id)
        .outerjoin(placement, placement.c.task_id == task.c.task_id)
        .outerjoin(withdrawal, withdrawal.c.task_id == task.c.task_id)
        .where(task.c.closed_at.is_not(None), placement.c.task_id.is_(None), withdrawal.c.task_id.is_(None))
    )
    return set(connection.execute(query).scalars())


def end_withdrawal(connection: sa.Connection, task_ids: Iterable[str]) -> None:
    """Delete withdrawals: the tasks are gone from their platform."""
    for ids in in_chunks(task_ids):
        connection.execute(sa.delete(withdrawal).where(withdrawal.c.task_id.in_(ids)))
