"""One server on this machine: started, stopped and asked how it is."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import psutil
from pydantic import SecretStr

from workspaces.errors import ConnectionFailedError, NotRunningError
from workspaces.files import keep_private
from workspaces.servers.supervisor import ServerPlan, ServerState

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workspaces.servers.settings import ServerSettings
    from workspaces.servers.supervisor import ProcessPlan, RunningProcess

START_SECONDS = 180.0
LOG_LINES = 12


@dataclass(frozen=True, slots=True)
class ServerAccess:
    """How to reach a server that runs here, and how its administrator signs in."""

    url: str
    user: str
    password: SecretStr
    api_key: SecretStr


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """What ``chatfeedback status`` says of a server."""

    name: str
    running: bool
    url: str | None
    processes: dict[str, int]
    detail: str


class ManagedServer(ABC):
    """A server whose data, logs and secrets lie in one folder of the workspace.

    ``start`` holds a lease on the server until ``detach`` is called: if this process dies first, the server ends
    with it.

    A subclass sets ``name``, the server's name on the command line, ``title``, what its makers call it, and
    ``health_path``, where it answers 200 once it is up.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    health_path: ClassVar[str]

    def __init__(self, folder: Path, port: int | None = None) -> None:
        self.folder = folder
        self._pinned_port = port
        self._supervisor: subprocess.Popen[str] | None = None

    @abstractmethod
    def _start(self, say: Callable[[str], None]) -> None:
        """Install the server where needed, launch its processes and wait until it answers."""

    @abstractmethod
    def _read_settings(self) -> ServerSettings | None:
        """Return the kept settings; None where the server never got as far as to keep any."""

    @property
    def _state_path(self) -> Path:
        return self.folder / "state.json"

    @property
    def log_folder(self) -> Path:
        """Where the processes' logs lie, one file each."""
        return self.folder / "logs"

    def start(self, say: Callable[[str], None]) -> ServerAccess:
        """Start the server unless it runs, wait until it answers, and return how to reach it.

        Args:
            say: told in a few words what is being done, for a progress line.

        Raises:
            ConfigurationError: a port that the configuration asks for is in use.
            ConnectionFailedError: it could not be installed or did not start; the message ends with the last
                lines of its log.
        """
        keep_private()
        if self.status().running:
            return self.connection()
        self.stop()
        try:
            self._start(say)
        except OSError as error:  # a folder where a file must be, a full disk, a program that is gone
            self.stop()
            raise ConnectionFailedError(f"{self.title} cannot be started: {error}") from None
        return self.connection()

    def detach(self) -> None:
        """Let the server run on after this process ends."""
        if self._supervisor is not None and self._supervisor.stdin is not None:
            self._supervisor.stdin.write("detach\n")
            self._supervisor.stdin.close()
            self._supervisor = None

    def release(self) -> None:
        """Stop the server if this object started it and never let go of it."""
        if self._supervisor is not None:
            self.stop()

    def stop(self) -> bool:
        """Stop the server and whatever an earlier crash left running; return whether anything ran."""
        state = self._read_state()
        if self._supervisor is not None:
            assert self._supervisor.stdin is not None
            self._supervisor.stdin.close()  # the end of the lease
            self._supervisor.wait()
            self._supervisor = None
        if state is None:
            return False
        everyone = [state.supervisor, *state.processes.values()]
        alive = [process for entry in everyone if (process := _alive(entry))]
        for process in alive[:1] if _alive(state.supervisor) else alive:
            _terminate(process)
        _, stubborn = psutil.wait_procs(alive, timeout=20)
        for process in stubborn:
            process.kill()
        psutil.wait_procs(stubborn, timeout=5)
        self._state_path.unlink(missing_ok=True)
        return bool(alive)

    def status(self) -> ServerStatus:
        """Return whether the server runs, where, and with which processes."""
        state, settings = self._read_state(), self._read_settings()
        if state is None or settings is None or not _alive(state.supervisor):
            detail = f"{state.failed} ended" if state and state.failed else "stopped"
            return ServerStatus(self.name, running=False, url=None, processes={}, detail=detail)
        processes = {name: entry.pid for name, entry in state.processes.items() if _alive(entry)}
        running, detail = _health(f"{settings.url}{self.health_path}")
        return ServerStatus(self.name, running, settings.url, processes, detail)

    def was_started(self) -> bool:
        """Return whether the server ever ran here, so that something can be on it."""
        settings = self._read_settings()
        return settings is not None and settings.api_key is not None

    def running_connection(self) -> ServerAccess:
        """Return how to reach the server that runs; nothing is sent to it.

        Raises:
            NotRunningError: it was never started, was stopped, or ended.
        """
        access, state = self.connection(), self._read_state()
        if state is None or not _alive(state.supervisor):
            raise self._not_running()
        return access

    def _not_running(self) -> NotRunningError:
        return NotRunningError(f"{self.title} is not running: start it with 'chatfeedback up {self.name}'")

    def connection(self) -> ServerAccess:
        """Return how to reach the server, whether it runs or not.

        Raises:
            NotRunningError: it was never started.
        """
        settings = self._read_settings()
        if settings is None or settings.api_key is None:
            raise self._not_running()
        return ServerAccess(
            url=settings.url,
            user=settings.user,
            password=SecretStr(settings.password),
            api_key=SecretStr(settings.api_key),
        )

    def _launch(self, processes: list[ProcessPlan]) -> None:
        self._state_path.unlink(missing_ok=True)
        for process in processes:
            _start_log(process)
        plan = ServerPlan(state=str(self._state_path), processes=processes)
        with (self.log_folder / "supervisor.log").open("w", encoding="utf-8") as log:
            self._supervisor = subprocess.Popen(
                [sys.executable, "-c", "from workspaces.servers.supervisor import main; main()"],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        assert self._supervisor.stdin is not None
        self._supervisor.stdin.write(plan.to_json() + "\n")
        self._supervisor.stdin.flush()

    def _wait_until_healthy(self, url: str) -> None:
        assert self._supervisor is not None
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._supervisor.poll() is not None:
                break
            if _health(url)[0]:
                return
            time.sleep(0.2)
        state = self._read_state()
        culprit = (state and state.failed) or "supervisor"
        self.stop()
        raise ConnectionFailedError(
            f"{self.title} did not start ({culprit}). The end of {self.log_folder / culprit}.log:\n"
            + last_lines(self.log_folder / f"{culprit}.log")
        )

    def _read_state(self) -> ServerState | None:
        try:
            return ServerState.from_json(self._state_path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None


def free_port() -> int:
    """Return a port of the loopback address that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_free(port: int) -> bool:
    """Return whether a port of the loopback address can be listened on."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the servers do: TIME_WAIT is free
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def last_lines(log: Path) -> str:
    """Return the last lines of a log, for an error message."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return "(no log)"
    return "\n".join(f"  {line}" for line in lines[-LOG_LINES:]) or "(the log is empty)"


def _start_log(process: ProcessPlan) -> None:
    os.close(os.open(process.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))


def _alive(entry: RunningProcess) -> psutil.Process | None:
    """Return the process of a state entry if it still runs, and not another one with the same number."""
    if entry.started is None:
        return None
    try:
        process = psutil.Process(entry.pid)
        same = abs(process.create_time() - entry.started) < 1
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.Error:
        return None


def _terminate(process: psutil.Process) -> None:
    with contextlib.suppress(psutil.Error):
        process.terminate()


def _health(url: str) -> tuple[bool, str]:
    """Return whether a server answers that it is well, and what it answers."""
    import httpx  # most servers that are asked about are stopped

    try:
        answer = httpx.get(url, timeout=5)
    except httpx.HTTPError as error:
        return False, f"does not answer ({type(error).__name__})"
    return answer.is_success, f"answers {answer.status_code}"
