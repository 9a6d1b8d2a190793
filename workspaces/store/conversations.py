"""Which conversations are in the collection, and whether their givers share them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from workspaces.records import SharingState
from workspaces.store.insert import insert_missing
from workspaces.store.tables import conversation

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

ID_CHUNK = 500
"""Ids in one IN clause; SQLite takes 32,766 parameters, PostgreSQL 65,535."""


@dataclass(frozen=True, slots=True)
class ConversationEntry:
    """One conversation's row: where its text lies and what its giver allows."""

    conversation_id: str
    content_hash: str
    part: str
    giver_id: str | None
    state: SharingState
    share_at: datetime
    added_at: datetime


def register(connection: sa.Connection, entries: Sequence[ConversationEntry]) -> None:
    """Add conversations; those known already stay as they are."""
    insert_missing(
        connection,
        conversation,
        [
            {
                "conversation_id": entry.conversation_id,
                "content_hash": entry.content_hash,
                "part": entry.part,
                "giver_id": entry.giver_id,
                "state": entry.state.value,
                "share_at": entry.share_at,
                "added_at": entry.added_at,
            }
            for entry in entries
        ],
    )


def unregister(connection: sa.Connection, conversation_ids: Sequence[str]) -> None:
    """Take conversations out of the register."""
    for start in range(0, len(conversation_ids), ID_CHUNK):
        ids = conversation_ids[start : start + ID_CHUNK]
        connection.execute(sa.delete(conversation).where(conversation.c.conversation_id.in_(ids)))


def content_hashes(connection: sa.Connection, conversation_ids: Sequence[str]) -> dict[str, str]:
    """Return the content hash of each of these conversations that is known."""
    found: dict[str, str] = {}
    for start in range(0, len(conversation_ids), ID_CHUNK):
        ids = conversation_ids[start : start + ID_CHUNK]
        query = sa.select(conversation.c.conversation_id, conversation.c.content_hash).where(
            conversation.c.conversation_id.in_(ids)
        )
        found.update((row.conversation_id, row.content_hash) for row in connection.execute(query))
    return found


def share_due(connection: sa.Connection, now: datetime) -> int:
    """Share every held conversation whose delay is over; return how many."""
    statement = (
        sa.update(conversation)
        .where(conversation.c.state == SharingState.HELD.value, conversation.c.share_at <= now)
        .values(state=SharingState.SHARED.value, shared_at=now)
    )
    return connection.execute(statement).rowcount


def count_by_state(connection: sa.Connection) -> dict[SharingState, int]:
    """Return the number of conversations in each state that occurs."""
    query = sa.select(conversation.c.state, sa.func.count()).group_by(conversation.c.state)
    return {SharingState(state): count for state, count in connection.execute(query)}


def parts_of(
    connection: sa.Connection, states: Iterable[SharingState] = (SharingState.SHARED,)
) -> dict[str, set[str]]:
    """Return, for each collection file, the ids of its conversations in these states."""
    query = sa.select(conversation.c.part, conversation.c.conversation_id).where(
        conversation.c.state.in_([state.value for state in states])
    )
    parts: dict[str, set[str]] = {}
    for part, conversation_id in connection.execute(query):
        parts.setdefault(part, set()).add(conversation_id)
    return parts


def parts_holding(connection: sa.Connection, conversation_ids: Sequence[str]) -> dict[str, set[str]]:
    """Return, for each collection file that holds some of these conversations, their ids."""
    parts: dict[str, set[str]] = {}
    for start in range(0, len(conversation_ids), ID_CHUNK):
        query = sa.select(conversation.c.part, conversation.c.conversation_id).where(
            conversation.c.conversation_id.in_(conversation_ids[start : start + ID_CHUNK])
        )
        for part, conversation_id in connection.execute(query):
            parts.setdefault(part, set()).add(conversation_id)
    return parts


def part_names(connection: sa.Connection) -> set[str]:
    """Return the collection files that hold conversations."""
    return set(connection.execute(sa.select(conversation.c.part).distinct()).scalars())


def known_contents(connection: sa.Connection, hashes: Sequence[str]) -> set[str]:
    """Return those content hashes that some conversation has."""
    found: set[str] = set()
    for start in range(0, len(hashes), ID_CHUNK):
        query = sa.select(conversation.c.content_hash).where(
            conversation.c.content_hash.in_(hashes[start : start + ID_CHUNK])
        )
        found.update(connection.execute(query).scalars())
    return found
