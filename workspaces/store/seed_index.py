"""Seed feedback of which only the significance is in memory, in a few bytes for each message."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import sqlalchemy as sa

from workspaces.chunks import in_chunks
from workspaces.keys import KeyIndex, keys_of
from workspaces.records import Quality, SeedFeedback, Significance, Tag
from workspaces.store.seed_feedback import seed_feedback

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager
    from typing import TypeAlias

    from numpy.typing import NDArray

    from workspaces.keys import Keys

    Read: TypeAlias = Callable[[], AbstractContextManager[sa.Connection]]

_ROWS = 10_000
"""Rows in memory at a time."""


class Seeds(Mapping[str, SeedFeedback]):
    """Seed feedback by message id, whose significance is known of many messages at once."""

    @abstractmethod
    def levels(self, keys: Keys) -> NDArray[np.int8]:
        """Return the significance of messages, by their keys, as a place in ``Significance``; -1: not rated."""

    @abstractmethod
    def load(self, message_ids: Iterable[str]) -> None:
        """Have the seed feedback of these messages at hand, all of it read at once."""


class SeedIndex(Seeds):
    """The newest seed feedback of every rated message, of which the ``judge``'s stands before any other's.

    The levels of significance are in memory, as one byte for each message; what a rater said beside is read when it is
    asked for.
    """

    def __init__(self, read: Read, judge: str | None = None) -> None:
        """Args: ``read`` opens a transaction that reads, as ``Store.read`` does."""
        self._read = read
        self._judge = judge
        self._loaded: dict[str, SeedFeedback] = {}
        columns = seed_feedback.c
        with read() as connection:
            keys, levels = _columns(connection, sa.select(columns.message_id, columns.significance))
            if len(np.unique(keys)) < len(keys):  # some were rated more than once: the last row counts
                several = (
                    sa.select(columns.message_id).group_by(columns.message_id).having(sa.func.count() > 1)
                )
                query = sa.select(columns.message_id, columns.significance).where(
                    columns.message_id.in_(several)
                )
                last_keys, last_levels = _columns(connection, query.order_by(*self._order()))
                keys, levels = np.append(keys, last_keys), np.append(levels, last_levels)
        keys, last = np.unique(keys[::-1], return_index=True)
        self._levels = np.append(levels[::-1][last], np.int8(-1))
        self._index = KeyIndex(keys)

    def levels(self, keys: Keys) -> NDArray[np.int8]:
        """Return the significance of messages, by their keys, as a place in ``Significance``; -1: not rated."""
        return self._levels[self._index.places(keys)]

    def load(self, message_ids: Iterable[str]) -> None:
        """Read what is known of these messages, all at once."""
        columns = seed_feedback.c
        with self._read() as connection:
            for ids in in_chunks(each for each in message_ids if each not in self._loaded):
                query = sa.select(
                    columns.message_id,
                    columns.agent,
                    columns.prompt_version,
                    sa.cast(columns.tags, sa.Text),
                    columns.significance,
                    columns.created_at,
                ).where(columns.message_id.in_(ids))
                for message_id, agent, version, tags, level, created_at in connection.execute(
                    query.order_by(*self._order())
                ):
                    self._loaded[message_id] = SeedFeedback(
                        message_id, agent, version, _tags(tags), Significance(level), created_at
                    )

    def __getitem__(self, message_id: str) -> SeedFeedback:
        if message_id not in self._loaded:
            if message_id not in self:
                raise KeyError(message_id)
            self.load([message_id])
        return self._loaded[message_id]

    def __contains__(self, message_id: object) -> bool:
        return isinstance(message_id, str) and self._index.place(message_id) >= 0

    def __iter__(self) -> Iterator[str]:
        with self._read() as connection:
            yield from connection.execute(sa.select(seed_feedback.c.message_id).distinct()).scalars()

    def __len__(self) -> int:
        return len(self._index)

    def _order(self) -> tuple[sa.ColumnElement[object], ...]:
        """Return by what rows are ordered, so that the last one of a message counts."""
        columns = seed_feedback.c
        return (
            sa.case((columns.agent == self._judge, 1), else_=0),
            columns.created_at,
            columns.agent,
            columns.prompt_version,
        )


def _columns(connection: sa.Connection, query: sa.Select[tuple[str, str]]) -> tuple[Keys, NDArray[np.int8]]:
    """Return the keys of messages and their levels, in the order of the rows."""
    code = {level.value: place for place, level in enumerate(Significance)}
    keys: list[Keys] = [np.empty(0, np.int64)]
    levels: list[NDArray[np.int8]] = [np.empty(0, np.int8)]
    with connection.execute(query.execution_options(yield_per=_ROWS)) as result:
        for rows in result.partitions():
            names, said = zip(*rows, strict=True)
            keys.append(keys_of(names))
            levels.append(np.fromiter(map(code.__getitem__, said), np.int8, len(said)))
    return np.concatenate(keys), np.concatenate(levels)


@lru_cache(maxsize=10_000)
def _tags(text: str) -> Mapping[Quality, Tag]:
    return MappingProxyType({Quality(name): Tag(tag) for name, tag in json.loads(text).items()})
