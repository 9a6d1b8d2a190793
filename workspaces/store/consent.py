"""What givers asked for: sharing states, who asked for them and when, deletions and their tombstones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from workspaces.records import SharingState
from workspaces.store.insert import insert_missing
from workspaces.store.tables import annotation_revision, consent_event, conversation, deletion, tombstone

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

ID_CHUNK = 500
"""Ids in one IN clause; SQLite takes 32,766 parameters, PostgreSQL 65,535."""

EARLIER = "earlier-"
"""Begins the key of a tombstone that is not of a conversation but of a text that one grew from."""


def conversations_of(connection: sa.Connection, giver_id: str) -> list[str]:
    """Return the ids of the conversations that a person gave, but for deleted ones."""
    query = sa.select(conversation.c.conversation_id).where(
        conversation.c.giver_id == giver_id, conversation.c.state != SharingState.DELETED.value
    )
    return list(connection.execute(query.order_by(conversation.c.conversation_id)).scalars())


def rows_of(connection: sa.Connection, conversation_ids: Sequence[str]) -> dict[str, sa.Row[Any]]:
    """Return the rows of these conversations that are known, by id."""
    found: dict[str, sa.Row[Any]] = {}
    for ids in chunks(conversation_ids):
        query = sa.select(conversation).where(conversation.c.conversation_id.in_(ids))
        found.update((row.conversation_id, row) for row in connection.execute(query))
    return found


def set_state(
    connection: sa.Connection, conversation_ids: Sequence[str], state: SharingState, now: datetime
) -> None:
    """Put conversations into a state; one that is shared keeps the moment of its first sharing."""
    shared_at = {} if state is not SharingState.SHARED else {"shared_at": now}
    for ids in chunks(conversation_ids):
        chosen = sa.update(conversation).where(conversation.c.conversation_id.in_(ids))
        connection.execute(chosen.values(state=state.value))
        if shared_at:
            connection.execute(chosen.where(conversation.c.shared_at.is_(None)).values(**shared_at))


def record_events(
    connection: sa.Connection,
    asked_by: Mapping[str, str],
    state: SharingState,
    now: datetime,
    reason: str | None,
) -> None:
    """Remember that a state was asked for; ``asked_by`` says by whom, by conversation id."""
    rows = [
        {"conversation_id": key, "state": state.value, "at": now, "asked_by": who, "reason": reason}
        for key, who in asked_by.items()
    ]
    if rows:
        connection.execute(sa.insert(consent_event), rows)


def events(connection: sa.Connection, conversation_ids: Sequence[str] | None = None) -> list[sa.Row[Any]]:
    """Return what was asked for, oldest first; of these conversations, or of all."""
    query = sa.select(consent_event).order_by(consent_event.c.event_id)
    if conversation_ids is None:
        return list(connection.execute(query))
    found: list[sa.Row[Any]] = []
    for ids in chunks(conversation_ids):
        found += connection.execute(query.where(consent_event.c.conversation_id.in_(ids)))
    return sorted(found, key=lambda row: row.event_id)


def open_deletion(connection: sa.Connection, row: Mapping[str, Any]) -> None:
    """Begin a deletion (a row of ``deletion``); one that was begun already stays as it is."""
    insert_missing(connection, deletion, [row])


def open_deletions(connection: sa.Connection) -> list[sa.Row[Any]]:
    """Return the deletions that are not complete, oldest first."""
    query = sa.select(deletion).where(deletion.c.completed_at.is_(None))
    return list(connection.execute(query.order_by(deletion.c.asked_at, deletion.c.receipt_id)))


def deletion_row(connection: sa.Connection, receipt_id: str) -> sa.Row[Any]:
    """Return a deletion."""
    return connection.execute(sa.select(deletion).where(deletion.c.receipt_id == receipt_id)).one()


def complete_deletion(connection: sa.Connection, receipt_id: str, now: datetime) -> None:
    """Say that the last trace is gone."""
    chosen = sa.update(deletion).where(deletion.c.receipt_id == receipt_id, deletion.c.completed_at.is_(None))
    connection.execute(chosen.values(completed_at=now))


def note_removed(connection: sa.Connection, receipt_id: str, removed: Mapping[str, Any]) -> None:
    """Replace what a deletion says it has removed."""
    connection.execute(
        sa.update(deletion).where(deletion.c.receipt_id == receipt_id).values(removed=dict(removed))
    )


def forgotten_people(connection: sa.Connection) -> set[str]:
    """Return the pseudonyms of those who asked to be forgotten."""
    query = sa.select(deletion.c.person_id).where(deletion.c.person_id.is_not(None))
    return {person_id for person_id in connection.execute(query).scalars() if person_id}


def response_ids(connection: sa.Connection, platform: str, person_id: str) -> list[str]:
    """Return the platform's own ids of the answers that a person has given there."""
    query = (
        sa.select(annotation_revision.c.response_id)
        .where(annotation_revision.c.person_id == person_id, annotation_revision.c.platform == platform)
        .distinct()
        .order_by(annotation_revision.c.response_id)
    )
    return list(connection.execute(query).scalars())


def bury(connection: sa.Connection, receipt_id: str, hashes: Mapping[str, str]) -> None:
    """Set tombstones: ``hashes`` maps the keyed hash of each conversation's id to that of its text."""
    insert_missing(
        connection,
        tombstone,
        [
            {"conversation_hmac": key, "content_hmac": content, "receipt_id": receipt_id}
            for key, content in hashes.items()
        ],
    )


def any_tombstone(connection: sa.Connection) -> bool:
    """Return whether anything was ever deleted."""
    return connection.execute(sa.select(tombstone.c.conversation_hmac).limit(1)).first() is not None


def tombstones_of(connection: sa.Connection, receipt_id: str) -> list[str]:
    """Return the keyed hashes of the ids of the conversations that a deletion removed."""
    query = sa.select(tombstone.c.conversation_hmac).where(tombstone.c.receipt_id == receipt_id)
    return sorted(key for key in connection.execute(query).scalars() if not key.startswith(EARLIER))


def receipts_of(connection: sa.Connection, conversation_hmacs: Sequence[str]) -> dict[str, str]:
    """Return the receipt of each of these deleted conversations, by the keyed hash of its id."""
    found: dict[str, str] = {}
    for hmacs in chunks(conversation_hmacs):
        query = sa.select(tombstone).where(tombstone.c.conversation_hmac.in_(hmacs))
        found.update((row.conversation_hmac, row.receipt_id) for row in connection.execute(query))
    return found


def buried_contents(connection: sa.Connection, content_hmacs: Sequence[str]) -> set[str]:
    """Return those keyed hashes of texts that a deleted conversation had."""
    found: set[str] = set()
    for hmacs in chunks(content_hmacs):
        query = sa.select(tombstone.c.content_hmac).where(tombstone.c.content_hmac.in_(hmacs))
        found.update(connection.execute(query).scalars())
    return found


def chunks(values: Sequence[str]) -> list[Sequence[str]]:
    """Return ``values`` in pieces that one IN clause takes."""
    return [values[start : start + ID_CHUNK] for start in range(0, len(values), ID_CHUNK)]
