"""Challenges: which of seven criteria the first prompt of a conversation meets, by who scored it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from workspaces.chunks import in_chunks
from workspaces.store.insert import insert_missing
from workspaces.store.moments import newest, not_before
from workspaces.store.schema import UTCDateTime, metadata

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

challenge = sa.Table(
    "challenge",
    metadata,
    sa.Column("conversation_id", sa.Text, primary_key=True),
    sa.Column("agent", sa.Text, primary_key=True, comment="who scored its first prompt"),
    sa.Column("prompt_version", sa.String(32), primary_key=True),
    sa.Column("criteria", sa.JSON, nullable=False, comment="those of the seven that the prompt meets"),
    sa.Column("score", sa.Integer, nullable=False, comment="how many: 0 to 7"),
    sa.Column("created_at", UTCDateTime, nullable=False),
)


@dataclass(frozen=True, slots=True)
class ChallengeEntry:
    """Which of the seven criteria a conversation's first prompt meets, according to ``agent``."""

    conversation_id: str
    agent: str
    prompt_version: str
    criteria: tuple[str, ...]
    created_at: datetime


def save_challenges(connection: sa.Connection, entries: Sequence[ChallengeEntry]) -> None:
    """Add scores, put after those that are stored; one that is stored already stays as it is."""
    before = newest(connection, challenge.c.created_at)
    insert_missing(
        connection,
        challenge,
        [
            {
                "conversation_id": entry.conversation_id,
                "agent": entry.agent,
                "prompt_version": entry.prompt_version,
                "criteria": list(entry.criteria),
                "score": len(entry.criteria),
                "created_at": not_before(entry.created_at, before),
            }
            for entry in entries
        ],
    )


def challenged(
    connection: sa.Connection, conversation_ids: Iterable[str], agent: str, prompt_version: str
) -> set[str]:
    """Return those of these conversations that ``agent`` scored with this prompt version."""
    scored: set[str] = set()
    for ids in in_chunks(conversation_ids):
        query = sa.select(challenge.c.conversation_id).where(
            challenge.c.conversation_id.in_(ids),
            challenge.c.agent == agent,
            challenge.c.prompt_version == prompt_version,
        )
        scored.update(connection.execute(query).scalars())
    return scored


def challenges_of(connection: sa.Connection, conversation_id: str) -> dict[str, list[str]]:
    """Return the criteria that a conversation's first prompt meets, by who scored it."""
    query = sa.select(challenge.c.agent, challenge.c.criteria).where(
        challenge.c.conversation_id == conversation_id
    )
    return {agent: list(criteria) for agent, criteria in connection.execute(query)}


def latest_scores(connection: sa.Connection) -> dict[str, int]:
    """Return the newest score of every conversation that has one, by any agent."""
    query = sa.select(challenge.c.conversation_id, challenge.c.score).order_by(
        challenge.c.created_at, challenge.c.agent, challenge.c.prompt_version
    )
    return {row.conversation_id: row.score for row in connection.execute(query)}


def scores_by_judge(connection: sa.Connection) -> dict[str, dict[str, int]]:
    """Return the score of every conversation by each judge that gave one, with the newest version of its prompt."""
    query = sa.select(challenge.c.conversation_id, challenge.c.agent, challenge.c.score).order_by(
        challenge.c.created_at, challenge.c.prompt_version
    )
    scores: dict[str, dict[str, int]] = defaultdict(dict)
    for name, agent, score in connection.execute(query):
        scores[name][agent] = score
    return dict(scores)


def challenge_counts(connection: sa.Connection) -> dict[str, dict[int, int]]:
    """Return the number of conversations by who scored them and by score."""
    query = (
        sa.select(challenge.c.agent, challenge.c.score, sa.func.count())
        .group_by(challenge.c.agent, challenge.c.score)
        .order_by(challenge.c.agent, challenge.c.score)
    )
    counts: dict[str, dict[int, int]] = defaultdict(dict)
    for agent, score, count in connection.execute(query):
        counts[agent][score] = count
    return dict(counts)
