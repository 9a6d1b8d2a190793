"""Inserts that keep or update existing rows, in both dialects."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy.dialects import sqlite

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import sqlalchemy as sa
    from sqlalchemy.dialects import postgresql


def insert_rows(
    connection: sa.Connection, table: sa.Table, rows: Sequence[Sequence[object]], *, missing: bool = False
) -> None:
    """Insert rows, each with a value for every column of ``table`` in order, nearly as fast as the driver can.

    ``missing``: those that are missing alone; an existing row with the same primary or unique key stays as it is.

    ``connection.execute(insert, rows)`` builds a dictionary of parameters for each row, which takes more time than the
    database.
    """
    if not rows:
        return
    statement, processors = _inserting(table, connection.dialect)
    values = [list(column) for column in zip(*rows, strict=True)]
    for index, to_driver in processors:
        values[index] = [to_driver(value) for value in values[index]]
    if missing:
        statement += " ON CONFLICT DO NOTHING"
    connection.exec_driver_sql(statement, list(zip(*values, strict=True)))


@lru_cache(maxsize=256)
def _inserting(table: sa.Table, dialect: sa.Dialect) -> tuple[str, list[tuple[int, Callable[[Any], object]]]]:
    """Return the statement that inserts a row, and what makes values of columns by place those of the driver."""
    mark = "?" if dialect.paramstyle == "qmark" else "%s"
    columns = list(table.columns)
    names = ", ".join(dialect.identifier_preparer.quote(column.name) for column in columns)
    statement = f"INSERT INTO {table.name} ({names}) VALUES ({', '.join([mark] * len(columns))})"  # noqa: S608
    processors = ((index, column.type.dialect_impl(dialect)) for index, column in enumerate(columns))
    found = ((index, kind.bind_processor(dialect)) for index, kind in processors)
    return statement, [(index, to_driver) for index, to_driver in found if to_driver]


def insert_missing(connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, object]]) -> None:
    """Insert ``rows``; an existing row with the same primary or unique key stays as it is."""
    if rows:
        connection.execute(_inserting_missing(table, connection.dialect.name), list(rows))


def upsert(
    connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, object]], update: Sequence[str]
) -> None:
    """Insert ``rows``; in an existing row with the same primary key, set the columns named in ``update``."""
    if rows:
        connection.execute(_upserting(table, connection.dialect.name, tuple(update)), list(rows))


@lru_cache(maxsize=256)
def _inserting_missing(table: sa.Table, dialect: str) -> sqlite.Insert | postgresql.Insert:
    return _insert(table, dialect).on_conflict_do_nothing()


@lru_cache(maxsize=256)
def _upserting(table: sa.Table, dialect: str, update: tuple[str, ...]) -> sqlite.Insert | postgresql.Insert:
    statement = _insert(table, dialect)
    new = {name: statement.excluded[name] for name in update}
    return statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=new)


def _insert(table: sa.Table, dialect: str) -> sqlite.Insert | postgresql.Insert:
    if dialect != "postgresql":
        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql

    return postgresql.insert(table)
