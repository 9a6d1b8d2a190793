"""The files of the collection (parts) that hold the text of conversations; columns of ``conversation``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from workspaces.chunks import in_chunks
from workspaces.records import SharingState
from workspaces.store.conversations import conversation

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def part_of(connection: sa.Connection, conversation_id: str) -> tuple[str, SharingState] | None:
    """Return the part and the state of a conversation; None if no conversation has this id."""
    query = sa.select(conversation.c.part, conversation.c.state).where(
        conversation.c.conversation_id == conversation_id
    )
    row = connection.execute(query).first()
    return None if row is None else (row.part, SharingState(row.state))


def current_parts(connection: sa.Connection, conversation_ids: Iterable[str]) -> dict[str, str]:
    """Return the parts of these conversations, as far as they are known, by conversation id."""
    part_by_id: dict[str, str] = {}
    for ids in in_chunks(conversation_ids):
        query = sa.select(conversation.c.conversation_id, conversation.c.part).where(
            conversation.c.conversation_id.in_(ids)
        )
        part_by_id.update((row.conversation_id, row.part) for row in connection.execute(query))
    return part_by_id


def parts_of(
    connection: sa.Connection, conversation_ids: Iterable[str], states: Iterable[SharingState] | None = None
) -> dict[str, set[str]]:
    """Return the parts that hold these conversations, with the ids in each; only of conversations in ``states``."""
    allowed = None if states is None else [state.value for state in states]
    ids_by_part: dict[str, set[str]] = {}
    for ids in in_chunks(conversation_ids):
        query = sa.select(conversation.c.part, conversation.c.conversation_id).where(
            conversation.c.conversation_id.in_(ids)
        )
        if allowed is not None:
            query = query.where(conversation.c.state.in_(allowed))
        for part, conversation_id in connection.execute(query):
            ids_by_part.setdefault(part, set()).add(conversation_id)
    return ids_by_part


def states_in(
    connection: sa.Connection, part: str, conversation_ids: Iterable[str]
) -> dict[str, SharingState]:
    """Return the states of those of these conversations whose text is in this part."""
    states: dict[str, SharingState] = {}
    for ids in in_chunks(conversation_ids):
        query = sa.select(conversation.c.conversation_id, conversation.c.state).where(
            conversation.c.conversation_id.in_(ids), conversation.c.part == part
        )
        states.update((name, SharingState(state)) for name, state in connection.execute(query))
    return states


def parts_in(connection: sa.Connection) -> list[str]:
    """Return the parts that hold a conversation that is not marked as deleted, ordered by name."""
    return sorted(part_sizes(connection))


def part_sizes(connection: sa.Connection) -> dict[str, int]:
    """Return how many conversations each part holds, without those marked as deleted."""
    query = (
        sa.select(conversation.c.part, sa.func.count())
        .where(conversation.c.state != SharingState.DELETED.value)
        .group_by(conversation.c.part)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def part_names(connection: sa.Connection) -> set[str]:
    """Return the parts that hold a conversation, including conversations marked as deleted."""
    return set(connection.execute(sa.select(conversation.c.part).distinct()).scalars())


def move(connection: sa.Connection, parts: Sequence[str], part: str) -> None:
    """Record that the conversations of some parts moved to another part."""
    connection.execute(sa.update(conversation).where(conversation.c.part.in_(parts)).values(part=part))
