"""Rubrics as tasks ask about them: their criteria, which never change, and their weights, which may."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from workspaces.kinds import Criterion
from workspaces.store.insert import upsert
from workspaces.store.schema import UTCDateTime, metadata

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

rubric = sa.Table(
    "rubric",
    metadata,
    sa.Column("name", sa.String(32), primary_key=True),
    sa.Column("criteria", sa.JSON, nullable=False, comment="texts, in the order in which people see them"),
    sa.Column(
        "weights", sa.JSON, nullable=False, comment="of the criteria, as the configuration last had them"
    ),
    sa.Column("first_used_at", UTCDateTime, nullable=False),
)


def save_rubrics(
    connection: sa.Connection, rubrics: Mapping[str, Sequence[Criterion]], now: datetime
) -> None:
    """Record the rubrics that tasks ask about; of one that is known the weights alone change."""
    rows = [
        {
            "name": name,
            "criteria": [each.text for each in criteria],
            "weights": [each.weight for each in criteria],
            "first_used_at": now,
        }
        for name, criteria in rubrics.items()
    ]
    if rows:
        upsert(connection, rubric, rows, update=("weights",))


def all_rubrics(connection: sa.Connection) -> dict[str, tuple[Criterion, ...]]:
    """Return the criteria of every rubric that tasks ask about, by name."""
    return {
        row.name: tuple(map(Criterion, row.criteria, row.weights))
        for row in connection.execute(sa.select(rubric).order_by(rubric.c.name))
    }


def in_force(
    configured: Mapping[str, tuple[Criterion, ...]], stored: Mapping[str, tuple[Criterion, ...]]
) -> dict[str, tuple[Criterion, ...]]:
    """Return every rubric with the weights of the configuration, if it has these criteria still."""
    return {**configured, **{name: stored[name] for name in stored if not _same(name, configured, stored)}}


def changed(
    configured: Mapping[str, tuple[Criterion, ...]], stored: Mapping[str, tuple[Criterion, ...]]
) -> list[str]:
    """Return the rubrics that have other criteria in the configuration than tasks ask about."""
    return [name for name in stored if name in configured and not _same(name, configured, stored)]


def _same(
    name: str, configured: Mapping[str, tuple[Criterion, ...]], stored: Mapping[str, tuple[Criterion, ...]]
) -> bool:
    return [it.text for it in configured.get(name, ())] == [it.text for it in stored[name]]
