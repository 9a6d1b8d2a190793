"""Commands answer at once: they import what takes long only where they use it. ``bench/startup.py`` measures it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
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
    "psycopg",
    "pyarrow",
    "requests",
    "scipy",
    "sklearn",
}
RUN = f"""
import atexit, sys
atexit.register(lambda: print("imported:", *({SLOW!r} | {{"pydantic", "sqlalchemy"}}) & set(sys.modules)))
from chatfeedback.__main__ import main
main()
"""


def imported_by(*arguments: str) -> set[str]:
    """Run a command in a process of its own and return which of the slow packages it imported."""
    ran = subprocess.run([sys.executable, "-c", RUN, *arguments], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return set(ran.stdout.rpartition("imported:")[2].split())


def test_the_help_imports_nothing_that_takes_long() -> None:
    assert imported_by("--help") == set()
    assert imported_by("--version") == set()


@pytest.mark.parametrize("name", ["ingest", "export", "people", "report", "demo"])
def test_the_help_of_a_command_imports_no_package_that_only_its_work_needs(name: str) -> None:
    assert imported_by(name, "--help") <= {"pydantic"}


def test_what_shows_figures_imports_the_store_and_the_configuration_and_no_more(workspace: Workspace) -> None:
    person = workspace.pseudonyms.on_platform("argilla")("ada@example.org")
    place = ("--workspace", str(workspace.path))
    for command in (("status",), ("leaderboard",), ("wallet", person), ("wallet", person, "--explain")):
        assert imported_by(*command, *place) == {"pydantic", "sqlalchemy"}, command
