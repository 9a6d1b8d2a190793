"""Requests for counterparts, and the responses that came; see ``workspaces.store.requests``.

A response stays here only until it stands in the collection; then the row says that it does.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

import sqlalchemy as sa

from workspaces.chunks import in_chunks
from workspaces.records import SharingState, stable_id
from workspaces.store.conversations import conversation
from workspaces.store.insert import upsert
from workspaces.store.requests import Ended, RequestState, count_states, pending, states_by_id, write_ended
from workspaces.store.schema import UTCDateTime, metadata

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

counterpart = sa.Table(
    "counterpart",
    metadata,
    sa.Column(
        "request_id",
        sa.String(24),
        primary_key=True,
        comment="hash of model, parameters and all that is sent",
    ),
    sa.Column("conversation_id", sa.Text, nullable=False, index=True),
    sa.Column("parent_id", sa.Text, nullable=False, comment="the message that the response answers"),
    sa.Column("agent", sa.Text, nullable=False, comment="the model"),
    sa.Column("parameters", sa.Text, nullable=False, comment="JSON"),
    sa.Column("licence", sa.Text, nullable=False),
    sa.Column("state", sa.String(12), nullable=False),
    sa.Column("fault", sa.Text),
    sa.Column("reply", sa.Text, comment="of an unusable reply, redacted, cut and printable"),
    sa.Column("response", sa.Text, comment="redacted; null once it stands in the collection"),
    sa.Column(
        "rating", sa.JSON(none_as_null=True), comment="the model's rating of its own response, by question"
    ),
    sa.Column("created_at", UTCDateTime, nullable=False),
    sa.Column("updated_at", UTCDateTime, nullable=False),
    sa.Index("ix_counterpart_agent_state", "agent", "state"),
)


@dataclass(frozen=True, slots=True)
class CounterpartRow:
    """A request as it is stored; ``response`` is there while it is received and not in the collection."""

    request_id: str
    conversation_id: str
    parent_id: str
    agent: str
    parameters: str
    licence: str
    state: RequestState = RequestState.PENDING
    fault: str | None = None
    reply: str | None = None
    response: str | None = None
    rating: Mapping[str, str] | None = field(default=None, hash=False)

    @property
    def message_id(self) -> str:
        """The id of the message that the response becomes."""
        return message_id_of(self.request_id)

    def as_json(self) -> dict[str, object]:
        """Return the row as plain values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class EndedCounterpart(Ended):
    """What came of a request: a response, with the model's rating of it if it was asked for one, or a fault."""

    response: str | None = None
    rating: Mapping[str, str] | None = None

    def columns(self) -> dict[str, object]:
        """Return what is written of it, by column."""
        rating = None if self.rating is None else dict(self.rating)
        return {**Ended.columns(self), "response": self.response, "rating": rating}


def message_id_of(request_id: str) -> str:
    """Return the id of the message that a response to this request becomes."""
    return stable_id("counterpart", request_id)


def begin(connection: sa.Connection, rows: Sequence[CounterpartRow], now: datetime) -> None:
    """Write requests that are about to be sent; those that exist begin anew."""
    upsert(
        connection,
        counterpart,
        [
            {
                "request_id": row.request_id,
                "conversation_id": row.conversation_id,
                "parent_id": row.parent_id,
                "agent": row.agent,
                "parameters": row.parameters,
                "licence": row.licence,
                **pending(now),
            }
            for row in rows
        ],
        update=("licence", "state", "fault", "reply", "updated_at"),
    )


def end(connection: sa.Connection, ended: Sequence[EndedCounterpart], now: datetime) -> None:
    """Write what came of requests."""
    write_ended(connection, counterpart, ended, now)


def save_responses(connection: sa.Connection, responses: Mapping[str, str]) -> None:
    """Replace the texts of responses that are not in the collection yet, by request id."""
    for request_id, response in responses.items():
        connection.execute(
            sa.update(counterpart).where(counterpart.c.request_id == request_id).values(response=response)
        )


def forget_replies(connection: sa.Connection) -> None:
    """Forget the texts of unusable replies; their faults stay."""
    connection.execute(sa.update(counterpart).where(counterpart.c.reply.is_not(None)).values(reply=None))


def settle(connection: sa.Connection, request_ids: Collection[str], now: datetime) -> None:
    """Write that these responses stand in the collection; their texts stay there alone."""
    for some in in_chunks(request_ids):
        connection.execute(
            sa.update(counterpart)
            .where(counterpart.c.request_id.in_(some))
            .values(state=RequestState.DONE.value, response=None, rating=None, updated_at=now)
        )


def states_of(connection: sa.Connection, agent: str) -> dict[str, RequestState]:
    """Return the state of each request to a model, by id."""
    return states_by_id(connection, counterpart, counterpart.c.agent == agent)


def counterpart_rows(
    connection: sa.Connection, states: Collection[RequestState], limit: int | None = None
) -> list[CounterpartRow]:
    """Return requests in one of these states, oldest first."""
    at = counterpart.c
    query = (
        sa.select(counterpart)
        .where(at.state.in_([state.value for state in states]))
        .order_by(at.created_at, at.request_id)
        .limit(limit)
    )
    return [
        CounterpartRow(
            row.request_id,
            row.conversation_id,
            row.parent_id,
            row.agent,
            row.parameters,
            row.licence,
            RequestState(row.state),
            row.fault,
            row.reply,
            row.response,
            row.rating,
        )
        for row in connection.execute(query)
    ]


def count_counterparts(connection: sa.Connection) -> dict[RequestState, int]:
    """Return how many requests stand in each state; a state of none is left out."""
    return count_states(connection, counterpart)


def generated_by_model(connection: sa.Connection) -> dict[str, int]:
    """Return how many generated responses stand in conversations that are held or shared, by model."""
    states = [SharingState.HELD.value, SharingState.SHARED.value]
    query = (
        sa.select(counterpart.c.agent)
        .join(conversation, conversation.c.conversation_id == counterpart.c.conversation_id)
        .where(counterpart.c.state == RequestState.DONE.value, conversation.c.state.in_(states))
    )
    counts = Counter(connection.execute(query).scalars())
    return dict(sorted(counts.items(), key=lambda entry: (-entry[1], entry[0])))
