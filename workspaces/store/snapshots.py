"""Dated snapshots of published demographic figures, with encrypted rosters that later ones are compared with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NotRequired, TypedDict

import sqlalchemy as sa

from workspaces.store.schema import UTCDateTime, metadata

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
demographic_snapshot = sa.Table(
    "demographic_snapshot",
    metadata,
    sa.Column("layer", sa.String(64), primary_key=True, comment="'people', or the question whose answers"),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False, comment="1, 2, ... per layer"),
    sa.Column("snapshot_at", UTCDateTime, nullable=False),
    sa.Column("published", sa.JSON, nullable=False, comment="what anybody may see"),
    sa.Column("roster", sa.Text, nullable=False, comment="who was counted where, encrypted"),
)


class GroupAgreement(TypedDict, total=False):
    """The agreement of a group: within it, with others, the ratio, and whether the two differ significantly."""

    in_group: float | None
    across: float | None
    ratio: float | None
    differs: bool | None


class GroupFigures(TypedDict):
    """The figures of one group: the number of ``people``, or the shares of their answers and their agreement."""

    group: dict[str, str]
    people: NotRequired[int]
    answers: NotRequired[dict[str, float]]
    agreement: NotRequired[GroupAgreement]


class PublishedFigures(TypedDict):
    """The public part of a snapshot: figures by group, the tables they belong to, and the epsilon of the noise."""

    groups: list[GroupFigures]
    tables: Sequence[Sequence[str]]
    epsilon: NotRequired[float]


@dataclass(frozen=True, slots=True)
class PublishedSnapshot:
    """A snapshot of one layer without its roster; ``number`` counts the snapshots of a layer from 1."""

    layer: str
    number: int
    snapshot_at: datetime
    published: PublishedFigures


@dataclass(frozen=True, slots=True)
class SealedSnapshot:
    """A snapshot of one layer with its encrypted roster: who was counted in which group."""

    layer: str
    number: int
    snapshot_at: datetime
    published: PublishedFigures
    roster: str


def snapshots_of(connection: sa.Connection, layer: str) -> list[SealedSnapshot]:
    """Return the snapshots of a layer, oldest first."""
    query = sa.select(demographic_snapshot).where(demographic_snapshot.c.layer == layer)
    rows = connection.execute(query.order_by(demographic_snapshot.c.number))
    return [SealedSnapshot(**row._mapping) for row in rows]


def save_snapshot(
    connection: sa.Connection,
    layer: str,
    number: int,
    published: PublishedFigures,
    roster: str,
    now: datetime,
) -> None:
    """Add a snapshot; ``number`` is the number of the previous snapshot plus 1."""
    row = {"layer": layer, "number": number, "snapshot_at": now, "published": published, "roster": roster}
    connection.execute(sa.insert(demographic_snapshot), row)


def published_snapshots(connection: sa.Connection) -> list[PublishedSnapshot]:
    """Return the newest snapshot of every layer, by layer."""
    newest = (
        sa.select(demographic_snapshot.c.layer, sa.func.max(demographic_snapshot.c.number).label("number"))
        .group_by(demographic_snapshot.c.layer)
        .subquery()
    )
    query = (
        sa.select(
            demographic_snapshot.c.layer,
            demographic_snapshot.c.number,
            demographic_snapshot.c.snapshot_at,
            demographic_snapshot.c.published,
        )
        .join(
            newest,
            (demographic_snapshot.c.layer == newest.c.layer)
            & (demographic_snapshot.c.number == newest.c.number),
        )
        .order_by(demographic_snapshot.c.layer)
    )
    return [PublishedSnapshot(**row._mapping) for row in connection.execute(query)]


def published_tables(connection: sa.Connection) -> dict[str, set[tuple[str, ...]]]:
    """Return the tables that each layer ever published."""
    tables: dict[str, set[tuple[str, ...]]] = {}
    query = sa.select(demographic_snapshot.c.layer, demographic_snapshot.c.published)
    for layer, published in connection.execute(query):
        tables.setdefault(layer, set()).update(tuple(table) for table in published["tables"])
    return tables


def sealed_rosters(connection: sa.Connection) -> list[tuple[str, int, str]]:
    """Return layer, number and encrypted roster of every snapshot."""
    query = sa.select(
        demographic_snapshot.c.layer, demographic_snapshot.c.number, demographic_snapshot.c.roster
    )
    return [(layer, number, roster) for layer, number, roster in connection.execute(query)]


def replace_roster(connection: sa.Connection, layer: str, number: int, roster: str) -> None:
    """Replace the encrypted roster of one snapshot."""
    chosen = (demographic_snapshot.c.layer == layer) & (demographic_snapshot.c.number == number)
    connection.execute(sa.update(demographic_snapshot).where(chosen).values(roster=roster))


def any_snapshot(connection: sa.Connection) -> bool:
    """Return whether there is a snapshot."""
    return connection.execute(sa.select(demographic_snapshot.c.layer).limit(1)).first() is not None
