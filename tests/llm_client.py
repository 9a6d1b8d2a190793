"""The command line client ``llm`` in an environment of its own, which is installed when it is missing."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from filelock import FileLock
from platformdirs import user_cache_path
from uv import find_uv_bin

if TYPE_CHECKING:
    from pathlib import Path

VERSION = "0.36"


def llm_command() -> Path:
    """Return the command.

    Raises:
        subprocess.CalledProcessError: it is not installed, and cannot be.
    """
    name = f"llm-{VERSION}-{sys.version_info[0]}.{sys.version_info[1]}"
    environment = user_cache_path("chatfeedback") / "envs" / name
    complete = environment / ".complete"
    environment.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(environment.with_suffix(".lock")):
        if not complete.exists():
            uv = [find_uv_bin(), "--quiet"]
            subprocess.run([*uv, "venv", "--clear", "--python", sys.executable, environment], check=True)
            python = environment / "bin" / "python"
            subprocess.run([*uv, "pip", "install", "--python", python, f"llm=={VERSION}"], check=True)
            complete.touch()
    return environment / "bin" / "llm"
