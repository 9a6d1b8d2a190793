"""Tasks, and where each stands on its platform."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from workspaces.records import PlacedTask, Significance, Task
from workspaces.store.insert import insert_missing, upsert
from workspaces.store.tables import placement, task

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime


def save_tasks(connection: sa.Connection, tasks: Sequence[Task]) -> None:
    """Add tasks; one that exists keeps the quote it was made with."""
    insert_missing(
        connection,
        task,
        [
            {
                "task_id": item.id,
                "kind": item.kind,
                "message_ids": list(item.message_ids),
                "conversation_ids": list(item.conversation_ids),
                "significance": item.significance.value,
                "quote": dict(item.quote),
                "rules_version": item.rules_version,
                "platform": item.platform,
                "overlap": item.overlap,
                "created_at": item.created_at,
                "seed_agent": item.seed_agent,
                "seed_prompt_version": item.seed_prompt_version,
                "reask_of": item.reask_of,
            }
            for item in tasks
        ],
    )


def all_tasks(connection: sa.Connection) -> dict[str, Task]:
    """Return every task by id, oldest first."""
    query = sa.select(task).order_by(task.c.created_at, task.c.task_id)
    return {row.task_id: _task(row) for row in connection.execute(query)}


def unplaced_tasks(connection: sa.Connection, platform: str) -> list[Task]:
    """Return the tasks meant for a platform that are not known to stand there yet, the re-asked ones last."""
    query = (
        sa.select(task)
        .outerjoin(placement, placement.c.task_id == task.c.task_id)
        .where(task.c.platform == platform, placement.c.task_id.is_(None))
        .order_by(task.c.reask_of.is_not(None), task.c.created_at, task.c.task_id)
    )
    return [_task(row) for row in connection.execute(query)]


def save_placements(connection: sa.Connection, placed: Sequence[PlacedTask], now: datetime) -> None:
    """Remember where tasks stand; a task that a platform now has elsewhere is moved."""
    upsert(
        connection,
        placement,
        [
            {
                "task_id": item.task_id,
                "remote_id": item.remote_id,
                "container_id": item.container_id,
                "pushed_at": now,
            }
            for item in placed
        ],
        update=("remote_id", "container_id"),
    )


def containers(connection: sa.Connection, platform: str) -> list[str]:
    """Return the datasets or projects that hold our tasks on a platform."""
    query = (
        sa.select(placement.c.container_id)
        .join(task, task.c.task_id == placement.c.task_id)
        .where(task.c.platform == platform)
        .distinct()
        .order_by(placement.c.container_id)
    )
    return list(connection.execute(query).scalars())


def task_ids_in(connection: sa.Connection, container_id: str, platform: str) -> dict[str, str]:
    """Return ``{task id: platform's own id}`` of the tasks in a dataset or project."""
    query = (
        sa.select(placement.c.task_id, placement.c.remote_id)
        .join(task, task.c.task_id == placement.c.task_id)
        .where(placement.c.container_id == container_id, task.c.platform == platform)
    )
    return {row.task_id: row.remote_id for row in connection.execute(query)}


def push_times(connection: sa.Connection, container_id: str, platform: str) -> dict[str, datetime]:
    """Return since when each task in a dataset or project stands there, by task id."""
    query = (
        sa.select(placement.c.task_id, placement.c.pushed_at)
        .join(task, task.c.task_id == placement.c.task_id)
        .where(placement.c.container_id == container_id, task.c.platform == platform)
    )
    return {row.task_id: row.pushed_at for row in connection.execute(query)}


def _task(row: sa.Row[Any]) -> Task:
    return Task(
        id=row.task_id,
        kind=row.kind,
        message_ids=tuple(row.message_ids),
        conversation_ids=tuple(row.conversation_ids),
        significance=Significance(row.significance),
        quote=row.quote,
        rules_version=row.rules_version,
        platform=row.platform,
        overlap=row.overlap,
        created_at=row.created_at,
        seed_agent=row.seed_agent,
        seed_prompt_version=row.seed_prompt_version,
        reask_of=row.reask_of,
    )
