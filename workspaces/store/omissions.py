"""Omissions: the rows of chat-log files that did not enter the collection, counted by file, kind and reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from workspaces.store.insert import insert_missing
from workspaces.store.schema import UTCDateTime, metadata

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

left_out = sa.Table(
    "left_out",
    metadata,
    sa.Column("file", sa.Text, primary_key=True, comment="as it was named when it was read last"),
    sa.Column("kind", sa.String(16), primary_key=True, comment="rejected, cleaned or deleted"),
    sa.Column("reason", sa.Text, primary_key=True),
    sa.Column("count", sa.Integer, nullable=False),
    sa.Column("read_at", UTCDateTime, nullable=False),
)


@dataclass(frozen=True, slots=True)
class OmissionCount:
    """How many rows of a file were omitted when it was last read, and why."""

    file: str
    kind: str
    reason: str
    count: int
    read_at: datetime


def save(
    connection: sa.Connection, file: str, counts: Mapping[tuple[str, str], int], read_at: datetime
) -> None:
    """Replace the omissions of a file by ``counts``: how many rows by kind and reason.

    Saving the same counts again changes nothing.
    """
    query = sa.select(left_out.c.kind, left_out.c.reason, left_out.c.count).where(left_out.c.file == file)
    if {(kind, reason): count for kind, reason, count in connection.execute(query)} == dict(counts):
        return
    connection.execute(sa.delete(left_out).where(left_out.c.file == file))
    rows = [
        {"file": file, "kind": kind, "reason": reason, "count": count, "read_at": read_at}
        for (kind, reason), count in sorted(counts.items())
    ]
    insert_missing(connection, left_out, rows)


def all_omissions(connection: sa.Connection) -> list[OmissionCount]:
    """Return all omissions, in order of file, kind and reason."""
    query = sa.select(left_out).order_by(left_out.c.file, left_out.c.kind, left_out.c.reason)
    return [OmissionCount(**row._mapping) for row in connection.execute(query)]


def counts_by_kind(connection: sa.Connection) -> dict[str, int]:
    """Return how many rows were omitted, by kind, over the last reading of every file."""
    query = sa.select(left_out.c.kind, sa.func.sum(left_out.c.count)).group_by(left_out.c.kind)
    return {kind: int(count) for kind, count in connection.execute(query.order_by(left_out.c.kind))}
