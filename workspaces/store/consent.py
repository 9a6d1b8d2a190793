"""The history of consent: the requested sharing states, who asked for them, and when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from workspaces.chunks import in_chunks
from workspaces.records import SharingState
from workspaces.store.schema import UTCDateTime, metadata

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

consent_event = sa.Table(
    "consent_event",
    metadata,
    sa.Column("event_id", sa.Integer, primary_key=True),
    sa.Column(
        "conversation_id",
        sa.Text,
        nullable=False,
        index=True,
        comment="a keyed hash of it once it is deleted",
    ),
    sa.Column(
        "state", sa.String(16), nullable=False, comment="what was asked for: shared, private or deleted"
    ),
    sa.Column("at", UTCDateTime, nullable=False),
    sa.Column("asked_by", sa.String(24), nullable=False, comment="a pseudonym, 'giver' or 'lead'"),
    sa.Column("reason", sa.Text),
)


@dataclass(frozen=True, slots=True)
class ConsentEvent:
    """One request about one conversation. ``asked_by`` is the giver's pseudonym, ``giver`` if it is unknown, or
    ``lead``; ``conversation_id`` is a keyed hash once the conversation is deleted.
    """

    event_id: int
    conversation_id: str
    state: SharingState
    at: datetime
    asked_by: str
    reason: str | None


def record_events(
    connection: sa.Connection,
    asked_by: Mapping[str, str],
    state: SharingState,
    now: datetime,
    reason: str | None,
) -> None:
    """Record requests for a state; ``asked_by`` maps conversation ids to the person or role that asked."""
    rows = [
        {
            "conversation_id": conversation_id,
            "state": state.value,
            "at": now,
            "asked_by": who,
            "reason": reason,
        }
        for conversation_id, who in asked_by.items()
    ]
    if rows:
        connection.execute(sa.insert(consent_event), rows)


def events(connection: sa.Connection, conversation_ids: Sequence[str] | None = None) -> list[ConsentEvent]:
    """Return the requests about these conversations, or about all, oldest first."""
    query = sa.select(consent_event).order_by(consent_event.c.event_id)
    if conversation_ids is None:
        return _events(connection, query)
    requests: list[ConsentEvent] = []
    for ids in in_chunks(conversation_ids):
        requests += _events(connection, query.where(consent_event.c.conversation_id.in_(ids)))
    return sorted(requests, key=lambda event: event.event_id)


def last_event(connection: sa.Connection) -> int:
    """Return the number of the newest request; 0: there is none. It grows with each."""
    return connection.execute(sa.select(sa.func.max(consent_event.c.event_id))).scalar_one() or 0


def rename_conversations(connection: sa.Connection, names: Mapping[str, str]) -> None:
    """Replace conversation ids in the history; ``names`` maps old ids to new ones."""
    for old, new in names.items():
        chosen = sa.update(consent_event).where(consent_event.c.conversation_id == old)
        connection.execute(chosen.values(conversation_id=new))


def _events(connection: sa.Connection, query: sa.Executable) -> list[ConsentEvent]:
    return [
        ConsentEvent(
            row.event_id, row.conversation_id, SharingState(row.state), row.at, row.asked_by, row.reason
        )
        for row in connection.execute(query)
    ]
