"""Which messages have seed feedback, as keys, followed by what was added since."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import sqlalchemy as sa

from workspaces.keys import keys_of
from workspaces.store.moments import newest
from workspaces.store.seed_feedback import seed_feedback

if TYPE_CHECKING:
    from datetime import datetime

    from workspaces.keys import Keys

_ROWS = 10_000
"""Rows in memory at a time."""


class SeededKeys:
    """The ``keys`` of all messages with seed feedback of any rater, each once, in order."""

    def __init__(self) -> None:
        self.keys: Keys = np.empty(0, np.int64)
        self._rows = 0
        self._newest: datetime | None = None
        self._of_newest = 0

    def follow(self, connection: sa.Connection, *, anew: bool = False) -> bool:
        """Read what was added, or everything if something was removed; return whether anything was read.

        Args:
            connection: reads the store.
            anew: read everything.
        """
        last = newest(connection, seed_feedback.c.created_at)
        rows = connection.execute(sa.select(sa.func.count()).select_from(seed_feedback)).scalar_one()
        if not anew and (rows, last) == (self._rows, self._newest):
            return False
        since = None if anew else self._newest
        keys, of_since = _keys(connection, since)
        if since is not None and (len(keys) != rows - self._rows or of_since != self._of_newest):
            since = None
            keys, _ = _keys(connection, None)
        self.keys = np.unique(keys if since is None else np.append(self.keys, keys))
        self._rows, self._newest = rows, last
        self._of_newest = _count_at(connection, last)
        return True


def _keys(connection: sa.Connection, since: datetime | None) -> tuple[Keys, int]:
    """Return the keys of what was rated after a moment (None: ever), and how many rows are of that moment."""
    query = sa.select(seed_feedback.c.message_id)
    if since is not None:
        query = query.where(seed_feedback.c.created_at > since)
    keys: list[Keys] = [np.empty(0, np.int64)]
    with connection.execute(query.execution_options(yield_per=_ROWS)) as result:
        keys += [keys_of(some) for some in result.scalars().partitions()]
    return np.concatenate(keys), _count_at(connection, since)


def _count_at(connection: sa.Connection, moment: datetime | None) -> int:
    query = sa.select(sa.func.count()).select_from(seed_feedback).where(seed_feedback.c.created_at == moment)
    return 0 if moment is None else int(connection.execute(query).scalar_one())
