"""``sync`` as it is used: what cannot be read is reported, and keeps nothing else from being read."""

from __future__ import annotations

import json
import re
import threading
import time
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from chatfeedback import steps
from chatfeedback.cli import app
from tests.sample_records import NOW, task
from tests.unit.workspaces.test_sync import MemoryPlatform
from workspaces.errors import ConnectionFailedError, NotRunningError
from workspaces.records import PlacedTask
from workspaces.store.latest_annotations import latest_annotations
from workspaces.store.members import MemberStatus, admit
from workspaces.store.tasks import save_placements, save_tasks
from workspaces.workspace import CONFIG_NAME, Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONFIGURATION = "version: 1\nplatforms: {argilla: {}, label_studio: {}}\n"


@pytest.fixture
def platforms(monkeypatch: pytest.MonkeyPatch) -> dict[str, MemoryPlatform]:
    made = {name: MemoryPlatform(name) for name in ("argilla", "label_studio")}

    @contextmanager
    def connected(_workspace: Workspace, name: str) -> Iterator[MemoryPlatform]:
        if name not in made:
            raise NotRunningError(f"{name} was never started")
        yield made[name]

    monkeypatch.setattr(Workspace, "platform", connected)
    return made


@pytest.fixture
def workspace(tmp_path: Path, platforms: dict[str, MemoryPlatform]) -> Iterator[Workspace]:
    """A workspace with an answered task in two containers of each platform."""
    with Workspace.create(tmp_path / "workspace", CONFIGURATION) as made:
        with made.store.write() as connection:
            for name, platform in platforms.items():
                for box in ("one", "two"):
                    task_id = f"{name} {box}"
                    save_tasks(connection, [task(task_id, {"qualities": 1}, platform=name)])
                    save_placements(connection, [PlacedTask(task_id, f"remote-{task_id}", box)], NOW)
                    platform.give(f"answer to {task_id}", task_id, container=box)
                admit(connection, ["ada"], name, MemberStatus.INVITED, NOW)
        yield made


def run(workspace: Workspace, *options: str) -> tuple[Any, str]:
    """Run the command; return its result and the message of the error that it ended with."""
    ran = CliRunner().invoke(app, ["sync", *options, "--workspace", str(workspace.path)])
    return ran, str(ran.exception or "")


def answered(workspace: Workspace) -> set[str]:
    with workspace.store.read() as connection:
        return {found.task_id for found in latest_annotations(connection)}


def test_a_broken_container_is_named_and_everything_else_arrives(
    workspace: Workspace, platforms: dict[str, MemoryPlatform]
) -> None:
    platforms["argilla"].fails_after, platforms["argilla"].refuses_single = 0, True
    ran, error = run(workspace, "--json")
    assert isinstance(ran.exception, ConnectionFailedError)
    assert ran.exception.exit_code == 4
    assert "the platform went away" in error
    found = json.loads(ran.stdout)
    assert found["argilla"]["failures"] == ["one: the platform went away", "two: the platform went away"]
    assert (found["label_studio"]["new"], found["label_studio"]["failures"]) == (2, [])
    assert answered(workspace) == {"label_studio one", "label_studio two"}
    ran, error = run(workspace)
    assert "Label Studio: 2 answers in force; of what people saved there 0 new" in ran.stdout
    assert "Argilla: one: the platform went away; Argilla: two: the platform went away" in error


def test_a_platform_that_cannot_be_used_keeps_no_other_one_from_being_read(
    workspace: Workspace, platforms: dict[str, MemoryPlatform]
) -> None:
    del platforms["argilla"]
    ran, error = run(workspace)
    assert ran.exception.exit_code == 4
    assert "argilla was never started" in error
    assert answered(workspace) == {"label_studio one", "label_studio two"}


@pytest.mark.parametrize(
    "option", [("--every", "5"), ("--port", "8000"), ("--address", "https://lead.example")]
)
def test_what_goes_with_watching_is_refused_without_it(workspace: Workspace, option: tuple[str, str]) -> None:
    ran, error = run(workspace, *option)
    assert ran.exception.exit_code == 2
    assert f"chatfeedback sync --watch {option[0]}" in error


def test_an_address_that_is_no_url_is_refused(workspace: Workspace) -> None:
    ran, error = run(workspace, "--watch", "--address", "lead.example")
    assert (ran.exception.exit_code, "--address is a URL" in error) == (2, True)


def test_watching_says_how_each_platform_is_watched_and_one_line_for_each_round(
    workspace: Workspace, platforms: dict[str, MemoryPlatform], monkeypatch: pytest.MonkeyPatch
) -> None:
    platforms["argilla"].fails_after, platforms["argilla"].refuses_single = 0, True
    rounds = 0

    class Wake(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            nonlocal rounds
            rounds += 1
            platforms["argilla"].fails_after, platforms["argilla"].refuses_single = None, False
            if rounds == 3:
                raise KeyboardInterrupt
            time.sleep(1.1)
            return False

    monkeypatch.setattr("chatfeedback.steps.watching.threading", SimpleNamespace(Event=Wake))
    ran, _ = run(workspace, "--watch")
    lines = ran.stdout.splitlines()
    assert lines[0] == ("Watching: Argilla tells of answers; Label Studio tells of answers. Ctrl-C ends it")
    assert re.fullmatch(r"\d\d:\d\d:\d\d Argilla: 2 new; Label Studio: 2 new \(\d+\.\d s\)", lines[1])
    assert ran.stderr.count("Argilla: one: the platform went away") == 1
    assert [platform.hooked for platform in platforms.values()] == [[], []]


def test_a_mistake_in_the_configuration_is_said_once_and_waited_for(
    workspace: Workspace, platforms: dict[str, MemoryPlatform], monkeypatch: pytest.MonkeyPatch
) -> None:
    configuration = workspace.path / CONFIG_NAME
    sound, looks = configuration.read_text("utf-8"), 0

    class Wake(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            if looks:
                raise KeyboardInterrupt
            configuration.write_text("version: 1\nplatfroms: {}\n", "utf-8")
            return False

    def pause(_seconds: float) -> None:
        nonlocal looks
        looks += 1
        if looks == 3:
            configuration.write_text(sound, "utf-8")

    monkeypatch.setattr("chatfeedback.steps.watching.threading", SimpleNamespace(Event=Wake))
    monkeypatch.setattr("chatfeedback.cli.sync.time", SimpleNamespace(sleep=pause))
    ran, _ = run(workspace, "--watch")
    assert looks == 3
    assert ran.stderr.count("platfroms") == ran.stderr.count("waiting until it is mended") == 1
    assert ran.stdout.count("Watching:") == 1


def test_nothing_is_reported_where_everything_was_read(workspace: Workspace) -> None:
    ran, error = run(workspace)
    assert (ran.exit_code, error) == (0, "")
    assert len(answered(workspace)) == 4
    assert all(not counts.failures for counts in steps.sync_answers(workspace).values())
