"""The page that ``up`` starts: it runs on, is found, and what a killed one left says nothing."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx
import psutil

from chatfeedback.web import running

if TYPE_CHECKING:
    from workspaces.workspace import Workspace


def test_a_killed_page_is_not_said_to_run_and_is_started_again(filled_workspace: Workspace) -> None:
    folder = filled_workspace.path
    assert running.address_of(folder) is None
    assert not running.stop_page(folder)
    address = running.start_page(filled_workspace)
    try:
        assert httpx.get(f"{address}/sign-in").status_code == 200
        assert running.start_page(filled_workspace) == address == running.address_of(folder)
        found = running._running(folder)
        assert found is not None
        os.kill(found[1].pid, signal.SIGKILL)
        psutil.wait_procs([psutil.Process(found[1].pid)], timeout=10)
        assert (folder / "servers" / running.STATE).exists()
        assert running.address_of(folder) is None
        again = running.start_page(filled_workspace)
        assert httpx.get(f"{again}/sign-in").status_code == 200
    finally:
        stopped = running.stop_page(folder)
    assert stopped
    assert running.address_of(folder) is None
    assert not (folder / "servers" / running.STATE).exists()


def test_a_page_that_ends_keeps_what_another_noted_and_two_that_start_are_one(
    filled_workspace: Workspace,
) -> None:
    folder = filled_workspace.path
    with ThreadPoolExecutor(2) as pool:
        addresses = list(pool.map(running.start_page, [filled_workspace] * 2))
    try:
        assert addresses[0] == addresses[1]
        running.forget_page(folder)  # of a page in this process, which had noted itself before
        assert running.address_of(folder) == addresses[0]
    finally:
        assert running.stop_page(folder)
    running.note_page(folder, "http://127.0.0.1:1")
    running.forget_page(folder)
    assert running.address_of(folder) is None


def test_another_process_with_the_same_number_is_no_page(filled_workspace: Workspace) -> None:
    folder = filled_workspace.path
    running.note_page(folder, "http://127.0.0.1:1")
    state = folder / "servers" / running.STATE
    assert running.address_of(folder) == "http://127.0.0.1:1"
    state.write_text(state.read_text("utf-8").replace('"started": ', '"started": 1'), "utf-8")
    assert running.address_of(folder) is None
    for damaged in ("", "[]", '{"address": "x"}', '{"address": "x", "pid": "y", "started": 1}'):
        state.write_text(damaged, "utf-8")
        assert running.address_of(folder) is None
