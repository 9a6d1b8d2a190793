"""What is said of conversations after they entered: topics, the challenge of their prompts, moderation."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from workspaces.store import near_duplicates
from workspaces.store.insert import insert_missing
from workspaces.store.tables import challenge, conversation_topic, moderation, topic

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

ID_CHUNK = 500
ROWS_CHUNK = 10_000


@dataclass(frozen=True, slots=True)
class TopicEntry:
    """A cluster of conversations: ``label`` by its terms or by the model ``named_by``; ``terms`` strongest first."""

    number: int
    label: str
    terms: tuple[str, ...]
    named_by: str


@dataclass(frozen=True, slots=True)
class ChallengeEntry:
    """Which of the seven criteria a conversation's first prompt meets, by ``agent``."""

    conversation_id: str
    agent: str
    prompt_version: str
    criteria: tuple[str, ...]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ModerationEntry:
    """What a moderation endpoint says of one message."""

    message_id: str
    agent: str
    conversation_id: str
    flagged: bool
    categories: tuple[str, ...]
    created_at: datetime


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
                "number": each.number,
                "label": each.label,
                "terms": list(each.terms),
                "named_by": each.named_by,
                "computed_at": computed_at,
            }
            for each in topics
        ],
    )
    rows = [{"conversation_id": name, "number": number} for name, number in of.items()]
    for start in range(0, len(rows), ROWS_CHUNK):
        insert_missing(connection, conversation_topic, rows[start : start + ROWS_CHUNK])


def topic_entries(connection: sa.Connection) -> list[TopicEntry]:
    """Return the topics as they were last computed and named."""
    query = sa.select(topic.c.number, topic.c.label, topic.c.terms, topic.c.named_by).order_by(topic.c.number)
    return [
        TopicEntry(number, label, tuple(terms), named_by)
        for number, label, terms, named_by in connection.execute(query)
    ]


def name_topics(connection: sa.Connection, topics: Sequence[TopicEntry]) -> None:
    """Give topics that are there already their labels."""
    for each in topics:
        renamed = sa.update(topic).where(topic.c.number == each.number)
        connection.execute(renamed.values(label=each.label, named_by=each.named_by))


def topic_sizes(connection: sa.Connection) -> dict[str, int]:
    """Return the number of conversations of each topic, by label, the largest first."""
    count = sa.func.count()
    query = (
        sa.select(topic.c.label, count)
        .join(conversation_topic, conversation_topic.c.number == topic.c.number)
        .group_by(topic.c.number, topic.c.label)
        .order_by(count.desc(), topic.c.number)
    )
    found: dict[str, int] = {}
    for label, size in connection.execute(query):
        found[label] = found.get(label, 0) + size
    return found


def topics_of(connection: sa.Connection, conversation_ids: Sequence[str]) -> dict[str, str]:
    """Return the label of the topic of each of these conversations that has one."""
    found: dict[str, str] = {}
    for start in range(0, len(conversation_ids), ID_CHUNK):
        query = (
            sa.select(conversation_topic.c.conversation_id, topic.c.label)
            .join(topic, topic.c.number == conversation_topic.c.number)
            .where(conversation_topic.c.conversation_id.in_(conversation_ids[start : start + ID_CHUNK]))
        )
        found.update((name, label) for name, label in connection.execute(query))
    return found


def topic_of(connection: sa.Connection, conversation_id: str) -> str | None:
    """Return the label of a conversation's topic."""
    query = (
        sa.select(topic.c.label)
        .join(conversation_topic, conversation_topic.c.number == topic.c.number)
        .where(conversation_topic.c.conversation_id == conversation_id)
    )
    label: str | None = connection.execute(query).scalar()
    return label


def save_challenges(connection: sa.Connection, entries: Sequence[ChallengeEntry]) -> None:
    """Keep scores; one that stands already is left as it is."""
    insert_missing(
        connection,
        challenge,
        [
            {
                "conversation_id": each.conversation_id,
                "agent": each.agent,
                "prompt_version": each.prompt_version,
                "criteria": list(each.criteria),
                "score": len(each.criteria),
                "created_at": each.created_at,
            }
            for each in entries
        ],
    )


def challenged(
    connection: sa.Connection, conversation_ids: Sequence[str], agent: str, prompt_version: str
) -> set[str]:
    """Return those of these conversations that ``agent`` has scored."""
    found: set[str] = set()
    for start in range(0, len(conversation_ids), ID_CHUNK):
        query = sa.select(challenge.c.conversation_id).where(
            challenge.c.conversation_id.in_(conversation_ids[start : start + ID_CHUNK]),
            challenge.c.agent == agent,
            challenge.c.prompt_version == prompt_version,
        )
        found.update(connection.execute(query).scalars())
    return found


