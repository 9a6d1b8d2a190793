"""Measure how long 10,000 answers take from a real platform into the store.

    PYTHONPATH=. uv run python bench/pull.py argilla [--answers 10000] [--people 5]

Starts a server of its own and pushes the tasks. Each person answers one task through the API; the other answers are
copies of it in the server's database, as people would take days. Then everything is read: all of it for the first time,
and once more when nothing changed.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import tempfile
import time
import uuid
from contextlib import closing
from pathlib import Path

from pydantic import SecretStr

from bench.live import FORM, PASSWORD, processor_seconds
from chatfeedback import steps
from tests.sample_records import ALL_TAGS, NOW, chat
from workspaces.registry import PLATFORMS
from workspaces.store.tasks import containers, places_in
from workspaces.workspace import Workspace

TABLES = {
    "argilla": ("argilla.db", "responses", "record_id", "id"),
    "label_studio": ("label_studio.sqlite3", "task_completion", "task_id", "unique_id"),
}
"""The database of a platform, its table of answers, and the columns with the task and with an id that is drawn."""


def copy_answers(workspace: Workspace, platform: str, container: str) -> int:
    """Give each task a copy of every answer to another one; return how many answers there are then."""
    name, table, task_column, id_column = TABLES[platform]
    (path,) = (workspace.path / "servers").rglob(name)
    with workspace.store.read() as connection:
        remote_ids = [place.remote_id for place in places_in(connection, container, platform)]
    with closing(sqlite3.connect(path, timeout=60)) as database, database:
        database.row_factory = sqlite3.Row
        answers = [dict(row) for row in database.execute(f"SELECT * FROM {table}")]
        if platform == "label_studio":
            for row in answers:
                del row["id"]
            database.execute("UPDATE task SET is_labeled = 1, total_annotations = ?", [len(answers)])
        else:
            remote_ids = [uuid.UUID(it).hex for it in remote_ids]
        rows = [
            {**row, task_column: it, id_column: uuid.uuid4().hex}
            for it in remote_ids
            for row in answers
            if it != str(row[task_column])
        ]
        columns = list(rows[0])
        marks = ", ".join(f":{column}" for column in columns)
        quoted = ", ".join(f'"{column}"' for column in columns)
        database.executemany(f"INSERT INTO {table} ({quoted}) VALUES ({marks})", rows)
        return int(database.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("platform", choices=sorted(PLATFORMS))
    parser.add_argument("--answers", type=int, default=10_000)
    parser.add_argument("--people", type=int, default=5)
    options = parser.parse_args()
    platform = options.platform
    mix = f"{{kinds: {{qualitative: 1}}, overlap: {options.people}}}"
    configuration = f"version: 1\nplatforms: {{{platform}: {{}}}}\nmix: {mix}\n"
    with (
        tempfile.TemporaryDirectory() as folder,
        Workspace.create(Path(folder) / "w", configuration) as workspace,
    ):
        count = options.answers // options.people
        logs = [chat(f"c{n}", f"What is {n} and {n}, in words?", f"It is {2 * n}.") for n in range(count)]
        workspace.collection.append(logs, now=NOW, delay=NOW - NOW)
        steps.seed_responses(workspace)
        steps.generate_tasks(workspace)
        (server,) = workspace.servers().values()
        server.start(lambda _: None)
        try:
            begun = time.monotonic()
            steps.push_tasks(workspace)
            print(f"{platform}: {count:,} tasks pushed in {time.monotonic() - begun:.1f} s", flush=True)
            emails = [f"person{n}@example.org" for n in range(options.people)]
            steps.invite_people(workspace, dict.fromkeys(emails, SecretStr(PASSWORD.get_secret_value())))
            with workspace.store.read() as connection:
                (container,) = containers(connection, platform)
            for email in emails:
                with closing(
                    PLATFORMS[platform].sign_in(workspace.address(platform), email, PASSWORD)
                ) as session:
                    (first,) = session.open_tasks(container, 1)
                    session.submit(first, FORM, ALL_TAGS, 5.0)
            there = copy_answers(workspace, platform, container)
            print(f"{there:,} answers there", flush=True)
            pids = {**server.status().processes, "sync": os.getpid()}
            for what in ("the first time", "again, nothing changed"):
                before, begun = processor_seconds(pids), time.monotonic()
                counts = steps.sync_answers(workspace)[platform]
                lasted, used = time.monotonic() - begun, processor_seconds(pids)
                spent = ", ".join(f"{name} {used[name] - before[name]:.1f} s" for name in pids)
                print(
                    f"sync {what}: {counts.new:,} new, {counts.unchanged:,} known in {lasted:.1f} s "
                    f"(processor: {spent}; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors)",
                    flush=True,
                )
                for failure in counts.failures:
                    print(failure)
        finally:
            server.stop()


if __name__ == "__main__":
    main()
