"""The register of the collection: its conversations, the files that hold their text, and their sharing states."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from workspaces.chunks import in_chunks
from workspaces.records import SharingState
from workspaces.store.insert import insert_missing
from workspaces.store.schema import UTCDateTime, metadata

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime, timedelta

conversation = sa.Table(
    "conversation",
    metadata,
    sa.Column("conversation_id", sa.Text, primary_key=True),
    sa.Column("content_hash", sa.String(24), nullable=False, index=True),
    sa.Column("part", sa.Text, nullable=False, comment="the collection file that holds its text"),
    sa.Column("giver_id", sa.String(24), index=True),
    sa.Column("state", sa.String(16), nullable=False, comment="held, shared, private or deleted"),
    sa.Column("share_at", UTCDateTime, nullable=False, comment="when a held conversation becomes shared"),
    sa.Column("added_at", UTCDateTime, nullable=False),
    sa.Column("shared_at", UTCDateTime, comment="when it was shared for the first time"),
)


@dataclass(frozen=True, slots=True)
class ConversationEntry:
    """One conversation's row: the file that holds its text, and its sharing state.

    ``share_at`` is when a held conversation becomes shared, ``shared_at`` when it was shared for the first time.
    """

    conversation_id: str
    content_hash: str
    part: str
    giver_id: str | None
    state: SharingState
    share_at: datetime
    added_at: datetime
    shared_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SharedLog:
    """A conversation that its known giver shares, or shared until it grew, and the time of the first sharing."""

    conversation_id: str
    giver_id: str
    shared_at: datetime


class Accepted(NamedTuple):
    """A row of a chat log that stands in the collection: its id, the hash of its text, and its giver, if known.

    ``is_piece``: its conversation grew by it just now, or holds it as a piece without a beginning.
    """

    conversation_id: str
    content_hash: str
    giver_id: str | None
    is_piece: bool = False


@dataclass(frozen=True, slots=True)
class Hold:
    """The held conversations: how many, when the first and the last of them become shared, and how many of them wait
    longer than a conversation that is read at this moment would.
    """

    count: int = 0
    first: datetime | None = None
    last: datetime | None = None
    longer: int = 0


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
                "shared_at": entry.shared_at,
            }
            for entry in entries
        ],
    )


def grow(connection: sa.Connection, entries: Sequence[ConversationEntry]) -> None:
    """Update conversations that grew; the times when they were added and first shared stay."""
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


def unregister(connection: sa.Connection, conversation_ids: Iterable[str]) -> None:
    """Take conversations out of the register."""
    for ids in in_chunks(conversation_ids):
        connection.execute(sa.delete(conversation).where(conversation.c.conversation_id.in_(ids)))


def entries_of(connection: sa.Connection, conversation_ids: Iterable[str]) -> dict[str, ConversationEntry]:
    """Return the entries of these conversations, as far as they are known, by id."""
    entries: dict[str, ConversationEntry] = {}
    for ids in in_chunks(conversation_ids):
        query = sa.select(conversation).where(conversation.c.conversation_id.in_(ids))
        entries.update((entry.conversation_id, entry) for entry in _entries(connection, query))
    return entries


def those_in(
    connection: sa.Connection, conversation_ids: Iterable[str], states: Collection[SharingState]
) -> set[str]:
    """Return those of these conversations that are in one of some states."""
    column, values = conversation.c.conversation_id, [state.value for state in states]
    chosen = (
        sa.select(column).where(column.in_(ids), conversation.c.state.in_(values))
        for ids in in_chunks(conversation_ids)
    )
    return {name for query in chosen for name in connection.execute(query).scalars()}


def given_by(connection: sa.Connection, giver_id: str) -> list[ConversationEntry]:
    """Return the entries of all conversations that a person gave, also of deleted ones."""
    return _entries(connection, sa.select(conversation).where(conversation.c.giver_id == giver_id))


def page_given_by(
    connection: sa.Connection, giver_ids: Sequence[str], limit: int, offset: int = 0
) -> list[ConversationEntry]:
    """Return some of the conversations of these givers, the newest first, without deleted ones."""
    columns = conversation.c
    query = sa.select(conversation).where(
        columns.giver_id.in_(giver_ids), columns.state != SharingState.DELETED.value
    )
    query = query.order_by(columns.added_at.desc(), columns.conversation_id)
    return _entries(connection, query.limit(limit).offset(offset))


def count_given_by(connection: sa.Connection, giver_ids: Sequence[str]) -> dict[SharingState, int]:
    """Return how many conversations of these givers are in each state that occurs."""
    columns = conversation.c
    query = (
        sa.select(columns.state, sa.func.count())
        .where(columns.giver_id.in_(giver_ids))
        .group_by(columns.state)
    )
    return {SharingState(state): count for state, count in connection.execute(query)}


def ids_given_by(connection: sa.Connection, giver_id: str) -> list[str]:
    """Return the ids of the conversations that a person gave, without deleted ones."""
    query = sa.select(conversation.c.conversation_id).where(
        conversation.c.giver_id == giver_id, conversation.c.state != SharingState.DELETED.value
    )
    return list(connection.execute(query.order_by(conversation.c.conversation_id)).scalars())


def rehash(connection: sa.Connection, hashes: Mapping[str, str]) -> None:
    """Record the content hashes of conversations whose texts changed; all else about them stays."""
    if not hashes:
        return
    statement = (
        sa.update(conversation)
        .where(conversation.c.conversation_id == sa.bindparam("changed_id"))
        .values(content_hash=sa.bindparam("new_content_hash"))
    )
    connection.execute(
        statement,
        [{"changed_id": name, "new_content_hash": content_hash} for name, content_hash in hashes.items()],
    )


def content_hashes(connection: sa.Connection, conversation_ids: Iterable[str]) -> dict[str, str]:
    """Return the content hash of each of these conversations that is known."""
    hashes: dict[str, str] = {}
    for ids in in_chunks(conversation_ids):
        query = sa.select(conversation.c.conversation_id, conversation.c.content_hash).where(
            conversation.c.conversation_id.in_(ids)
        )
        hashes.update((row.conversation_id, row.content_hash) for row in connection.execute(query))
    return hashes


def known_contents(connection: sa.Connection, hashes: Iterable[str]) -> set[str]:
    """Return those of these content hashes that some conversation has."""
    known: set[str] = set()
    for chunk in in_chunks(hashes):
        query = sa.select(conversation.c.content_hash).where(conversation.c.content_hash.in_(chunk))
        known.update(connection.execute(query).scalars())
    return known


def any_beginning(connection: sa.Connection, beginning: str) -> bool:
    """Return whether the id of some conversation begins so."""
    query = sa.select(conversation.c.conversation_id).where(
        conversation.c.conversation_id.startswith(beginning, autoescape=True)
    )
    return connection.execute(query.limit(1)).first() is not None


def ids_of_contents(connection: sa.Connection, hashes: Iterable[str]) -> dict[str, str]:
    """Return the id of one conversation with each of these content hashes, for those that some have."""
    ids: dict[str, str] = {}
    for chunk in in_chunks(hashes):
        query = sa.select(conversation.c.content_hash, sa.func.min(conversation.c.conversation_id))
        query = query.where(conversation.c.content_hash.in_(chunk)).group_by(conversation.c.content_hash)
        ids.update((content, name) for content, name in connection.execute(query))
    return ids


def set_state(
    connection: sa.Connection, conversation_ids: Iterable[str], state: SharingState, now: datetime
) -> None:
    """Set the state of conversations; a conversation keeps the time of its first sharing."""
    for ids in in_chunks(conversation_ids):
        chosen = sa.update(conversation).where(conversation.c.conversation_id.in_(ids))
        connection.execute(chosen.values(state=state.value))
        if state is SharingState.SHARED:
            connection.execute(chosen.where(conversation.c.shared_at.is_(None)).values(shared_at=now))


def share_due(connection: sa.Connection, now: datetime) -> int:
    """Share every held conversation whose delay is over; return how many.

    A conversation that was held again because it grew keeps the time of its first sharing.
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

    ``shared_at`` is the time of the first sharing, regardless of later requests.
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
    """Return the ids of the conversations in a state."""
    query = sa.select(conversation.c.conversation_id).where(conversation.c.state == state.value)
    return set(connection.execute(query).scalars())


