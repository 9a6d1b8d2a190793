"""Runs where `argilla-server` is installed, from the folder of this distribution: `python -m pytest`.

Every test that takes `database` runs on SQLite and on PostgreSQL, both migrated by Argilla's own scripts.
"""

from __future__ import annotations

import asyncio
import logging.config
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import alembic.config
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from running import Server
    from worlds import MakeWorld, Places, Run

SOURCE = Path(__file__).parents[1] / "src"
os.environ |= {
    "ARGILLA_HOME_PATH": tempfile.mkdtemp(prefix="argilla-tests-"),
    "ARGILLA_SEARCH_ENGINE": "sql",
    "HF_HUB_OFFLINE": "1",
    "PYTHONPATH": str(SOURCE),
}

from argilla_sql_search import register  # noqa: E402

register()

from argilla_server import database as argilla_database  # noqa: E402
from argilla_server.settings import settings as argilla_settings  # noqa: E402
from hypothesis import HealthCheck, settings  # noqa: E402
from postgresql_server import HOW_TO_GET_IT, find_initdb, postgresql_server  # noqa: E402
from routed_world import World  # noqa: E402
from running import running_server  # noqa: E402
from sqlalchemy import event  # noqa: E402
from sqlalchemy.ext.asyncio import create_async_engine  # noqa: E402
from worlds import create_world  # noqa: E402

settings.register_profile(
    "default",
    deadline=None,
    derandomize="CI" in os.environ,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("default")


def migrate(url: str) -> None:
    """Do what Argilla's command line does, without importing it anew."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(argilla_settings, "database_url", url)
        patch.setattr(logging.config, "fileConfig", lambda _: None)  # it would switch loggers off
        alembic.config.main(argv=["-c", argilla_database.ALEMBIC_CONFIG_FILE, "upgrade", "head"])


@pytest.fixture(scope="session")
def loop() -> Iterator[asyncio.Runner]:
    """The event loop of the session: database connections belong to it."""
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="session")
def run(loop: asyncio.Runner) -> Run:
    """Runs a coroutine to its end."""
    return loop.run


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of a migrated database on a PostgreSQL server of its own."""
    if find_initdb() is None:
        pytest.skip(HOW_TO_GET_IT)
    with postgresql_server() as address:
        url = f"postgresql+asyncpg://{address}/postgres"
        migrate(url)
        yield url


@pytest.fixture(scope="session")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of a migrated SQLite file."""
    url = f"sqlite+aiosqlite:///{tmp_path_factory.mktemp('sqlite')}/argilla.db?check_same_thread=False"
    migrate(url)
    return url


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, run: Run) -> Iterator[str]:
    """Binds Argilla's session factory to a migrated database; yields the dialect's name."""
    url = request.getfixturevalue(request.param)
    argilla_settings.database_url = url  # Argilla sets its pragmas on every connection if this is SQLite
    engine = create_async_engine(url)
    if request.param == "sqlite":
        event.listen(
            engine.sync_engine,
            "connect",
            lambda connection, _: connection.cursor().execute("PRAGMA synchronous = OFF"),
        )
    argilla_database.AsyncSessionLocal.configure(bind=engine)
    yield request.param
    run(engine.dispose())
    argilla_database.AsyncSessionLocal.configure(bind=argilla_database.async_engine)


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real Argilla server on a database of its own kind."""
    with running_server(request.getfixturevalue(request.param), tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(scope="module")
def world(server: Server) -> Iterator[World]:
    """A routed dataset, and clients of an owner, an admin and two annotators."""
    made = World(server)
    yield made
    for name in made.users:
        made.clients[name].close()


@pytest.fixture
def make_world(database: str, run: Run) -> MakeWorld:
    """Creates a dataset with the given records."""
    return lambda *specs, users=3, **names: run(create_world(specs, users, **names))


@pytest.fixture
def places(run: Run) -> Places:
    """Returns the places of the records that a search finds."""
    return lambda world, query=None, **arguments: world.places(
        run(world.engine.search(world.dataset, query=query, **arguments))
    )
