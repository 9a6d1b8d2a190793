"""Reads the rows of a query a few at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVarTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    import sqlalchemy as sa

Columns = TypeVarTuple("Columns")


def stream_rows(
    connection: sa.Connection, query: sa.Select[*Columns], size: int = 1000
) -> Iterator[tuple[*Columns]]:
    """Yield the rows of a query as tuples, without holding all of them in memory."""
    with connection.execute(query.execution_options(yield_per=size)) as result:
        yield from result
