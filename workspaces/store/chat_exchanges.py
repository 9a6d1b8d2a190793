"""Exchanges: what people asked a model for points, and what it answered, until the collection holds it.

A row is written in the transaction that captures the points, so that there is one for each answer that was paid and
recorded. Its text is redacted; it goes once the collection has it, and stays if the collection refuses it. Of a chat
that its person keeps private there is no exchange, but its keyed hash, so that a later request with the same beginning
is not recorded either.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from workspaces.chunks import in_chunks
from workspaces.store.insert import insert_missing
from workspaces.store.schema import UTCDateTime, metadata

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

chat_exchange = sa.Table(
    "chat_exchange",
    metadata,
    sa.Column("hold_id", sa.String(64), primary_key=True, comment="the purchase of the answer"),
    sa.Column("person_id", sa.String(24), nullable=False, index=True),
    sa.Column("conversation_id", sa.Text, nullable=False, index=True),
    sa.Column("prompt_id", sa.Text, nullable=False, comment="the message that was answered"),
    sa.Column("response_id", sa.Text, nullable=False, index=True),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column(
        "messages",
        sa.Text,
        comment="redacted, as JSON; null: the collection has them, or they are unreadable",
    ),
    sa.Column("answered_at", UTCDateTime, nullable=False),
    sa.Column("collected_at", UTCDateTime, index=True, comment="null: they wait"),
    sa.Column("outcome", sa.Text, comment="what the collection did with them"),
    sa.Column(
        "rating",
        sa.JSON(none_as_null=True),
        comment="what the model said of its own answer, by question, until it is seed feedback; null: nothing",
    ),
)

chat_private = sa.Table(
    "chat_private",
    metadata,
    sa.Column("conversation_id", sa.Text, primary_key=True, comment="a keyed hash of a chat kept private"),
    sa.Column("person_id", sa.String(24), nullable=False, index=True),
)

chat_choice = sa.Table(
    "chat_choice",
    metadata,
    sa.Column("choice_id", sa.String(24), primary_key=True),
    sa.Column("person_id", sa.String(24), nullable=False, index=True),
    sa.Column("conversation_id", sa.Text, nullable=False, index=True),
    sa.Column("judgment", sa.Text, nullable=False, comment="kind, responses and answers, as JSON; no text"),
    sa.Column("chosen_at", UTCDateTime, nullable=False),
    sa.Column("collected_at", UTCDateTime, index=True, comment="null: it waits"),
)


COLLECTED = "collected"
"""The outcome of an exchange that the collection has."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One paid answer with what led to it. ``messages`` is JSON, redacted, the answer last."""

    hold_id: str
    person_id: str
    conversation_id: str
    prompt_id: str
    response_id: str
    model: str
    messages: str | None
    answered_at: datetime


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person said of answers in a chat: ``judgment`` is JSON of ids and answers."""

    choice_id: str
    person_id: str
    conversation_id: str
    judgment: str
    chosen_at: datetime


def keep_exchange(connection: sa.Connection, exchange: Exchange) -> None:
    """Add an exchange that waits for the collection."""
    row = {name: getattr(exchange, name) for name in Exchange.__slots__}
    insert_missing(connection, chat_exchange, [row | {"collected_at": None, "outcome": None}])


def waiting_exchanges(connection: sa.Connection, most: int) -> list[Exchange]:
    """Return exchanges that the collection does not hold yet, the oldest first."""
    columns = [chat_exchange.c[name] for name in Exchange.__slots__]
    query = sa.select(*columns).where(chat_exchange.c.collected_at.is_(None))
    rows = connection.execute(
        query.order_by(chat_exchange.c.answered_at, chat_exchange.c.hold_id).limit(most)
    )
    return [Exchange(**row._mapping) for row in rows]


def close_exchanges(
    connection: sa.Connection,
    hold_ids: Iterable[str],
    outcome: str,
    now: datetime,
    *,
    keep_texts: bool = False,
) -> None:
    """Note what became of exchanges; their texts go, unless nothing else holds them."""
    column = chat_exchange.c
    changed = {} if keep_texts else {"messages": None}
    for ids in in_chunks(hold_ids):
        connection.execute(
            sa.update(chat_exchange)
            .where(column.hold_id.in_(ids))
            .values(outcome=outcome, collected_at=now, **changed)
        )


def keep_rating(connection: sa.Connection, hold_id: str, rating: Mapping[str, str]) -> str | None:
    """Keep what a model said of its own answer while the answer waits for the collection.

    Returns:
        The id of the response if the collection has it already, whose seed feedback the rating is; otherwise None.
    """
    column = chat_exchange.c
    waits = (column.hold_id == hold_id) & column.collected_at.is_(None)
    if connection.execute(sa.update(chat_exchange).where(waits).values(rating=dict(rating))).rowcount:
        return None
    collected = (column.hold_id == hold_id) & (column.outcome == COLLECTED)
    response_id: str | None = connection.execute(sa.select(column.response_id).where(collected)).scalar()
    return response_id


def take_ratings(
    connection: sa.Connection, hold_ids: Iterable[str]
) -> list[tuple[str, str, Mapping[str, str]]]:
    """Return the response, the model and the rating of those of these exchanges that were rated; they keep none."""
    column, taken = chat_exchange.c, []
    for ids in in_chunks(hold_ids):
        rated = column.hold_id.in_(ids) & column.rating.is_not(None)
        query = sa.select(column.response_id, column.model, column.rating).where(rated)
        taken += [(row.response_id, row.model, row.rating) for row in connection.execute(query)]
        connection.execute(sa.update(chat_exchange).where(rated).values(rating=None))
    return taken


def is_waiting(connection: sa.Connection) -> bool:
    """Return whether an exchange or a choice waits for the collection."""
    tables = (chat_exchange, chat_choice)
    return any(
        connection.execute(
            sa.select(table.c.person_id).where(table.c.collected_at.is_(None)).limit(1)
        ).first()
        for table in tables
    )


def waiting_chats(
    connection: sa.Connection, *, conversation_ids: Iterable[str] = (), people: Iterable[str] = ()
) -> set[str]:
    """Return the chats with exchanges that wait for the collection, of those with these ids or of these people."""
    found: set[str] = set()
    column = chat_exchange.c
    for named, names in ((column.conversation_id, conversation_ids), (column.person_id, people)):
        for chunk in in_chunks(names):
            query = sa.select(column.conversation_id).where(named.in_(chunk), column.collected_at.is_(None))
            found.update(connection.execute(query).scalars())
    return found


def answers_among(
    connection: sa.Connection, person_id: str, response_ids: Sequence[str]
) -> dict[str, Exchange]:
    """Return those of these responses that a person paid for and that were recorded, by id."""
    columns = [chat_exchange.c[name] for name in Exchange.__slots__]
    theirs = sa.select(*columns).where(chat_exchange.c.person_id == person_id)
    return {
        row.response_id: Exchange(**row._mapping)
        for ids in in_chunks(response_ids)
        for row in connection.execute(theirs.where(chat_exchange.c.response_id.in_(ids)))
    }


def answers_by_model(connection: sa.Connection) -> dict[str, int]:
    """Return how many recorded answers each model gave."""
    query = sa.select(chat_exchange.c.model, sa.func.count()).group_by(chat_exchange.c.model)
    return {model: count for model, count in connection.execute(query)}  # noqa: C416 - rows are no pairs


def keep_private(connection: sa.Connection, person_id: str, conversation_id: str) -> None:
    """Note that a chat is not recorded."""
    row = {"conversation_id": conversation_id, "person_id": person_id}
    insert_missing(connection, chat_private, [row])


def is_private(connection: sa.Connection, conversation_id: str) -> bool:
    """Return whether a chat is not recorded."""
    query = sa.select(chat_private.c.person_id).where(chat_private.c.conversation_id == conversation_id)
    return connection.execute(query).first() is not None


def keep_choice(connection: sa.Connection, choice: Choice) -> None:
    """Add a choice that waits for the collection; the same choice again is another one, of which the latest counts."""
    row = {name: getattr(choice, name) for name in Choice.__slots__}
    insert_missing(connection, chat_choice, [row | {"collected_at": None}])


def waiting_choices(connection: sa.Connection) -> list[Choice]:
    """Return choices that are no answers yet, the oldest first."""
    columns = [chat_choice.c[name] for name in Choice.__slots__]
    query = sa.select(*columns).where(chat_choice.c.collected_at.is_(None))
    rows = connection.execute(query.order_by(chat_choice.c.chosen_at, chat_choice.c.choice_id))
    return [Choice(**row._mapping) for row in rows]


def close_choices(connection: sa.Connection, choice_ids: Iterable[str], now: datetime) -> None:
    """Note that choices are answers now."""
    for ids in in_chunks(choice_ids):
        connection.execute(
            sa.update(chat_choice).where(chat_choice.c.choice_id.in_(ids)).values(collected_at=now)
        )