def count_by_state(connection: sa.Connection) -> dict[SharingState, int]:
    """Return the number of conversations in each state that occurs."""
    query = sa.select(conversation.c.state, sa.func.count()).group_by(conversation.c.state)
    return {SharingState(state): count for state, count in connection.execute(query)}


def hold(connection: sa.Connection, now: datetime, delay: timedelta) -> Hold:
    """Return what is held after ``now``; ``delay`` is the one that the configuration has today."""
    waits = sa.and_(conversation.c.state == SharingState.HELD.value, conversation.c.share_at > now)
    ends = conversation.c.share_at
    query = sa.select(sa.func.count(), sa.func.min(ends), sa.func.max(ends)).where(waits)
    count, first, last = connection.execute(query).one()
    longer = sa.select(sa.func.count()).where(waits, ends > now + delay)
    return Hold(count, first, last, connection.execute(longer).scalar_one())


def held_before(connection: sa.Connection, until: datetime | None = None) -> list[str]:
    """Return the ids of the held conversations, in order: all, or those that become shared before ``until``."""
    query = sa.select(conversation.c.conversation_id).where(conversation.c.state == SharingState.HELD.value)
    if until is not None:
        query = query.where(conversation.c.share_at < until)
    return list(connection.execute(query.order_by(conversation.c.conversation_id)).scalars())


