"""Keeps one server's processes together: they start in order, end together, and never outlive their keeper.

``main`` runs in a process of its own, with the plan as one JSON line on standard input. Standard
input then is a lease: until the line ``detach`` arrives, its end (the command that started us was killed) stops
everything. The plan comes that way, not as arguments, because it holds secrets.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil

from workspaces.files import keep_private, write_text
from workspaces.servers.plan import ProcessPlan, RunningProcess, ServerPlan, ServerState

STOP_SECONDS = 10.0
RESTARTS = 5
CALM_SECONDS = 3600.0
"""A server that ran so long since its last restart starts counting anew: it runs for months, and dies now and then."""

PORT_WAIT_SECONDS = 60.0


class Lease(threading.Thread):
    """Listens to the command that started us: it says ``detach``, or it is gone and standard input ends."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.detached = False
        self.lost = False

    def run(self) -> None:
        """Read until either happens."""
        for line in sys.stdin:
            if line.strip() == "detach":
                self.detached = True
                return
        self.lost = True


class Supervisor:
    """Starts, watches and stops the processes of a plan."""

    def __init__(self, plan: ServerPlan, lease: Lease) -> None:
        self._plan = plan
        self._lease = lease
        self._state = Path(plan.state)
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._restarts = 0
        self._restarted_at = time.monotonic()
        self._stopping = False

    def run(self) -> int:
        """Run until told to stop; return the exit code."""
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the command that started us
        try:
            self._write_state("starting")
            for process in self._plan.processes:
                if self._should_stop():
                    break
                self._start(process)
                if process.wait_for_port:
                    self._wait_for_port(process)
            self._write_state("running")
            while not self._should_stop():
                self._watch(restart=self._lease.detached)
                time.sleep(0.2)
        except ProcessEndedError as error:
            self._write_state("failed", error.args[0])
            return 1
        finally:
            self._end_all()
        self._state.unlink(missing_ok=True)
        return 0

    def _start(self, process: ProcessPlan) -> None:
        Path(process.folder).mkdir(parents=True, exist_ok=True)
        with Path(process.log).open("ab") as log:
            self._running[process.name] = subprocess.Popen(
                process.command,
                env=process.environment,
                cwd=process.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )

    def _wait_for_port(self, process: ProcessPlan) -> None:
        deadline = time.monotonic() + PORT_WAIT_SECONDS
        while not self._should_stop():
            self._watch(restart=False)
            with (
                contextlib.suppress(OSError),
                socket.create_connection(("127.0.0.1", process.wait_for_port), 1),
            ):
                return
            if time.monotonic() > deadline:
                raise ProcessEndedError(process.name)
            time.sleep(0.05)

    def _should_stop(self) -> bool:
        return self._stopping or self._lease.lost

    def _watch(self, *, restart: bool) -> None:
        for process in self._plan.processes:
            running = self._running.get(process.name)
            if running is None or running.poll() is None or self._should_stop():
                continue
            if time.monotonic() - self._restarted_at > CALM_SECONDS:
                self._restarts = 0
            if not restart or self._restarts >= RESTARTS:
                raise ProcessEndedError(process.name)
            self._restarts += 1
            _signal_group(running, signal.SIGKILL)  # else what it left behind works beside the next one
            time.sleep(min(2**self._restarts, 30))
            self._start(process)
            self._restarted_at = time.monotonic()
            self._write_state("running")

    def _stop(self, *_: object) -> None:
        self._stopping = True

    def _end_all(self) -> None:
        """End first what needs others: a worker whose redis ends with it tries for seconds to reach that."""
        needed = {process.name for process in self._plan.processes if process.wait_for_port}
        deadline = time.monotonic() + STOP_SECONDS
        for others_need_it in (False, True):
            self._end(
                [it for name, it in self._running.items() if (name in needed) == others_need_it], deadline
            )

    def _end(self, processes: list[subprocess.Popen[bytes]], deadline: float) -> None:
        for running in processes:
            _signal_group(running, signal.SIGTERM)
        for running in processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                running.wait(max(0.0, deadline - time.monotonic()))
            _signal_group(running, signal.SIGKILL)  # whatever a process left behind in its group
            running.wait()

    def _write_state(self, status: str, failed: str | None = None) -> None:
        state = ServerState(
            status=status,
            failed=failed,
            supervisor=RunningProcess(os.getpid(), _started(os.getpid())),
            processes={
                name: RunningProcess(running.pid, _started(running.pid))
                for name, running in self._running.items()
            },
        )
        write_text(self._state, state.to_json())


class ProcessEndedError(Exception):
    """A process ended that should run; the argument is its name."""


def _started(pid: int) -> float | None:
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return None


def _signal_group(running: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(running.pid, number)


_libc = ctypes.CDLL(None) if sys.platform == "linux" else None
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def _die_with_parent() -> None:
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def main() -> None:
    """Read the plan, then keep it running."""
    keep_private()
    plan = ServerPlan.from_json(sys.stdin.readline())
    lease = Lease()
    lease.start()
    sys.exit(Supervisor(plan, lease).run())
