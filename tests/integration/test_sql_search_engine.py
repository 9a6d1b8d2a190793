"""argilla-sql-search: its wheel, and its suite, run in Argilla's environment because ours cannot import the server."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest
from uv import find_uv_bin

from tests.server_environment import PLUGINS, server_test_python

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.servers


@pytest.mark.timeout(1800)
def test_the_sql_search_engine_passes_its_suite_in_argillas_environment() -> None:
    command: list[str | Path] = [server_test_python("argilla"), "-m", "pytest", "-q"]
    done = subprocess.run(command, cwd=PLUGINS["argilla"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-5_000:]
    print(done.stdout)  # which of its tests were skipped, and how to get what they miss


def test_its_wheel_is_typed_and_installs_argillas_command_line(tmp_path: Path) -> None:
    python = server_test_python("argilla")
    uv: list[str | Path] = [find_uv_bin(), "--quiet"]
    subprocess.run([*uv, "build", "--wheel", "--out-dir", tmp_path, PLUGINS["argilla"]], check=True)
    (wheel,) = tmp_path.glob("argilla_sql_search-*.whl")
    target = tmp_path / "installed"
    install: list[str | Path] = ["pip", "install", "--no-deps", "--python", python, "--target", target, wheel]
    subprocess.run([*uv, *install], check=True)
    assert (target / "argilla_sql_search" / "py.typed").is_file()
    environment = os.environ | {"PYTHONPATH": str(target), "ARGILLA_HOME_PATH": str(tmp_path)}
    command: list[str | Path] = [target / "bin" / "argilla-sql-search", "--help"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    for name in ("database", "start", "worker"):
        assert name in done.stdout
