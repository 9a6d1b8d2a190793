"""Tasks that have to be taken off their platform, because their conversation is no longer shared.

A task that stands on a platform has a placement. When its conversation is made private or deleted, the placement
becomes a withdrawal in the same transaction; from then on the task's disappearance there is no news to ``sync``, so
that nobody loses points by it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from workspaces.store.consent import chunks
from workspaces.store.insert import insert_missing
from workspaces.store.tables import placement, push_begun, task, withdrawal

if TYPE_CHECKING:
    from collections.abc import Sequence


def begin_push(connection: sa.Connection, task_ids: Sequence[str]) -> None:
    """Remember that tasks are about to be pushed: a killed push may leave them there without a placement."""
    insert_missing(connection, push_begun, [{"task_id": task_id} for task_id in task_ids])


def end_push(connection: sa.Connection, task_ids: Sequence[str]) -> None:
    """Forget that tasks were about to be pushed: their placements are known."""
    for ids in chunks(task_ids):
        connection.execute(sa.delete(push_begun).where(push_begun.c.task_id.in_(ids)))


def begin_withdrawal(connection: sa.Connection, task_ids: Sequence[str], *, forget: bool) -> dict[str, int]:
    """Mark tasks to be taken off their platforms; return how many there are by platform.

    Args:
        connection: inside a writing transaction.
        task_ids: those that may stand on a platform, and others.
        forget: whether their conversation is deleted; otherwise it is private and may be shared again.
    """
    counts: dict[str, int] = {}
    for ids in chunks(task_ids):
        chosen = withdrawal.c.task_id.in_(ids)
        if forget:
            connection.execute(sa.update(withdrawal).where(chosen).values(forget=True))
        query = (
            sa.select(task.c.task_id, task.c.platform, placement.c.remote_id, placement.c.container_id)
            .outerjoin(placement, placement.c.task_id == task.c.task_id)
            .outerjoin(push_begun, push_begun.c.task_id == task.c.task_id)
            .where(task.c.task_id.in_(ids))
            .where(placement.c.task_id.is_not(None) | push_begun.c.task_id.is_not(None))
        )
        rows = [dict(row._mapping) | {"forget": forget} for row in connection.execute(query)]
        # a task pushed again while its old withdrawal waited: the newer placement is where it stands
        known = [row["task_id"] for row in rows]
        connection.execute(sa.delete(withdrawal).where(withdrawal.c.task_id.in_(known)))
        insert_missing(connection, withdrawal, rows)
        connection.execute(sa.delete(placement).where(placement.c.task_id.in_(known)))
        connection.execute(sa.delete(push_begun).where(push_begun.c.task_id.in_(known)))
        for (platform,) in connection.execute(sa.select(withdrawal.c.platform).where(chosen)):
            counts[platform] = counts.get(platform, 0) + 1
    return counts


def pending(connection: sa.Connection, platform: str) -> list[sa.Row[Any]]:
    """Return the tasks that have to go from a platform: rows of ``withdrawal`` and the task's ``kind``."""
    query = (
        sa.select(withdrawal, task.c.kind)
        .join(task, task.c.task_id == withdrawal.c.task_id)
        .where(withdrawal.c.platform == platform)
        .order_by(withdrawal.c.task_id)
    )
    return list(connection.execute(query))


def pending_platforms(connection: sa.Connection) -> list[str]:
    """Return the platforms that some task has to be taken off."""
    query = sa.select(withdrawal.c.platform).distinct().order_by(withdrawal.c.platform)
    return list(connection.execute(query).scalars())


def end_withdrawal(connection: sa.Connection, task_ids: Sequence[str]) -> None:
    """Say that tasks are gone from their platform."""
    for ids in chunks(task_ids):
        connection.execute(sa.delete(withdrawal).where(withdrawal.c.task_id.in_(ids)))
