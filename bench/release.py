"""How long does a release take, and how does it grow? A store of pairs and answers, then ``export dpo``.

    uv run python bench/release.py 10000 30000 100000 300000

``--processes=N``: in so many processes; otherwise one for each core, if there are many portions. ``--export=NAME``: of
another export than ``dpo``.

Every pair is a conversation of its own with two responses and ten answers to three pairs, by 2,000 people. Each size is
measured in a process of its own: processor seconds of all processes and peak memory of the export, of the same export
once more (unchanged), after the deletion of one conversation, by a rule (of three people for a pair), and of a bare
pyarrow write of the same rows.
``--profile`` prints where the time of this process goes.
"""

from __future__ import annotations

import cProfile
import os
import pstats
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

from chatfeedback import steps
from exports.verification import verify
from workspaces import garbage
from workspaces.collection.files import to_batch, write_file
from workspaces.config import ExportsConfig
from workspaces.records import Conversation, Message, Role, SharingState
from workspaces.store.annotations import annotation_revision
from workspaces.store.conversations import ConversationEntry, register
from workspaces.store.tasks import task
from workspaces.workers import LocalWorkers
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PEOPLE = 2000
START = datetime(2026, 1, 1, tzinfo=UTC)
PORTION = 10_000
WORDS = np.array([f"word{number}" for number in range(5000)])


def fill(workspace: Workspace, n_pairs: int) -> int:
    """Write conversations, tasks and answers straight into the tables; return the number of answers."""
    rng = np.random.default_rng(5)
    folder = workspace.path / "collection"
    folder.mkdir(exist_ok=True)
    answers = 0
    for first in range(0, n_pairs, PORTION):
        numbers = range(first, min(first + PORTION, n_pairs))
        logs = [_log(rng, number) for number in numbers]
        part = f"part-{first:024}.parquet"
        write_file(folder / part, pa.Table.from_batches([to_batch(logs)]))
        entries = [
            ConversationEntry(log.id, log.id, part, None, SharingState.SHARED, START, START) for log in logs
        ]
        rows = [row for number in numbers for row in _answers(rng, number)]
        answers += len(rows)
        with workspace.store.write() as connection:
            register(connection, entries)
            connection.execute(sa.insert(task), [_task(number) for number in numbers])
            connection.execute(sa.insert(annotation_revision), rows)
    return answers


def _log(rng: np.random.Generator, number: int) -> Conversation:
    name = f"c{number}"
    texts = [" ".join(rng.choice(WORDS, size)) for size in (30, 60, 60)]
    messages = (
        Message(f"{name}#0", None, Role.USER, f"Prompt {number}: {texts[0]}"),
        Message(f"{name}#1", f"{name}#0", Role.ASSISTANT, texts[1], f"model-{number % 12}"),
        Message(f"{name}#3", f"{name}#0", Role.ASSISTANT, texts[2], f"model-{number % 11}"),
    )
    return Conversation(name, messages, source="bench", licence="mit", language="en")


def _task(number: int) -> dict[str, object]:
    return {
        "task_id": f"t{number:022}", "kind": "preference", "message_ids": [f"c{number}#1", f"c{number}#3"],
        "conversation_ids": [f"c{number}"], "significance": "low", "quote": {"preference": 4}, "rules_version": "1",
        "platform": "argilla", "overlap": 4, "created_at": START,
    }  # fmt: skip


def _answers(rng: np.random.Generator, number: int) -> Iterator[dict[str, object]]:
    for person in rng.choice(PEOPLE, 4 if number % 3 == 0 else 3, replace=False):
        at = START + timedelta(seconds=int(rng.integers(0, 200 * 86_400)))
        name = f"{number:018}{person:06}"
        yield {
            "annotation_id": name, "revision": 1, "task_id": f"t{number:022}", "person_id": f"p{person:023}",
            "platform": "argilla", "response_id": name, "status": "submitted",
            "answers": {"preference": str(rng.choice(["a", "b", "tie"]))}, "content_hash": name, "updated_at": at,
            "synced_at": at,
        }  # fmt: skip


def bare_write(folder: Path, target: Path) -> Callable[[], None]:
    """Return a write of the rows of an export, which are read now."""
    rows = {path: pq.read_table(path) for path in sorted(folder.rglob("*.parquet"))}
    values = {path: (table.to_pylist(), table.schema) for path, table in rows.items()}
    target.mkdir()

    def write() -> None:
        for number, (listed, schema) in enumerate(values.values()):
            table = pa.Table.from_pylist(listed, schema=schema)
            pq.write_table(table, target / f"{number}.parquet", compression="zstd")

    return write


def measured(run: Callable[[], object]) -> float:
    """Return the processor seconds of a call, those of its child processes too."""
    before = os.times()
    run()
    return sum(os.times()[:4]) - sum(before[:4])


def main(n_pairs: int, kind: str, processes: int | None, *, profiled: bool) -> None:
    garbage.look_seldom()  # as every command does
    with tempfile.TemporaryDirectory() as folder, Workspace.create(Path(folder) / "w") as workspace:
        n_answers = fill(workspace, n_pairs)
        out, profile = Path(folder) / kind, cProfile.Profile(time.process_time)
        began = time.monotonic()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        if profiled:
            profile.enable()
        workers = None if processes is None else LocalWorkers(processes)
        took = measured(lambda: steps.export(workspace, kind, out, workers=workers))
        profile.disable()
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        of_workers = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e3
        exported = time.monotonic() - began
        checked = measured(lambda: verify(out))
        waited = time.monotonic() - began
        same = measured(lambda: steps.export(workspace, kind, out))
        files = {path.name for path in out.rglob("*.parquet")}
        steps.delete_conversations(workspace, ["c1"], by="lead")
        again = measured(lambda: steps.export(workspace, kind, out))
        kept = len(files & {path.name for path in out.rglob("*.parquet")})
        ruled = measured(
            lambda: steps.export(workspace, kind, Path(folder) / "ruled", rules=ExportsConfig(min_people=3))
        )
        bare = measured(bare_write(out, Path(folder) / "bare"))
        print(
            f"{n_pairs:,} pairs, {n_answers:,} answers: {took:.1f} s ({took / n_pairs * 1e6:.0f} us a pair), "
            f"{exported:.1f} by the clock; {took / bare:.1f} times a bare write ({bare:.2f} s); "
            f"at most {memory:,.0f} MB ({before:,.0f} before), {of_workers:,.0f} in each worker; "
            f"verify {checked:.1f} s, after {waited:.1f} s by the clock; unchanged {same:.1f} s; "
            f"without one conversation {again:.1f} s, {kept} of {len(files)} files kept; "
            f"by a rule {ruled:.1f} s"
        )
        if profiled:
            pstats.Stats(profile).sort_stats("tottime").print_stats(45)


if __name__ == "__main__":
    options = [word for word in sys.argv[1:] if word.startswith("-")]
    sizes = [int(word.replace(",", "")) for word in sys.argv[1:] if word not in options]
    if len(sizes) == 1:
        given = dict(word.split("=") for word in options if "=" in word)
        main(
            sizes[0],
            given.get("--export", "dpo"),
            int(given["--processes"]) if "--processes" in given else None,
            profiled="--profile" in options,
        )
    for size in sizes if len(sizes) > 1 else ():
        subprocess.run([sys.executable, __file__, str(size), *options], check=True)
