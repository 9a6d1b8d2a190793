"""Requests for seed feedback, and the batches and canaries among them; see ``workspaces.store.requests``."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from workspaces.chunks import in_chunks
from workspaces.records import Quality, Significance, Tag
from workspaces.store.insert import insert_missing
from workspaces.store.requests import (
    FAILED,
    Ended,
    RequestState,
    count_states,
    pending,
    states_by_id,
    write_ended,
)
from workspaces.store.schema import UTCDateTime, metadata
from workspaces.store.seed_feedback import seed_feedback

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

PLAIN = "seed"
"""The purpose of a request that is no canary."""

seed_request = sa.Table(
    "seed_request",
    metadata,
    sa.Column("request_id", sa.String(24), primary_key=True, comment="hash of judge, prompt and content"),
    sa.Column("conversation_id", sa.Text, nullable=False, index=True),
    sa.Column("agent", sa.Text, nullable=False),
    sa.Column("prompt_version", sa.String(32), nullable=False),
    sa.Column("purpose", sa.String(8), nullable=False, comment="seed, or what a canary tells the judge"),
    sa.Column("targets", sa.JSON, nullable=False, comment="message ids by their number in the request"),
    sa.Column("canary_of", sa.Text, comment="the message that was added to"),
    sa.Column("state", sa.String(12), nullable=False),
    sa.Column("fault", sa.Text),
    sa.Column("reply", sa.Text, comment="of an unusable reply, cut and printable"),
    sa.Column("judged", sa.JSON(none_as_null=True), comment="of a canary: what was said of the message"),
    sa.Column("batch_id", sa.String(24)),
    sa.Column("created_at", UTCDateTime, nullable=False),
    sa.Column("updated_at", UTCDateTime, nullable=False),
    sa.Index("ix_seed_request_agent_state", "agent", "state"),
)

seed_batch = sa.Table(
    "seed_batch",
    metadata,
    sa.Column("batch_id", sa.String(24), primary_key=True),
    sa.Column("agent", sa.Text, nullable=False),
    sa.Column("prompt_version", sa.String(32), nullable=False),
    sa.Column("remote_id", sa.Text, comment="null: not known to be submitted"),
    sa.Column("state", sa.String(12), nullable=False),
    sa.Column("created_at", UTCDateTime, nullable=False),
)


@dataclass(frozen=True, slots=True)
class RequestRow:
    """A request as it is stored; ``targets`` maps the number of each rated message in it to the message's id."""

    request_id: str
    conversation_id: str
    agent: str
    prompt_version: str
    purpose: str
    targets: Mapping[str, str]
    canary_of: str | None = None
    state: RequestState = RequestState.PENDING
    fault: str | None = None
    reply: str | None = None

    def as_json(self) -> dict[str, object]:
        """Return the row as plain values."""
        return {**asdict(self), "targets": list(self.targets.values())}


