"""The inbox: what events of platforms hinted at, kept before they are acknowledged. Ids and times, no names.

A hint proves nothing and is needed by nothing: it says which answer to fetch first. Each is kept once, however often
its event comes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from workspaces.chunks import in_chunks
from workspaces.records import stable_id
from workspaces.store.annotations import annotation_revision
from workspaces.store.insert import insert_missing
from workspaces.store.schema import UTCDateTime, metadata

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from workspaces.records import Hint

inbox = sa.Table(
    "inbox",
    metadata,
    sa.Column("hint_id", sa.String(24), primary_key=True, comment="hash of what the event says changed"),
    sa.Column("platform", sa.String(32), nullable=False),
    sa.Column("event", sa.String(32), nullable=False),
    sa.Column("container_id", sa.Text, nullable=False),
    sa.Column("response_id", sa.Text, nullable=False, comment="the platform's own id of the answer"),
    sa.Column("remote_id", sa.Text, comment="the platform's own id of the task; null: not told"),
    sa.Column("changed_at", UTCDateTime, comment="by the platform's clock; null: not told"),
    sa.Column("is_deletion", sa.Boolean, nullable=False),
    sa.Column("received_at", UTCDateTime, nullable=False, index=True),
    sa.Column("done_at", UTCDateTime, comment="when what it names was fetched; null: not yet"),
)


@dataclass(frozen=True, slots=True)
class OpenHint:
    """A hint of which nothing was fetched yet; ``remote_id`` is None where nobody knows the task."""

    hint_id: str
    container_id: str
    response_id: str
    remote_id: str | None
    changed_at: datetime | None
    is_deletion: bool


def keep_hints(connection: sa.Connection, platform: str, hints: Iterable[Hint], now: datetime) -> None:
    """Keep hints; those that are known stay as they are."""
    rows = [
        {
            "hint_id": _hint_id(platform, hint),
            "platform": platform,
            "event": hint.event,
            "container_id": hint.container_id,
            "response_id": hint.response_id,
            "remote_id": hint.remote_id,
            "changed_at": hint.changed_at,
            "is_deletion": hint.is_deletion,
            "received_at": now,
            "done_at": None,
        }
        for hint in hints
    ]
    insert_missing(connection, inbox, rows)


def open_hints(connection: sa.Connection, platform: str) -> list[OpenHint]:
    """Return the hints of a platform of which nothing was fetched yet, in the order in which they came.

    A deletion may name the answer alone: its task is that of the answer as it was read before.
    """
    column, revision = inbox.c, annotation_revision.c
    known = (
        sa.select(sa.func.max(revision.remote_id))
        .where(revision.platform == column.platform, revision.response_id == column.response_id)
        .scalar_subquery()
    )
    query = (
        sa.select(
            column.hint_id,
            column.container_id,
            column.response_id,
            sa.case((column.remote_id.is_(None), known), else_=column.remote_id),
            column.changed_at,
            column.is_deletion,
        )
        .where(column.platform == platform, column.done_at.is_(None))
        .order_by(column.received_at, column.hint_id)
    )
    return [OpenHint(*row) for row in connection.execute(query)]


def close_hints(connection: sa.Connection, hint_ids: Iterable[str], now: datetime) -> None:
    """Note that what these hints name was fetched."""
    for ids in in_chunks(hint_ids):
        connection.execute(sa.update(inbox).where(inbox.c.hint_id.in_(ids)).values(done_at=now))


def empty_inbox(connection: sa.Connection, before: datetime) -> None:
    """Delete the hints that came before a moment."""
    connection.execute(sa.delete(inbox).where(inbox.c.received_at < before))


def heard_of(connection: sa.Connection, platform: str, since: datetime, before: datetime) -> tuple[int, int]:
    """Return how many answers changed after ``since``, by the platform's clock, and of how many of them events came.

    Answers that were read at or after ``before``, by our clock, are not counted: their events may be on the way.
    """
    revision = annotation_revision.c
    changed = sa.select(revision.response_id).where(
        revision.platform == platform, revision.updated_at > since, revision.synced_at < before
    )
    heard = sa.select(inbox.c.response_id).where(inbox.c.platform == platform, inbox.c.changed_at > since)
    of_which = changed.where(revision.response_id.in_(heard))
    counts = [
        connection.execute(sa.select(sa.func.count()).select_from(query.distinct().subquery())).scalar_one()
        for query in (changed, of_which)
    ]
    return counts[0], counts[1]


def _hint_id(platform: str, hint: Hint) -> str:
    when = "" if hint.changed_at is None else hint.changed_at.isoformat()
    return stable_id("hint", platform, hint.container_id, hint.response_id, when, str(hint.is_deletion))
