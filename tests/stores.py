"""Empty, migrated stores for tests, on SQLite and on PostgreSQL."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar

import sqlalchemy as sa

from workspaces.store import Store
from workspaces.store.migrations import HEAD
from workspaces.store.tables import metadata

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SQLITE, POSTGRESQL = "sqlite", "postgresql"
APPEND_ONLY = (
    "ledger_transaction",
    "ledger_entry",
    "settlement",
    "sharing_settlement",
    "rules",
    "hold",
    "hold_outcome",
    "item_closing",
)
_TEMPLATE = "migrated"


class Stores:
    """Makes stores of one kind, each empty; closes them in the end.

    The schema is migrated once and copied, because Alembic would take longer than most tests; a database on
    PostgreSQL is emptied and used again, because a new one is 7 MB.
    """

    _on_server: ClassVar[set[str]] = set()

    def __init__(self, kind: str, folder: Path, template: str) -> None:
        self.kind = kind
        self._folder = folder
        self._template = template
        self._made: list[Store] = []

    def url(self, *, migrated: bool = True) -> str:
        """Return the address of a new database."""
        name = f"{'test' if migrated else 'bare'}_{len(self._made)}"
        if self.kind == SQLITE:
            path = self._folder / f"{name}.db"
            if migrated:
                shutil.copy(self._template, path)
            return f"sqlite:///{path}"
        server, _, _ = self._template.rpartition("/")
        url = f"{server}/{name}"
        if not migrated:
            create_database(server, name, "template0")
        elif url not in self._on_server:
            create_database(server, name, _TEMPLATE)
            self._on_server.add(url)
        else:
            used = Store(url)
            empty(used)
            used.close()
        return url

    def new(self, *, migrated: bool = True) -> Store:
        """Return a new store; without a schema unless ``migrated``."""
        made = Store(self.url(migrated=migrated))
        self._made.append(made)
        return made

    def again(self, store: Store) -> Store:
        """Open the database of a store once more, with connections of its own."""
        made = Store(store.engine.url)
        self._made.append(made)
        return made

    def empty(self, store: Store) -> None:
        """Make a store of ours as good as new, faster than a new one is made."""
        if self.kind == POSTGRESQL:
            empty(store)
            return
        store.close()
        shutil.copy(self._template, str(store.engine.url.database))

    def close(self) -> None:
        """Close every store."""
        for store in self._made:
            store.close()


def create_database(server: str, name: str, template: str) -> None:
    """Create a database on a server, ``postgresql://USER@HOST:PORT``; drop one of that name first."""
    url = sa.make_url(f"{server}/template1").set(drivername="postgresql+psycopg")
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {template}")
    engine.dispose()


def migrated_sqlite(folder: Path) -> str:
    """Return the path of a migrated SQLite file to copy."""
    path = folder / "template.db"
    _migrate(f"sqlite:///{path}")
    return str(path)


def migrated_postgresql(server: str) -> str:
    """Return the address of a migrated database to copy."""
    create_database(server, _TEMPLATE, "template0")
    _migrate(f"{server}/{_TEMPLATE}")
    return f"{server}/{_TEMPLATE}"


@contextmanager
def unguarded(store: Store) -> Iterator[sa.Connection]:
    """Open a transaction in which nothing refuses a change: what an administrator with bad intentions can do."""
    if store.is_shared:
        with store.write() as connection:
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
            yield connection
        return
    with store.engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        for pragma in ("foreign_keys = OFF", "ignore_check_constraints = ON"):
            connection.exec_driver_sql(f"PRAGMA {pragma}")
        triggers = connection.exec_driver_sql(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
        ).all()
        connection.exec_driver_sql("BEGIN")
        for trigger in triggers:
            connection.exec_driver_sql(f"DROP TRIGGER {trigger.name}")
        yield connection
        for trigger in triggers:
            connection.exec_driver_sql(trigger.sql)
        connection.commit()
        connection.invalidate()  # with its pragmas


def empty(store: Store) -> None:
    """Delete every row, past the triggers: much faster than a new database."""
    with unguarded(store) as connection:
        for table in metadata.tables:
            connection.exec_driver_sql(f"DELETE FROM {table}")
        connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{HEAD}'")


def _migrate(url: str) -> None:
    store = Store(url)
    store.upgrade()
    store.close()
