"""The suite of argilla-sql-search, run inside Argilla's environment: ours cannot import the server."""

from __future__ import annotations

import subprocess

import pytest
from argilla_environment import SQL_SEARCH, argilla_test_python


@pytest.mark.servers
@pytest.mark.timeout(1800)
def test_the_sql_search_engine_passes_its_suite_in_argillas_environment() -> None:
    command = [argilla_test_python(), "-m", "pytest", "-q"]
    done = subprocess.run(command, cwd=SQL_SEARCH, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-5_000:]
    print(done.stdout)  # which of its tests were skipped, and how to get what they miss
