"""Reads the rows of a query a few at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVarTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    import sqlalchemy as sa

Columns = TypeVarTuple("Columns")

ROWS_AT_ONCE = 1000
"""Rows that are read at once: SQLAlchemy's ``yield_per``."""


def stream_rows(
    connection: sa.Connection, query: sa.Select[*Columns], size: int = ROWS_AT_ONCE
) -> Iterator[tuple[*Columns]]:
    """Yield the rows of a query as tuples, without holding all of them in memory."""
    with connection.execute(query.execution_options(yield_per=size)) as result:
        yield from result
