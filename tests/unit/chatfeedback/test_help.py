"""Every command explains itself, and the README mentions it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import typer
from typer.testing import CliRunner

from chatfeedback.cli import app

if TYPE_CHECKING:
    from collections.abc import Iterator

README = Path(__file__).parents[3] / "README.md"
CONTRACT = {
    "init",
    "up",
    "down",
    "status",
    "ingest",
    "collection",
    "consent",
    "seed",
    "counterparts",
    "generate",
    "push",
    "route",
    "tasks",
    "sync",
    "settle",
    "leaderboard",
    "ranking",
    "ledger",
    "wallet",
    "report",
    "demographics",
    "export",
    "people",
    "web",
    "keys",
    "chats",
    "gold",
    "doctor",
    "demo",
    "budget",
    "rubric",
    "adjudicate",
}
"""Commands that people have in scripts; each must stay."""


def commands() -> Iterator[tuple[str, Any]]:
    def walk(name: str, command: Any) -> Iterator[tuple[str, Any]]:
        inner = getattr(command, "commands", None)
        if inner is None:
            yield name.strip(), command
        for child, found in (inner or {}).items():
            yield from walk(f"{name} {child}", found)

    return walk("", typer.main.get_command(app))


COMMANDS = dict(commands())
EACH = pytest.mark.parametrize("name", COMMANDS)


def test_the_commands_are_those_of_the_contract() -> None:
    assert {name.split()[0] for name in COMMANDS} == CONTRACT


@EACH
def test_a_command_says_what_it_does_and_gives_an_example(name: str) -> None:
    said = COMMANDS[name].help or ""
    first = said.strip().splitlines()[0]
    assert first.endswith(".")
    assert len(first) > 20
    assert f"Example: **chatfeedback {name}" in " ".join(said.split())


@EACH
def test_the_example_of_a_command_is_a_call_it_understands(name: str) -> None:
    (example,) = re.findall(
        r"Example: \*\*chatfeedback ([^*]+)\*\*", " ".join((COMMANDS[name].help or "").split())
    )
    arguments = example.split()[len(name.split()) :]
    COMMANDS[name].make_context(name, list(arguments), resilient_parsing=False)


@EACH
def test_a_command_takes_a_workspace_and_gives_json(name: str) -> None:
    options = {option for parameter in COMMANDS[name].params for option in parameter.opts}
    assert {"--workspace", "--json"} <= options


@EACH
def test_every_option_and_argument_of_a_command_is_explained(name: str) -> None:
    for parameter in COMMANDS[name].params:
        explained = getattr(parameter, "help", None)
        assert explained, f"{name}: {parameter.name} has no help"
        assert explained.endswith((".", ")")) or len(explained) < 40


@EACH
def test_help_is_printed_without_opening_anything(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = CliRunner().invoke(app, [*name.split(), "--help"])
    assert ran.exit_code == 0
    assert "Usage" in ran.output
    assert list(tmp_path.iterdir()) == []


@EACH
def test_the_readme_mentions_the_command(name: str) -> None:
    text = README.read_text(encoding="utf-8")
    mentioned = re.findall(r"chatfeedback ([a-z]+(?: [a-z-]+)?)", text)
    listed = re.findall(r"\balso: ([a-z, ]+)", text)
    words = {each for found in mentioned for each in (found, found.split()[0])}
    words |= {word.strip() for found in listed for word in found.split(",")}
    assert name in words


def test_every_command_the_readme_shows_exists() -> None:
    text = README.read_text(encoding="utf-8")
    shown = re.findall(r"^(?:.*\brun )?chatfeedback ([a-z]+)", text, flags=re.MULTILINE)
    assert shown
    assert set(shown) <= {name.split()[0] for name in COMMANDS}


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "chatfeedback", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.slow
def test_a_mistake_is_one_line_with_its_own_exit_code(tmp_path: Path) -> None:
    nowhere = run("collection", cwd=tmp_path)
    assert (nowhere.returncode, nowhere.stdout) == (3, "")
    assert nowhere.stderr.count("\n") == 1
    assert "chatfeedback init" in nowhere.stderr


@pytest.mark.slow
def test_a_command_that_is_not_there_is_a_mistake_in_usage(tmp_path: Path) -> None:
    assert run("no-such-command", cwd=tmp_path).returncode == 2


def test_the_version_is_printed_without_a_workspace(tmp_path: Path) -> None:
    ran = run("--version", cwd=tmp_path)
    declared = tomllib.loads((README.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == f"{declared['name']} {declared['version']}\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_json_is_the_only_thing_on_standard_output(tmp_path: Path) -> None:
    ran = run("init", "--json", cwd=tmp_path)
    assert ran.returncode == 0
    assert json.loads(ran.stdout)["workspace"] == str(tmp_path)
