"""A Dask cluster on this machine, of processes that a test can kill."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]


@contextmanager
def dask_cluster(folder: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """Run a scheduler and two workers; yield the address of the one and the processes of the others."""
    address_file = folder / "scheduler.json"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}

    def start(module: str, *arguments: str) -> subprocess.Popen[bytes]:
        line = [
            sys.executable,
            "-m",
            f"distributed.cli.{module}",
            "--scheduler-file",
            str(address_file),
            *arguments,
        ]
        return subprocess.Popen(line, env=environment, cwd=folder, stderr=subprocess.DEVNULL)

    scheduler = start("dask_scheduler", "--port", "0", "--no-dashboard", "--host", "127.0.0.1")
    plain = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1")
    pair = [start("dask_worker", *plain) for _ in range(2)]
    try:
        deadline = time.monotonic() + 60
        while not address_file.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        yield json.loads(address_file.read_text())["address"], pair
    finally:
        for process in (*pair, scheduler):
            process.kill()
            process.wait()
