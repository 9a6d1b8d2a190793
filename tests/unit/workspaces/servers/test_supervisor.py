"""How often a supervisor starts a process again that ended."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from workspaces.servers.plan import ProcessPlan, ServerPlan
from workspaces.servers.supervisor import CALM_SECONDS, RESTARTS, Lease, ProcessEndedError, Supervisor

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The moment in seconds, which pauses move on."""
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    monkeypatch.setattr("time.monotonic", lambda: now[0])
    monkeypatch.setattr("time.sleep", sleep)
    return now


@pytest.fixture
def process(tmp_path: Path) -> ProcessPlan:
    command = [sys.executable, "-S", "-c", ""]
    return ProcessPlan("worker", command, {}, str(tmp_path / "log"), str(tmp_path))


def ends_and_is_started_again(keeper: Supervisor) -> None:
    for running in keeper._running.values():
        running.wait()
    keeper._watch(restart=True)


def test_a_process_that_keeps_ending_ends_its_server(
    tmp_path: Path, clock: list[float], process: ProcessPlan
) -> None:
    keeper = Supervisor(ServerPlan(str(tmp_path / "state.json"), [process]), Lease())
    keeper._start(process)
    for _ in range(RESTARTS):
        ends_and_is_started_again(keeper)
    with pytest.raises(ProcessEndedError, match="worker"):
        ends_and_is_started_again(keeper)
    assert clock[0] < CALM_SECONDS


def test_a_process_that_ends_now_and_then_is_started_again_for_years(
    tmp_path: Path, clock: list[float], process: ProcessPlan
) -> None:
    keeper = Supervisor(ServerPlan(str(tmp_path / "state.json"), [process]), Lease())
    keeper._start(process)
    for _ in range(3 * RESTARTS):
        clock[0] += CALM_SECONDS + 1
        before = clock[0]
        ends_and_is_started_again(keeper)
        assert clock[0] - before == 2, "a pause as after a first end"
    keeper._end_all()
