"""Ctrl-C at any moment of any command: one line, exit code 130, and nothing is left locked or running.

As a terminal does, the whole group of the command's processes is interrupted. So is it with SIGTERM, of which the
command then dies, and systemd sends it to the whole group as well.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from chatfeedback import steps
from chatfeedback.interrupts import LINE
from workspaces.workspace import CONFIG_NAME, Workspace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BASE = "version: 1\nplatforms: {argilla: {}}\n"
SCRIPT = """
import os, sys
sys.argv[0] = 'chatfeedback'
from chatfeedback.__main__ import main
os.write(1, b'!')
main()
"""
"""What the installed command is; it says when its first line was run: before that, the interpreter starts."""

ENDS_WITHIN = 15.0
"""Seconds from the interrupt to the end, on a machine that is busy with other tests."""


def interruptible() -> None:
    """Let signals through, which whoever started the tests may have shut out, as a shell does behind ``&``."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def start(folder: Path, *arguments: str, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
    command: subprocess.Popen[str] = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *arguments, "--workspace", str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=interruptible,
        env=env,
    )
    assert command.stdout is not None
    assert command.stdout.read(1) == "!"
    return command


def interrupted(
    command: subprocess.Popen[str],
    *,
    times: int = 1,
    done: int | None = None,
    by: signal.Signals = signal.SIGINT,
) -> str:
    """Interrupt a command; it ends with 130, or by the signal, and one line of ours. Return what else it wrote to
    standard error.

    It may also have done all of its work just before: then it ends with the exit code ``done``, as without us.
    """
    everyone = [psutil.Process(command.pid), *psutil.Process(command.pid).children(recursive=True)]
    for _ in range(times):
        os.killpg(command.pid, by)
        time.sleep(0.02)
    try:
        _, said = command.communicate(timeout=ENDS_WITHIN)
    finally:
        command.kill()
    assert "Traceback" not in said
    assert "Exception" not in said
    _, alive = psutil.wait_procs(everyone, timeout=10)
    assert not alive
    if command.returncode == done:
        assert LINE not in said
        return ""
    assert command.returncode == (130 if by is signal.SIGINT else -by), said
    assert said.endswith(LINE), said
    return said.removesuffix(LINE)


def until(done: Callable[[], object], seconds: float = 30.0) -> None:
    ends = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < ends
        time.sleep(0.02)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Workspace.create(tmp_path / "w", BASE).close()
    return tmp_path / "w"


@pytest.mark.slow
@pytest.mark.parametrize("after", [0.1, 0.25, 0.5, 0.9])
@pytest.mark.parametrize(
    ("arguments", "done"), [(["status"], 0), (["collection"], 0), (["report"], 0), (["doctor", "--json"], 4)]
)
def test_while_it_starts_and_imports_and_works(
    folder: Path, arguments: list[str], done: int, after: float
) -> None:
    command = start(folder, *arguments)
    time.sleep(after)
    if command.poll() is not None:
        command.communicate()  # closes its pipes
        pytest.skip("the machine was faster than this test")
    assert interrupted(command, done=done) == ""


CLEANS_UP = """
import signal, sys, time
sys.argv[0] = 'chatfeedback'
from chatfeedback import interrupts
interrupts.leave_at_once()
interrupts.unwind()
try:
    try:
        print('!', flush=True)
        time.sleep(60)
    finally:
        print('cleaned up', flush=True)
except KeyboardInterrupt:
    interrupts.leave()
"""


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_each_signal_lets_a_command_clean_up_and_one_that_is_shut_out_does_not_come(
    by: signal.Signals,
) -> None:
    def started(before: Callable[[], object]) -> subprocess.Popen[str]:
        command = subprocess.Popen(
            [sys.executable, "-c", CLEANS_UP],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=before,
        )
        assert command.stdout is not None
        assert command.stdout.readline() == "!\n"
        return command

    command = started(interruptible)
    command.send_signal(by)
    assert command.communicate(timeout=30) == ("cleaned up\n", LINE)
    assert command.returncode == (130 if by is signal.SIGINT else -by)
    with started(lambda: signal.signal(by, signal.SIG_IGN)) as command:  # as behind nohup
        command.send_signal(by)
        time.sleep(0.1)
        assert command.poll() is None
        command.kill()


