"""label-studio-door: its wheel, and its suite, run in Label Studio's environment because ours cannot import it."""

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
def test_the_door_passes_its_suite_in_label_studios_environment() -> None:
    command: list[str | Path] = [server_test_python("label-studio"), "-m", "pytest", "-q"]
    done = subprocess.run(command, cwd=PLUGINS["label-studio"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-5_000:]


def test_its_wheel_is_typed_and_holds_the_table_and_label_studios_command_line(tmp_path: Path) -> None:
    python = server_test_python("label-studio")
    uv: list[str | Path] = [find_uv_bin(), "--quiet"]
    subprocess.run([*uv, "build", "--wheel", "--out-dir", tmp_path, PLUGINS["label-studio"]], check=True)
    (wheel,) = tmp_path.glob("label_studio_door-*.whl")
    target = tmp_path / "installed"
    install: list[str | Path] = ["pip", "install", "--no-deps", "--python", python, "--target", target, wheel]
    subprocess.run([*uv, *install], check=True)
    assert (target / "label_studio_door" / "py.typed").is_file()
    assert (target / "label_studio_door" / "routes.csv").is_file()
    environment = os.environ | {"PYTHONPATH": str(target), "LABEL_STUDIO_BASE_DATA_DIR": str(tmp_path)}
    command: list[str | Path] = [target / "bin" / "label-studio-door", "start", "--help"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert "--internal-host" in done.stdout
