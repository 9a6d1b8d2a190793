"""Commands answer at once: they import what takes long only where they use it. ``bench/startup.py`` measures it."""

from __future__ import annotations

import gc
import subprocess
import sys
from importlib import import_module
from typing import TYPE_CHECKING

import pytest
import typer
from typer.main import get_group

from chatfeedback.cli.lazy_commands import MODULES
from workspaces import garbage

if TYPE_CHECKING:
    from pathlib import Path

    from workspaces.workspace import Workspace

# Each takes from a twentieth of a second to a second to import.
SLOW = {
    "alembic",
    "argilla",
    "cryptography",
    "datasets",
    "httpx",
    "jinja2",
    "krippendorff",
    "label_studio_sdk",
    "numpy",
    "openai",
    "pandas",
    "phonenumbers",
    "psutil",
    "psycopg",
    "pyarrow",
    "requests",
    "scipy",
    "sklearn",
    "standardwebhooks",
    "starlette",
    "uvicorn",
}
RUN = """
import atexit, sys
atexit.register(lambda: print("imported:", *sys.modules))
from chatfeedback.__main__ import main
main()
"""
PACKAGES = {*SLOW, "pydantic", "sqlalchemy"}
OF_RUNNING_SERVERS = {f"workspaces.servers.{name}" for name in ("health", "processes", "supervisor")}
OF_COMMANDS = {f"chatfeedback.cli.{module}" for module in MODULES.values()}


def modules_of(*arguments: str, code: int = 0) -> set[str]:
    """Run a command in a process of its own and return the modules that it imported."""
    ran = subprocess.run([sys.executable, "-c", RUN, *arguments], capture_output=True, text=True, check=False)
    assert ran.returncode == code, ran.stderr
    return set(ran.stdout.rpartition("imported:")[2].split())


def test_the_help_imports_nothing_that_takes_long() -> None:
    assert not modules_of("--help") & PACKAGES
    assert not modules_of("--version") & (PACKAGES | OF_COMMANDS)


@pytest.mark.parametrize("name", ["ingest", "export", "people", "report", "demo", "sync"])
def test_the_help_of_a_command_imports_no_package_that_only_its_work_needs(name: str) -> None:
    assert modules_of(name, "--help") & PACKAGES <= {"pydantic"}


def test_what_shows_figures_imports_the_store_and_the_configuration_and_no_more(workspace: Workspace) -> None:
    person = workspace.pseudonyms.on_platform("argilla")("ada@example.org")
    place = ("--workspace", str(workspace.path))
    for command in (
        ("status",),
        ("leaderboard",),
        ("budget",),
        ("wallet", person),
        ("wallet", person, "--explain"),
    ):
        imported = modules_of(*command, *place)
        assert imported & PACKAGES == {"pydantic", "sqlalchemy"}, command
        assert imported & OF_COMMANDS == {f"chatfeedback.cli.{MODULES[command[0]]}"}, command
        assert not imported & OF_RUNNING_SERVERS, command


@pytest.mark.parametrize("name", sorted({*MODULES.values()}))
def test_a_module_registers_the_commands_that_the_group_looks_for_in_it(name: str) -> None:
    part = typer.Typer()
    import_module(f"chatfeedback.cli.{name}").register(part)
    assert {*get_group(part).commands} == {command for command, module in MODULES.items() if module == name}


def test_a_hub_out_of_reach_is_said_before_the_rest_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    imported = modules_of("ingest", "hf:owner/name", "--workspace", str(tmp_path), code=4)
    assert "huggingface_hub" in imported
    assert not imported & {"datasets", "pandas", "pyarrow", "sqlalchemy", "task_generators.chat_logs"}


def test_the_help_lists_the_commands_in_the_order_of_work() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "chatfeedback", "--help"], capture_output=True, text=True, check=True
    )
    shown = [line.split()[1] for line in ran.stdout.splitlines() if line.startswith("│ ") and line[2] != " "]
    assert [name for name in shown if name in MODULES] == [*MODULES]


def test_a_name_that_is_no_command_is_refused_without_importing_any() -> None:
    assert not modules_of("walet", code=2) & OF_COMMANDS


ASK = """
import gc, runpy, sys
sys.argv[1:] = ["--version"]
try:
    runpy.run_module("chatfeedback", run_name="__main__")
except SystemExit:
    print(gc.get_threshold())
"""


def test_a_process_of_ours_looks_for_garbage_seldom() -> None:
    ran = subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == f"{garbage.THRESHOLDS}"


def test_a_program_that_imports_us_keeps_its_own_collector() -> None:
    import_module("chatfeedback.__main__")
    assert gc.get_threshold() != garbage.THRESHOLDS
