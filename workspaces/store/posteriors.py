"""What the answers say of each item: ``quality`` computes it, exports and the drawing of tasks read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from workspaces.records import ItemPosterior
from workspaces.store.database import batched_rows
from workspaces.store.insert import insert_rows, upsert
from workspaces.store.tables import item_posterior

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

_ROWS = 5_000
_KEY = ("kind", "question", "item")


def replace_posteriors(connection: sa.Connection, found: Iterable[ItemPosterior], judged_at: datetime) -> int:
    """Make the table hold ``found`` and nothing else; return how many rows that changed.

    A row whose figures are the same is not written, and keeps the time at which they last changed.
    """
    before = {(one.kind, one.question, one.item): one for one in posteriors(connection)}
    new: list[ItemPosterior] = []
    changed: list[ItemPosterior] = []
    for one in found:
        was = before.pop((one.kind, one.question, one.item), None)
        if was is None:
            new.append(one)
        elif was != one:
            changed.append(one)
    for start in range(0, len(new), _ROWS):
        insert_rows(
            connection,
            item_posterior,
            [
                (one.kind, one.question, one.item, dict(one.votes), dict(one.probabilities), judged_at)
                for one in new[start : start + _ROWS]
            ],
        )
    for start in range(0, len(changed), _ROWS):
        rows = [_row(one) | {"judged_at": judged_at} for one in changed[start : start + _ROWS]]
        upsert(connection, item_posterior, rows, ["votes", "probabilities", "judged_at"])
    if before:
        its_key = sa.and_(*(item_posterior.c[name] == sa.bindparam(f"old_{name}") for name in _KEY))
        gone = [{f"old_{name}": part for name, part in zip(_KEY, key, strict=True)} for key in before]
        connection.execute(sa.delete(item_posterior).where(its_key), gone)
    return len(new) + len(changed) + len(before)


def posteriors(
    connection: sa.Connection, kind: str | None = None, question: str | None = None
) -> Iterator[ItemPosterior]:
    """Yield the posteriors of every item, or of one kind or question; in no order to rely on."""
    query = sa.select(item_posterior)
    if kind is not None:
        query = query.where(item_posterior.c.kind == kind)
    if question is not None:
        query = query.where(item_posterior.c.question == question)
    for row in batched_rows(connection, query):
        yield ItemPosterior(row.kind, row.question, row.item, row.votes, row.probabilities)


def _row(one: ItemPosterior) -> dict[str, object]:
    return {
        "kind": one.kind,
        "question": one.question,
        "item": one.item,
        "votes": dict(one.votes),
        "probabilities": dict(one.probabilities),
    }
