"""Starts PostgreSQL from Debian's package for tests and benchmarks; nothing but the standard library.

The tests of argilla-sql-search use it too, inside Argilla's environment.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

HOW_TO_GET_IT = "PostgreSQL is not installed: apt-get install postgresql"


def find_initdb() -> str | None:
    """Return the path of ``initdb``, which Debian keeps off the PATH; None where PostgreSQL is not installed."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return shutil.which("initdb") or (str(programs[-1]) if programs else None)


@contextmanager
def postgresql_server(*, durable: bool = False, connections: int = 100) -> Iterator[str]:
    """Run a server of its own for the length of a ``with`` block; yields ``tests@127.0.0.1:PORT``.

    Args:
        durable: whether a commit waits for the disk, as it does outside tests.
        connections: how many it takes at once.
    """
    initdb = find_initdb()
    if initdb is None:
        raise FileNotFoundError(HOW_TO_GET_IT)
    # PostgreSQL refuses to run as root; Debian's package brings the user `postgres`.
    as_user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    folder = Path(tempfile.mkdtemp(prefix="chatfeedback-postgresql-"))
    if as_user:
        shutil.chown(folder, "postgres")
    # A locale whose order differs from that of bytes, so that sorting keywords by it would be seen.
    locale = next((name for name in ("en_US.utf8", "C.UTF-8") if name in _locales()), "C")
    data, port = folder / "data", free_port()
    _run(*as_user, initdb, "-D", data, "-A", "trust", "-U", "tests", "-E", "UTF8", f"--locale={locale}", "-N")
    settings = {
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": folder,
        "max_connections": connections,
        **({} if durable else {"fsync": "off", "full_page_writes": "off", "autovacuum": "off"}),
    }
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())
    control: list[str | Path] = [*as_user, Path(initdb).with_name("pg_ctl"), "-D", data]
    _run(*control, "-w", "-l", folder / "log", "-o", f"-p {port} {options}", "start")
    try:
        yield f"tests@127.0.0.1:{port}"
    finally:
        _run(*control, "-m", "immediate", "stop")
        shutil.rmtree(folder)


def _run(*command: str | Path) -> None:
    subprocess.run(command, check=True, capture_output=True, cwd="/")


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _locales() -> list[str]:
    if not shutil.which("locale"):
        return []
    return subprocess.run(["locale", "-a"], check=True, capture_output=True, text=True).stdout.split()  # noqa: S607
