"""What keeps a machine running: the units name commands that are there, the proxy's ports are those of the page."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from chatfeedback.cli import app
from chatfeedback.web.running import PORT
from workspaces.config import load_config

DEPLOY = Path(__file__).parents[2] / "deploy"
UNITS = sorted(DEPLOY.glob("*.service"))
EXECUTABLE = "/srv/chatfeedback/workbench/.venv/bin/chatfeedback"


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_runs_commands_that_are_there(unit: Path) -> None:
    commands = re.findall(r"^Exec\w+=(.*)$", unit.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert commands
    for command in commands:
        executable, name, *arguments = shlex.split(command)
        assert executable == EXECUTABLE
        assert CliRunner().invoke(app, [name, *arguments, "--help"]).exit_code == 0


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd here")
    for unit in UNITS:  # it looks whether the command is there
        text = unit.read_text(encoding="utf-8").replace(EXECUTABLE, sys.executable)
        (tmp_path / unit.name).write_text(text, encoding="utf-8")
    command = ["systemd-analyze", "verify", *(str(tmp_path / unit.name) for unit in UNITS)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_proxy_and_configuration_name_the_same_ports_and_addresses(tmp_path: Path) -> None:
    """The proxy itself runs in ``tests/e2e/test_people_elsewhere.py``."""
    proxy = (DEPLOY / "Caddyfile").read_text(encoding="utf-8")
    ports = {
        name: int(port)
        for name, port in re.findall(r"^(\w+)\.\{\$DOMAIN\} \{\n.*:(\d+)\}$", proxy, re.MULTILINE)
    }
    (written,) = re.findall(
        r"```yaml\n(.*?)```", (DEPLOY / "README.md").read_text(encoding="utf-8"), re.DOTALL
    )
    lines = [line.removeprefix("   ") for line in written.splitlines()]
    configuration = tmp_path / "chatfeedback.yaml"
    configuration.write_text("\n".join(["version: 1", *lines]), encoding="utf-8")
    config = load_config(configuration)
    sections = config.platforms.sections()
    assert ports == {
        "argilla": sections["argilla"].port,
        "labels": sections["label_studio"].port,
        "points": PORT,
    }
    assert [section.origin for section in sections.values()] == [
        "https://argilla.example.org",
        "https://labels.example.org",
    ]
