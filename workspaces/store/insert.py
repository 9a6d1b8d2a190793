"""Inserts that keep or update existing rows, in both dialects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.dialects import sqlite

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import sqlalchemy as sa
    from sqlalchemy.dialects import postgresql


def insert_rows(connection: sa.Connection, table: sa.Table, rows: Sequence[Sequence[object]]) -> None:
    """Insert rows, each with a value for every column of ``table`` in order, nearly as fast as the driver can.

    ``connection.execute(insert, rows)`` builds a dictionary of parameters for each row, which takes more time than the
    database.
    """
    if not rows:
        return
    dialect = connection.dialect
    mark = "?" if dialect.paramstyle == "qmark" else "%s"
    columns = list(table.columns)
    names = ", ".join(dialect.identifier_preparer.quote(column.name) for column in columns)
    statement = f"INSERT INTO {table.name} ({names}) VALUES ({', '.join([mark] * len(columns))})"  # noqa: S608
    values = [list(column) for column in zip(*rows, strict=True)]
    for index, column in enumerate(columns):
        to_driver = column.type.dialect_impl(dialect).bind_processor(dialect)
        if to_driver:
            values[index] = [to_driver(value) for value in values[index]]
    connection.exec_driver_sql(statement, list(zip(*values, strict=True)))


def insert_missing(connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, object]]) -> None:
    """Insert ``rows``; an existing row with the same primary or unique key stays as it is."""
    if rows:
        connection.execute(_insert(connection, table).on_conflict_do_nothing(), list(rows))


def upsert(
    connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, object]], update: Sequence[str]
) -> None:
    """Insert ``rows``; in an existing row with the same primary key, set the columns named in ``update``."""
    if rows:
        statement = _insert(connection, table)
        new = {name: statement.excluded[name] for name in update}
        connection.execute(
            statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=new), list(rows)
        )


def _insert(connection: sa.Connection, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    if connection.dialect.name != "postgresql":
        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql

    return postgresql.insert(table)
