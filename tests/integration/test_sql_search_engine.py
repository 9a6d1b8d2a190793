"""The search engine's own suite, run inside Argilla's environment: ours cannot import the server."""

from __future__ import annotations

import subprocess
from hashlib import blake2b
from pathlib import Path

import pytest
from filelock import FileLock
from platformdirs import user_cache_path
from uv import find_uv_bin

ROOT = Path(__file__).parents[2]
REQUIREMENTS = ROOT / "workspaces" / "servers" / "requirements" / "argilla.txt"
TEST_REQUIREMENTS = ["pytest>=8.3", "hypothesis>=6.115"]


def argilla_test_python() -> Path:
    """Return the interpreter of an environment with Argilla's server and pytest, made when it is missing."""
    key = blake2b(REQUIREMENTS.read_bytes() + repr(TEST_REQUIREMENTS).encode(), digest_size=6).hexdigest()
    environment = user_cache_path("chatfeedback") / "envs" / f"argilla-tests-{key}"
    python, complete = environment / "bin" / "python", environment / ".complete"
    environment.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(environment.with_suffix(".lock")):
        if not complete.exists():
            uv = [find_uv_bin(), "--quiet"]
            subprocess.run([*uv, "venv", "--clear", environment], check=True)
            install = ["pip", "install", "--python", python, "-r", REQUIREMENTS, *TEST_REQUIREMENTS]
            subprocess.run([*uv, *install], check=True)
            complete.touch()
    return python


@pytest.mark.servers
@pytest.mark.timeout(1800)
def test_the_sql_search_engine_passes_its_suite_in_argillas_environment() -> None:
    command = [argilla_test_python(), "-m", "pytest", "-q", "tests/argilla_server"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-5_000:]
    print(done.stdout)  # which of its tests were skipped, and how to get what they miss