def first_held(connection: sa.Connection, most: int) -> list[ConversationEntry]:
    """Return at most so many held conversations, those first that are shared soonest."""
    query = sa.select(conversation).where(conversation.c.state == SharingState.HELD.value)
    order = (conversation.c.share_at, conversation.c.conversation_id)
    return _entries(connection, query.order_by(*order).limit(most))


def standing(connection: sa.Connection, rows: Sequence[Accepted]) -> list[ConversationEntry | None]:
    """Return the entry under which each row stands in the register: its id, or another id with the same text.

    None: neither is known, it was deleted, or it is known from another giver. The text of an entry with the row's id
    may be another one: it grew, or the id stands for two conversations.
    """
    by_id = entries_of(connection, [row.conversation_id for row in rows])
    same = {
        name for name, content, *_ in rows if (entry := by_id.get(name)) and entry.content_hash == content
    }
    by_content: dict[str, ConversationEntry] = {}
    for hashes in in_chunks(row.content_hash for row in rows if row.conversation_id not in same):
        query = sa.select(conversation).where(conversation.c.content_hash.in_(hashes))
        by_content.update((entry.content_hash, entry) for entry in _entries(connection, query))
    found = [
        by_id[row.conversation_id]
        if row.conversation_id in same
        else by_content.get(row.content_hash) or by_id.get(row.conversation_id)
        for row in rows
    ]
    return [
        entry
        if entry is not None
        and entry.state is not SharingState.DELETED
        and (row.giver_id is None or entry.giver_id in (None, row.giver_id))
        else None
        for row, entry in zip(rows, found, strict=True)
    ]


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


def _entries(connection: sa.Connection, query: sa.Executable) -> list[ConversationEntry]:
    return [
        ConversationEntry(
            conversation_id=row.conversation_id,
            content_hash=row.content_hash,
            part=row.part,
            giver_id=row.giver_id,
            state=SharingState(row.state),
            share_at=row.share_at,
            added_at=row.added_at,
            shared_at=row.shared_at,
        )
        for row in connection.execute(query)
    ]
