"""argilla-sql-search: its wheel, and its suite, run in Argilla's environment because ours cannot import the server."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest
from uv import find_uv_bin

from tests.argilla_environment import SQL_SEARCH, argilla_test_python

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.servers


@pytest.mark.timeout(1800)
def test_the_sql_search_engine_passes_its_suite_in_argillas_environment() -> None:
    command = [argilla_test_python(), "-m", "pytest", "-q"]
    done = subprocess.run(command, cwd=SQL_SEARCH, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-5_000:]
    print(done.stdout)  # which of its tests were skipped, and how to get what they miss


def test_its_wheel_is_typed_and_installs_argillas_command_line(tmp_path: Path) -> None:
    python, uv = argilla_test_python(), [find_uv_bin(), "--quiet"]
    subprocess.run([*uv, "build", "--wheel", "--out-dir", tmp_path, SQL_SEARCH], check=True)
    (wheel,) = tmp_path.glob("argilla_sql_search-*.whl")
    target = tmp_path / "installed"
    install = ["pip", "install", "--no-deps", "--python", python, "--target", target, wheel]
    subprocess.run([*uv, *install], check=True)
    assert (target / "argilla_sql_search" / "py.typed").is_file()
    environment = os.environ | {"PYTHONPATH": str(target), "ARGILLA_HOME_PATH": str(tmp_path)}
    command = [target / "bin" / "argilla-sql-search", "--help"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    for name in ("database", "start", "worker"):
        assert name in done.stdout
