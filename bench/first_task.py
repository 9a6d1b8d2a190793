"""Measure how long it takes from 'push' until an annotator finds a first task, in a large collection.

    PYTHONPATH=. uv run python bench/first_task.py [--conversations 50000] [--people 5]

Starts an Argilla of its own. 'chatfeedback push' and 'chatfeedback route' run as a lead starts them, one after the
other; then each person asks for their first task through the API, and one of them answers it. The clock runs from the
start of 'push'. A second round says what the two commands take when nothing is new.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from pydantic import SecretStr

from bench.live import FORM, PASSWORD
from chatfeedback import steps
from tests.sample_records import ALL_TAGS, NOW, chat
from workspaces.registry import PLATFORMS
from workspaces.store.tasks import containers
from workspaces.workspace import Workspace

CONFIGURATION = """version: 1
platforms: {argilla: {}}
mix: {kinds: {qualitative: 1}, overlap: 3}
routing: {enabled: true}
"""


def run(workspace: Path, command: str) -> str:
    """Run a command of the workbench; return what it took."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "chatfeedback", command, "--workspace", str(workspace)],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    lasted, after = time.monotonic() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return f"{command} {lasted:.1f} s ({used:.1f} s of processor, {after.ru_maxrss // 1024:,} MiB)"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--conversations", type=int, default=50_000)
    parser.add_argument("--people", type=int, default=5)
    options = parser.parse_args()
    emails = [f"person{n}@example.org" for n in range(options.people)]
    with (
        tempfile.TemporaryDirectory() as folder,
        Workspace.create(Path(folder) / "w", CONFIGURATION) as workspace,
    ):
        count = options.conversations
        logs = [chat(f"c{n}", f"What is {n} and {n}, in words?", f"It is {2 * n}.") for n in range(count)]
        workspace.collection.append(logs, now=NOW, delay=NOW - NOW)
        steps.seed_responses(workspace)
        made = steps.generate_tasks(workspace)
        print(f"{made.created:,} tasks of {count:,} conversations", flush=True)
        (server,) = workspace.servers().values()
        server.start(lambda _: None)
        try:
            steps.invite_people(workspace, dict.fromkeys(emails, SecretStr(PASSWORD.get_secret_value())))
            begun = time.monotonic()
            print(run(workspace.path, "push"), flush=True)
            print(run(workspace.path, "route"), flush=True)
            with workspace.store.read() as connection:
                (container,) = containers(connection, "argilla")
            for email in emails:
                with closing(
                    PLATFORMS["argilla"].sign_in(workspace.address("argilla"), email, PASSWORD)
                ) as session:
                    (first,) = session.open_tasks(container, 1)
                    if email == emails[0]:
                        session.submit(first, FORM, ALL_TAGS, 5.0)
                        print(
                            f"the first task is answered {time.monotonic() - begun:.1f} s after 'push' began"
                        )
            print(f"everybody has one after {time.monotonic() - begun:.1f} s", flush=True)
            print("again:", run(workspace.path, "push"), run(workspace.path, "route"), sep="\n")
            print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
        finally:
            server.stop()


if __name__ == "__main__":
    main()
