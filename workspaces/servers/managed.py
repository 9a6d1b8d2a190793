"""One server on this machine: installed, started, stopped and asked how it is."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import psutil
from pydantic import SecretStr

from workspaces.errors import ConfigurationError, ConnectionFailedError
from workspaces.files import write_bytes, write_private
from workspaces.servers.supervisor import ServerPlan

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workspaces.servers.supervisor import ProcessPlan

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
    """

    name: str
    title: str

    def __init__(self, folder: Path, port: int | None = None) -> None:
        self.folder = folder
        self._pinned_port = port
        self._supervisor: subprocess.Popen[str] | None = None

    @abstractmethod
    def _prepare(self, settings: dict[str, Any]) -> None:
        """Install and migrate; ``settings`` (secrets, ports) are kept between starts and may be added to."""

    def _while_starting(self, settings: dict[str, Any]) -> None:  # noqa: B027
        """Do what can be done while the processes come up, such as making the first account."""

    @abstractmethod
    def _processes(self, settings: dict[str, Any]) -> list[ProcessPlan]:
        """Return the processes, in the order they start."""

    @abstractmethod
    def _health_url(self, settings: dict[str, Any]) -> str:
        """Return an address that answers 200 once the server is up."""

    def _finish(self, settings: dict[str, Any]) -> None:  # noqa: B027
        """Do what needs the running server, such as asking for an access token."""

    @property
    def _settings_path(self) -> Path:
        return self.folder / "settings.json"

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
        if self.status().running:
            return self.connection()
        self.stop()
        try:
            self._start(say)
        except OSError as error:  # a folder where a file must be, a full disk, a program that is gone
            self.stop()
            raise ConnectionFailedError(f"{self.title} cannot be started: {error}") from None
        return self.connection()

    def _start(self, say: Callable[[str], None]) -> None:
        self.log_folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        settings = self._read_settings()
        settings["port"] = self._choose_port(settings.get("port"))
        say(f"installing {self.title} (once)")
        self._prepare(settings)
        self._write_settings(settings)
        say(f"starting {self.title}")
        self._launch(self._processes(settings))
        self._while_starting(settings)
        self._wait_until_healthy(self._health_url(settings))
        self._finish(settings)
        self._write_settings(settings)

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
        everyone = [state["supervisor"], *state["processes"].values()]
        alive = [process for entry in everyone if (process := _alive(entry))]
        for process in alive[:1] if _alive(state["supervisor"]) else alive:
            _terminate(process)
        _, stubborn = psutil.wait_procs(alive, timeout=20)
        for process in stubborn:
            process.kill()
        psutil.wait_procs(stubborn, timeout=5)
        self._state_path.unlink(missing_ok=True)
        return bool(alive)

    def status(self) -> ServerStatus:
        """Return whether the server runs, where, and with which processes."""
        state = self._read_state()
        if state is None or not _alive(state["supervisor"]):
            detail = f"{state['failed']} ended" if state and state.get("failed") else "stopped"
            return ServerStatus(self.name, running=False, url=None, processes={}, detail=detail)
        settings = self._read_settings()
        processes = {name: entry["pid"] for name, entry in state["processes"].items() if _alive(entry)}
        try:
            answer = httpx.get(self._health_url(settings), timeout=5)
            running, detail = answer.is_success, f"answers {answer.status_code}"
        except httpx.HTTPError as error:
            running, detail = False, f"does not answer ({type(error).__name__})"
        return ServerStatus(self.name, running, self._url(settings), processes, detail)

    def was_started(self) -> bool:
        """Return whether the server ever ran here, so that something can be on it."""
        return "api_key" in self._read_settings()

    def connection(self) -> ServerAccess:
        """Return how to reach the server.

        Raises:
            ConfigurationError: it was never started.
        """
        settings = self._read_settings()
        if not self.was_started():
            raise ConfigurationError(
                f"{self.title} is not running: start it with 'chatfeedback up {self.name}'"
            )
        return ServerAccess(
            url=self._url(settings),
            user=settings["user"],
            password=SecretStr(settings["password"]),
            api_key=SecretStr(settings["api_key"]),
        )

    def _url(self, settings: dict[str, Any]) -> str:
        return f"http://127.0.0.1:{settings['port']}"

    def _choose_port(self, last: int | None) -> int:
        if self._pinned_port is not None:
            if not is_free(self._pinned_port):
                raise ConfigurationError(
                    f"port {self._pinned_port}, which platforms.{self.name.replace('-', '_')}.port asks for, is in "
                    "use: free it, or choose another (null: any free one)"
                )
            return self._pinned_port
        return last if last is not None and is_free(last) else free_port()

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
            try:
                if httpx.get(url, timeout=5).is_success:
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.2)
        state = self._read_state() or {}
        culprit = state.get("failed") or "supervisor"
        self.stop()
        raise ConnectionFailedError(
            f"{self.title} did not start ({culprit}). The end of {self.log_folder / culprit}.log:\n"
            + last_lines(self.log_folder / f"{culprit}.log")
        )

    def _adopt(self, template: Path, database: Path) -> bool:
        """Copy an empty, migrated database to where there is none yet; return whether it was needed."""
        if database.exists():
            return False
        database.parent.mkdir(exist_ok=True)
        write_bytes(database, template.read_bytes())
        return True

    def _run_once(self, command: list[str], environment: dict[str, str], what: str, stdin: str = "") -> None:
        """Run a command to its end, such as a migration; its output goes to the log ``WHAT.log``."""
        log = self.log_folder / f"{what}.log"
        with log.open("w", encoding="utf-8") as file:
            done = subprocess.run(
                command,
                env=environment,
                input=stdin,
                stdout=file,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
        if done.returncode:
            raise ConnectionFailedError(
                f"{self.title}: '{what}' failed. The end of {log}:\n{last_lines(log)}"
            )

    def _read_settings(self) -> dict[str, Any]:
        try:
            settings: dict[str, Any] = json.loads(self._settings_path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        return settings

    def _write_settings(self, settings: dict[str, Any]) -> None:
        write_private(self._settings_path, json.dumps(settings, indent=1))

    def _read_state(self) -> dict[str, Any] | None:
        try:
            state: dict[str, Any] = json.loads(self._state_path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return state


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


def _alive(entry: dict[str, Any]) -> psutil.Process | None:
    """Return the process of a state entry if it is still that one and not another with the same number."""
    try:
        process = psutil.Process(entry["pid"])
        same = abs(process.create_time() - entry["started"]) < 1
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except (psutil.Error, TypeError):
        return None


def _terminate(process: psutil.Process) -> None:
    with contextlib.suppress(psutil.Error):
        process.terminate()
