"""Reads the file of a SQLite database in another process, as columns, while a transaction keeps it as it is.

The driver makes columns without an object for each value, in less than half the time. It brings a SQLite of its own,
which must not open a database in a process that has it open: when one of the two closes the file, the system drops the
locks of both (sqlite.org/howtocorrupt.html, section 2.2). So another process reads, and without locks: that of the
transaction keeps writers away.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.types import NullType

from workspaces.errors import WorkbenchError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeAlias

    Query: TypeAlias = Callable[[list[sa.ColumnElement[Any]]], sa.Select[Any]]

ROWS_AT_ONCE = 1 << 16
NULLS = "#nulls"
"""A column of numbers whose bits say which of the columns that may be null are."""
INSTEAD = {pa.int64(): "0", pa.float64(): "0.0"}
"""What stands for null in columns of these types; in all others an empty text."""
ROLLBACK = {"delete", "truncate", "persist"}
"""Journal modes in which nobody writes to the file while somebody reads it."""


class UnreadableError(WorkbenchError):
    """The driver cannot read a database; who has the transaction may."""


@dataclass(frozen=True, slots=True)
class StillFile:
    """The file of a SQLite database that stays as it is while a transaction lasts."""

    path: str

    def batches(self, query: Query, table: sa.Table, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a query, many at a time; in a process that has not opened the database.

        Args:
            query: returns it, given its columns.
            table: whose columns these are.
            schema: names them; those that are no numbers are texts.

        Raises:
            UnreadableError: the file cannot be read, or a value is not of its column's type.
        """
        import adbc_driver_manager as adbc
        import adbc_driver_sqlite

        statement = query(_never_null(table, schema))
        sql = str(statement.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True}))
        at_once = {adbc_driver_sqlite.StatementOptions.BATCH_ROWS.value: str(ROWS_AT_ONCE)}
        try:
            with (
                adbc_driver_sqlite.connect(f"{Path(self.path).as_uri()}?mode=ro&immutable=1") as database,
                adbc.AdbcConnection(database) as connection,
                adbc.AdbcStatement(connection) as reading,
            ):
                reading.set_options(**at_once)
                reading.set_sql_query(sql)
                for batch in pa.RecordBatchReader.from_stream(reading.execute_query()[0]):
                    yield _typed(batch, table, schema)
        except (adbc.Error, pa.ArrowException) as error:
            raise UnreadableError(f"{type(error).__name__}: {error}") from None


def still_file(connection: sa.Connection) -> StillFile | None:
    """Return the file of the database of a transaction; None where others may write to it, or where there is none."""
    path = connection.engine.url.database
    if connection.dialect.name != "sqlite" or not path:
        return None
    mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar()
    connection.exec_driver_sql("SELECT count(*) FROM sqlite_master")  # from now on it has its lock
    return StillFile(str(Path(path).absolute())) if mode in ROLLBACK else None


def _never_null(table: sa.Table, schema: pa.Schema) -> list[sa.ColumnElement[Any]]:
    """Return columns without null, and ``NULLS``: the driver tells a column's type by its first values."""
    columns: list[sa.ColumnElement[Any]] = []
    bits: list[sa.ColumnElement[int]] = [sa.literal_column("0", sa.Integer)]
    for field in schema:
        column: sa.ColumnElement[Any] = sa.type_coerce(table.c[field.name], NullType())
        if table.c[field.name].nullable:
            bits.append(sa.cast(column.is_(None), sa.Integer) * (1 << len(bits)))
            column = sa.func.coalesce(column, sa.literal_column(INSTEAD.get(field.type, "''")))
        columns.append(column.label(field.name))
    return [*columns, reduce(add, bits).label(NULLS)]


def _typed(batch: pa.RecordBatch, table: sa.Table, schema: pa.Schema) -> pa.RecordBatch:
    """Return a batch with its nulls, and with numbers of the types of a schema."""
    bits, bit, columns = np.asarray(batch.column(NULLS)), 1, []
    for field in schema:
        column = batch.column(field.name)
        if table.c[field.name].nullable:
            bit *= 2
            is_null = (bits & bit) != 0
            buffer = pa.py_buffer(np.packbits(is_null, bitorder="little"))
            if is_null.any():
                mask = pa.Array.from_buffers(pa.bool_(), len(bits), [None, buffer])
                column = pc.if_else(mask, None, column)
        columns.append(column.cast(field.type if field.type in INSTEAD else pa.string()))
    return pa.RecordBatch.from_arrays(columns, names=schema.names)
