"""Challenges: which of seven criteria the first prompt of a conversation meets, by who scored it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import sqlalchemy as sa

from workspaces.chunks import in_chunks
from workspaces.store.insert import insert_missing
from workspaces.store.moments import newest, not_before
from workspaces.store.schema import UTCDateTime, metadata

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

STAND_IN = "heuristic-"
"""How the names of offline stand-ins begin; their scores count where no model scored a prompt."""

CRITERIA = 7

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


def united_scores(connection: sa.Connection, judges: Collection[str] = ()) -> dict[str, float]:
    """Return the score of every conversation that has one, of its judges together, as ``united`` does."""
    return {name: united(judged, judges) for name, judged in scores_by_judge(connection).items()}


def united(judged: Mapping[str, int], judges: Collection[str] = ()) -> float:
    """Return the mean of what judges gave one prompt.

    Those of ``judges`` alone if one of them scored it, else all models; the offline stand-in where no model did.
    """
    wanted = [score for agent, score in judged.items() if agent in judges]
    models = [score for agent, score in judged.items() if not agent.startswith(STAND_IN)]
    used = wanted or models or list(judged.values())
    return sum(used) / len(used)


def disagreement(met: Mapping[str, Collection[str]]) -> float | None:
    """Return how much judges disagree on one prompt: the share of pairs that differ, over the seven criteria.

    Args:
        met: the criteria that the prompt meets, by judge; the stand-in is none.

    Returns:
        0 to 1; None for fewer than two judges. The observed disagreement of nominal data, as in Krippendorff's alpha.
    """
    said = [set(criteria) for agent, criteria in met.items() if not agent.startswith(STAND_IN)]
    pairs = list(combinations(said, 2))
    return sum(len(one ^ other) for one, other in pairs) / (len(pairs) * CRITERIA) if pairs else None


def criteria_by_judge(connection: sa.Connection, judges: Collection[str]) -> dict[str, dict[str, list[str]]]:
    """Return the criteria that each conversation's first prompt meets by each of these judges that scored it."""
    query = (
        sa.select(challenge.c.conversation_id, challenge.c.agent, challenge.c.criteria)
        .where(challenge.c.agent.in_(list(judges)))
        .order_by(challenge.c.created_at, challenge.c.prompt_version)
    )
    met: dict[str, dict[str, list[str]]] = defaultdict(dict)
    for name, agent, criteria in connection.execute(query):
        met[name][agent] = list(criteria)
    return dict(met)


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
