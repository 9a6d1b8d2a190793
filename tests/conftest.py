"""Fixtures that several tests share: workspaces, and real servers started once for the whole run."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.examples import FULL
from tests.postgresql_server import HOW_TO_GET_IT, find_initdb, postgresql_server
from tests.stores import POSTGRESQL, SQLITE, Stores, migrated_postgresql, migrated_sqlite
from workspaces.servers import ArgillaServer, LabelStudioServer
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import SecretStr

    from workspaces.servers import ManagedServer
    from workspaces.store import Store

settings.load_profile(FULL)  # the option --hypothesis-profile comes later

SHARED = Path(os.environ.get("CHATFEEDBACK_SHARED", Path(__file__).parents[2] / "shared"))
"""Real data that tests may read and the project does not contain."""


@dataclass(frozen=True, slots=True)
class TestServer:
    """A server that runs for the tests, and its administrator."""

    __test__ = False

    url: str
    admin_email: str
    admin_password: SecretStr
    api_key: SecretStr
    server: ManagedServer


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """A new, empty workspace with the configuration that 'init' writes."""
    with Workspace.create(tmp_path / "workspace") as made:
        yield made


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """A PostgreSQL server of the tests' own, ``postgresql://USER@HOST:PORT``; it does not wait for the disk."""
    if find_initdb() is None:
        pytest.skip(HOW_TO_GET_IT)
    with postgresql_server(connections=250) as address:
        yield f"postgresql://{address}"


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> str:
    return migrated_sqlite(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="session")
def postgresql_template(postgresql: str) -> str:
    return migrated_postgresql(postgresql)


@pytest.fixture(params=[SQLITE, pytest.param(POSTGRESQL, marks=pytest.mark.postgresql)])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stores]:
    """Makes empty stores; a test that takes it runs on SQLite and on PostgreSQL."""
    made = Stores(request.param, tmp_path, request.getfixturevalue(f"{request.param}_template"))
    yield made
    made.close()


@pytest.fixture
def store(stores: Stores) -> Store:
    """An empty store; a test that takes it runs on SQLite and on PostgreSQL."""
    return stores.new()


@pytest.fixture
def sqlite_store(tmp_path: Path, sqlite_template: str) -> Iterator[Store]:
    """An empty store on SQLite."""
    made = Stores(SQLITE, tmp_path, sqlite_template)
    yield made.new()
    made.close()


@pytest.fixture(scope="session")
def argilla_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestServer]:
    """A real Argilla, started once; the first run on a machine installs it."""
    yield from _started(ArgillaServer(tmp_path_factory.mktemp("argilla")))


@pytest.fixture(scope="session")
def label_studio_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestServer]:
    """A real Label Studio, started once; the first run on a machine installs it."""
    yield from _started(LabelStudioServer(tmp_path_factory.mktemp("label-studio")))


@pytest.fixture(scope="session")
def mt_bench() -> Path:
    """The folder of the real MT-bench judgments."""
    folder = SHARED / "data" / "mt_bench"
    if not folder.is_dir():
        pytest.skip(f"{folder} is missing: set CHATFEEDBACK_SHARED to the folder that holds data/mt_bench")
    return folder


def _started(server: ManagedServer) -> Iterator[TestServer]:
    try:
        connection = server.start(lambda _: None)
        yield TestServer(connection.url, connection.user, connection.password, connection.api_key, server)
    finally:
        server.stop()