def challenges_of(connection: sa.Connection, conversation_id: str) -> dict[str, list[str]]:
    """Return the criteria that a conversation's first prompt meets, by who said so."""
    query = sa.select(challenge.c.agent, challenge.c.criteria).where(
        challenge.c.conversation_id == conversation_id
    )
    return {agent: list(criteria) for agent, criteria in connection.execute(query)}


def latest_scores(connection: sa.Connection) -> dict[str, int]:
    """Return the newest challenge score of every conversation that has one, whoever gave it."""
    query = sa.select(challenge.c.conversation_id, challenge.c.score).order_by(
        challenge.c.created_at, challenge.c.agent, challenge.c.prompt_version
    )
    return {row.conversation_id: row.score for row in connection.execute(query)}


def challenge_counts(connection: sa.Connection) -> dict[str, dict[int, int]]:
    """Return the number of conversations by who scored them and by score."""
    query = (
        sa.select(challenge.c.agent, challenge.c.score, sa.func.count())
        .group_by(challenge.c.agent, challenge.c.score)
        .order_by(challenge.c.agent, challenge.c.score)
    )
    found: dict[str, dict[int, int]] = defaultdict(dict)
    for agent, score, count in connection.execute(query):
        found[agent][score] = count
    return dict(found)


def flagged_in(connection: sa.Connection, conversation_id: str) -> dict[str, dict[str, list[str]]]:
    """Return, by endpoint, the messages of a conversation that it flagged and the categories that hold."""
    query = sa.select(moderation.c.agent, moderation.c.message_id, moderation.c.categories).where(
        moderation.c.conversation_id == conversation_id, moderation.c.flagged
    )
    found: dict[str, dict[str, list[str]]] = defaultdict(dict)
    for agent, message_id, categories in connection.execute(query):
        found[agent][message_id] = list(categories)
    return dict(found)


def save_moderation(connection: sa.Connection, entries: Sequence[ModerationEntry]) -> None:
    """Keep what an endpoint said; what stands already is left as it is."""
    insert_missing(
        connection,
        moderation,
        [
            {
                "message_id": each.message_id,
                "agent": each.agent,
                "conversation_id": each.conversation_id,
                "flagged": each.flagged,
                "categories": list(each.categories),
                "created_at": each.created_at,
            }
            for each in entries
        ],
    )


def moderated(connection: sa.Connection, message_ids: Sequence[str], agent: str) -> set[str]:
    """Return those of these messages that ``agent`` was asked about."""
    found: set[str] = set()
    for start in range(0, len(message_ids), ID_CHUNK):
        query = sa.select(moderation.c.message_id).where(
            moderation.c.message_id.in_(message_ids[start : start + ID_CHUNK]), moderation.c.agent == agent
        )
        found.update(connection.execute(query).scalars())
    return found


def flagged_messages(connection: sa.Connection) -> dict[str, dict[str, set[str]]]:
    """Return, by conversation and message, the categories of what any endpoint flagged."""
    query = sa.select(moderation.c.conversation_id, moderation.c.message_id, moderation.c.categories).where(
        moderation.c.flagged
    )
    found: dict[str, dict[str, set[str]]] = defaultdict(dict)
    for conversation, message, categories in connection.execute(query):
        found[conversation].setdefault(message, set()).update(categories)
    return dict(found)


def moderation_counts(connection: sa.Connection) -> dict[str, dict[str, int]]:
    """Return, by endpoint, how many messages it was asked about and how many it flagged."""
    flagged = sa.func.sum(sa.case((moderation.c.flagged, 1), else_=0))
    query = sa.select(moderation.c.agent, sa.func.count(), flagged).group_by(moderation.c.agent)
    return {
        agent: {"messages": count, "flagged": int(those)} for agent, count, those in connection.execute(query)
    }


def forget_prompts(connection: sa.Connection, conversation_ids: Sequence[str]) -> None:
    """Forget what is said of the first prompts of conversations that begin with another one now."""
    for start in range(0, len(conversation_ids), ID_CHUNK):
        chunk = conversation_ids[start : start + ID_CHUNK]
        for table in (conversation_topic, challenge):
            connection.execute(sa.delete(table).where(table.c.conversation_id.in_(chunk)))


def forget(connection: sa.Connection, conversation_ids: Iterable[str]) -> None:
    """Forget everything hygiene says of conversations that leave the collection."""
    ids = list(conversation_ids)
    near_duplicates.forget(connection, ids)
    for start in range(0, len(ids), ID_CHUNK):
        chunk = ids[start : start + ID_CHUNK]
        for table in (conversation_topic, challenge, moderation):
            connection.execute(sa.delete(table).where(table.c.conversation_id.in_(chunk)))
