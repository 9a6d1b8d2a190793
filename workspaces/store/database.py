"""Opens the database: SQLite inside the workspace, or PostgreSQL for teams."""

from __future__ import annotations

import os
import sqlite3
from contextlib import ExitStack, contextmanager, nullcontext
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy import event

from workspaces.errors import ConfigurationError, ConnectionFailedError, WorkbenchError
from workspaces.store.migrations import HEAD, migrate
from workspaces.store.turns import Line, Turns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.pool import ConnectionPoolEntry


BUSY_TIMEOUT_MS = 30_000
"""How long a writer waits for other writers, on either database."""

CONNECT_TIMEOUT_SECONDS = 10
KEPT_CONNECTIONS, MORE_CONNECTIONS = 16, 48
"""Connections to SQLite that stay open, and how many more there may be: to open one reads the whole schema."""

EXCLUSIVE_LOCK = 0x63686174
"""The number of the advisory lock that serialises steps on several machines."""


def journal_mode(version: tuple[int, ...]) -> str:
    """Return the SQLite journal mode that cannot lose a commit with this library version.

    From 3.7.0 to 3.51.2 a write that overlaps a checkpoint can lose commits in WAL mode; 3.44.6 and 3.50.7
    carry the fix as well. Source: sqlite.org/wal.html, 'The WAL reset bug'. Without it the rollback journal is emptied
    at each commit and kept, which costs less than to delete and make it anew, and holds no deleted text either.
    """
    fixed = version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51) or (3, 44, 6) <= version < (3, 45)
    return "WAL" if fixed else "TRUNCATE"


_REMEDIES = (
    (
        "database is locked",
        "another program holds it: close that (a backup, a database browser), and run this again",
    ),
    ("database or disk is full", "free space on its disk; nothing was half-written: run this again"),
    ("readonly database", "make the file and its folder writable for you, and run this again"),
    ("unable to open database file", "make its folder readable and writable for you, and run this again"),
    ("disk i/o error", "free space and check its disk, and run this again"),
    ("malformed", "the file is damaged: restore chatfeedback.db from a backup"),
    ("file is not a database", "the file is damaged: restore chatfeedback.db from a backup"),
    ("no space left", "free space on the server's disk, and run this again"),
    ("lock timeout", "another program holds it: wait for its end, and run this again"),
    ("deadlock", "another program was in the way: run this again"),
    ("permission denied", "give the user of store.url_env the rights on its tables"),
    ("password authentication failed", "correct the address in the variable that store.url_env names"),
)
"""What a database says, and what to do about it."""


def explained(error: BaseException) -> ConnectionFailedError | None:
    """Return what an error of the database means and what to do; None for any other error, and for a fault of ours."""
    if isinstance(error, sa.exc.DBAPIError):
        given: BaseException = error.orig or error
    elif isinstance(error, sqlite3.Error):
        given = error
    else:
        return None
    if getattr(given, "sqlite_errorname", None) == "SQLITE_READONLY_DBMOVED":
        return ConnectionFailedError("the file of the store was replaced meanwhile: run this again")
    reason = " ".join(str(given).split())[:300]
    for words, remedy in _REMEDIES:
        if words in reason.lower():
            return ConnectionFailedError(f"{reason}: {remedy}")
    if isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError | sqlite3.OperationalError):
        return ConnectionFailedError(
            f"{reason}: check that the database runs and can be written, and run this again"
        )
    return None


