"""Tasks, and their placements on platforms."""

from __future__ import annotations

import json
from sys import intern
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from workspaces.chunks import in_chunks
from workspaces.records import IMPORTED, PlacedTask, Significance, Task
from workspaces.store.insert import insert_missing, upsert
from workspaces.store.moments import newest, not_before
from workspaces.store.schema import UTCDateTime, metadata
from workspaces.store.streams import ROWS_AT_ONCE, as_given, json_of, stream_rows, time_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime


task = sa.Table(
    "task",
    metadata,
    sa.Column("task_id", sa.String(24), primary_key=True),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("message_ids", sa.JSON, nullable=False),
    sa.Column("conversation_ids", sa.JSON, nullable=False),
    sa.Column("significance", sa.String(8), nullable=False),
    sa.Column("quote", sa.JSON, nullable=False, comment="points promised, by paid part of the answer"),
    sa.Column("rules_version", sa.String(64), nullable=False),
    sa.Column("platform", sa.String(32), nullable=False),
    sa.Column("overlap", sa.Integer, nullable=False),
    sa.Column("created_at", UTCDateTime, nullable=False),
    sa.Column("seed_agent", sa.Text, comment="whose seed feedback annotators see; null: blind"),
    sa.Column("seed_prompt_version", sa.String(32)),
    sa.Column("reask_of", sa.String(24), comment="the task that this one asks a second time"),
    sa.Column(
        "mix", sa.String(40), nullable=False, server_default="default", comment="that the task was drawn by"
    ),
    sa.Column(
        "least_answers",
        sa.Integer,
        comment="from which on it closes when settled; null: at its overlap alone",
    ),
    sa.Column("closed_at", UTCDateTime, comment="when it closed before its overlap was reached"),
    sa.Column("rewrites", sa.JSON(none_as_null=True), comment="whose text it shows; null: of none"),
)

placement = sa.Table(
    "placement",
    metadata,
    sa.Column("task_id", sa.String(24), sa.ForeignKey("task.task_id"), primary_key=True),
    sa.Column("remote_id", sa.Text, nullable=False, comment="the platform's own id of the task"),
    sa.Column("container_id", sa.Text, nullable=False, comment="Argilla dataset or Label Studio project"),
    sa.Column("pushed_at", UTCDateTime, nullable=False),
    sa.Column("made_at", UTCDateTime, comment="when the platform made its copy, by its clock"),
)


def save_tasks(connection: sa.Connection, tasks: Sequence[Task]) -> None:
    """Add tasks, put after those that exist; an existing task keeps the quote that it was made with."""
    before = newest(connection, task.c.created_at, task.c.platform != IMPORTED)
    rows = (
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
            "created_at": item.created_at
            if item.platform == IMPORTED
            else not_before(item.created_at, before),
            "seed_agent": item.seed_agent,
            "seed_prompt_version": item.seed_prompt_version,
            "reask_of": item.reask_of,
            "mix": item.mix,
            "least_answers": item.least_answers,
            "rewrites": list(item.rewrites) or None,
        }
        for item in tasks
    )
    for some in in_chunks(rows, ROWS_AT_ONCE):
        insert_missing(connection, task, some)


def all_tasks(connection: sa.Connection) -> dict[str, Task]:
    """Return every task by id, oldest first."""
    return {row.task_id: task_of(row) for row in stream_tasks(connection)}


def stream_tasks(connection: sa.Connection) -> Iterator[StoredTask]:
    """Yield what ``all_tasks`` returns as rows of the database, a few at a time in memory."""
    columns = as_given(task.c[name] for name in StoredTask._fields)
    for row in stream_rows(connection, oldest_first(*columns)):
        yield StoredTask._make(row)


def oldest_first(*columns: sa.ColumnElement[Any]) -> sa.Select[Any]:
    """Return a query of columns of all tasks."""
    return sa.select(*columns).order_by(task.c.created_at, task.c.task_id)


