"""Environments and wheels of trainers, fetched once for all runs on this machine: torch does not belong into ours."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import platformdirs
import pytest
from filelock import FileLock

MARKS = [
    pytest.mark.trl,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(
        os.environ.get("CHATFEEDBACK_TEST_TRL") != "1",
        reason="installs torch and a trainer (1.5 GB with torch for CPUs alone, 4.9 GB from PyPI): set "
        "CHATFEEDBACK_TEST_TRL=1 to run it",
    ),
]
OFFLINE = {
    **dict.fromkeys(("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE"), "1"),
    "TOKENIZERS_PARALLELISM": "false",
}
WHEELS = ("llamafactory==0.9.5", "axolotl==0.19.0", "verl==0.9.1", "openrlhf==0.11.2")
"""Of trainers whose code is read and not installed: 4 MB together."""


def unpacked_wheels() -> Path:
    """Return a folder with the code of the trainers of ``WHEELS``, as PyPI has it."""
    folder = Path(platformdirs.user_cache_dir("chatfeedback")) / "trainers"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        for wheel in WHEELS:
            code = folder / wheel
            if code.is_dir():
                continue
            new = folder / f"{wheel}.new"
            fetch = [_uv(), "pip", "install", "--quiet", "--no-deps", "--target", str(new), wheel]
            done = subprocess.run(fetch, capture_output=True, text=True, check=False)
            if done.returncode and os.environ.get("CI") != "true":
                pytest.skip(f"{wheel} cannot be fetched: {done.stderr.splitlines()[-1:]}")
            assert not done.returncode, done.stderr
            new.rename(code)
    return folder


def code_of(name: str) -> Path:
    """Return the folder in which the package of a trainer of ``WHEELS`` lies."""
    (wheel,) = (wheel for wheel in WHEELS if wheel.startswith(f"{name}=="))
    return unpacked_wheels() / wheel


def _uv() -> str:
    """Return the uv that runs the tests, or the one on the path."""
    found = os.environ.get("UV") or shutil.which("uv")
    assert found, "these tests need uv"
    return found


def python_with(name: str, packages: tuple[str, ...], without: tuple[str, ...] = ()) -> Path:
    """Return the interpreter of an environment with these packages, and without some that they ask for."""
    folder = Path(platformdirs.user_cache_dir("chatfeedback")) / "envs" / name
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        complete, wanted = folder / "complete.json", [*packages, *(f"-{each}" for each in without)]
        if not complete.is_file() or json.loads(complete.read_text()) != wanted:
            subprocess.run(
                [_uv(), "venv", "--quiet", "--clear", "--python", sys.executable, folder], check=True
            )
            (folder / "without.txt").write_text(
                "".join(f"{each}; sys_platform == 'never'\n" for each in without)
            )
            install: list[str | Path] = [_uv(), "pip", "install", "--quiet", "--python", python, *packages]
            known = {"UV_FIND_LINKS": os.environ.get("PIP_FIND_LINKS", ""), **os.environ}
            subprocess.run([*install, "--override", folder / "without.txt"], check=True, env=known)
            complete.write_text(json.dumps(wanted))
    return python
