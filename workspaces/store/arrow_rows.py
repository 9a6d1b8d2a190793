"""Rows of a query as Arrow tables: a million of them make columns, and no object each."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar

import pyarrow as pa
import sqlalchemy as sa

from workspaces.errors import WorkbenchError
from workspaces.store.annotations import annotation_revision
from workspaces.store.latest_annotations import StoredAnnotation, standing_annotations
from workspaces.store.schema import UTCDateTime
from workspaces.store.still_files import StillFile
from workspaces.store.streams import as_given, rows_in_parts, time_of
from workspaces.store.tasks import StoredTask, oldest_first, task

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from workspaces.store.members import MemberStatus
    from workspaces.store.still_files import Query

Source: TypeAlias = sa.Connection | StillFile
"""A transaction or, in another process, the file of a database that a transaction keeps as it is."""
RowT = TypeVar("RowT", bound=NamedTuple)

ROWS_AT_ONCE = 1 << 16
FETCHED = 256
"""Rows that are fetched at once: they are made columns while they are in the processor's cache."""
TIME = pa.timestamp("us", "UTC")


class DamagedValueError(WorkbenchError):
    """The database holds a value that does not belong into its column."""


def _schema(table: sa.Table, names: Sequence[str]) -> pa.Schema:
    return pa.schema([(name, _kind(table.c[name])) for name in names])


def _kind(column: sa.Column[Any]) -> pa.DataType:
    """Return the type of a column; JSON is text."""
    if isinstance(column.type, UTCDateTime):
        return TIME
    return {sa.Integer: pa.int64(), sa.Float: pa.float64()}.get(type(column.type), pa.string())


TASKS = _schema(task, StoredTask._fields)
"""The columns of ``task_tables``: those of ``StoredTask``, with JSON as text."""
ANNOTATIONS = _schema(annotation_revision, StoredAnnotation._fields)
"""The columns of ``annotation_tables``: those of ``StoredAnnotation``, with JSON as text."""


def task_tables(source: Source) -> Iterator[pa.Table]:
    """Yield the tasks, oldest first, many at a time.

    Raises:
        DamagedValueError: a value is of another type than its column.
        UnreadableError: the driver of a still file cannot read it.
    """
    yield from _tables(source, lambda columns: oldest_first(*columns), task, TASKS)


def annotation_tables(source: Source, outside: MemberStatus | None = None) -> Iterator[pa.Table]:
    """Yield what ``stream_annotations`` does, many at a time.

    Raises:
        DamagedValueError: a value is of another type than its column.
        UnreadableError: the driver of a still file cannot read it.
    """
    yield from _tables(
        source, partial(standing_annotations, outside=outside), annotation_revision, ANNOTATIONS
    )


def rows_of(made: type[RowT], table: pa.Table) -> Iterator[RowT]:
    """Return the rows of such a table as objects, for ``task_of`` and ``annotation_of``."""
    columns = zip(*(_values(table.column(name)) for name in made._fields), strict=True)
    return map(made._make, columns)


def _values(column: pa.ChunkedArray) -> list[Any]:
    values: list[Any] = (column.cast(pa.int64()) if column.type == TIME else column).to_pylist()
    if column.type == TIME:  # several times as fast as Arrow's own way
        return [None if it is None else _EPOCH + timedelta(0, 0, it) for it in values]
    return values


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _columns(connection: sa.Connection, table: sa.Table, schema: pa.Schema) -> list[sa.ColumnElement[Any]]:
    columns = [table.c[name] for name in schema.names]
    if connection.dialect.name == "sqlite":  # JSON is text there
        return as_given(columns)
    return [
        sa.cast(column, sa.Text).label(column.key) if isinstance(column.type, sa.JSON) else given
        for column, given in zip(columns, as_given(columns), strict=True)
    ]


def _tables(source: Source, query: Query, table: sa.Table, schema: pa.Schema) -> Iterator[pa.Table]:
    if isinstance(source, StillFile):
        for batch in source.batches(query, table, schema):
            yield _table([batch.column(name) for name in schema.names], table, schema)
        return
    columns: list[list[Any]] = [[] for _ in schema]
    for rows in rows_in_parts(source, query(_columns(source, table, schema)), FETCHED):
        for column, values in zip(columns, zip(*rows, strict=True), strict=True):
            column.extend(values)
        if len(columns[0]) >= ROWS_AT_ONCE:
            yield _table(columns, table, schema)
            columns = [[] for _ in schema]
    if columns[0]:
        yield _table(columns, table, schema)


def _table(columns: Sequence[Sequence[Any] | pa.Array], table: sa.Table, schema: pa.Schema) -> pa.Table:
    arrays = []
    for field, values in zip(schema, columns, strict=True):
        try:
            arrays.append(_times(values) if field.type == TIME else _array(values, field.type))
        except (pa.ArrowException, ValueError, OverflowError) as error:
            reason = " ".join(str(error).split())[:300]
            raise DamagedValueError(
                f"a value in {table.name}.{field.name} of the database is not as this software writes it ({reason}): "
                "another program changed it; mend it there, or restore a backup"
            ) from None
    return pa.Table.from_arrays(arrays, schema=schema)


def _array(values: Sequence[Any] | pa.Array, kind: pa.DataType) -> pa.Array:
    return values.cast(kind) if isinstance(values, pa.Array) else pa.array(values, kind)


def _times(values: Sequence[Any] | pa.Array) -> pa.Array:
    """Return times as a database gives them: SQLite texts, PostgreSQL times."""
    if isinstance(values, pa.Array) or any(isinstance(value, str) for value in values):
        try:
            return _array(values, pa.string()).cast(pa.timestamp("us")).cast(TIME)
        except (pa.ArrowInvalid, pa.ArrowTypeError):  # not as SQLAlchemy writes them
            pass
    given = values.to_pylist() if isinstance(values, pa.Array) else values
    return pa.array([None if value is None else time_of(value) for value in given], TIME)
