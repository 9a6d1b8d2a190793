"""``init`` as somebody at a terminal meets it: its questions, answered through a pseudo terminal."""

from __future__ import annotations

import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from workspaces.config import load_config
from workspaces.config.template import template
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SECONDS = 90.0
END = "\x03"
"""Ctrl-C."""
AGAIN_SECONDS = 2.0


@dataclass
class Ended:
    """A command that ended: everything that stood on the terminal, and its exit code."""

    shown: str
    code: int


def at_a_terminal(
    folder: Path, arguments: Sequence[str], answers: Sequence[tuple[str, str]], **environment: str
) -> Ended:
    """Run a command on a pseudo terminal; to each question, of which a part is given, type the answer in turn.

    Ctrl-C is typed again while nothing happens, as a person would: ``input`` waits on if a signal reaches it in the
    moment before it begins to read.
    """
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "chatfeedback", *arguments],
        cwd=folder,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "COLUMNS": "300", **environment},
        start_new_session=True,
        preexec_fn=_take_terminal,
    )
    os.close(theirs)
    shown, seen, waiting = "", 0, list(answers)
    deadline, again = time.monotonic() + SECONDS, float("inf")
    try:
        while time.monotonic() < deadline:
            if select.select([ours], [], [], 0.1)[0]:
                try:
                    shown += os.read(ours, 4096).decode("utf-8", "replace")
                except OSError:  # the other end is closed
                    break
            if time.monotonic() > again:
                again = time.monotonic() + AGAIN_SECONDS
                os.write(ours, END.encode())
            if (
                waiting
                and (place := shown.find(waiting[0][0], seen)) >= 0
                and shown.rstrip().endswith((":", "]"))
            ):
                question, typed = waiting.pop(0)
                seen = place + len(question)
                if typed == END:
                    again = time.monotonic()
                else:
                    os.write(ours, f"{typed}\n".encode())
        code = process.wait(timeout=10)
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    assert not waiting, f"never asked: {waiting[0][0]!r}\n{shown}"
    return Ended(shown, code)


def _take_terminal() -> None:
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # which whoever started the tests may have shut out


def test_enter_at_every_question_gives_the_file_of_the_defaults(tmp_path: Path) -> None:
    ended = at_a_terminal(
        tmp_path,
        ["init", "--workspace", "w"],
        [
            ("chat logs of your own", ""),
            ("agreed", ""),
            ("Which platforms", ""),
            ("Argilla: its address", ""),
            ("Label Studio: its address", ""),
            ("Shall an LLM", ""),
        ],
    )
    assert ended.code == 0, ended.shown
    assert (tmp_path / "w" / "chatfeedback.yaml").read_text(encoding="utf-8") == template()


def test_answers_stand_in_the_file_and_wrong_ones_are_asked_again(tmp_path: Path) -> None:
    key = "sk-do-not-repeat-this"
    ended = at_a_terminal(
        tmp_path,
        ["init", "--workspace", "w"],
        [
            ("chat logs of your own", "y"),
            ("agreed", "y"),
            ("Which platforms", "7"),
            ("Which platforms", "2"),
            ("Label Studio: its address", "not an address"),
            ("Label Studio: its address", "https://labels.example.org"),
            ("Label Studio: the environment variable", "hf_abcDEF123"),
            ("Label Studio: the environment variable", "LABELS_KEY"),
            ("Shall an LLM", "y"),
            ("LLM: the address", "http://localhost:11434/v1"),
            ("LLM: the model", "llama3.1:8b"),
            ("LLM: the environment variable", key),
            ("LLM: the environment variable", "LOCAL_KEY"),
        ],
        LABELS_KEY="set",
    )
    assert ended.code == 0, ended.shown
    config = load_config(tmp_path / "w" / "chatfeedback.yaml")
    assert config.platforms.names() == ("label_studio",)
    assert str(config.platforms.sections()["label_studio"].url) == "https://labels.example.org/"
    assert config.platforms.sections()["label_studio"].api_key_env == "LABELS_KEY"
    assert config.llm is not None
    assert (config.llm.model, config.llm.api_key_env) == ("llama3.1:8b", "LOCAL_KEY")
    assert config.consent.delay_hours == 0
    assert ended.shown.count("That does not work") == 4
    assert "LOCAL_KEY is not set now" in ended.shown
    assert "LABELS_KEY is not set" not in ended.shown
    assert ended.shown.count(key) == 1  # as it was typed
    assert key not in (tmp_path / "w" / "chatfeedback.yaml").read_text(encoding="utf-8")
    assert "chatfeedback up" not in ended.shown  # nothing to start
    with Workspace.open(tmp_path / "w"):
        pass


@pytest.mark.parametrize("after", [0, 5])
def test_ctrl_c_at_a_question_writes_nothing(tmp_path: Path, after: int) -> None:
    questions = [
        "chat logs of your own",
        "agreed",
        "Which platforms",
        "Argilla: its",
        "Label Studio: its",
        "Shall an",
    ]
    answers = [(question, "") for question in questions[:after]] + [(questions[after], END)]
    ended = at_a_terminal(tmp_path, ["init", "--workspace", "w"], answers)
    assert ended.code == 130
    assert "nothing was written" in ended.shown
    assert "Traceback" not in ended.shown
    assert list(tmp_path.iterdir()) == []


def test_yes_asks_nothing_and_neither_does_a_second_init(tmp_path: Path) -> None:
    ended = at_a_terminal(tmp_path, ["init", "--yes", "--workspace", "w"], [])
    assert ended.code == 0
    assert (tmp_path / "w" / "chatfeedback.yaml").read_text(encoding="utf-8") == template()
    again = at_a_terminal(tmp_path, ["init", "--workspace", "w"], [])
    assert again.code == 0
    assert "There is a workspace already" not in ended.shown
    assert "There is a workspace already" in again.shown
    assert "chatfeedback status" in again.shown
    assert "?" not in ended.shown + again.shown


def test_where_there_is_no_terminal_nothing_is_asked(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "chatfeedback", "init", "--workspace", "w"],
        cwd=tmp_path,
        input="n\nn\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0
    assert (tmp_path / "w" / "chatfeedback.yaml").read_text(encoding="utf-8") == template()


@pytest.mark.parametrize("ignored", [False, True])
def test_a_workspace_that_git_would_track_is_warned_of(tmp_path: Path, ignored: bool) -> None:
    git = shutil.which("git")
    if git is None:
        pytest.skip("git is not installed")
    subprocess.run([git, "init", "-q", str(tmp_path)], check=True)
    (tmp_path / ".gitignore").write_text("inner/w/\n" if ignored else "*.pyc\n", encoding="utf-8")
    (tmp_path / "inner").mkdir()
    ran = subprocess.run(
        [sys.executable, "-m", "chatfeedback", "init", "--workspace", "w"],
        cwd=tmp_path / "inner",
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0
    assert ("git repository" in ran.stderr) == (not ignored)
    assert (tmp_path / "inner" / "w" / "chatfeedback.yaml").exists()
