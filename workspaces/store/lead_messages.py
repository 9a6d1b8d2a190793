"""Messages from the lead, a row for each person who has one; each stands on their page until they have read it.

A message is its text: its id is a hash of it, and nobody has the same message twice. People are pseudonyms, as
everywhere, and a message goes with its person.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from workspaces.chunks import in_chunks
from workspaces.records import stable_id
from workspaces.store.insert import insert_missing
from workspaces.store.members import OUTSIDE, member
from workspaces.store.schema import UTCDateTime, metadata

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

lead_message = sa.Table(
    "lead_message",
    metadata,
    sa.Column("person_id", sa.String(24), primary_key=True, comment="who has it"),
    sa.Column("message_id", sa.String(24), primary_key=True, index=True, comment="hash of the text"),
    sa.Column("text", sa.Text, nullable=False, comment="in the lead's words"),
    sa.Column("sent_at", UTCDateTime, nullable=False),
    sa.Column("read_at", UTCDateTime, index=True, comment="when they said that they read it; null: not yet"),
)


@dataclass(frozen=True, slots=True)
class LeadMessage:
    """One message of one person; ``read_at`` is None until they say that they read it."""

    person_id: str
    message_id: str
    text: str
    sent_at: datetime
    read_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SentMessage:
    """One message by all who have it: how many these are, and how many of them read it."""

    message_id: str
    text: str
    first_sent_at: datetime
    people: int
    read: int


def send(connection: sa.Connection, people: Collection[str], text: str, now: datetime) -> set[str]:
    """Give people a message; return those of them who had it already, for whom nothing changes."""
    message_id = stable_id("lead message", text)
    had: set[str] = set()
    for chunk in in_chunks(sorted(people)):
        query = sa.select(lead_message.c.person_id).where(
            lead_message.c.message_id == message_id, lead_message.c.person_id.in_(chunk)
        )
        had.update(connection.execute(query).scalars())
    new = {"message_id": message_id, "text": text, "sent_at": now, "read_at": None}
    insert_missing(connection, lead_message, [{"person_id": it, **new} for it in sorted({*people} - had)])
    return had


def unread_messages(connection: sa.Connection, person_id: str) -> list[LeadMessage]:
    """Return what a person has not read yet, oldest first."""
    query = sa.select(lead_message).where(
        lead_message.c.person_id == person_id, lead_message.c.read_at.is_(None)
    )
    rows = connection.execute(query.order_by(lead_message.c.sent_at, lead_message.c.message_id))
    return [LeadMessage(**row._mapping) for row in rows]


def unread_by_person(connection: sa.Connection) -> dict[str, frozenset[str]]:
    """Return the ids of the messages that each person has not read yet."""
    query = sa.select(lead_message.c.person_id, lead_message.c.message_id)
    unread: dict[str, set[str]] = {}
    for person_id, message_id in connection.execute(query.where(lead_message.c.read_at.is_(None))):
        unread.setdefault(person_id, set()).add(message_id)
    return {person_id: frozenset(ids) for person_id, ids in unread.items()}


def note_read(connection: sa.Connection, person_id: str, message_id: str, now: datetime) -> bool:
    """Note that a person read a message of theirs; return whether that is new."""
    theirs = (lead_message.c.person_id == person_id) & (lead_message.c.message_id == message_id)
    noted = sa.update(lead_message).where(theirs, lead_message.c.read_at.is_(None)).values(read_at=now)
    return connection.execute(noted).rowcount > 0


def sent_messages(connection: sa.Connection, limit: int | None = None) -> list[SentMessage]:
    """Return the messages that somebody has, newest first."""
    columns = lead_message.c
    first = sa.func.min(columns.sent_at, type_=UTCDateTime)
    query = (
        sa.select(
            columns.message_id,
            sa.func.min(columns.text),
            first,
            sa.func.count(),
            sa.func.count(columns.read_at),
        )
        .group_by(columns.message_id)
        .order_by(first.desc(), columns.message_id)
        .limit(limit)
    )
    return [SentMessage(*row) for row in connection.execute(query)]


def take_back_message(connection: sa.Connection, message_id: str) -> int:
    """Delete a message of everybody who has it; return how many these were."""
    return connection.execute(sa.delete(lead_message).where(lead_message.c.message_id == message_id)).rowcount


def move_messages(connection: sa.Connection, person_id: str, to: str) -> None:
    """Give a person's messages to another; one that the other has already stays as it is."""
    rows = connection.execute(sa.select(lead_message).where(lead_message.c.person_id == person_id)).all()
    insert_missing(connection, lead_message, [dict(row._mapping) | {"person_id": to} for row in rows])
    connection.execute(sa.delete(lead_message).where(lead_message.c.person_id == person_id))


def people_with_access(connection: sa.Connection) -> set[str]:
    """Return everybody who has an account with access on a platform, and whose answers count."""
    query = sa.select(member.c.person_id).where(
        member.c.revoked_at.is_(None), member.c.status.not_in(sorted(OUTSIDE))
    )
    return set(connection.execute(query).scalars())