class StoredTask(NamedTuple):
    """A row of the database, which is cheap to pass on (``task_of``)."""

    task_id: str
    kind: str
    message_ids: Any
    conversation_ids: Any
    significance: str
    quote: Any
    rules_version: str
    platform: str
    overlap: int
    created_at: Any
    seed_agent: str | None
    seed_prompt_version: str | None
    reask_of: str | None
    mix: str
    least_answers: int | None
    closed_at: Any
    rewrites: Any


def task_of(row: StoredTask) -> Task:
    """Return a row as a task."""
    return Task(
        id=intern(row.task_id),
        kind=intern(row.kind),
        message_ids=tuple(_listed(row.message_ids)),
        conversation_ids=tuple(_listed(row.conversation_ids)),
        significance=_SIGNIFICANCES[row.significance],
        quote=json_of(row.quote),
        rules_version=intern(row.rules_version),
        platform=intern(row.platform),
        overlap=row.overlap,
        created_at=time_of(row.created_at),
        seed_agent=row.seed_agent,
        seed_prompt_version=row.seed_prompt_version,
        reask_of=row.reask_of,
        mix=intern(row.mix),
        least_answers=row.least_answers,
        closed_at=None if row.closed_at is None else time_of(row.closed_at),
        rewrites=() if row.rewrites is None else tuple(json_of(row.rewrites)),
    )


def _listed(value: Any) -> list[str]:
    found: list[str] = json.loads(value) if isinstance(value, str) else value
    return found


_SIGNIFICANCES = {it.value: it for it in Significance}


def tasks_of(connection: sa.Connection, task_ids: Iterable[str]) -> dict[str, Task]:
    """Return these tasks, as far as they exist, by id."""
    return {
        item.id: item
        for ids in in_chunks(task_ids)
        for item in _tasks(connection, sa.select(task).where(task.c.task_id.in_(ids)))
    }


def unplaced_tasks(connection: sa.Connection, platform: str) -> list[Task]:
    """Return the tasks of a platform that have no placement yet and are not closed, oldest first."""
    query = (
        sa.select(task)
        .outerjoin(placement, placement.c.task_id == task.c.task_id)
        .where(task.c.platform == platform, placement.c.task_id.is_(None), task.c.closed_at.is_(None))
        .order_by(task.c.created_at, task.c.task_id)
    )
    return list(_tasks(connection, query))


def unplaced_kinds(connection: sa.Connection, platform: str) -> list[str]:
    """Return the kinds of the tasks that ``unplaced_tasks`` returns."""
    query = (
        sa.select(task.c.kind)
        .distinct()
        .outerjoin(placement, placement.c.task_id == task.c.task_id)
        .where(task.c.platform == platform, placement.c.task_id.is_(None), task.c.closed_at.is_(None))
        .order_by(task.c.kind)
    )
    return list(connection.execute(query).scalars())


def close_tasks(connection: sa.Connection, task_ids: Iterable[str], now: datetime) -> None:
    """Close tasks for good; those that are closed stay as they are."""
    for ids in in_chunks(task_ids):
        chosen = sa.update(task).where(task.c.task_id.in_(ids), task.c.closed_at.is_(None))
        connection.execute(chosen.values(closed_at=now))


def reprice(connection: sa.Connection, quotes: Mapping[str, Mapping[str, int]], rules_version: str) -> None:
    """Replace the quotes of tasks that nobody was promised anything for; ``rules_version`` made the new ones."""
    for task_id, points in quotes.items():
        chosen = sa.update(task).where(task.c.task_id == task_id)
        connection.execute(chosen.values(quote=dict(points), rules_version=rules_version))


def replace_content_ids(
    connection: sa.Connection, task_id: str, message_ids: Sequence[str], conversation_ids: Sequence[str]
) -> None:
    """Replace the ids of the messages and conversations that a task shows."""
    chosen = sa.update(task).where(task.c.task_id == task_id)
    connection.execute(chosen.values(message_ids=list(message_ids), conversation_ids=list(conversation_ids)))


