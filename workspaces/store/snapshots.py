"""Published demographic figures, dated, and the sealed rosters that later ones are compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from workspaces.store.tables import demographic_snapshot

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


def snapshots_of(connection: sa.Connection, layer: str) -> list[sa.Row[Any]]:
    """Return the snapshots of a layer, oldest first."""
    query = sa.select(demographic_snapshot).where(demographic_snapshot.c.layer == layer)
    return list(connection.execute(query.order_by(demographic_snapshot.c.number)))


def save_snapshot(
    connection: sa.Connection,
    layer: str,
    number: int,
    published: Mapping[str, Any],
    roster: str,
    now: datetime,
) -> None:
    """Add a snapshot; ``number`` is one more than that of the last."""
    row = {"layer": layer, "number": number, "snapshot_at": now, "published": published, "roster": roster}
    connection.execute(sa.insert(demographic_snapshot), row)


def published_snapshots(connection: sa.Connection) -> list[sa.Row[Any]]:
    """Return the newest snapshot of every layer, without its roster, by layer."""
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
    return list(connection.execute(query))
