"""A Python environment of its own for each server, made once per user with ``uv``.

The servers pin packages that contradict each other and the workbench, so none of them shares an environment.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import deque
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

from uv import find_uv_bin

from workspaces.errors import ConnectionFailedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

REQUIREMENTS = Path(__file__).parent / "requirements"


def environment_path(name: str) -> Path:
    """Return where the environment for a pinned requirements file lies (or will lie)."""
    from platformdirs import user_cache_path  # only where a server is installed or started

    pinned = (REQUIREMENTS / f"{name}.txt").read_bytes()
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    digest = blake2b(pinned + version.encode() + sys.prefix.encode(), digest_size=6).hexdigest()
    return user_cache_path("chatfeedback") / "environments" / f"{name}-{digest}"


def python_in(environment: Path) -> Path:
    """Return the environment's interpreter."""
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def ensure_environment(name: str, say: Callable[[str], None] = lambda _: None) -> Path:
    """Return the interpreter of the environment for ``requirements/NAME.txt``, installing it where needed.

    Two commands at once wait for each other; one that was killed half-way is made again. ``say`` is told what is
    being installed, with the sizes of the downloads; nothing where it is installed already.

    Raises:
        ConnectionFailedError: the packages could not be installed; the message ends with what ``uv`` said.
    """
    environment = environment_path(name)
    complete = environment / ".complete"
    if complete.exists():
        return python_in(environment)
    environment.parent.mkdir(parents=True, exist_ok=True)
    with _locked(environment):
        if not complete.exists():
            say(f"installing, once for you, into {environment}")
            shutil.rmtree(environment, ignore_errors=True)
            _uv("venv", "--python", sys.executable, str(environment))
            _uv(
                "pip",
                "install",
                "--require-hashes",
                "--python",
                str(python_in(environment)),
                "-r",
                str(REQUIREMENTS / f"{name}.txt"),
                say=say,
            )
            complete.touch()
    return python_in(environment)


def ensure_template(name: str, file_name: str, build: Callable[[Path], None]) -> Path:
    """Return a server's empty, migrated database, built once per environment: migrating takes half a minute.

    Args:
        name: the environment's name; ``ensure_environment`` has made it.
        file_name: what the server calls its database file.
        build: writes that file into a folder.
    """
    template = environment_path(name) / "template"
    with _locked(template):
        if not (template / file_name).exists():
            building = template.with_suffix(".building")
            shutil.rmtree(building, ignore_errors=True)
            building.mkdir()
            build(building)
            shutil.rmtree(template, ignore_errors=True)
            building.replace(template)
    return template / file_name


def plain_environment() -> dict[str, str]:
    """Return what of our environment a server may see: no key of ours, no Python setting."""
    keep = ("PATH", "HOME", "USER", "LANG", "LC_ALL", "TMPDIR", "TZ", "SYSTEMROOT", "SSL_CERT_FILE")
    return {name: os.environ[name] for name in keep if name in os.environ}


def _locked(folder: Path) -> AbstractContextManager[object]:
    """Keep other processes from making the same folder; a lock file stands beside it."""
    from filelock import FileLock  # brings asyncio

    return FileLock(folder.with_suffix(".lock"))


def _uv(*arguments: str, say: Callable[[str], None] = lambda _: None) -> None:
    """Run uv; ``say`` is told its own words on downloads and what it installed.

    Raises:
        ConnectionFailedError: uv failed; the message ends with what it said.
    """
    said: deque[str] = deque(maxlen=20)
    command = [find_uv_bin(), "--color", "never", *arguments]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        for line in map(str.strip, running.stderr):
            said.append(line)
            if line.startswith(("Resolved", "Downloading", "Prepared", "Installed")):
                say(line[0].lower() + line[1:])
    if running.returncode:
        reason = " ".join(" ".join(said).split())[-600:]
        raise ConnectionFailedError(f"'uv {' '.join(arguments[:2])}' failed: {reason}")
