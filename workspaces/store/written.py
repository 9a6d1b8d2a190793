"""What commands wrote for people, and whose data it holds: receipts of deletions name it.

Of each written path it is known of whom and of which conversations it holds something, as keyed hashes: nothing here
says whose data it was once a conversation or a person is deleted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from workspaces.chunks import in_chunks
from workspaces.store.deletions import deletion
from workspaces.store.insert import insert_rows, upsert
from workspaces.store.schema import UTCDateTime, metadata

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

LEDGER = "ledger"
PERSON = "person"
"""Kinds of what is written, besides the projections: the exported ledger, the copy of a person's data."""

written = sa.Table(
    "written",
    metadata,
    sa.Column("path", sa.Text, primary_key=True, comment="absolute"),
    sa.Column("kind", sa.String(64), nullable=False, comment="a projection, 'ledger' or 'person'"),
    sa.Column("written_at", UTCDateTime, nullable=False),
)
written_source = sa.Table(
    "written_source",
    metadata,
    sa.Column("path", sa.Text, nullable=False),
    sa.Column("source", sa.String(64), nullable=False, comment="keyed hash of a person or conversation"),
    sa.PrimaryKeyConstraint("source", "path"),
    sqlite_with_rowid=False,  # an export of 300,000 conversations has as many rows, in one order
)


@dataclass(frozen=True, slots=True)
class Begun:
    """What ``begin_writing`` found: the sources it added, and the others, which the path held before.

    ``is_new``: nothing was noted of the path.
    """

    added: Collection[str]
    others: Collection[str]
    is_new: bool


def begin_writing(
    connection: sa.Connection, path: str, kind: str, sources: Collection[str], now: datetime
) -> Begun:
    """Note that ``path`` may hold these sources from now on, besides what it held before.

    Called before the first byte is written: a kill at any moment leaves a note that names too many, never too few.

    Args:
        connection: a writing transaction.
        path: the file or folder, absolute.
        kind: the name of a projection, ``LEDGER`` or ``PERSON``.
        sources: keyed hashes of the people and conversations.
        now: this moment, which is kept if nothing was written there before, and later moved on by ``end_writing``.

    Returns:
        What ``end_writing`` or ``undo_writing`` need.
    """
    is_new = written_at(connection, path) is None
    held = set() if is_new else sources_of(connection, path)
    upsert(connection, written, [{"path": path, "kind": kind, "written_at": now}], update=["kind"])
    added = sorted({*sources} - held)
    insert_rows(connection, written_source, [(path, source) for source in added], missing=True)
    return Begun(added, sorted(held.difference(sources)), is_new)


def end_writing(connection: sa.Connection, path: str, begun: Begun, now: datetime) -> None:
    """Note that ``path`` holds what was written, and nothing that it held before.

    The time is noted anew where somebody was forgotten since: what holds nothing of them any more then says so, and to
    write the same once more changes nothing.
    """
    is_since = sa.exists().where(
        deletion.c.person_id.is_not(None), deletion.c.asked_at >= written.c.written_at
    )
    connection.execute(sa.update(written).where(written.c.path == path, is_since).values(written_at=now))
    _forget(connection, path, begun.others)


def undo_writing(connection: sa.Connection, path: str, begun: Begun) -> None:
    """Note that ``path`` holds what it held before: nothing was written."""
    _forget(connection, path, begun.added)
    if begun.is_new:
        connection.execute(sa.delete(written).where(written.c.path == path))


def _forget(connection: sa.Connection, path: str, sources: Collection[str]) -> None:
    for gone in in_chunks(sources):
        chosen = (written_source.c.path == path) & written_source.c.source.in_(gone)
        connection.execute(sa.delete(written_source).where(chosen))


def paths_with(connection: sa.Connection, sources: Collection[str]) -> dict[str, str]:
    """Return the written paths that hold one of these sources, each with its kind."""
    found: dict[str, str] = {}
    for chunk in in_chunks(sorted(sources)):
        query = (
            sa.select(written.c.path, written.c.kind)
            .join(written_source, written_source.c.path == written.c.path)
            .where(written_source.c.source.in_(chunk))
        )
        found |= {row.path: row.kind for row in connection.execute(query.distinct())}
    return found


def sources_of(connection: sa.Connection, path: str) -> set[str]:
    """Return the keyed hashes of the people and conversations whose data a path holds."""
    query = sa.select(written_source.c.source).where(written_source.c.path == path)
    return set(connection.execute(query).scalars())


def written_at(connection: sa.Connection, path: str) -> datetime | None:
    """Return when a path was last written, or found to be what would be written; None if that was not noted."""
    found: datetime | None = connection.scalar(sa.select(written.c.written_at).where(written.c.path == path))
    return found
