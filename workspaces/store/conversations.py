"""Which conversations are in the collection, and whether their givers share them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from workspaces.records import SharingState
from workspaces.store.insert import insert_missing
from workspaces.store.tables import UTCDateTime, conversation

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


@dataclass(frozen=True, slots=True)
class SharedLog:
    """A conversation that its known giver shares, or shared until it grew, and since when."""

    conversation_id: str
    giver_id: str
    shared_at: datetime


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


def grow(connection: sa.Connection, entries: Sequence[ConversationEntry]) -> None:
    """Say where conversations that grew lie now; when they were added and first shared stays as it is."""
    if not entries:
        return
    statement = (
        sa.update(conversation)
        .where(conversation.c.conversation_id == sa.bindparam("grown_id"))
        .values(
            {
                name: sa.bindparam(f"new_{name}")
                for name in ("content_hash", "part", "giver_id", "state", "share_at")
            }
        )
    )
    connection.execute(
        statement,
        [
            {
                "grown_id": entry.conversation_id,
                "new_content_hash": entry.content_hash,
                "new_part": entry.part,
                "new_giver_id": entry.giver_id,
                "new_state": entry.state.value,
                "new_share_at": entry.share_at,
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
    """Share every held conversation whose delay is over; return how many.

    One that was held again because it grew keeps the moment of its first sharing.
    """
    statement = (
        sa.update(conversation)
        .where(conversation.c.state == SharingState.HELD.value, conversation.c.share_at <= now)
        .values(
            state=SharingState.SHARED.value,
            shared_at=sa.func.coalesce(conversation.c.shared_at, sa.literal(now, UTCDateTime)),
        )
    )
    return connection.execute(statement).rowcount


def shared_logs(connection: sa.Connection) -> list[SharedLog]:
    """Return the shared conversations of known givers, and those held again because they grew.

    The moment is that of the first sharing, whatever was asked for since.
    """
    query = sa.select(
        conversation.c.conversation_id,
        conversation.c.giver_id,
        conversation.c.shared_at,
    ).where(
        conversation.c.state.in_([SharingState.SHARED.value, SharingState.HELD.value]),
        conversation.c.giver_id.is_not(None),
        conversation.c.shared_at.is_not(None),
    )
    return [SharedLog(row.conversation_id, row.giver_id, row.shared_at) for row in connection.execute(query)]


def ids_in(connection: sa.Connection, state: SharingState) -> set[str]:
    """Return the conversations in a state."""
    query = sa.select(conversation.c.conversation_id).where(conversation.c.state == state.value)
    return set(connection.execute(query).scalars())


def count_by_state(connection: sa.Connection) -> dict[SharingState, int]:
    """Return the number of conversations in each state that occurs."""
    query = sa.select(conversation.c.state, sa.func.count()).group_by(conversation.c.state)
    return {SharingState(state): count for state, count in connection.execute(query)}


def count_givers(connection: sa.Connection) -> int:
    """Return how many people gave the conversations that are held or shared."""
    states = [SharingState.HELD.value, SharingState.SHARED.value]
    query = sa.select(sa.func.count(sa.distinct(conversation.c.giver_id))).where(
        conversation.c.state.in_(states)
    )
    return int(connection.execute(query).scalar_one())


def added_by_week(connection: sa.Connection) -> dict[str, int]:
    """Return how many conversations were added in each ISO week, such as ``2026-W05``."""
    moments = sa.select(conversation.c.added_at, sa.func.count()).group_by(conversation.c.added_at)
    weeks: dict[str, int] = {}
    for moment, count in sorted(tuple(row) for row in connection.execute(moments)):
        week = f"{moment:%G-W%V}"
        weeks[week] = weeks.get(week, 0) + count
    return weeks


def part_of(connection: sa.Connection, conversation_id: str) -> tuple[str, SharingState] | None:
    """Return the collection file and the state of a conversation, or None where there is none of this id."""
    query = sa.select(conversation.c.part, conversation.c.state).where(
        conversation.c.conversation_id == conversation_id
    )
    row = connection.execute(query).first()
    return None if row is None else (row.part, SharingState(row.state))


def parts_in(connection: sa.Connection) -> list[str]:
    """Return the collection files that hold a conversation, by name."""
    return sorted(part_sizes(connection))


def part_sizes(connection: sa.Connection) -> dict[str, int]:
    """Return how many conversations each collection file holds, without those that are marked as deleted."""
    query = (
        sa.select(conversation.c.part, sa.func.count())
        .where(conversation.c.state != SharingState.DELETED.value)
        .group_by(conversation.c.part)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def states_in(
    connection: sa.Connection, part: str, conversation_ids: Sequence[str]
) -> dict[str, SharingState]:
    """Return the state of each of these conversations whose text lies in this collection file."""
    found: dict[str, SharingState] = {}
    for start in range(0, len(conversation_ids), ID_CHUNK):
        query = sa.select(conversation.c.conversation_id, conversation.c.state).where(
            conversation.c.conversation_id.in_(conversation_ids[start : start + ID_CHUNK]),
            conversation.c.part == part,
        )
        found.update((name, SharingState(state)) for name, state in connection.execute(query))
    return found


def parts_of(
    connection: sa.Connection, conversation_ids: Sequence[str], states: Iterable[SharingState]
) -> dict[str, set[str]]:
    """Return, for each collection file, those of these conversations it holds that are in one of the states."""
    parts: dict[str, set[str]] = {}
    for start in range(0, len(conversation_ids), ID_CHUNK):
        query = sa.select(conversation.c.part, conversation.c.conversation_id).where(
            conversation.c.conversation_id.in_(conversation_ids[start : start + ID_CHUNK]),
            conversation.c.state.in_([state.value for state in states]),
        )
        for part, name in connection.execute(query):
            parts.setdefault(part, set()).add(name)
    return parts


def current_parts(connection: sa.Connection, conversation_ids: Sequence[str]) -> dict[str, str]:
    """Return the collection file of each of these conversations that is known."""
    found: dict[str, str] = {}
    for start in range(0, len(conversation_ids), ID_CHUNK):
        query = sa.select(conversation.c.conversation_id, conversation.c.part).where(
            conversation.c.conversation_id.in_(conversation_ids[start : start + ID_CHUNK])
        )
        found.update((row.conversation_id, row.part) for row in connection.execute(query))
    return found


def move(connection: sa.Connection, parts: Sequence[str], part: str) -> None:
    """Say that what these collection files held lies in another one now."""
    connection.execute(sa.update(conversation).where(conversation.c.part.in_(parts)).values(part=part))


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
    """Return the collection files that hold conversations, or held some that are marked as deleted."""
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