@dataclass(frozen=True, slots=True)
class EndedSeed(Ended):
    """What came of a request; ``judged`` is what a canary was told, by question."""

    judged: Mapping[str, str] | None = None

    def columns(self) -> dict[str, object]:
        """Return what is written of it, by column; it is in no batch any more."""
        judged = None if self.judged is None else dict(self.judged)
        return {**Ended.columns(self), "judged": judged, "batch_id": None}


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch of requests; without ``remote_id`` it is not known whether it was submitted."""

    batch_id: str
    agent: str
    prompt_version: str
    remote_id: str | None


@dataclass(frozen=True, slots=True)
class CanaryPair:
    """What a judge said of one message, as it is (``plain``) and with an instruction added (``told``), by question.

    ``purpose`` names the instruction.
    """

    agent: str
    prompt_version: str
    purpose: str
    plain: Mapping[str, str]
    told: Mapping[str, str]


def begin_requests(
    connection: sa.Connection, rows: Sequence[RequestRow], now: datetime, batch_id: str | None = None
) -> None:
    """Write requests that are about to be sent; those that exist begin anew."""
    if not rows:
        return
    state = RequestState.PENDING if batch_id is None else RequestState.SUBMITTED
    insert_missing(
        connection,
        seed_request,
        [
            {
                "request_id": row.request_id,
                "conversation_id": row.conversation_id,
                "agent": row.agent,
                "prompt_version": row.prompt_version,
                "purpose": row.purpose,
                "targets": dict(row.targets),
                "canary_of": row.canary_of,
                **pending(now),
            }
            for row in rows
        ],
    )
    if batch_id is not None:
        for ids in in_chunks([row.request_id for row in rows]):
            connection.execute(
                sa.update(seed_request)
                .where(seed_request.c.request_id.in_(ids))
                .values(state=state.value, batch_id=batch_id, updated_at=now)
            )


def end_requests(connection: sa.Connection, ended: Sequence[EndedSeed], now: datetime) -> None:
    """Write what came of requests."""
    write_ended(connection, seed_request, ended, now)


def requests_of(connection: sa.Connection, agent: str, prompt_version: str) -> dict[str, RequestState]:
    """Return the state of each request to a judge, by id."""
    at = seed_request.c
    return states_by_id(connection, seed_request, at.agent == agent, at.prompt_version == prompt_version)


def request_rows(
    connection: sa.Connection,
    states: Collection[RequestState],
    *,
    agent: str | None = None,
    batch_id: str | None = None,
) -> list[RequestRow]:
    """Return requests in one of these states, oldest first."""
    query = (
        sa.select(seed_request)
        .where(seed_request.c.state.in_([state.value for state in states]))
        .order_by(seed_request.c.created_at, seed_request.c.request_id)
    )
    if agent is not None:
        query = query.where(seed_request.c.agent == agent)
    if batch_id is not None:
        query = query.where(seed_request.c.batch_id == batch_id)
    return [
        RequestRow(
            row.request_id,
            row.conversation_id,
            row.agent,
            row.prompt_version,
            row.purpose,
            row.targets,
            row.canary_of,
            RequestState(row.state),
            row.fault,
            row.reply,
        )
        for row in connection.execute(query)
    ]


def ask_again(connection: sa.Connection, agents: Collection[str], now: datetime) -> int:
    """Let the next run ask these judges again for what failed; return how many requests."""
    statement = (
        sa.update(seed_request)
        .where(seed_request.c.agent.in_(list(agents)), seed_request.c.state.in_([it.value for it in FAILED]))
        .values(state=RequestState.PENDING.value, fault=None, reply=None, updated_at=now)
    )
    return connection.execute(statement).rowcount


def count_requests(
    connection: sa.Connection, agents: Collection[str] | None = None
) -> dict[RequestState, int]:
    """Return how many requests to these judges, or to all, stand in each state; a state of none is left out."""
    conditions = () if agents is None else (seed_request.c.agent.in_(list(agents)),)
    return count_states(connection, seed_request, *conditions)


def failed_and_open(requests: Mapping[RequestState, int]) -> tuple[int, int]:
    """Return how many of the requests in ``count_requests`` have no usable reply, and how many none yet."""
    failed = sum(requests.get(state, 0) for state in FAILED)
    return failed, sum(requests.values()) - failed - requests.get(RequestState.DONE, 0)


def request_counts(connection: sa.Connection) -> dict[str, Counter[tuple[str, RequestState]]]:
    """Return the number of requests by judge (agent), purpose and state."""
    key = (seed_request.c.agent, seed_request.c.purpose, seed_request.c.state)
    counts: dict[str, Counter[tuple[str, RequestState]]] = {}
    for agent, purpose, state, count in connection.execute(sa.select(*key, sa.func.count()).group_by(*key)):
        counts.setdefault(agent, Counter())[purpose, RequestState(state)] += count
    return counts


def canary_pairs(connection: sa.Connection) -> list[CanaryPair]:
    """Return every message that a judge judged both ways, with the same version of its prompt."""
    query = (
        sa.select(seed_request, seed_feedback.c.tags, seed_feedback.c.significance)
        .join(
            seed_feedback,
            sa.and_(
                seed_feedback.c.message_id == seed_request.c.canary_of,
                seed_feedback.c.agent == seed_request.c.agent,
                seed_feedback.c.prompt_version == seed_request.c.prompt_version,
            ),
        )
        .where(seed_request.c.purpose != PLAIN, seed_request.c.state == RequestState.DONE.value)
        .order_by(seed_request.c.agent, seed_request.c.request_id)
    )
    return [
        CanaryPair(
            row.agent,
            row.prompt_version,
            row.purpose,
            {**row.tags, "significance": row.significance},
            row.judged,
        )
        for row in connection.execute(query)
        if row.judged is not None and _is_whole(row.judged)
    ]


def _is_whole(judged: Mapping[str, str]) -> bool:
    tags = {quality.value for quality in Quality}
    return (
        tags | {"significance"} == set(judged)
        and all(judged[name] in set(Tag) for name in tags)
        and judged["significance"] in set(Significance)
    )


def open_batches(connection: sa.Connection, agent: str | None = None) -> list[Batch]:
    """Return the batches of a judge, or of any, whose results were not read yet, oldest first."""
    query = (
        sa.select(seed_batch)
        .where(seed_batch.c.state == "open", sa.true() if agent is None else seed_batch.c.agent == agent)
        .order_by(seed_batch.c.created_at, seed_batch.c.batch_id)
    )
    return [
        Batch(row.batch_id, row.agent, row.prompt_version, row.remote_id) for row in connection.execute(query)
    ]


def begin_batch(connection: sa.Connection, batch: Batch, now: datetime) -> None:
    """Write a batch that is about to be submitted."""
    row = {
        "batch_id": batch.batch_id,
        "agent": batch.agent,
        "prompt_version": batch.prompt_version,
        "remote_id": batch.remote_id,
        "state": "open",
        "created_at": now,
    }
    insert_missing(connection, seed_batch, [row])


def submitted(connection: sa.Connection, batch_id: str, remote_id: str) -> None:
    """Write under which name the endpoint knows a batch."""
    connection.execute(
        sa.update(seed_batch).where(seed_batch.c.batch_id == batch_id).values(remote_id=remote_id)
    )


def close_batch(connection: sa.Connection, batch_id: str, state: str, now: datetime) -> None:
    """Write that a batch has come to its end; requests of it without a result are asked again by the next run."""
    connection.execute(sa.update(seed_batch).where(seed_batch.c.batch_id == batch_id).values(state=state))
    connection.execute(
        sa.update(seed_request)
        .where(seed_request.c.batch_id == batch_id, seed_request.c.state == RequestState.SUBMITTED.value)
        .values(state=RequestState.PENDING.value, batch_id=None, updated_at=now)
    )
