"""Omissions: what of chat-log files did not enter the collection, counted by file, kind and reason.

Whole rows are rejected, cleaned or deleted. Of other rows, values are unread or not understood, and turns cut.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from workspaces.store.insert import insert_missing
from workspaces.store.schema import UTCDateTime, metadata

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

left_out = sa.Table(
    "left_out",
    metadata,
    sa.Column("file", sa.Text, primary_key=True, comment="as it was named when it was read last"),
    sa.Column("kind", sa.String(16), primary_key=True, comment="rejected, cleaned or deleted"),
    sa.Column("reason", sa.Text, primary_key=True),
    sa.Column("count", sa.Integer, nullable=False),
    sa.Column("read_at", UTCDateTime, nullable=False),
    sa.Column("unit", sa.String(16), nullable=False, server_default="rows", comment="rows, values or turns"),
    sa.Column("example", sa.Text, comment="a value, redacted; null: none is shown"),
)


@dataclass(frozen=True, slots=True)
class Omission:
    """What did not enter the collection for one reason.

    Args:
        kind: ``rejected``, ``cleaned`` and ``deleted`` count rows; ``unread``, ``not understood`` and ``cut`` count
            what is missing of rows that entered.
        reason: why; of values, the path of the column.
        count: how many.
        unit: what is counted: ``rows``, ``values`` or ``turns``.
        example: a value, redacted.
    """

    kind: str
    reason: str
    count: int
    unit: str = "rows"
    example: str | None = None


@dataclass(frozen=True, slots=True)
class OmissionCount:
    """What of a file was omitted when it was last read: the fields of ``Omission``, and when."""

    file: str
    kind: str
    reason: str
    count: int
    read_at: datetime
    unit: str = "rows"
    example: str | None = None


def save(connection: sa.Connection, file: str, omissions: Sequence[Omission], read_at: datetime) -> None:
    """Replace the omissions of a file. Saving the same ones again changes nothing."""
    columns = (left_out.c.kind, left_out.c.reason, left_out.c.count, left_out.c.unit, left_out.c.example)
    query = sa.select(*columns).where(left_out.c.file == file)
    if {Omission(*row) for row in connection.execute(query)} == set(omissions):
        return
    connection.execute(sa.delete(left_out).where(left_out.c.file == file))
    rows = [
        {"file": file, "read_at": read_at, **asdict(omission)}
        for omission in sorted(omissions, key=lambda omission: (omission.kind, omission.reason))
    ]
    insert_missing(connection, left_out, rows)


def all_omissions(connection: sa.Connection) -> list[OmissionCount]:
    """Return all omissions, in order of file, kind and reason."""
    query = sa.select(left_out).order_by(left_out.c.file, left_out.c.kind, left_out.c.reason)
    return [OmissionCount(**row._mapping) for row in connection.execute(query)]


def counts_by_kind(connection: sa.Connection) -> dict[str, int]:
    """Return how many rows, values and turns were omitted, by kind, over the last reading of every file."""
    query = sa.select(left_out.c.kind, sa.func.sum(left_out.c.count)).group_by(left_out.c.kind)
    return {kind: int(count) for kind, count in connection.execute(query.order_by(left_out.c.kind))}
