"""Runs inside Argilla's own environment: `ARGILLA_PYTHON -m pytest tests/argilla_server`.

Every test that takes `database` runs on SQLite and on PostgreSQL, both migrated by Argilla's command line.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PLUGINS = HERE.parents[1] / "workspaces" / "servers" / "plugins"
sys.path[:0] = [str(HERE), str(PLUGINS)]
os.environ |= {
    "ARGILLA_HOME_PATH": tempfile.mkdtemp(prefix="argilla-tests-"),
    "ARGILLA_SEARCH_ENGINE": "sql",
    "HF_HUB_OFFLINE": "1",
    "PYTHONPATH": str(PLUGINS),
}

from argilla_sql_search import register  # noqa: E402

register()

from argilla_server import database as argilla_database  # noqa: E402
from argilla_server.settings import settings as argilla_settings  # noqa: E402
from hypothesis import HealthCheck, settings  # noqa: E402
from sqlalchemy import event  # noqa: E402
from sqlalchemy.ext.asyncio import create_async_engine  # noqa: E402

settings.register_profile(
    "default",
    deadline=None,
    derandomize="CI" in os.environ,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("default")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def migrate(url: str) -> None:
    environment = os.environ | {"ARGILLA_DATABASE_URL": url}
    command = [sys.executable, "-m", "argilla_sql_search", "database", "migrate"]
    subprocess.run(command, env=environment, check=True, capture_output=True, timeout=120)


@pytest.fixture(scope="session")
def loop():
    """The one event loop of the session: database connections belong to it."""
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="session")
def run(loop):
    """Run a coroutine to its end."""
    return loop.run


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory):
    """The URL of an empty database on a PostgreSQL server of its own."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    initdb = shutil.which("initdb") or (programs and str(programs[-1]))
    if not initdb:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    # PostgreSQL refuses to run as root; Debian's package brings the user `postgres`.
    as_user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    folder = Path(tempfile.mkdtemp(prefix="argilla-postgresql-"))
    if as_user:
        shutil.chown(folder, "postgres")
    # A locale whose order differs from that of bytes, so that sorting keywords by it would be seen.
    locale = next((name for name in ("en_US.utf8", "C.UTF-8") if name in _locales()), "C")
    port, log = free_port(), folder / "log"
    data = folder / "data"
    subprocess.run(
        [*as_user, initdb, "-D", data, "-A", "trust", "-U", "tests", "-E", "UTF8", f"--locale={locale}"],
        check=True,
        capture_output=True,
        cwd="/",
    )
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
    control = [*as_user, str(Path(initdb).with_name("pg_ctl")), "-D", data]
    subprocess.run(
        [*control, "-w", "-l", log, "-o", options, "start"], check=True, capture_output=True, cwd="/"
    )
    try:
        yield f"postgresql+asyncpg://tests@127.0.0.1:{port}/postgres"
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], check=True, capture_output=True, cwd="/")
        shutil.rmtree(folder)


def _locales() -> list[str]:
    if not shutil.which("locale"):
        return []
    return subprocess.run(["locale", "-a"], check=True, capture_output=True, text=True).stdout.split()


@pytest.fixture(scope="session")
def sqlite(tmp_path_factory):
    """The URL of a SQLite file."""
    return f"sqlite+aiosqlite:///{tmp_path_factory.mktemp('sqlite')}/argilla.db?check_same_thread=False"


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def database(request, run):
    """Argilla's session factory, bound to a migrated database. Returns the dialect's name."""
    url = request.getfixturevalue(request.param)
    migrate(url)
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
