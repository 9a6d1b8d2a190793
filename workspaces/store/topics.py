"""Topics: clusters of conversations by their first prompt, each with a label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from workspaces.chunks import in_chunks
from workspaces.store.insert import insert_missing
from workspaces.store.schema import UTCDateTime, metadata
from workspaces.store.streams import stream_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

ROWS = 10_000
"""The number of rows that one statement inserts."""

topic = sa.Table(
    "topic",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column(
        "terms", sa.JSON, nullable=False, comment="the words that tell it from others, the strongest first"
    ),
    sa.Column("named_by", sa.Text, nullable=False, comment="'terms', or the model that named it"),
    sa.Column("computed_at", UTCDateTime, nullable=False),
)

conversation_topic = sa.Table(
    "conversation_topic",
    metadata,
    sa.Column("conversation_id", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, nullable=False, index=True),
)


@dataclass(frozen=True, slots=True)
class TopicEntry:
    """A cluster of conversations. ``named_by`` is the origin of its ``label``; ``terms`` has the strongest first."""

    number: int
    label: str
    terms: tuple[str, ...]
    named_by: str


def replace_topics(
    connection: sa.Connection, topics: Sequence[TopicEntry], of: Mapping[str, int], computed_at: datetime
) -> None:
    """Replace every topic; ``of`` maps conversation ids to topic numbers."""
    connection.execute(sa.delete(conversation_topic))
    connection.execute(sa.delete(topic))
    insert_missing(
        connection,
        topic,
        [
            {
                "number": entry.number,
                "label": entry.label,
                "terms": list(entry.terms),
                "named_by": entry.named_by,
                "computed_at": computed_at,
            }
            for entry in topics
        ],
    )
    rows = ({"conversation_id": name, "number": number} for name, number in of.items())
    for chunk in in_chunks(rows, ROWS):
        insert_missing(connection, conversation_topic, chunk)


def topic_entries(connection: sa.Connection) -> list[TopicEntry]:
    """Return the stored topics, by number."""
    query = sa.select(topic.c.number, topic.c.label, topic.c.terms, topic.c.named_by).order_by(topic.c.number)
    return [
        TopicEntry(number, label, tuple(terms), named_by)
        for number, label, terms, named_by in connection.execute(query)
    ]


def name_topics(connection: sa.Connection, topics: Sequence[TopicEntry]) -> None:
    """Set the labels of topics that are stored already."""
    for entry in topics:
        renamed = sa.update(topic).where(topic.c.number == entry.number)
        connection.execute(renamed.values(label=entry.label, named_by=entry.named_by))


def topic_sizes(connection: sa.Connection) -> dict[str, int]:
    """Return the number of conversations of each topic, by label, the largest first."""
    count = sa.func.count()
    query = (
        sa.select(topic.c.label, count)
        .join(conversation_topic, conversation_topic.c.number == topic.c.number)
        .group_by(topic.c.number, topic.c.label)
        .order_by(count.desc(), topic.c.number)
    )
    sizes: dict[str, int] = {}
    for label, size in connection.execute(query):
        sizes[label] = sizes.get(label, 0) + size
    return sizes


def topics_of(connection: sa.Connection, conversation_ids: Iterable[str]) -> dict[str, str]:
    """Return the topic labels of these conversations, by id; those without a topic are missing."""
    labels: dict[str, str] = {}
    for ids in in_chunks(conversation_ids):
        query = (
            sa.select(conversation_topic.c.conversation_id, topic.c.label)
            .join(topic, topic.c.number == conversation_topic.c.number)
            .where(conversation_topic.c.conversation_id.in_(ids))
        )
        labels.update((name, label) for name, label in connection.execute(query))
    return labels


def all_topics(connection: sa.Connection) -> dict[str, str]:
    """Return the topic label of every conversation that has one, by id; equal labels are kept once."""
    labels = {entry.number: entry.label for entry in topic_entries(connection)}
    query = sa.select(conversation_topic.c.conversation_id, conversation_topic.c.number)
    return {name: labels[number] for name, number in stream_rows(connection, query) if number in labels}


def topic_of(connection: sa.Connection, conversation_id: str) -> str | None:
    """Return the label of a conversation's topic."""
    return topics_of(connection, [conversation_id]).get(conversation_id)


def drop_empty_topics(connection: sa.Connection) -> None:
    """Delete the topics that no conversation is in."""
    used = sa.select(conversation_topic.c.number).where(conversation_topic.c.number == topic.c.number)
    connection.execute(sa.delete(topic).where(~used.exists()))