@pytest.mark.slow
@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_while_worker_processes_read(folder: Path, tmp_path: Path, by: signal.Signals) -> None:
    logs = tmp_path / "logs.jsonl"
    text = "The tooth of the walrus is long. " * 40
    with logs.open("w") as file:
        for number in range(10_000):
            turns = [
                {"role": "user", "content": f"{number}: {text}"},
                {"role": "assistant", "content": f"{number}: {text}"},
            ]
            file.write(
                json.dumps({"conversation_id": f"c{number}", "conversation": turns, "source": "s"}) + "\n"
            )
    command = start(folder, "ingest", str(logs), "--processes", "2")
    until(lambda: len(psutil.Process(command.pid).children(recursive=True)) > 1, 120)
    time.sleep(1.0)
    interrupted(command, by=by)
    with Workspace.open(folder) as workspace, workspace.exclusive():
        pass


@pytest.mark.slow
def test_while_another_command_holds_the_lock_and_several_times(folder: Path) -> None:
    with Workspace.open(folder) as workspace, workspace.exclusive():
        command = start(folder, "generate")
        time.sleep(3.0)
        assert interrupted(command, times=3) == ""


@pytest.mark.slow
def test_while_an_llm_does_not_answer(folder: Path, tmp_path: Path) -> None:
    turns = [
        {"role": "user", "content": "How long is a tooth?"},
        {"role": "assistant", "content": "It is long."},
    ]
    logs = tmp_path / "logs.jsonl"
    logs.write_text(json.dumps({"conversation_id": "c", "conversation": turns, "source": "s"}) + "\n")
    with Workspace.open(folder) as workspace:
        steps.ingest_file(workspace, logs, publish=True, processes=1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        llm = f"llm: {{base_url: 'http://127.0.0.1:{silent.getsockname()[1]}/v1', model: m, api_key_env: SOME_KEY}}\n"
        (folder / CONFIG_NAME).write_text(BASE + llm)
        command = start(folder, "seed", env={**os.environ, "SOME_KEY": "sk-test"})
        silent.settimeout(60)
        connection, _ = silent.accept()
        with connection:
            interrupted(command)


@pytest.mark.slow
def test_while_a_server_installs_and_while_it_waits_for_the_next_round(folder: Path, tmp_path: Path) -> None:
    slow = tmp_path / "bin"
    slow.mkdir()
    (slow / "uv").write_text("#!/bin/sh\nexec sleep 300\n")
    (slow / "uv").chmod(0o700)
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache"), "UV": str(slow / "uv")}
    command = start(folder, "up", env=environment)
    assert command.stderr is not None
    first = command.stderr.readline()
    assert "installing" in first.lower()
    interrupted(command)
    command = start(folder, "sync", "--watch")
    assert command.stderr is not None
    assert "not running" in command.stderr.readline()
    interrupted(command, by=signal.SIGTERM)


@pytest.mark.slow
def test_while_it_asks_a_question(folder: Path) -> None:
    with Workspace.open(folder) as opened:
        person = opened.pseudonyms.on_platform("argilla")("ada@example.org")
    command = start(folder, "people", "form", person)
    assert command.stderr is not None
    assert "Enter means" in command.stderr.readline()
    time.sleep(0.2)  # the options of the first question, and the prompt
    interrupted(command)


@pytest.mark.slow
def test_an_answer_that_does_not_come_is_no_traceback(folder: Path) -> None:
    command = start(folder, "people", "form", "ada@example.org")
    _, said = command.communicate("", timeout=60)
    assert command.returncode in (1, 2)
    assert "Traceback" not in said
