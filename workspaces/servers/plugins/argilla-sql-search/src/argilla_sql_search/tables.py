"""The tables that this plug-in keeps in Argilla's database. Their rows go with their dataset, user and record.

Argilla's migrations do not know them: they are made when something first asks for them.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

from argilla_server.models import Dataset, Record, User
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Index,
    MetaData,
    Table,
    Uuid,
    inspect,
)
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.schema import CreateIndex, CreateTable

from argilla_sql_search.sessions import open_session

if TYPE_CHECKING:
    from collections.abc import MutableSet

    from sqlalchemy import Connection, Engine
    from sqlalchemy.orm import Session

_metadata = MetaData()
# Each column that refers to another table begins an index: without it a deletion there reads the whole table here.


def _of(model: type[Dataset | Record | User]) -> ForeignKey:
    return ForeignKey(model.__table__.c.id, ondelete="CASCADE")


SERVED = Table(
    "sql_search_served",
    _metadata,
    Column("user_id", Uuid, _of(User), primary_key=True),
    Column("record_id", Uuid, _of(Record), primary_key=True),
    Column("served_at", DateTime, nullable=False),
    Index("sql_search_served_record_id", "record_id"),
)
"""When a record was first served to a user (naive UTC, as Argilla stores times)."""

ROUTED = Table(
    "sql_search_routed",
    _metadata,
    Column("dataset_id", Uuid, _of(Dataset), primary_key=True),
    Column("routed", Boolean, nullable=False),
)
"""Which datasets are routed; one without a row never was."""

ASSIGNMENTS = Table(
    "sql_search_assignments",
    _metadata,
    Column("dataset_id", Uuid, _of(Dataset), primary_key=True),
    Column("user_id", Uuid, _of(User), primary_key=True),
    Column("record_id", Uuid, _of(Record), primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("expires_at", DateTime),
    Index("sql_search_assignments_record_id", "record_id"),
    Index("sql_search_assignments_user_id", "user_id"),
)
"""Which record is whose; `dataset_id` is that of the record, `expires_at` naive UTC."""

_made: MutableSet[Engine] = weakref.WeakSet()


async def make_tables() -> None:
    """Make the tables that are missing. Call it before the session that uses them has written anything."""
    async with open_session() as session:
        engine = session.get_bind().engine
        if engine in _made:
            return
        try:
            await session.run_sync(_make)
            await session.commit()
        except SQLAlchemyError:  # another process made them at the same moment
            await session.rollback()
            await session.run_sync(_make)
            await session.commit()
        _made.add(engine)


def _make(session: Session) -> None:
    connection: Connection = session.connection()
    there = inspect(connection)
    for table in _metadata.sorted_tables:
        indexes: set[str | None] = set()
        if there.has_table(table.name):
            indexes = {index["name"] for index in there.get_indexes(table.name)}
        else:
            connection.execute(CreateTable(table, if_not_exists=True))
        for index in table.indexes:
            if index.name not in indexes:  # also one that a later version added
                connection.execute(CreateIndex(index, if_not_exists=True))
