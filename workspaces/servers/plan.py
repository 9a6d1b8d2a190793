"""What a supervisor is told to run, and what it tells of it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ProcessPlan:
    """One process: its command, its environment, where it logs, and the port it must open before the next starts."""

    name: str
    command: list[str]
    environment: dict[str, str]
    log: str
    folder: str
    wait_for_port: int | None = None

    def __repr__(self) -> str:
        return f"ProcessPlan({self.name!r})"  # the environment holds secrets


@dataclass(frozen=True, slots=True)
class ServerPlan:
    """All processes of one server, and the file that says which run."""

    state: str
    processes: list[ProcessPlan]

    def to_json(self) -> str:
        """Return the plan as one line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, line: str) -> ServerPlan:
        """Read what ``to_json`` wrote."""
        raw: dict[str, Any] = json.loads(line)
        return cls(state=raw["state"], processes=[ProcessPlan(**process) for process in raw["processes"]])


@dataclass(frozen=True, slots=True)
class RunningProcess:
    """A process that was started; its start time (seconds since 1970) tells it from a later one with its number."""

    pid: int
    started: float | None


@dataclass(frozen=True, slots=True)
class ServerState:
    """What the state file says of a server: ``failed`` names the process whose end ended the server."""

    status: str
    failed: str | None
    supervisor: RunningProcess
    processes: dict[str, RunningProcess]

    def to_json(self) -> str:
        """Return the state as one line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> ServerState:
        """Read what ``to_json`` wrote."""
        raw: dict[str, Any] = json.loads(text)
        return cls(
            status=raw["status"],
            failed=raw["failed"],
            supervisor=RunningProcess(**raw["supervisor"]),
            processes={name: RunningProcess(**process) for name, process in raw["processes"].items()},
        )
