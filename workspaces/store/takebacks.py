"""Take-backs: assignments that were taken from people. What is assigned to whom stands on the platform alone.

A row is written before the platform is asked to take a task back, so that a killed run is finished by the next one:
until ``looked_at`` is set, somebody may have answered in the last moment. It stays, because who let a task lapse gets
it again only if nobody else can take it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from workspaces.chunks import in_chunks
from workspaces.store.annotations import newest_number
from workspaces.store.insert import upsert
from workspaces.store.schema import UTCDateTime, metadata

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

takeback = sa.Table(
    "takeback",
    metadata,
    sa.Column("person_id", sa.String(24), primary_key=True),
    sa.Column("task_id", sa.String(24), primary_key=True),
    sa.Column("platform", sa.String(32), nullable=False),
    sa.Column("expired", sa.Boolean, nullable=False, comment="whether it was not answered in time"),
    sa.Column("taken_at", UTCDateTime, nullable=False),
    sa.Column(
        "after", sa.Integer, nullable=False, comment="the number of the newest revision of an answer then"
    ),
    sa.Column("looked_at", UTCDateTime, comment="when it was seen whether they had answered; null: not yet"),
)


@dataclass(frozen=True, slots=True)
class TakeBack:
    """A task that was taken from a person; ``expired``: because they did not answer it in time.

    ``after`` is the number of the newest revision of any answer then.
    """

    person_id: str
    task_id: str
    expired: bool
    after: int


def begin_take_back(
    connection: sa.Connection, platform: str, pairs: Iterable[tuple[str, str, bool]], now: datetime
) -> None:
    """Record that tasks are about to be taken from people; ``pairs`` are (person, task, whether it expired)."""
    after = newest_number(connection)
    rows = [
        {
            "person_id": person_id,
            "task_id": task_id,
            "platform": platform,
            "expired": expired,
            "taken_at": now,
            "after": after,
            "looked_at": None,
        }
        for person_id, task_id, expired in pairs
    ]
    upsert(connection, takeback, rows, update=("platform", "expired", "taken_at", "after", "looked_at"))


def unfinished(connection: sa.Connection, platform: str) -> list[tuple[str, str, bool]]:
    """Return the (person, task, whether it expired) of which is not known whether they were answered meanwhile."""
    query = sa.select(takeback.c.person_id, takeback.c.task_id, takeback.c.expired).where(
        takeback.c.platform == platform, takeback.c.looked_at.is_(None)
    )
    return [(row.person_id, row.task_id, row.expired) for row in connection.execute(query)]


def finish_take_back(connection: sa.Connection, pairs: Iterable[tuple[str, str]], now: datetime) -> None:
    """Record that it is known of these (person, task)."""
    by_person: dict[str, list[str]] = {}
    for person_id, task_id in pairs:
        by_person.setdefault(person_id, []).append(task_id)
    for person_id, task_ids in by_person.items():
        for some in in_chunks(task_ids):
            chosen = (takeback.c.person_id == person_id) & takeback.c.task_id.in_(some)
            connection.execute(sa.update(takeback).where(chosen).values(looked_at=now))


def lapsed(connection: sa.Connection) -> list[TakeBack]:
    """Return what people did not answer in time, oldest first."""
    query = sa.select(takeback).where(takeback.c.expired).order_by(takeback.c.taken_at, takeback.c.task_id)
    return [TakeBack(row.person_id, row.task_id, row.expired, row.after) for row in connection.execute(query)]
