"""An environment with Argilla's server and the test tools of argilla-sql-search; run as a script, prints its Python.

The workbench's own environment cannot hold the server: their dependencies exclude each other.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from hashlib import blake2b
from pathlib import Path

from filelock import FileLock
from platformdirs import user_cache_path
from uv import find_uv_bin

ROOT = Path(__file__).parents[1]
REQUIREMENTS = ROOT / "workspaces" / "servers" / "requirements" / "argilla.txt"
SQL_SEARCH = ROOT / "workspaces" / "servers" / "plugins" / "argilla-sql-search"


def argilla_test_python() -> Path:
    """Return the environment's interpreter; the environment is installed when it is missing.

    It holds the requirements of the managed Argilla and the dependency group ``tests`` of argilla-sql-search, but not
    argilla-sql-search itself: that comes from the checkout, by pytest's ``pythonpath`` and mypy's ``mypy_path``.
    """
    project = tomllib.loads((SQL_SEARCH / "pyproject.toml").read_text(encoding="utf-8"))
    test_requirements: list[str] = project["dependency-groups"]["tests"]
    contents = REQUIREMENTS.read_bytes() + repr((test_requirements, sys.version_info[:2])).encode()
    key = blake2b(contents, digest_size=6).hexdigest()
    environment = user_cache_path("chatfeedback") / "envs" / f"argilla-tests-{key}"
    python, complete = environment / "bin" / "python", environment / ".complete"
    environment.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(environment.with_suffix(".lock")):
        if not complete.exists():
            uv: list[str | Path] = [find_uv_bin(), "--quiet"]
            subprocess.run([*uv, "venv", "--clear", "--python", sys.executable, environment], check=True)
            install: list[str | Path] = [
                "pip",
                "install",
                "--python",
                python,
                "-r",
                REQUIREMENTS,
                *test_requirements,
            ]
            subprocess.run([*uv, *install], check=True)
            complete.touch()
    return python


if __name__ == "__main__":
    print(argilla_test_python())
