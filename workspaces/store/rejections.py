"""Tasks that a platform does not take: why, and what was sent, so that nothing is sent again before it has changed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from workspaces.chunks import in_chunks
from workspaces.store.insert import upsert
from workspaces.store.schema import UTCDateTime, metadata
from workspaces.store.tasks import task

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

rejection = sa.Table(
    "rejection",
    metadata,
    sa.Column("task_id", sa.String(24), primary_key=True),
    sa.Column("reason", sa.Text, nullable=False, comment="the platform's words, without texts of chat logs"),
    sa.Column("sent_hash", sa.String(64), nullable=False, comment="of what the task showed then"),
    sa.Column("rejected_at", UTCDateTime, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Rejection:
    """A task that its platform did not take; ``sent_hash`` tells what it was."""

    task_id: str
    reason: str
    sent_hash: str
    rejected_at: datetime


def save_rejection(connection: sa.Connection, rejected: Rejection) -> None:
    """Add a rejection; it replaces the task's earlier one."""
    upsert(connection, rejection, [asdict(rejected)], update=("reason", "sent_hash", "rejected_at"))


def rejections(connection: sa.Connection) -> dict[str, Rejection]:
    """Return the rejections of tasks that exist and are not closed, by task id."""
    query = (
        sa.select(rejection)
        .join(task, task.c.task_id == rejection.c.task_id)
        .where(task.c.closed_at.is_(None))
        .order_by(rejection.c.task_id)
    )
    return {row.task_id: Rejection(**row._mapping) for row in connection.execute(query)}


def drop_rejections(connection: sa.Connection, task_ids: Iterable[str]) -> int:
    """Delete the rejections of these tasks, so that they are pushed again; return how many there were."""
    deleted = 0
    for ids in in_chunks(task_ids):
        deleted += connection.execute(sa.delete(rejection).where(rejection.c.task_id.in_(ids))).rowcount
    return deleted
