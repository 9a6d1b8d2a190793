"""Deletions: each has a receipt, and stays open until everything that it removes is gone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

import sqlalchemy as sa

from workspaces.store.insert import insert_missing
from workspaces.store.schema import UTCDateTime, metadata

if TYPE_CHECKING:
    from datetime import datetime

deletion = sa.Table(
    "deletion",
    metadata,
    sa.Column("receipt_id", sa.String(24), primary_key=True),
    sa.Column(
        "person_id", sa.String(24), index=True, comment="the person to be forgotten, if it is about one"
    ),
    sa.Column("asked_at", UTCDateTime, nullable=False),
    sa.Column("asked_by", sa.String(24), nullable=False, comment="a pseudonym, 'giver' or 'lead'"),
    sa.Column("reason", sa.Text),
    sa.Column("removed", sa.JSON, nullable=False, comment="how much of what was removed where"),
    sa.Column("completed_at", UTCDateTime, comment="when the last trace was gone"),
)


class Removed(TypedDict, total=False):
    """What a deletion removed: counts by kind, tasks by platform, affected exports, and closed accounts.

    ``exports_to_make_again`` names exports in the workspace, and gives the path of others; ``copies_to_remove`` are the
    paths of copies of the person's data outside of the workspace's own folder for them. ``published_to_replace`` are
    the addresses of what was pushed, ``moved_or_removed`` what was written and is no longer where it was.
    """

    collection: dict[str, int]
    store: dict[str, int]
    platforms: dict[str, int]
    exports_to_make_again: list[str]
    copies_to_remove: list[str]
    published_to_replace: list[str]
    moved_or_removed: list[str]
    accounts: dict[str, str]


@dataclass(frozen=True, slots=True)
class Deletion:
    """A request to delete conversations, or with a ``person_id`` to forget a person.

    ``asked_by`` is a pseudonym, ``giver`` or ``lead``; ``completed_at`` is None until the deletion is complete.
    """

    receipt_id: str
    person_id: str | None
    asked_at: datetime
    asked_by: str
    reason: str | None
    removed: Removed
    completed_at: datetime | None = None


def open_deletion(
    connection: sa.Connection,
    receipt_id: str,
    *,
    person_id: str | None,
    asked_at: datetime,
    asked_by: str,
    reason: str | None,
) -> None:
    """Open a deletion, with nothing removed yet; an existing one with this receipt stays as it is."""
    row: dict[str, object] = {
        "receipt_id": receipt_id,
        "person_id": person_id,
        "asked_at": asked_at,
        "asked_by": asked_by,
        "reason": reason,
        "removed": {},
        "completed_at": None,
    }
    insert_missing(connection, deletion, [row])


def open_deletions(connection: sa.Connection) -> list[Deletion]:
    """Return the deletions that are not complete, oldest first."""
    query = sa.select(deletion).where(deletion.c.completed_at.is_(None))
    rows = connection.execute(query.order_by(deletion.c.asked_at, deletion.c.receipt_id))
    return [Deletion(**row._mapping) for row in rows]


def is_to_be_forgotten(connection: sa.Connection, person_id: str) -> bool:
    """Return whether a deletion of this person was asked for and is not complete."""
    return connection.execute(sa.select(being_forgotten(sa.literal(person_id)))).scalar_one()


def being_forgotten(person: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """Return the condition that a deletion of a person was asked for and is not complete."""
    return sa.exists().where(deletion.c.person_id == person, deletion.c.completed_at.is_(None))


def deletion_of(connection: sa.Connection, receipt_id: str) -> Deletion:
    """Return the deletion with this receipt."""
    row = connection.execute(sa.select(deletion).where(deletion.c.receipt_id == receipt_id)).one()
    return Deletion(**row._mapping)


def complete_deletion(connection: sa.Connection, receipt_id: str, now: datetime) -> None:
    """Mark a deletion as complete; a complete one keeps its time."""
    chosen = sa.update(deletion).where(deletion.c.receipt_id == receipt_id, deletion.c.completed_at.is_(None))
    connection.execute(chosen.values(completed_at=now))


def note_removed(connection: sa.Connection, receipt_id: str, removed: Removed) -> None:
    """Replace the record of what a deletion removed."""
    connection.execute(sa.update(deletion).where(deletion.c.receipt_id == receipt_id).values(removed=removed))


def times_of_forgetting(connection: sa.Connection) -> dict[str, datetime]:
    """Return when each person who is forgotten asked for it the last time, by pseudonym."""
    last = sa.func.max(deletion.c.asked_at, type_=UTCDateTime)
    query = sa.select(deletion.c.person_id, last).where(deletion.c.person_id.is_not(None))
    rows = connection.execute(query.group_by(deletion.c.person_id))
    return {person_id: when for person_id, when in rows if person_id}


def forgotten_people(connection: sa.Connection) -> set[str]:
    """Return the pseudonyms of the people who asked to be forgotten."""
    query = sa.select(deletion.c.person_id).where(deletion.c.person_id.is_not(None))
    return {person_id for person_id in connection.execute(query).scalars() if person_id}
