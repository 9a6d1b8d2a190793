"""Fixtures that several tests share: workspaces, stores, and real servers that all workers of a run use."""

from __future__ import annotations

import os
import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.examples import FULL
from tests.postgresql_server import HOW_TO_GET_IT, find_initdb, postgresql_server
from tests.shared_servers import TestServer, shared_server
from tests.stores import POSTGRESQL, SQLITE, Stores, migrated_postgresql
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from workspaces.store import Store

pytest_plugins = ["tests.quick_stores", "tests.slow_tests", "tests.recorded_figures"]
settings.load_profile(FULL)  # the option --hypothesis-profile comes later

SHARED = Path(os.environ.get("CHATFEEDBACK_SHARED", Path(__file__).parents[2] / "shared"))
"""Real data that tests may read and the project does not contain."""


@pytest.fixture(scope="session")
def new_workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a workspace as 'init' makes it, to copy: to make it takes seven times as long."""
    folder = tmp_path_factory.mktemp("new") / "workspace"
    Workspace.create(folder).close()
    return folder


@pytest.fixture
def workspace(tmp_path: Path, new_workspace: Path) -> Iterator[Workspace]:
    """A new, empty workspace with the configuration that 'init' writes."""
    with Workspace.open(shutil.copytree(new_workspace, tmp_path / "workspace")) as made:
        yield made


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """A PostgreSQL server of the tests' own, ``postgresql://USER@HOST:PORT``; it does not wait for the disk."""
    if find_initdb() is None:
        pytest.skip(HOW_TO_GET_IT)
    with postgresql_server(connections=250) as address:
        yield f"postgresql://{address}"


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
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], TestServer]]:
    """Maps a platform's name to its real server, started once in a run; the first run on a machine installs it."""
    base = tmp_path_factory.getbasetemp()
    is_worker = "PYTEST_XDIST_WORKER" in os.environ  # each has a folder of its own in the run's
    folder = (base.parent if is_worker else base) / "servers"
    in_use: dict[str, TestServer] = {}
    with ExitStack() as stack:

        def server_of(name: str) -> TestServer:
            if name not in in_use:
                in_use[name] = stack.enter_context(shared_server(name, folder))
            return in_use[name]

        yield server_of


@pytest.fixture(scope="session")
def argilla_server(servers: Callable[[str], TestServer]) -> TestServer:
    """A real Argilla."""
    return servers("argilla")


@pytest.fixture(scope="session")
def label_studio_server(servers: Callable[[str], TestServer]) -> TestServer:
    """A real Label Studio."""
    return servers("label_studio")


@pytest.fixture(scope="session")
def mt_bench() -> Path:
    """The folder of the real MT-bench judgments."""
    folder = SHARED / "data" / "mt_bench"
    if not folder.is_dir():
        pytest.skip(f"{folder} is missing: set CHATFEEDBACK_SHARED to the folder that holds data/mt_bench")
    return folder
