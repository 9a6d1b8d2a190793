"""Requests for labels of stored texts (challenge scores, moderation), written before they are sent.

A request that brought its label leaves no row: the label itself says so. What stays is what has no label, and why.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from workspaces.chunks import in_chunks
from workspaces.store.insert import upsert
from workspaces.store.requests import FAILED, Ended, RequestState, pending, write_ended
from workspaces.store.schema import UTCDateTime, metadata

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

label_request = sa.Table(
    "label_request",
    metadata,
    sa.Column(
        "request_id", sa.String(24), primary_key=True, comment="hash of purpose, model, prompt and text"
    ),
    sa.Column("purpose", sa.String(12), nullable=False, comment="challenge or moderation"),
    sa.Column("conversation_id", sa.Text, nullable=False, index=True),
    sa.Column("subject", sa.Text, nullable=False, comment="the message or conversation that is labelled"),
    sa.Column("agent", sa.Text, nullable=False, comment="the model that is asked"),
    sa.Column("state", sa.String(12), nullable=False),
    sa.Column("fault", sa.Text),
    sa.Column("reply", sa.Text, comment="of an unusable reply, cut and printable"),
    sa.Column("created_at", UTCDateTime, nullable=False),
    sa.Column("updated_at", UTCDateTime, nullable=False),
    sa.Index("ix_label_request_purpose_agent_state", "purpose", "agent", "state"),
)


@dataclass(frozen=True, slots=True)
class LabelRequest:
    """A request that has brought no label so far; ``subject`` is the id of what it asks about."""

    request_id: str
    purpose: str
    conversation_id: str
    subject: str
    agent: str
    state: RequestState = RequestState.PENDING
    fault: str | None = None
    reply: str | None = None

    def as_json(self) -> dict[str, object]:
        """Return the row as plain values."""
        return asdict(self)


def begin_labels(connection: sa.Connection, rows: Sequence[LabelRequest], now: datetime) -> None:
    """Write requests that are about to be sent; those that exist begin anew."""
    upsert(
        connection,
        label_request,
        [{**asdict(row), **pending(now)} for row in rows],
        update=("state", "fault", "reply", "updated_at"),
    )


def end_labels(connection: sa.Connection, ended: Sequence[Ended], now: datetime) -> None:
    """Write what came of requests, in the transaction that saves the labels of those that are done."""
    done = [each.request_id for each in ended if each.state is RequestState.DONE]
    for ids in in_chunks(done):
        connection.execute(sa.delete(label_request).where(label_request.c.request_id.in_(ids)))
    write_ended(
        connection, label_request, [each for each in ended if each.state is not RequestState.DONE], now
    )


def label_requests(
    connection: sa.Connection, purpose: str, states: Collection[RequestState]
) -> list[LabelRequest]:
    """Return the requests of a purpose that stand in one of these states, oldest first."""
    at = label_request.c
    query = (
        sa.select(label_request)
        .where(at.purpose == purpose, at.state.in_([state.value for state in states]))
        .order_by(at.created_at, at.request_id)
    )
    return [
        LabelRequest(
            row.request_id,
            row.purpose,
            row.conversation_id,
            row.subject,
            row.agent,
            RequestState(row.state),
            row.fault,
            row.reply,
        )
        for row in connection.execute(query)
    ]


def failed_labels(connection: sa.Connection, purpose: str, agent: str) -> frozenset[str]:
    """Return the ids of the requests to a model that failed, and are sent again only on demand."""
    at = label_request.c
    query = sa.select(at.request_id).where(
        at.purpose == purpose, at.agent == agent, at.state.in_([state.value for state in FAILED])
    )
    return frozenset(connection.execute(query).scalars())


def count_failed_labels(connection: sa.Connection, agents: Mapping[str, Collection[str]]) -> dict[str, int]:
    """Return how many requests to these models failed, by purpose; ``agents``: the models of each purpose."""
    at = label_request.c
    query = (
        sa.select(at.purpose, at.agent, sa.func.count().label("failed"))
        .where(at.state.in_([state.value for state in FAILED]))
        .group_by(at.purpose, at.agent)
        .order_by(at.purpose)
    )
    counts: Counter[str] = Counter()
    for row in connection.execute(query):
        if row.agent in agents.get(row.purpose, ()):
            counts[row.purpose] += row.failed
    return dict(counts)
