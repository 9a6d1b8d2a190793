"""Insert that leaves existing rows alone or updates them, in both dialects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import sqlalchemy as sa


def insert_missing(connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert ``rows``; one whose primary or unique key exists already is left as it is."""
    if rows:
        connection.execute(_insert(connection, table).on_conflict_do_nothing(), list(rows))


def upsert(
    connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]], update: Sequence[str]
) -> None:
    """Insert ``rows``; where the primary key exists already, the columns named in ``update`` are set."""
    if rows:
        statement = _insert(connection, table)
        new = {name: statement.excluded[name] for name in update}
        connection.execute(
            statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=new), list(rows)
        )


def _insert(connection: sa.Connection, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)
