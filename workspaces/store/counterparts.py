"""Generated counterparts: each request for one is written before it is sent, and ends in one state.

A response stays here only until it stands in the collection; then the row says that it does.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

import sqlalchemy as sa

from workspaces.chunks import in_chunks
from workspaces.records import SharingState, stable_id
from workspaces.store.conversations import conversation
from workspaces.store.insert import upsert
from workspaces.store.schema import UTCDateTime, metadata
from workspaces.store.seed_requests import printable

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime


class CounterpartState(StrEnum):
    """Where a request stands. The first two are sent again by the next run, the next two only on demand."""

    PENDING = "pending"
    """It was about to be sent, or was sent and nothing came of it: the run was stopped."""

    UNANSWERED = "unanswered"
    """No answer in all attempts: overload, a stall, a broken connection."""

    UNUSABLE = "unusable"
    """The reply was empty, cut off or of another form, nor was the repaired one usable."""

    REFUSED = "refused"
    """The endpoint refuses this text, by a content filter or as too long."""

    RECEIVED = "received"
    """The response is here, and not in the collection yet."""

    DONE = "done"
    """The response stands in the collection."""


FAILED = (CounterpartState.UNUSABLE, CounterpartState.REFUSED)

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
    sa.Column("rating", sa.JSON, comment="the model's rating of its own response, by question"),
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
    state: CounterpartState = CounterpartState.PENDING
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
class Ended:
    """What came of a request: a response, with the model's rating of it if it was asked for one, or a fault."""

    request_id: str
    state: CounterpartState
    fault: str | None = None
    reply: str | None = None
    response: str | None = None
    rating: Mapping[str, str] | None = None


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
                "state": CounterpartState.PENDING.value,
                "fault": None,
                "reply": None,
                "created_at": now,
                "updated_at": now,
            }
            for row in rows
        ],
        update=("licence", "state", "fault", "reply", "updated_at"),
    )


_END = (
    sa.update(counterpart)
    .where(counterpart.c.request_id == sa.bindparam("b_id"))
    .values(
        state=sa.bindparam("b_state"),
        fault=sa.bindparam("b_fault"),
        reply=sa.bindparam("b_reply"),
        response=sa.bindparam("b_response"),
        rating=sa.bindparam("b_rating", type_=sa.JSON(none_as_null=True)),
        updated_at=sa.bindparam("b_at", type_=UTCDateTime),
    )
)


def end(connection: sa.Connection, ended: Sequence[Ended], now: datetime) -> None:
    """Write what came of requests."""
    if ended:
        rows = [
            {
                "b_id": each.request_id,
                "b_state": each.state.value,
                "b_fault": each.fault,
                "b_reply": None if each.reply is None else printable(each.reply),
                "b_response": each.response,
                "b_rating": None if each.rating is None else dict(each.rating),
                "b_at": now,
            }
            for each in ended
        ]
        connection.execute(_END, rows)


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
            .values(state=CounterpartState.DONE.value, response=None, rating=None, updated_at=now)
        )


def states_of(connection: sa.Connection, agent: str) -> dict[str, CounterpartState]:
    """Return the state of each request to a model, by id."""
    query = sa.select(counterpart.c.request_id, counterpart.c.state).where(counterpart.c.agent == agent)
    return {name: CounterpartState(state) for name, state in connection.execute(query)}


def counterpart_rows(
    connection: sa.Connection, states: Collection[CounterpartState], limit: int | None = None
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
            CounterpartState(row.state),
            row.fault,
            row.reply,
            row.response,
            row.rating,
        )
        for row in connection.execute(query)
    ]


def count_counterparts(connection: sa.Connection) -> dict[CounterpartState, int]:
    """Return how many requests stand in each state; a state of none is left out."""
    query = sa.select(counterpart.c.state, sa.func.count()).group_by(counterpart.c.state)
    return {CounterpartState(state): count for state, count in connection.execute(query)}


def generated_by_model(connection: sa.Connection) -> dict[str, int]:
    """Return how many generated responses stand in conversations that are held or shared, by model."""
    states = [SharingState.HELD.value, SharingState.SHARED.value]
    query = (
        sa.select(counterpart.c.agent)
        .join(conversation, conversation.c.conversation_id == counterpart.c.conversation_id)
        .where(counterpart.c.state == CounterpartState.DONE.value, conversation.c.state.in_(states))
    )
    counts = Counter(connection.execute(query).scalars())
    return dict(sorted(counts.items(), key=lambda entry: (-entry[1], entry[0])))
