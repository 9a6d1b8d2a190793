"""Topics: clusters of conversations by their first prompt, each with a label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import sqlalchemy as sa

from workspaces.chunks import in_chunks
from workspaces.keys import KeyIndex, keys_of
from workspaces.store.insert import insert_missing
from workspaces.store.schema import UTCDateTime, metadata
from workspaces.store.streams import stream_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from workspaces.keys import Keys

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


class Labels:
    """The topic label of every conversation that has one, as two numbers for each."""

    def __init__(self, connection: sa.Connection) -> None:
        self._labels: list[str | None] = [entry.label for entry in topic_entries(connection)]
        place = {entry.number: place for place, entry in enumerate(topic_entries(connection))}
        query = sa.select(conversation_topic.c.conversation_id, conversation_topic.c.number)
        keys: list[Keys] = [np.empty(0, np.int64)]
        labels: list[NDArray[np.int32]] = [np.empty(0, np.int32)]
        with connection.execute(query.execution_options(yield_per=ROWS)) as result:
            for rows in result.partitions():
                some = [(name, place[number]) for name, number in rows if number in place]
                keys.append(keys_of([name for name, _ in some]))
                labels.append(np.array([label for _, label in some], np.int32))
        self._of = np.append(np.concatenate(labels), np.int32(len(self._labels)))
        self._labels.append(None)
        self._index = KeyIndex(np.concatenate(keys))

    def of(self, keys: Keys) -> list[str | None]:
        """Return the label of each conversation, by their keys; None: it has no topic."""
        return [self._labels[place] for place in self._of[self._index.places(keys)].tolist()]


def topic_of(connection: sa.Connection, conversation_id: str) -> str | None:
    """Return the label of a conversation's topic."""
    return topics_of(connection, [conversation_id]).get(conversation_id)


def drop_empty_topics(connection: sa.Connection) -> None:
    """Delete the topics that no conversation is in."""
    used = sa.select(conversation_topic.c.number).where(conversation_topic.c.number == topic.c.number)
    connection.execute(sa.delete(topic).where(~used.exists()))
