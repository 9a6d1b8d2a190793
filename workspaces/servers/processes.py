"""The processes that a state file names: which of them run, and their end."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from workspaces.servers.plan import RunningProcess, ServerState

STOP_SECONDS = 20
KILL_SECONDS = 5


def alive(entry: RunningProcess) -> psutil.Process | None:
    """Return the process of a state entry if it still runs, and not another one with the same number."""
    if entry.started is None:
        return None
    try:
        process = psutil.Process(entry.pid)
        same = abs(process.create_time() - entry.started) < 1
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.Error:
        return None


def end(state: ServerState) -> bool:
    """End what still runs of a server: its supervisor, which ends the rest, or what a lost one left; return whether
    anything ran.
    """
    running = [
        process for entry in (state.supervisor, *state.processes.values()) if (process := alive(entry))
    ]
    for process in running[:1] if alive(state.supervisor) else running:
        with contextlib.suppress(psutil.Error):
            process.terminate()
    _, stubborn = psutil.wait_procs(running, timeout=STOP_SECONDS)
    for process in stubborn:
        process.kill()
    psutil.wait_procs(stubborn, timeout=KILL_SECONDS)
    return bool(running)
