"""Posteriors: the probability of each value of each item, given the answers.

``quality`` computes them; exports and the drawing of tasks read them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from workspaces.chunks import in_chunks
from workspaces.records import ItemPosterior
from workspaces.store.insert import insert_rows, upsert
from workspaces.store.schema import UTCDateTime, metadata
from workspaces.store.streams import stream_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

item_posterior = sa.Table(
    "item_posterior",
    metadata,
    sa.Column("kind", sa.String(32), primary_key=True),
    sa.Column("question", sa.String(64), primary_key=True),
    sa.Column("item", sa.Text, primary_key=True, comment="message ids, joined by '|'"),
    sa.Column("votes", sa.JSON, nullable=False, comment="answers by value"),
    sa.Column("probabilities", sa.JSON, nullable=False, comment="of each value, by Dawid-Skene"),
    sa.Column("judged_at", UTCDateTime, nullable=False, comment="when the figures last changed"),
    sa.Column(
        "adjudicated",
        sa.Boolean,
        nullable=False,
        server_default=sa.false(),
        comment="whether it was decided instead",
    ),
)

_ROWS = 5_000
_KEY = ("kind", "question", "item")


def replace_posteriors(
    connection: sa.Connection, computed: Iterable[ItemPosterior], judged_at: datetime
) -> int:
    """Replace the content of the table by ``computed``; return how many rows changed.

    A row with the same figures is not written and keeps the time of the last change.
    """
    before = {_key(posterior): posterior for posterior in posteriors(connection)}
    new: list[ItemPosterior] = []
    changed: list[ItemPosterior] = []
    for posterior in computed:
        stored = before.pop(_key(posterior), None)
        if stored is None:
            new.append(posterior)
        elif stored != posterior:
            changed.append(posterior)
    for chunk in in_chunks(new, _ROWS):
        insert_rows(
            connection,
            item_posterior,
            [
                (
                    *_key(posterior),
                    dict(posterior.votes),
                    dict(posterior.probabilities),
                    judged_at,
                    posterior.adjudicated,
                )
                for posterior in chunk
            ],
        )
    for chunk in in_chunks(changed, _ROWS):
        rows = [_row(posterior) | {"judged_at": judged_at} for posterior in chunk]
        upsert(connection, item_posterior, rows, ["votes", "probabilities", "adjudicated", "judged_at"])
    if before:
        same_key = sa.and_(*(item_posterior.c[name] == sa.bindparam(f"old_{name}") for name in _KEY))
        gone = [{f"old_{name}": value for name, value in zip(_KEY, key, strict=True)} for key in before]
        connection.execute(sa.delete(item_posterior).where(same_key), gone)
    return len(new) + len(changed) + len(before)


def posteriors(
    connection: sa.Connection, kind: str | None = None, question: str | None = None
) -> Iterator[ItemPosterior]:
    """Yield the posteriors of every item, or of one kind or question; the order is undefined."""
    columns = item_posterior.c
    query = sa.select(
        columns.kind,
        columns.question,
        columns.item,
        columns.votes,
        columns.probabilities,
        columns.adjudicated,
    )
    if kind is not None:
        query = query.where(columns.kind == kind)
    if question is not None:
        query = query.where(columns.question == question)
    for row in stream_rows(connection, query):
        yield ItemPosterior(*row)


def _key(posterior: ItemPosterior) -> tuple[str, str, str]:
    return posterior.kind, posterior.question, posterior.item


def _row(posterior: ItemPosterior) -> dict[str, object]:
    return {
        "kind": posterior.kind,
        "question": posterior.question,
        "item": posterior.item,
        "votes": dict(posterior.votes),
        "probabilities": dict(posterior.probabilities),
        "adjudicated": posterior.adjudicated,
    }
