"""Moderations: the verdicts of a moderation endpoint, or of the local hint, on messages."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from workspaces.chunks import in_chunks
from workspaces.store.insert import insert_missing
from workspaces.store.schema import UTCDateTime, metadata

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

moderation = sa.Table(
    "moderation",
    metadata,
    sa.Column("message_id", sa.Text, primary_key=True),
    sa.Column("agent", sa.Text, primary_key=True, comment="the model that was asked"),
    sa.Column("conversation_id", sa.Text, nullable=False, index=True),
    sa.Column("flagged", sa.Boolean, nullable=False),
    sa.Column("categories", sa.JSON, nullable=False, comment="those it was flagged for"),
    sa.Column("created_at", UTCDateTime, nullable=False),
)


@dataclass(frozen=True, slots=True)
class ModerationEntry:
    """The verdict of a moderation endpoint on one message."""

    message_id: str
    agent: str
    conversation_id: str
    flagged: bool
    categories: tuple[str, ...]
    created_at: datetime


def save_moderation(connection: sa.Connection, entries: Sequence[ModerationEntry]) -> None:
    """Add verdicts; one that is stored already stays as it is."""
    insert_missing(
        connection,
        moderation,
        [
            {
                "message_id": entry.message_id,
                "agent": entry.agent,
                "conversation_id": entry.conversation_id,
                "flagged": entry.flagged,
                "categories": list(entry.categories),
                "created_at": entry.created_at,
            }
            for entry in entries
        ],
    )


def moderated(connection: sa.Connection, message_ids: Iterable[str], agent: str) -> set[str]:
    """Return those of these messages that ``agent`` has judged."""
    judged: set[str] = set()
    for ids in in_chunks(message_ids):
        query = sa.select(moderation.c.message_id).where(
            moderation.c.message_id.in_(ids), moderation.c.agent == agent
        )
        judged.update(connection.execute(query).scalars())
    return judged


def flagged_in(connection: sa.Connection, conversation_id: str) -> dict[str, dict[str, list[str]]]:
    """Return, by endpoint, the flagged messages of a conversation, each with its categories."""
    query = sa.select(moderation.c.agent, moderation.c.message_id, moderation.c.categories).where(
        moderation.c.conversation_id == conversation_id, moderation.c.flagged
    )
    flagged: dict[str, dict[str, list[str]]] = defaultdict(dict)
    for agent, message_id, categories in connection.execute(query):
        flagged[agent][message_id] = list(categories)
    return dict(flagged)


def flagged_messages(connection: sa.Connection) -> dict[str, dict[str, set[str]]]:
    """Return, by conversation and message, the categories that any endpoint flagged the message for."""
    query = sa.select(moderation.c.conversation_id, moderation.c.message_id, moderation.c.categories).where(
        moderation.c.flagged
    )
    flagged: dict[str, dict[str, set[str]]] = defaultdict(dict)
    for conversation_id, message_id, categories in connection.execute(query):
        flagged[conversation_id].setdefault(message_id, set()).update(categories)
    return dict(flagged)


def moderation_counts(connection: sa.Connection) -> dict[str, dict[str, int]]:
    """Return, by endpoint, how many messages it judged and how many of them it flagged."""
    flagged = sa.func.sum(sa.case((moderation.c.flagged, 1), else_=0))
    query = sa.select(moderation.c.agent, sa.func.count(), flagged).group_by(moderation.c.agent)
    return {
        agent: {"messages": count, "flagged": int(n_flagged)}
        for agent, count, n_flagged in connection.execute(query)
    }


def verdicts_on(
    connection: sa.Connection, message_ids: Iterable[str]
) -> dict[str, dict[str, tuple[str, ...] | None]]:
    """Return, by message and endpoint, the categories that it flagged the message for; None: it did not flag it."""
    found: dict[str, dict[str, tuple[str, ...] | None]] = defaultdict(dict)
    for ids in in_chunks(message_ids):
        query = sa.select(
            moderation.c.message_id, moderation.c.agent, moderation.c.flagged, moderation.c.categories
        ).where(moderation.c.message_id.in_(ids))
        for message_id, agent, flagged, categories in connection.execute(query):
            found[message_id][agent] = tuple(categories) if flagged else None
    return dict(found)
