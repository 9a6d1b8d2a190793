"""Where the page of a workspace runs; and the page that ``up`` starts, as a process of its own.

``servers/web.json`` says where, with the process that serves it: a file that a killed page left says nothing.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from workspaces.errors import ConfigurationError, ConnectionFailedError
from workspaces.files import read_text, write_text
from workspaces.servers.managed import free_port, is_free, last_lines
from workspaces.servers.plan import RunningProcess

if TYPE_CHECKING:
    from pathlib import Path

    from workspaces.workspace import Workspace

PORT = 6970
HOST = "127.0.0.1"
STATE, LOG, LOCK = "web.json", "web.log", "web.lock"
START_SECONDS = 60.0
STOP_SECONDS = 10.0
_started: list[subprocess.Popen[bytes]] = []
"""Pages that run on after this process: nobody waits for their end."""


def address_of(workspace: Path) -> str | None:
    """Return where the page of a workspace runs; None where it does not."""
    found = _running(workspace)
    return found[0] if found else None


def note_page(workspace: Path, address: str) -> None:
    """Write down that this process serves the page."""
    import psutil

    started = psutil.Process().create_time()
    state = workspace / "servers" / STATE
    state.parent.mkdir(parents=True, exist_ok=True)
    write_text(state, json.dumps({"address": address, "pid": os.getpid(), "started": started}))


def forget_page(workspace: Path) -> None:
    """Take back what this process noted, and keep what another page of this workspace noted since."""
    found = _running(workspace)
    if found is None or found[1].pid == os.getpid():
        (workspace / "servers" / STATE).unlink(missing_ok=True)


def start_page(workspace: Workspace) -> str:
    """Start the page unless it runs, wait until it does, and return its address; it runs on after this process.

    Where several processes start it at once, one does. It listens on ``PORT``, or on a free port if another page does
    and nobody is told of the port.

    Raises:
        ConfigurationError: the port is in use, and ``web.address`` says that people come by a proxy.
        ConnectionFailedError: it did not start; the message ends with its log.
    """
    lock = workspace.path / "servers" / LOCK
    lock.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(lock, timeout=2 * START_SECONDS):
            return address_of(workspace.path) or _start_somewhere(workspace)
    except Timeout:
        raise ConnectionFailedError(
            "another process has been starting the page for too long: try again"
        ) from None


def _start_somewhere(workspace: Workspace) -> str:
    told = workspace.config.web.address
    is_ours = is_free(PORT)
    if not is_ours and told is not None:
        raise ConfigurationError(
            f"port {PORT} is in use: free it, or start the page with 'chatfeedback web --port'"
        )
    try:
        return _start(workspace, PORT if is_ours else free_port())
    except ConnectionFailedError:
        if told is not None or not is_ours or is_free(PORT):
            raise
        return _start(workspace, free_port())  # another page was faster


def _start(workspace: Workspace, port: int) -> str:
    told = workspace.config.web.address
    command = [sys.executable, "-m", "chatfeedback", "web", "--workspace", str(workspace.path)]
    command += ["--port", str(port)]
    if told is not None:
        command += ["--address", str(told).rstrip("/")]
    log = workspace.path / "servers" / LOG
    log.parent.mkdir(parents=True, exist_ok=True)
    write_text(log, "")
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        found = _running(workspace.path)
        if found and found[1].pid == process.pid:
            _started.append(process)
            return found[0]
        time.sleep(0.05)
    process.kill()
    process.wait()
    raise ConnectionFailedError(f"the page did not start. The end of {log}:\n{last_lines(log)}")


def stop_page(workspace: Path) -> bool:
    """Stop the page, whoever started it; return whether it ran."""
    found = _running(workspace)
    if found is not None:
        import psutil

        from workspaces.servers.processes import alive

        if process := alive(found[1]):
            with contextlib.suppress(psutil.Error):
                process.terminate()
            _, stubborn = psutil.wait_procs([process], timeout=STOP_SECONDS)
            for each in stubborn:
                each.kill()
    forget_page(workspace)
    return found is not None


def _running(workspace: Path) -> tuple[str, RunningProcess] | None:
    try:
        state = json.loads(read_text(workspace / "servers" / STATE, 10_000))
        address, process = str(state["address"]), RunningProcess(int(state["pid"]), float(state["started"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    from workspaces.servers.processes import alive  # psutil, which only a page that was started needs

    return (address, process) if alive(process) else None
