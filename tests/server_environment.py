"""An environment with a server and the test tools of our plug-in for it; run as a script, prints its Python.

The workbench's own environment cannot hold the servers: their dependencies exclude each other.
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

SERVERS = Path(__file__).parents[1] / "workspaces" / "servers"
PLUGINS = {
    "argilla": SERVERS / "plugins" / "argilla-sql-search",
    "label-studio": SERVERS / "plugins" / "label-studio-door",
}
"""Our plug-in for each server; ``requirements/NAME.txt`` are the server's requirements."""


def server_test_python(name: str) -> Path:
    """Return the interpreter of an environment; it is installed when it is missing.

    It holds the requirements of the managed server and the dependency group ``tests`` of the plug-in, but not the
    plug-in itself: that comes from the checkout, by pytest's ``pythonpath`` and mypy's ``mypy_path``.
    """
    project = tomllib.loads((PLUGINS[name] / "pyproject.toml").read_text(encoding="utf-8"))
    test_requirements: list[str] = project["dependency-groups"]["tests"]
    requirements = SERVERS / "requirements" / f"{name}.txt"
    contents = requirements.read_bytes() + repr((test_requirements, sys.version_info[:2])).encode()
    key = blake2b(contents, digest_size=6).hexdigest()
    environment = user_cache_path("chatfeedback") / "envs" / f"{name}-tests-{key}"
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
                requirements,
                *test_requirements,
            ]
            subprocess.run([*uv, *install], check=True)
            complete.touch()
    return python


if __name__ == "__main__":
    print(server_test_python(sys.argv[1]))
