"""What is installed is what was locked: each package by hash, and each named in the SBOM of a release."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
REQUIREMENTS = sorted((ROOT / "workspaces" / "servers" / "requirements").glob("*.txt"))


@pytest.mark.parametrize("path", REQUIREMENTS, ids=[path.stem for path in REQUIREMENTS])
def test_each_package_of_a_server_has_a_version_and_a_hash(path: Path) -> None:
    text = re.sub(r"\\\n\s*", " ", path.read_text(encoding="utf-8"))
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert len(lines) > 50
    without = [line for line in lines if not re.match(r"[\w.-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", line)]
    assert without == []


def test_servers_are_installed_with_hashes_alone() -> None:
    source = (ROOT / "workspaces" / "servers" / "environments.py").read_text(encoding="utf-8")
    assert '"--require-hashes"' in source


def test_the_sbom_names_each_locked_package(tmp_path: Path) -> None:
    path = tmp_path / "dist" / "sbom.cdx.json"
    subprocess.run([sys.executable, str(ROOT / "docs" / "sbom.py"), str(path)], check=True)
    document = json.loads(path.read_text(encoding="utf-8"))
    assert document["bomFormat"] == "CycloneDX"
    named = {(component["name"], component["version"]) for component in document["components"]}
    locked = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))["package"]
    missing = {
        (package["name"], package["version"])
        for package in locked
        if package["name"] != "chatfeedback-workbench"
    } - named
    assert missing == set()
    for requirements in REQUIREMENTS:
        pinned = re.findall(r"^([\w.-]+)==(\S+)", requirements.read_text(encoding="utf-8"), re.MULTILINE)
        assert {*pinned} <= named
