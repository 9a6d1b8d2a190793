"""How often a supervisor starts a process again that ended."""

from __future__ import annotations

import sys
from pathlib import Path

import psutil
import pytest

from workspaces.servers.plan import ProcessPlan, ServerPlan
from workspaces.servers.supervisor import CALM_SECONDS, RESTARTS, Lease, ProcessEndedError, Supervisor


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


def test_what_a_killed_process_left_behind_ends_before_the_next_one_starts(
    tmp_path: Path, clock: list[float]
) -> None:
    """A worker of Argilla whose parent is killed would take jobs beside the new one for ever."""
    sleep = [sys.executable, "-S", "-c", "import time; time.sleep(600)"]
    text = f"import subprocess; open('child', 'w').write(str(subprocess.Popen({sleep!r}).pid))"
    process = ProcessPlan(
        "worker", [sys.executable, "-S", "-c", text], {}, str(tmp_path / "log"), str(tmp_path)
    )
    keeper = Supervisor(ServerPlan(str(tmp_path / "state.json"), [process]), Lease())
    keeper._start(process)
    keeper._running["worker"].wait()
    left = psutil.Process(int(Path(tmp_path / "child").read_text()))
    keeper._watch(restart=True)
    psutil.wait_procs([left], timeout=10)
    assert not left.is_running() or left.status() == psutil.STATUS_ZOMBIE
    keeper._running["worker"].wait()
    keeper._end_all()
