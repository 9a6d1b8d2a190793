"""Seed feedback, one row for each (response, agent, prompt version)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

import sqlalchemy as sa

from workspaces.records import Quality, SeedFeedback, Significance, Tag
from workspaces.store.insert import insert_missing
from workspaces.store.moments import newest, not_before
from workspaces.store.schema import UTCDateTime, metadata
from workspaces.store.streams import stream_rows

_Said: TypeAlias = tuple[str, str, str, str, datetime]
"""What a rater said of a message: agent, prompt version, tags as JSON, significance and when."""

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

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


class SeedIndex(Mapping[str, SeedFeedback]):
    """The newest seed feedback of every rated message, read once; what raters say alike is kept once.

    That of the ``judge`` stands before any other's.
    """

    def __init__(self, connection: sa.Connection, judge: str | None = None) -> None:
        columns = seed_feedback.c
        query = sa.select(
            columns.message_id,
            columns.agent,
            columns.prompt_version,
            sa.cast(columns.tags, sa.Text),
            columns.significance,
            columns.created_at,
        ).order_by(
            sa.case((columns.agent == judge, 1), else_=0),
            columns.created_at,
            columns.agent,
            columns.prompt_version,
        )
        self._said: dict[str, _Said] = {}
        same: dict[_Said, _Said] = {}
        for message_id, *said in stream_rows(connection, query):
            key = tuple(said)
            self._said[message_id] = same.setdefault(key, key)

    def __getitem__(self, message_id: str) -> SeedFeedback:
        agent, prompt_version, tags, significance, created_at = self._said[message_id]
        return SeedFeedback(
            message_id=message_id,
            agent=agent,
            prompt_version=prompt_version,
            tags=_tags(tags),
            significance=Significance(significance),
            created_at=created_at,
        )

    def __contains__(self, message_id: object) -> bool:
        return message_id in self._said

    def __iter__(self) -> Iterator[str]:
        return iter(self._said)

    def __len__(self) -> int:
        return len(self._said)


@lru_cache(maxsize=10_000)
def _tags(text: str) -> Mapping[Quality, Tag]:
    return MappingProxyType({Quality(name): Tag(tag) for name, tag in json.loads(text).items()})


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
