"""The settings of Argilla's database connections that this engine needs for its speed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argilla_server.database import async_engine
from argilla_server.settings import settings
from sqlalchemy import event

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.pool import ConnectionPoolEntry

MAPPED_BYTES = 2**31 - 2**16
"""How much of the database file SQLite may map into memory; the limit it is usually built with."""


def configure_connections() -> None:
    """Let SQLite read mapped pages: a scan of records then skips their text instead of copying it."""
    if settings.database_is_sqlite and not event.contains(async_engine.sync_engine, "connect", _map_file):
        event.listen(async_engine.sync_engine, "connect", _map_file)


def _map_file(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA mmap_size = {MAPPED_BYTES:d}")
    cursor.close()
