"""Servers that do not run are said at once, all of them, with one exit code in every command."""

from __future__ import annotations

import json
import socket
import time
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from chatfeedback.cli import app
from tests.sample_records import NOW, task
from workspaces.errors import (
    ConfigurationError,
    ConnectionFailedError,
    CredentialsError,
    NotRunningError,
    RowsRejectedError,
    UsageError,
    WorkbenchError,
    together,
)
from workspaces.records import PlacedTask
from workspaces.registry import PLATFORMS
from workspaces.servers.settings import write_settings
from workspaces.store.tasks import save_placements, save_tasks
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

COMMANDS = (
    ("sync",),
    ("push",),
    ("people", "invite", "ada@example.org"),
    ("people", "revoke", "ada@example.org"),
    ("people", "reset-password", "ada@example.org"),
    ("doctor",),
)
AT_ONCE = 2.0
"""Seconds of the processor for a command."""

IMPORTS = 10.0
"""Seconds more for the first one, which imports what all need."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def made(folder: Path, configuration: str) -> Workspace:
    """Return a workspace with a task on each platform, and a person who is known."""
    workspace = Workspace.create(folder, configuration)
    with workspace.store.write() as connection:
        for name in PLATFORMS:
            save_tasks(connection, [task(f"task of {name}", {"qualities": 1}, platform=name)])
            save_placements(connection, [PlacedTask(f"task of {name}", "1", "1")], NOW)
    for name in PLATFORMS:
        workspace.pseudonyms.on_platform(name)("ada@example.org")
    return workspace


def stopped(workspace: Workspace, state: str | None) -> None:
    """Leave what servers leave behind that ran once."""
    for server in workspace.servers().values():
        server.folder.mkdir(parents=True)
        settings = server.settings_type(port=free_port(), python="python", api_key="a-key")  # type: ignore[attr-defined]
        write_settings(server.folder / "settings.json", settings)
        if state is not None:
            (server.folder / "state.json").write_text(state)


@pytest.mark.parametrize("left", ["never started", "stopped", "crashed"])
def test_managed_servers_that_do_not_run_are_all_named_at_once(tmp_path: Path, left: str) -> None:
    with made(tmp_path / "w", "version: 1\nplatforms: {argilla: {}, label_studio: {}}\n") as workspace:
        if left != "never started":
            supervisor = {"pid": 2**22 + 1, "started": 1.0}
            dead = {"status": "running", "supervisor": supervisor, "processes": {}, "failed": None}
            stopped(workspace, json.dumps(dead) if left == "crashed" else None)
    for command in COMMANDS:
        before = time.process_time()
        ran = CliRunner().invoke(app, [*command, "--workspace", str(tmp_path / "w")])
        assert time.process_time() - before < AT_ONCE + IMPORTS * (command == COMMANDS[0])
        assert isinstance(ran.exception, ConnectionFailedError), command
        assert ran.exception.exit_code == 4
        for entry in PLATFORMS.values():
            said = f"{entry.title} is not running: start it with 'chatfeedback up {entry.slug}'"
            assert said in str(ran.exception), command


def test_servers_of_ones_own_that_refuse_are_asked_once_and_all_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(_seconds: float) -> None:
        raise AssertionError("nothing is repeated where nothing listens")

    monkeypatch.setattr("time.sleep", never)
    monkeypatch.setenv("KEY", _token())
    addresses = {name: f"http://127.0.0.1:{free_port()}" for name in PLATFORMS}
    sections = {name: {"url": url, "api_key_env": "KEY"} for name, url in addresses.items()}
    made(tmp_path / "w", json.dumps({"version": 1, "platforms": sections})).close()
    for command in COMMANDS:
        ran = CliRunner().invoke(app, [*command, "--workspace", str(tmp_path / "w")])
        assert isinstance(ran.exception, ConnectionFailedError), command
        assert ran.exception.exit_code == 4
        for name, url in addresses.items():
            assert f"{PLATFORMS[name].title} at {url} cannot be reached" in str(ran.exception), command


def test_a_platform_that_is_down_keeps_no_other_one_from_its_failure_and_the_gravest_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MISSING", raising=False)
    sections = {"argilla": {}, "label_studio": {"url": "http://127.0.0.1:9", "api_key_env": "MISSING"}}
    made(tmp_path / "w", json.dumps({"version": 1, "platforms": sections})).close()
    for command in COMMANDS:
        ran = CliRunner().invoke(app, [*command, "--workspace", str(tmp_path / "w")])
        assert isinstance(ran.exception, ConfigurationError), command
        assert "Argilla is not running" in str(ran.exception)
        assert "MISSING" in str(ran.exception)


@pytest.mark.parametrize(
    ("failures", "code"),
    [
        ([NotRunningError("a"), CredentialsError("b")], 4),
        ([WorkbenchError("a"), ConnectionFailedError("b")], 4),
        ([ConnectionFailedError("a"), ConfigurationError("b")], 3),
        ([UsageError("a"), RowsRejectedError("b")], 2),
        ([WorkbenchError("a"), WorkbenchError("b")], 1),
        ([RowsRejectedError("b")], 5),
    ],
)
def test_of_several_failures_all_are_named_and_one_rule_gives_the_exit_code(
    failures: list[WorkbenchError], code: int
) -> None:
    for order in (failures, failures[::-1]):
        error = together(order)
        assert error.exit_code == code
        assert all(str(each) in str(error) for each in failures)


def _token() -> str:
    """Return what looks like a personal access token; nobody reads it."""
    import base64

    body = base64.urlsafe_b64encode(b'{"token_type": "refresh"}').decode().rstrip("=")
    return SecretStr(f"x.{body}.x").get_secret_value()
