"""Closings: the items whose posterior has closed, because the answers settle it or no more of them are wanted.

Points that vest (``rates.vesting``) are credited in full from then on. A closing is recorded once and stays, whatever
is answered later, so that what was credited is not taken back for other people's answers. It names the item by a hash,
because it outlives the conversation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from workspaces.chunks import in_chunks
from workspaces.records import stable_id
from workspaces.store.insert import insert_missing
from workspaces.store.schema import UTCDateTime, metadata

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

item_closing = sa.Table(
    "item_closing",
    metadata,
    sa.Column("closing_key", sa.String(24), primary_key=True, comment="a hash of kind, question and item"),
    sa.Column("probability", sa.Float, nullable=False, comment="of the most probable value then"),
    sa.Column("answers", sa.Integer, nullable=False, comment="people who had answered"),
    sa.Column("closed_at", UTCDateTime, nullable=False),
)

_ROWS = 5_000


@dataclass(frozen=True, slots=True)
class Closing:
    """One question on one item that is settled: its key, and what was known then."""

    key: str
    probability: float
    answers: int


def closing_key(kind: str, question: str, item: str) -> str:
    """Return the key of a question on an item, named as in ``quality.votes``."""
    return stable_id("closing", kind, question, item)


def save_closings(connection: sa.Connection, closings: Iterable[Closing], now: datetime) -> None:
    """Record closings; those that are recorded already stay as they are."""
    for some in in_chunks(closings, _ROWS):
        rows = [
            {"closing_key": it.key, "probability": it.probability, "answers": it.answers, "closed_at": now}
            for it in some
        ]
        insert_missing(connection, item_closing, rows)


def closed_keys(connection: sa.Connection) -> frozenset[str]:
    """Return the keys of everything that has closed."""
    return frozenset(connection.execute(sa.select(item_closing.c.closing_key)).scalars())
