"""Reads the rows of a query a few at a time, and the values of rows as a database gives them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVarTuple

import sqlalchemy as sa
from sqlalchemy.types import NullType

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

Columns = TypeVarTuple("Columns")

ROWS_AT_ONCE = 1000
"""Rows that are read at once: SQLAlchemy's ``yield_per``."""


def stream_rows(
    connection: sa.Connection, query: sa.Select[*Columns], size: int = ROWS_AT_ONCE
) -> Iterator[tuple[*Columns]]:
    """Yield the rows of a query as tuples, without holding all of them in memory."""
    with connection.execute(query.execution_options(yield_per=size)) as result:
        yield from result


def rows_in_parts(
    connection: sa.Connection, query: sa.Select[*Columns], size: int
) -> Iterator[Sequence[Sequence[Any]]]:
    """Yield the rows of a query, ``size`` at a time in memory."""
    if (
        connection.dialect.name == "sqlite"
    ):  # the driver's own tuples: rows of SQLAlchemy take half as long again
        with connection.execute(query) as result:
            while rows := result.cursor.fetchmany(size):
                yield rows
    else:
        with connection.execute(query.execution_options(yield_per=size)) as result:
            yield from result.partitions(size)


def as_given(columns: Iterable[sa.ColumnElement[Any]]) -> list[sa.ColumnElement[Any]]:
    """Return columns whose values are left as the database gives them, for ``json_of`` and ``time_of``.

    Most of the time of reading a million rows goes into making values of types that are the same in many rows.
    """
    return [sa.type_coerce(column, NullType()).label(column.key) for column in columns]


def json_of(value: Any) -> Any:
    """Return the value of a JSON column, which may be shared with other rows: it must not be changed."""
    return _loads(value) if isinstance(value, str) else value


@lru_cache(maxsize=4096)
def _loads(text: str) -> Any:
    return json.loads(text)


def time_of(value: Any) -> datetime:
    """Return the value of a column of times (``UTCDateTime``).

    Raises:
        ValueError: it is none.
    """
    when = datetime.fromisoformat(value) if isinstance(value, str) else value
    if not isinstance(when, datetime):
        raise ValueError(f"{value!r} is no time")
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
