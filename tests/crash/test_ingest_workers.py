"""Ingest by one process, by several, and by a Dask cluster, with and without a kill: the same collection."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
import sqlalchemy as sa

from chatfeedback import steps
from task_generators.chat_logs.sources import chunks
from tests.dask_cluster import dask_cluster
from workspaces import workers
from workspaces.store.near_duplicates import near_duplicate
from workspaces.workers import LocalWorkers
from workspaces.workspace import Workspace, utc_now

if TYPE_CHECKING:
    from task_generators.chat_logs import Ingested

ROOT = Path(__file__).parents[2]
ROWS = 1_500
GROWN = 60
"""Chats that went on and stand in the file a second time, with two more turns."""
Contents = tuple[dict[str, dict[str, Any]], dict[str, str]]


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with near duplicates, chats that grow, personal data, duplicates and rows that cannot be read."""
    rng = random.Random(7)
    words = [f"word{number}" for number in range(500)]
    rows: list[str] = []
    texts: list[str] = []
    for number in range(ROWS):
        text = (
            " ".join(rng.choices(words, k=120)) if number % 10 else f"{rng.choice(texts or ['start'])} again"
        )
        texts.append(text)
        turns = [
            {"role": "user", "content": f"{text} person{number}@example.org" if number % 50 == 0 else text},
            {"role": "assistant", "content": f"I am Claude. Number {number}, in English, of course."},
        ]
        row = {
            "conversation_id": f"c{rng.randrange(10**9)}",
            "conversation": turns,
            "model_name": "m",
            "source": "s",
        }
        rows.append(json.dumps(row | {"user_id": f"u{number % 40}"}))
    for number in rng.sample(range(ROWS), GROWN):
        went_on = json.loads(rows[number])
        more = rng.choice(texts) if number % 2 else "Good."
        went_on["conversation"] += [
            {"role": "user", "content": f"{more} and person{number}@example.org"},
            {"role": "assistant", "content": "Of course."},
        ]
        rows.append(json.dumps(went_on))
    rows[100:100] = ["{broken", rows[50], json.dumps({"conversation_id": "x", "conversation": []})]
    path = tmp_path_factory.mktemp("logs") / "logs.jsonl"
    path.write_text("\n".join(rows), encoding="utf-8")
    return path


def contents(folder: Path) -> Contents:
    """Return every conversation with its columns, and the groups of near duplicates."""
    with Workspace.open(folder) as workspace:
        workspace.collection.share_due(utc_now())
        rows: dict[str, dict[str, Any]] = {}
        for batch in workspace.collection.scan_batches():
            for row in batch.to_pylist():
                row["user_id"] = "somebody" if row["user_id"] else None  # a random pseudonym
                del row["earlier_hashes"]  # depend on what it was when
                rows[row["conversation_id"]] = row
        with workspace.store.read() as connection:
            groups = {
                row.conversation_id: row.group_id for row in connection.execute(sa.select(near_duplicate))
            }
    return rows, groups


def read(folder: Path, logs: Path, **how: Any) -> Ingested:
    with Workspace.create(folder) as workspace:
        return steps.ingest_file(workspace, logs, publish=True, **how)


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory, logs: Path) -> Contents:
    folder = tmp_path_factory.mktemp("expected") / "w"
    found = read(folder, logs, processes=1)
    assert found.read == ROWS + GROWN + 3
    assert (found.added, found.grown, found.duplicates, found.rejected) == (ROWS, GROWN, 1, 2)
    assert found.near_duplicates >= ROWS // 10 - 1
    return contents(folder)


def test_several_processes_come_to_the_same_as_one(
    tmp_path: Path, logs: Path, expected: Contents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "CHUNK_ROWS", 200)
    monkeypatch.setattr(workers, "SMALL_BYTES", 1)
    pool = LocalWorkers(2, small=1)
    monkeypatch.setattr("chatfeedback.steps.ingest.LocalWorkers", lambda _: pool)
    found = read(tmp_path / "w", logs)
    assert (found.added, found.grown, found.duplicates, found.rejected) == (ROWS, GROWN, 1, 2)
    assert contents(tmp_path / "w") == expected