class Store:
    """The database of a workspace. ``read()`` and ``write()`` return a connection inside one transaction.

    One ``write()`` block is a unit of work: it is kept as a whole, or not at all.
    """

    def __init__(self, url: str | sa.URL) -> None:
        self.engine = _create_engine(url)
        mode = journal_mode(sqlite3.sqlite_version_info)
        self._turns = None if self.is_shared or mode == "WAL" else Turns()
        self._line = None if self.is_shared else Line(BUSY_TIMEOUT_MS / 1000)

    @property
    def is_shared(self) -> bool:
        """Whether the database is a server, which other machines may write to."""
        return self.engine.dialect.name == "postgresql"

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """Open a transaction that only reads: it sees one moment. Without WAL a commit waits for its end."""
        options = (
            {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
            if self.is_shared
            else {"sqlite_begin": "BEGIN"}
        )
        turn = self._turns.reading() if self._turns else nullcontext()
        with turn, self.engine.execution_options(**options).begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """Open a transaction that writes; on SQLite it waits for other writers when it begins, not later."""
        line = self._line.writing() if self._line else nullcontext()
        with line, self.engine.connect() as connection, ExitStack() as turn, connection.begin():
            yield connection
            if self._turns:
                turn.enter_context(self._turns.committing())

    @contextmanager
    def exclusive(self, timeout_seconds: float) -> Iterator[None]:
        """Keep the steps of other machines waiting; do nothing for a database that one machine uses.

        Raises:
            WorkbenchError: another machine held the lock for longer than the timeout.
        """
        if not self.is_shared:
            yield
            return
        with self.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            connection.exec_driver_sql(f"SET lock_timeout = {int(timeout_seconds * 1000)}")
            try:
                connection.exec_driver_sql(f"SELECT pg_advisory_lock({EXCLUSIVE_LOCK})")
            except sa.exc.OperationalError:
                raise WorkbenchError(
                    f"a chatfeedback command on another machine is writing to the store; it still was after "
                    f"{timeout_seconds:.0f} seconds: wait for it to end and run this one again"
                ) from None
            try:
                yield
            finally:
                connection.invalidate()  # this releases the lock, also on a broken connection

    def upgrade(self) -> None:
        """Upgrade the schema to the newest revision, if it is older.

        Raises:
            ConfigurationError: the database was written by a newer workbench.
            ConnectionFailedError: the database cannot be opened, or the file is no database.
        """
        try:
            with self.read() as connection:
                present = _revision(connection)
        except sa.exc.DatabaseError as error:
            reason = explained(error) or " ".join(str(error.orig).split())
            raise ConnectionFailedError(f"the store cannot be opened: {reason}") from None
        if present != HEAD:
            migrate(self.engine, present)

    def purge(self) -> None:
        """Remove deleted rows from the files of the database.

        SQLite keeps deleted rows in free pages until it reuses them. On PostgreSQL nothing is done: autovacuum frees
        the rows, and their pages are overwritten.
        """
        if self.is_shared:
            return
        raw = self.engine.raw_connection()
        try:
            raw.cursor().execute("VACUUM")
            raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            raw.close()

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def _revision(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    return revision


def _create_engine(url: str | sa.URL) -> sa.Engine:
    try:
        address = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):  # their message repeats the address, which may hold a password
        raise ConfigurationError(
            "the store's address is not usable: write it as postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
        ) from None
    if address.drivername in {"postgres", "postgresql", "postgresql+psycopg"}:
        options = f"-c lock_timeout={BUSY_TIMEOUT_MS} -c timezone=UTC"
        return sa.create_engine(
            address.set(drivername="postgresql+psycopg"),
            connect_args={"connect_timeout": CONNECT_TIMEOUT_SECONDS, "options": options},
            pool_pre_ping=True,
        )
    if address.drivername != "sqlite":
        raise ConfigurationError(
            f"the store's address is not usable: {address.drivername} is neither postgresql nor sqlite"
        )
    kept = {"pool_size": KEPT_CONNECTIONS, "max_overflow": MORE_CONNECTIONS} if address.database else {}
    engine = sa.create_engine(address, **kept)
    event.listen(engine, "connect", _prepare_sqlite)
    if address.database:
        _notice_another_file(engine, address.database)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # _begin_sqlite begins transactions, not the driver
    for pragma in (
        f"busy_timeout={BUSY_TIMEOUT_MS}",
        f"journal_mode={journal_mode(sqlite3.sqlite_version_info)}",
        "synchronous=FULL",
        "foreign_keys=ON",
        "recursive_triggers=ON",  # otherwise INSERT OR REPLACE bypasses the ledger's no-delete trigger
    ):
        connection.execute(f"PRAGMA {pragma}")


def _notice_another_file(engine: sa.Engine, path: str) -> None:
    """Let go of connections to a file that is not the one at its path any more: a backup was put in its place.

    Where there is none for a moment, connections stay: a new one would make an empty store there.
    """

    def remember(_connection: sqlite3.Connection, record: ConnectionPoolEntry) -> None:
        record.info["file"] = _file_at(path)

    def look(_connection: sqlite3.Connection, record: ConnectionPoolEntry, _proxy: object) -> None:
        if _file_at(path) not in (None, record.info["file"]):
            raise sa.exc.InvalidatePoolError

    event.listen(engine, "connect", remember)
    event.listen(engine, "checkout", look)


def _file_at(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116  asked for each transaction
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _begin_sqlite(connection: sa.Connection) -> None:
    options = dict(connection.get_execution_options())
    connection.exec_driver_sql(str(options.get("sqlite_begin", "BEGIN IMMEDIATE")))
