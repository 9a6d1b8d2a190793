"""Real servers that all workers of one test run share: each is started once, by the first test that needs it.

A keeper process starts a server and holds its lease. A worker holds a shared lock on a file while it uses the server;
the kernel frees the lock when the worker ends, however it ends. Once nobody holds the lock, the keeper stops the
server. If the keeper is killed, the server ends with its lease.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from workspaces.config import PlatformConfig
from workspaces.registry import PLATFORMS
from workspaces.servers.managed import ManagedServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import SecretStr

    from workspaces.servers.plan import ProcessPlan

ROOT = Path(__file__).parents[1]
QUICK_HASHES = Path(__file__).parent / "quick_hashes"
POLL_SECONDS = 0.2

_keepers: list[subprocess.Popen[bytes]] = []
"""Held until this process ends: they may outlive it, while another worker uses their server."""


@dataclass(frozen=True, slots=True)
class TestServer:
    """A server that runs for the tests, and its administrator."""

    __test__ = False

    url: str
    admin_email: str
    admin_password: SecretStr
    api_key: SecretStr
    server: ManagedServer


@contextmanager
def shared_server(name: str, folder: Path) -> Iterator[TestServer]:
    """Use the server of a platform for the length of a ``with`` block.

    Args:
        name: the platform's name.
        folder: the same for every worker of a test run, and for no other run.
    """
    folder.mkdir(parents=True, exist_ok=True)
    server = _server(name, folder)
    with (folder / f"{name}.users").open("w") as users:
        fcntl.flock(users, fcntl.LOCK_SH)  # waits for a keeper that is stopping the server
        with FileLock(folder / f"{name}.lock"):
            if not server.status().running:
                _start_keeper(name, folder)
        access = server.connection()
        yield TestServer(access.url, access.user, access.password, access.api_key, server)


def _server(name: str, folder: Path) -> ManagedServer:
    return PLATFORMS[name].server(folder / PLATFORMS[name].slug, PlatformConfig())


def _start_keeper(name: str, folder: Path) -> None:
    """Start a keeper and wait until its server answers."""
    ready, log = folder / f"{name}.ready", folder / f"{name}.keeper.log"
    ready.unlink(missing_ok=True)
    with log.open("w", encoding="utf-8") as output:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "tests.shared_servers", name, str(folder)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    _keepers.append(keeper)
    while not ready.exists():
        if keeper.poll() is not None:
            raise RuntimeError(f"{PLATFORMS[name].title} did not start: {log.read_text(encoding='utf-8')}")
        time.sleep(POLL_SECONDS)


def hash_quickly() -> None:
    """Let the servers that this process starts hash passwords quickly."""
    launch = ManagedServer._launch

    def launched(self: ManagedServer, processes: list[ProcessPlan]) -> None:
        launch(self, [replace(it, environment=_with_quick_hashes(it.environment)) for it in processes])

    ManagedServer._launch = launched  # type: ignore[method-assign]


def _with_quick_hashes(environment: dict[str, str]) -> dict[str, str]:
    return environment | {"PYTHONPATH": f"{QUICK_HASHES}{os.pathsep}{environment['PYTHONPATH']}"}


def main() -> None:
    """Start a server, keep it as long as somebody uses it, and stop it."""
    name, folder = sys.argv[1], Path(sys.argv[2])
    hash_quickly()
    server = _server(name, folder)
    try:
        server.start(print)
        (folder / f"{name}.ready").touch()
        with (folder / f"{name}.users").open("w") as users:
            while True:
                time.sleep(POLL_SECONDS)
                with suppress(BlockingIOError):
                    fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    server.stop()
                    return
    finally:
        server.stop()


if __name__ == "__main__":
    main()