def test_another_order_and_two_halves_come_to_the_same(
    tmp_path: Path, logs: Path, expected: Contents
) -> None:
    rows = logs.read_text(encoding="utf-8").splitlines()
    random.Random(1).shuffle(rows)
    half = len(rows) // 2
    for name, part in (("one", rows[:half]), ("two", rows[half:]), ("all", rows)):
        file = tmp_path / f"{name}.jsonl"
        file.write_text("\n".join(part), encoding="utf-8")
        read(tmp_path / "w", file, processes=1)
    assert contents(tmp_path / "w") == expected


def command(folder: Path, logs: Path) -> list[str]:
    """Return the command line of an ingest that appends often, so that a kill hits it in the middle of something."""
    script = (
        "from workspaces import workers\n"
        "from task_generators.chat_logs import appending\n"
        "from task_generators.chat_logs.sources import chunks\n"
        "import sys\n"
        "from pathlib import Path\n"
        "from chatfeedback import steps\nfrom chatfeedback.steps import ingest\n"
        "from workspaces.workspace import Workspace\n"
        "if __name__ == '__main__':\n"
        "    chunks.CHUNK_ROWS = 50\n"
        "    appending.BATCH = 150\n"
        "    ingest.LocalWorkers = lambda _: workers.LocalWorkers(2, small=60_000)\n"
        "    with Workspace.create(Path(sys.argv[1])) as workspace:\n"
        "        steps.ingest_file(workspace, Path(sys.argv[2]), publish=True)\n"
    )
    file = folder.parent / "ingest_in_portions.py"
    file.write_text(script, encoding="utf-8")
    return [sys.executable, str(file), str(folder), str(logs)]


def test_killed_at_any_moment_and_run_again_comes_to_the_same(
    tmp_path: Path, logs: Path, expected: Contents
) -> None:
    arguments = command(tmp_path / "w", logs)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    folder = tmp_path / "w" / "collection"
    for portions in (2, 8):
        process = subprocess.Popen(arguments, env=environment, stderr=subprocess.DEVNULL)
        while process.poll() is None and len(list(folder.glob("part-*"))) < portions:
            time.sleep(0.01)
        children = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
        process.kill()
        process.wait()
        _, alive = psutil.wait_procs(children, timeout=30)
        assert not alive, "a worker outlived the process that started it"
    subprocess.run(arguments, env=environment, check=True)
    assert contents(tmp_path / "w") == expected


def test_a_dask_cluster_of_which_one_worker_dies_comes_to_the_same(
    tmp_path: Path, logs: Path, expected: Contents, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed", reason="needs Dask: uv sync --extra dask")
    monkeypatch.setattr(chunks, "CHUNK_ROWS", 100)
    with dask_cluster(tmp_path) as (address, pair):
        told = 0

        def advance(count: int) -> None:
            nonlocal told
            told += count
            if told >= 500:
                pair[0].kill()

        found = read(tmp_path / "w", logs, scheduler=address, advance=advance)
    assert (found.added, found.grown, found.duplicates, found.rejected) == (ROWS, GROWN, 1, 2)
    assert contents(tmp_path / "w") == expected


def test_a_scheduler_that_is_not_there_is_explained(
    tmp_path: Path, logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workspaces.dask_workers.DASK_TIMEOUT", "500ms")
    pytest.importorskip("distributed", reason="needs Dask: uv sync --extra dask")
    from workspaces.errors import ConnectionFailedError

    with pytest.raises(ConnectionFailedError, match=r"tcp://127\.0\.0\.1:1 cannot be reached"):
        read(tmp_path / "w", logs, scheduler="tcp://127.0.0.1:1")
