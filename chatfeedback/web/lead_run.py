"""Runs a command of the lead's beside the page: one at a time, in a process that survives the page.

``start`` begins ``python -m chatfeedback.web.lead_run FOLDER ID ARGUMENT...``, which holds a lock as long as it runs
and writes down what it does: whoever can take the lock knows that nothing runs, whatever was killed.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from workspaces.errors import UsageError, WorkbenchError
from workspaces.files import read_text, write_text
from workspaces.workspace import Workspace, utc_now

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

FOLDER = ("servers", "runs")
STATE, LOG, LOCK = "state.json", "log.txt", ".lock"
LINES = 40
"""The last lines of a log that are shown."""

MAX_LOG = 64 * 1024
BEGIN_SECONDS = 15.0
LOCK_SECONDS = 2.0
"""Longer than it takes somebody to see whether the lock is free."""

_starting = threading.Lock()


@dataclass(frozen=True, slots=True)
class Run:
    """A command that runs, or the last one that ran.

    ``ended_at`` and ``code`` are None while it runs, and where it was stopped before it could say how it ended.
    """

    run_id: str
    arguments: tuple[str, ...]
    started_at: datetime
    is_running: bool
    ended_at: datetime | None
    code: int | None
    lines: tuple[str, ...]

    @property
    def command(self) -> str:
        """The command, as one types it."""
        return " ".join(("chatfeedback", *self.arguments))


def start(workspace: Workspace, arguments: Sequence[str]) -> None:
    """Begin a command; it goes on when the page ends.

    Raises:
        UsageError: another one runs.
        WorkbenchError: it did not begin.
    """
    folder = workspace.path.joinpath(*FOLDER)
    folder.mkdir(parents=True, exist_ok=True)
    with _starting:
        if _is_running(folder):
            raise UsageError("another run is under way: wait for its end")
        run_id = token_hex(8)
        process = subprocess.Popen(
            [sys.executable, "-m", "chatfeedback.web.lead_run", str(workspace.path), run_id, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        threading.Thread(target=process.wait, daemon=True).start()  # it leaves no zombie
        until = time.monotonic() + BEGIN_SECONDS
        while (_state(folder) or {}).get("run_id") != run_id:
            if time.monotonic() > until or process.poll() is not None:
                raise WorkbenchError("the run did not begin: try again, or run the command yourself")
            time.sleep(0.05)


def last_run(workspace: Workspace) -> Run | None:
    """Return the run that is under way, or the last one; None before the first."""
    folder = workspace.path.joinpath(*FOLDER)
    found = _state(folder)
    if found is None:
        return None
    try:
        return Run(
            str(found["run_id"]),
            tuple(map(str, found["arguments"])),
            datetime.fromisoformat(found["started_at"]),
            found["code"] is None and _is_running(folder),
            datetime.fromisoformat(found["ended_at"]) if found["ended_at"] else None,
            found["code"],
            _tail(folder / LOG),
        )
    except (KeyError, TypeError, ValueError):
        return None


def change_of(workspace: Workspace) -> tuple[object, ...]:
    """Return what differs once a run began, said something or ended."""
    folder = workspace.path.joinpath(*FOLDER)
    return tuple(
        (found.st_mtime_ns, found.st_size) if (found := _stat(folder / name)) else None
        for name in (STATE, LOG)
    )


def main(path: Path, run_id: str, arguments: Sequence[str]) -> int:
    """Run a command of the workbench in a workspace, and write down how it goes."""
    folder = path.joinpath(*FOLDER)
    try:
        with FileLock(folder / LOCK, timeout=LOCK_SECONDS):
            state: dict[str, object] = {
                "run_id": run_id,
                "arguments": list(arguments),
                "started_at": utc_now().isoformat(),
                "ended_at": None,
                "code": None,
            }
            with (folder / LOG).open("wb") as log:
                write_text(folder / STATE, json.dumps(state))
                command = [sys.executable, "-m", "chatfeedback", *arguments, "--workspace", str(path)]
                code = subprocess.run(
                    command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False
                ).returncode
            write_text(folder / STATE, json.dumps(state | {"ended_at": utc_now().isoformat(), "code": code}))
    except Timeout:
        return 1
    return code


def _is_running(folder: Path) -> bool:
    if not folder.is_dir():
        return False
    try:
        with FileLock(folder / LOCK, timeout=0):
            return False
    except Timeout:
        return True


def _state(folder: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(read_text(folder / STATE, 100_000))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _tail(path: Path) -> tuple[str, ...]:
    try:
        with path.open("rb") as log:
            log.seek(0, 2)
            log.seek(max(0, log.tell() - MAX_LOG))
            text = log.read().decode("utf-8", "replace")
    except OSError:
        return ()
    return tuple(line for line in text.splitlines() if line.strip())[-LINES:]


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:]))