def save_placements(connection: sa.Connection, placed: Sequence[PlacedTask], now: datetime) -> None:
    """Save placements; a placement elsewhere on the platform replaces the earlier one."""
    upsert(
        connection,
        placement,
        [
            {
                "task_id": item.task_id,
                "remote_id": item.remote_id,
                "container_id": item.container_id,
                "pushed_at": now,
                "made_at": item.made_at,
            }
            for item in placed
        ],
        update=("remote_id", "container_id", "made_at"),
    )


def lose_placements(connection: sa.Connection, lost: Iterable[PlacedTask]) -> None:
    """Delete placements of tasks that do not stand there any more: the next push places what still wants answers."""
    for ids in in_chunks(item.task_id for item in lost):
        connection.execute(sa.delete(placement).where(placement.c.task_id.in_(ids)))


def count_tasks(connection: sa.Connection) -> int:
    """Return how many tasks there are."""
    return connection.execute(sa.select(sa.func.count()).select_from(task)).scalar_one()


def count_placements(connection: sa.Connection) -> int:
    """Return how many tasks have a placement."""
    return connection.execute(sa.select(sa.func.count()).select_from(placement)).scalar_one()


def placed_tasks(connection: sa.Connection) -> set[str]:
    """Return the ids of the tasks that have a placement."""
    return set(connection.execute(sa.select(placement.c.task_id)).scalars())


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


def placed_kinds(connection: sa.Connection, platform: str) -> dict[str, bool]:
    """Return the kinds of which tasks stand on a platform, and whether any of these tasks shows the seed feedback."""
    query = (
        sa.select(task.c.kind, sa.func.count(task.c.seed_agent).label("shown"))
        .join(placement, placement.c.task_id == task.c.task_id)
        .where(task.c.platform == platform)
        .group_by(task.c.kind)
    )
    return {row.kind: row.shown > 0 for row in connection.execute(query)}


def placed_overlaps(
    connection: sa.Connection, platform: str, answers: Mapping[str, int]
) -> dict[tuple[str, int], int]:
    """Return the overlap that a platform is to have, by kind and number of responses shown.

    A dataset or project has one for all its tasks: the largest of those that still want ``answers``, which are counted
    by task id; where none does, that of the newest one.
    """
    columns = (task.c.task_id, task.c.kind, task.c.message_ids, task.c.overlap)
    query = (
        sa.select(*columns)
        .join(placement, placement.c.task_id == task.c.task_id)
        .where(task.c.platform == platform)
        .order_by(task.c.created_at)
    )
    newest: dict[tuple[str, int], int] = {}
    wanted: dict[tuple[str, int], int] = {}
    for row in connection.execute(query):
        key = row.kind, len(row.message_ids)
        newest[key] = row.overlap
        if answers.get(row.task_id, 0) < row.overlap:
            wanted[key] = max(wanted.get(key, 0), row.overlap)
    return newest | wanted


def places_in(connection: sa.Connection, container_id: str, platform: str) -> list[PlacedTask]:
    """Return where our tasks stand in a dataset or project, ordered by task id."""
    query = (
        sa.select(placement.c.task_id, placement.c.remote_id, placement.c.container_id, placement.c.made_at)
        .join(task, task.c.task_id == placement.c.task_id)
        .where(placement.c.container_id == container_id, task.c.platform == platform)
        .order_by(placement.c.task_id)
    )
    return [PlacedTask(**row._mapping) for row in connection.execute(query)]


def task_ids_in(connection: sa.Connection, container_id: str, platform: str) -> dict[str, str]:
    """Return ``{task id: platform's own id}`` of the tasks in a dataset or project."""
    return {place.task_id: place.remote_id for place in places_in(connection, container_id, platform)}


def _tasks(connection: sa.Connection, query: sa.Executable) -> Iterator[Task]:
    """Yield the tasks of a query of all columns of ``task``."""
    for row in connection.execute(query):
        yield task_of(StoredTask._make(row))
