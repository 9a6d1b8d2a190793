"""Seed feedback, one row for each (response, agent, prompt version)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from workspaces.records import Quality, SeedFeedback, Significance, Tag
from workspaces.store.insert import insert_missing
from workspaces.store.moments import newest, not_before
from workspaces.store.schema import UTCDateTime, metadata

if TYPE_CHECKING:
    from collections.abc import Sequence

seed_feedback = sa.Table(
    "seed_feedback",
    metadata,
    sa.Column("message_id", sa.Text, primary_key=True),
    sa.Column("agent", sa.Text, primary_key=True),
    sa.Column("prompt_version", sa.String(32), primary_key=True),
    sa.Column("tags", sa.JSON, nullable=False),
    sa.Column("significance", sa.String(8), nullable=False),
    sa.Column("created_at", UTCDateTime, nullable=False, index=True),
)


def save_seeds(connection: sa.Connection, seeds: Sequence[SeedFeedback]) -> None:
    """Add seed feedback, put after what is stored; a row that is stored already stays as it is."""
    before = newest(connection, seed_feedback.c.created_at)
    insert_missing(
        connection,
        seed_feedback,
        [
            {
                "message_id": seed.message_id,
                "agent": seed.agent,
                "prompt_version": seed.prompt_version,
                "tags": {quality.value: tag.value for quality, tag in seed.tags.items()},
                "significance": seed.significance.value,
                "created_at": not_before(seed.created_at, before),
            }
            for seed in seeds
        ],
    )


def seeded_messages(connection: sa.Connection, agent: str, *prompt_versions: str) -> set[str]:
    """Return the ids of the messages that this agent has rated with one of these prompt versions."""
    query = sa.select(seed_feedback.c.message_id).where(
        seed_feedback.c.agent == agent, seed_feedback.c.prompt_version.in_(prompt_versions)
    )
    return set(connection.execute(query).scalars())


def latest_seeds(connection: sa.Connection) -> dict[str, SeedFeedback]:
    """Return the newest seed feedback of every rated message."""
    return {seed.message_id: seed for seed in all_seeds(connection)}


def all_seeds(connection: sa.Connection) -> list[SeedFeedback]:
    """Return the seed feedback of every agent and prompt version, oldest first."""
    query = sa.select(seed_feedback).order_by(
        seed_feedback.c.created_at, seed_feedback.c.agent, seed_feedback.c.prompt_version
    )
    return [
        SeedFeedback(
            message_id=row.message_id,
            agent=row.agent,
            prompt_version=row.prompt_version,
            tags={Quality(name): Tag(tag) for name, tag in row.tags.items()},
            significance=Significance(row.significance),
            created_at=row.created_at,
        )
        for row in connection.execute(query)
    ]


def count_seeds(connection: sa.Connection, agent: str | None = None) -> int:
    """Return how many responses have seed feedback, from one rater or (None) from whichever."""
    query = sa.select(sa.func.count(sa.distinct(seed_feedback.c.message_id)))
    return connection.execute(
        query if agent is None else query.where(seed_feedback.c.agent == agent)
    ).scalar_one()
