"""A place that cannot be written is said at once: before anything is read, and while another command works."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from chatfeedback.cli import app
from workspaces.errors import WorkbenchError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workspaces.workspace import Workspace

COMMANDS = {
    "export": (["export", "dpo", "--output"], "folder"),
    "ledger export": (["ledger", "export", "--output"], "folder"),
    "checkpoint": (["ledger", "checkpoint", "--output"], "file"),
    "statistics": (["collection", "stats", "--html"], "file"),
    "a person's data": (["people", "export", "ada@example.org", "--output"], "zip"),
}


def made(path: Path) -> Path:
    path.write_text("mine")
    return path


def looped(path: Path) -> Path:
    path.symlink_to(path)
    return path


def piped(path: Path) -> Path:
    os.mkfifo(path)
    return path


PLACES: dict[str, Callable[[Path], object]] = {
    "below a file": lambda at: made(at / "file") / "out.zip",
    "a device": lambda _: "/dev/null",
    "a pipe": lambda at: piped(at / "pipe"),
    "links in a circle": lambda at: looped(at / "loop"),
    "links in a circle on the way": lambda at: looped(at / "loop") / "out.zip",
    "where nobody can write": lambda _: "/proc/no-such/out.zip",
    "a name that is too long": lambda at: at / ("x" * 300),
    "the home of nobody": lambda _: "~no-such-person/out.zip",
    "the whole disk": lambda _: "/",
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", COMMANDS)
def test_it_is_refused_in_one_line_without_waiting_for_the_lock(
    workspace: Workspace, tmp_path: Path, name: str, place: str
) -> None:
    workspace.pseudonyms.on_platform("argilla")("ada@example.org")
    arguments, kind = COMMANDS[name]
    path = PLACES[place](tmp_path)
    if kind == "folder" and place == "a pipe":
        assert not os.path.isdir(str(path))  # noqa: PTH112
    before = sorted(tmp_path.iterdir())
    with workspace.exclusive():
        began = time.monotonic()
        ran = CliRunner().invoke(app, [*arguments, str(path), "--workspace", str(workspace.path)])
        assert time.monotonic() - began < 20
    assert isinstance(ran.exception, WorkbenchError), (ran.output, ran.exception)
    assert "\n" not in str(ran.exception)
    assert str(path) in str(ran.exception)
    assert "name " in str(ran.exception)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("name", ["export", "ledger export"])
def test_a_file_is_no_folder_and_stays(workspace: Workspace, tmp_path: Path, name: str) -> None:
    mine = made(tmp_path / "mine.txt")
    ran = CliRunner().invoke(app, [*COMMANDS[name][0], str(mine), "--workspace", str(workspace.path)])
    assert isinstance(ran.exception, WorkbenchError)
    assert mine.read_text() == "mine"
