"""Imports point down only; import-linter reads the contracts in ``pyproject.toml``."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_every_contract_is_kept() -> None:
    contracts = PROJECT["tool"]["importlinter"]["contracts"]
    command = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    ran = subprocess.run(
        [sys.executable, "-c", command, "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    said = " ".join(ran.stdout.split())
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert contracts
    for contract in contracts:
        assert f"{contract['name']} KEPT" in said
    assert f"Contracts: {len(contracts)} kept, 0 broken." in said


def test_every_package_that_is_shipped_is_under_the_contracts() -> None:
    shipped = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert sorted(PROJECT["tool"]["importlinter"]["root_packages"]) == sorted(shipped)
    layers = PROJECT["tool"]["importlinter"]["contracts"][0]["layers"]
    assert sorted(name.strip() for layer in layers for name in layer.split("|")) == sorted(shipped)


def test_every_folder_with_modules_is_a_package() -> None:
    """import-linter does not see a folder without ``__init__.py``; plugins and revisions are nobody's imports."""
    for name in PROJECT["tool"]["importlinter"]["root_packages"]:
        for module in (ROOT / name).rglob("*.py"):
            if not {"plugins", "versions"} & set(module.parts):
                init = module.parent / "__init__.py"
                assert init.is_file(), f"{init} is missing"


LISTS = {"workspaces/records.py", "workspaces/privacy/redaction/token_shapes.py"}
"""They list records and shapes, one like the other: a list is as long as what it names."""


def test_a_module_has_at_most_400_lines() -> None:
    """One that has grown beyond does two things."""
    packages = PROJECT["tool"]["importlinter"]["root_packages"]
    modules = [module for name in packages for module in (ROOT / name).rglob("*.py")]
    lengths = {it.relative_to(ROOT).as_posix(): len(it.read_text("utf-8").splitlines()) for it in modules}
    assert {name for name, lines in lengths.items() if lines > 400} == LISTS
