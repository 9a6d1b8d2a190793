"""Times of ours that put rows in an order: they never go back, even when the clock of this machine does."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from workspaces.store.schema import UTCDateTime

if TYPE_CHECKING:
    from datetime import datetime

TICK = timedelta(microseconds=1)


def newest(
    connection: sa.Connection, column: sa.ColumnElement[datetime], *which: sa.ColumnElement[bool]
) -> datetime | None:
    """Return the latest time in a column; None without rows."""
    query = sa.select(sa.func.max(column, type_=UTCDateTime)).where(*which)
    found: datetime | None = connection.execute(query).scalar()
    return found


def not_before(now: datetime, before: datetime | None) -> datetime:
    """Return ``now``, or the moment after ``before`` if the clock says that ``now`` is earlier."""
    return now if before is None or now >= before else before + TICK


def after(now: datetime, before: datetime | None) -> datetime:
    """Return ``now`` if it is later than ``before``, or the moment after ``before``."""
    return now if before is None or now > before else before + TICK
