"""The registry of platforms agrees with the configuration, the servers, the command line and the documentation."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from chatfeedback.cli import app
from workspaces.config import Config, PlatformConfig, PlatformsConfig
from workspaces.platforms.base import Capabilities
from workspaces.registry import PLATFORMS, PlatformEntry, managed_servers
from workspaces.workspace import Workspace

ROOT = Path(__file__).parents[3]
ENTRIES = [pytest.param(entry, id=entry.slug) for entry in PLATFORMS.values()]


def test_the_configuration_has_a_section_for_each_platform_and_no_other() -> None:
    assert list(PLATFORMS) == list(PlatformsConfig.model_fields)
    for name in PLATFORMS:
        assert issubclass(PlatformsConfig.section_of(name), PlatformConfig), name


@pytest.mark.parametrize("entry", ENTRIES)
def test_a_managed_server_goes_by_the_names_of_its_platform(entry: PlatformEntry, tmp_path: Path) -> None:
    config = Config.model_validate({"version": 1, "platforms": {entry.name: {}}})
    (server,) = managed_servers(config.platforms, tmp_path).values()
    assert (server.name, server.title) == (entry.slug, entry.title)
    assert server.folder == tmp_path / entry.slug
    assert not server.was_started()


def test_a_platform_of_ones_own_has_no_managed_server(tmp_path: Path) -> None:
    address = {"url": "https://platform.example.org"}
    platforms = dict.fromkeys(PLATFORMS, address)
    config = Config.model_validate({"version": 1, "platforms": platforms})
    assert managed_servers(config.platforms, tmp_path) == {}


@pytest.mark.parametrize("entry", ENTRIES)
def test_every_command_for_servers_knows_the_slug(entry: PlatformEntry, tmp_path: Path) -> None:
    with Workspace.create(tmp_path, f"version: 1\nplatforms: {{{entry.name}: {{}}}}\n"):
        pass
    ran = CliRunner().invoke(app, ["down", entry.slug, "--workspace", str(tmp_path), "--json"])
    assert ran.exit_code == 0, ran.output
    assert json.loads(ran.stdout) == {entry.name: False}


def test_the_doctor_says_what_the_platforms_can_do(workspace: Workspace) -> None:
    ran = CliRunner().invoke(app, ["doctor", "--workspace", str(workspace.path), "--json"])
    findings: dict[str, Any] = json.loads(ran.stdout)
    for name, entry in PLATFORMS.items():
        assert findings[name]["capabilities"] == asdict(entry.capabilities)
    assert "capabilities" not in findings["store"]


def test_the_documentation_explains_every_capability() -> None:
    text = (ROOT / "docs" / "adding-a-platform.md").read_text(encoding="utf-8")
    explained = re.findall(r"^\| `(\w+)` \| ", text.partition("| capability |")[2], re.MULTILINE)
    assert explained == [field.name for field in fields(Capabilities)]


def test_no_module_but_the_registry_asks_for_a_platform_by_name() -> None:
    """Adapters, servers and the configuration are the platforms' own; the demo's configuration is a file's text."""
    own = ("workspaces/platforms/", "workspaces/servers/", "workspaces/config/", "workspaces/registry.py")
    names = re.compile("|".join(rf"""["']({name}|{PLATFORMS[name].slug})["']""" for name in PLATFORMS))
    asking = [
        path.relative_to(ROOT).as_posix()
        for package in (
            "workspaces",
            "chatfeedback",
            "exports",
            "quality",
            "reward_engine",
            "task_generators",
        )
        for path in (ROOT / package).rglob("*.py")
        if not path.relative_to(ROOT).as_posix().startswith(own)
        and names.search(path.read_text(encoding="utf-8"))
    ]
    assert asking == []


@pytest.mark.slow
def test_the_command_line_starts_without_an_sdk_or_a_server() -> None:
    """Each SDK takes a second to import."""
    heavy = ["argilla", "label_studio_sdk", *(f"workspaces.servers.{name}" for name in PLATFORMS)]
    code = f"import sys, chatfeedback.cli; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"
