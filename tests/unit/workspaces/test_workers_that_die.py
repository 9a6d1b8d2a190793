"""Work of a pool is done although a worker died before the work began, or while it went on."""

from __future__ import annotations

import multiprocessing
import os
import time
from functools import partial
from typing import TYPE_CHECKING

import pytest

from workspaces.workers import LocalWorkers, WorkerDiedError, results_of

if TYPE_CHECKING:
    from pathlib import Path


def die_once(path: Path, number: int) -> int:
    """Return a number; whoever is first ends its process instead."""
    try:
        path.open("x").close()
    except FileExistsError:
        return number
    os._exit(1)


def test_work_begins_again_where_an_idle_worker_died(tmp_path: Path) -> None:
    work = [(number,) for number in range(4)]
    said: list[str] = []
    with LocalWorkers(2) as workers:
        workers.prepare(partial(os._exit, 1))
        deadline = time.monotonic() + 20
        while workers._pool is not None and not workers._pool._broken and time.monotonic() < deadline:
            time.sleep(0.01)
        with pytest.raises(WorkerDiedError):
            workers.begin(abs, work)
        workers.prepare(partial(os._exit, 1))  # and whenever it dies
        assert results_of(workers, abs, work, meanwhile=lambda: said.append("asked")) == [0, 1, 2, 3]
        dying = partial(die_once, tmp_path / "died")
        assert results_of(workers, dying, work, meanwhile=lambda: said.append("asked")) == [0, 1, 2, 3]
    assert said == ["asked", "asked"]


def test_after_an_error_nobody_waits_for_what_workers_are_working_at() -> None:
    def interrupted_at_work() -> None:
        with LocalWorkers(2) as workers:
            workers.prepare(partial(time.sleep, 60))
            raise KeyboardInterrupt

    other = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(60,))
    other.start()  # which is none of ours
    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        interrupted_at_work()
    assert time.monotonic() - begun < 30
    assert other.is_alive()
    other.kill()
    other.join()
