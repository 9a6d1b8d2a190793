"""Measure ``chatfeedback generate``: its time, its memory, and how near it comes to a bare read of the same bytes.

    uv run python bench/ingest.py generate 100000 /tmp/lmsys.jsonl
    uv run python bench/generate.py /tmp/lmsys.jsonl --times 10    # the bar: 100,000 tasks from 1,000,000 conversations
    uv run python bench/generate.py /tmp/lmsys.jsonl               # as many conversations as the file has

Reads the logs, makes up seed feedback for every response, and generates in fresh processes: with ``select`` as it comes
and no limit, with all of it off, and a tenth as many tasks as conversations, of mixed kinds, with quotas. Prints
seconds, processor seconds, the peak memory, what was made and left out, and every share that is missed by more than a
hundredth; then what a bare read of the same columns and tables takes, and the ratio to it.

``--times``: the collection is written that many times, under other ids and with other texts, as files and rows of their
own, without reading the logs again: ingest would take an hour for a million.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from itertools import cycle
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from chatfeedback import steps
from task_generators import outlines, traits
from task_generators.select import COLUMNS
from workspaces.chunks import in_chunks
from workspaces.collection.files import SCHEMA, batches_of, write_file
from workspaces.collection.message_columns import with_columns
from workspaces.records import Quality, SeedFeedback, Significance, Tag
from workspaces.store.seed_feedback import save_seeds
from workspaces.workspace import CONFIG_NAME, Workspace, utc_now

CONFIGURATION = "version: 1\nplatforms: {argilla: {}}\n"
BAR = "mixed, quotas"
SETTINGS = {
    "as it comes": "",
    "off": "select: {skip_flags: [], near_duplicates: all, repeated_prompts: null}\n",
    BAR: (
        "mix: {limit: LIMIT, kinds: {qualitative: 5, preference: 0.5, ranking: 0.1, suggestion: 1, response_rating: 1, "
        "conversation_rating: 1, safety: 1}, quotas: {model: 0.2, language: {en: 0.9}}, show_seed: 0.2, reask: 0.05}\n"
    ),
}


def fill(path: Path, logs: Path) -> None:
    """Make a workspace that holds the logs, shared, and seed feedback for each response."""
    tags, levels = dict.fromkeys(Quality, Tag.YES), list(Significance)
    with Workspace.create(path, CONFIGURATION) as workspace:
        steps.ingest_file(workspace, logs, publish=True)
        workspace.collection.share_due(utc_now())
        responses = (
            message.id for conversation in workspace.collection.scan() for message in conversation.responses()
        )
        for some in in_chunks(responses, 1000):
            rated = zip(some, cycle(levels))
            seeds = [SeedFeedback(each, "made up", "1", tags, level, utc_now()) for each, level in rated]
            with workspace.store.write() as connection:
                save_seeds(connection, seeds)


def multiply(path: Path, times: int) -> None:
    """Write the collection of a workspace ``times - 1`` times more, and the rows of its store that name its ids."""
    folder = path / "collection"
    parts = sorted(folder.glob("part-*.parquet"))
    for number in range(1, times):
        mark = f"-{number}"
        for part in parts:
            table = pa.table(_marked(pq.read_table(part).combine_chunks(), mark), schema=SCHEMA)
            write_file(folder / f"{part.stem}{mark}.parquet", table)
        with sqlite3.connect(path / "chatfeedback.db") as store:
            old = "conversation_id NOT LIKE '%-_'"
            store.execute(
                "INSERT INTO conversation SELECT conversation_id || ?1, substr(content_hash, 3) || ?1, "
                "replace(part, '.parquet', ?1 || '.parquet'), giver_id, state, share_at, added_at, shared_at "
                f"FROM conversation WHERE {old}",
                [mark],
            )
            store.execute(
                "INSERT INTO near_duplicate SELECT conversation_id || ?1, group_id || ?1 FROM near_duplicate "
                f"WHERE {old}",
                [mark],
            )
            store.execute(
                "INSERT INTO seed_feedback SELECT message_id || ?1, agent, prompt_version, tags, significance, "
                "created_at FROM seed_feedback WHERE message_id NOT LIKE '%-_'",
                [mark],
            )


def _marked(table: pa.Table, mark: str) -> dict[str, Any]:
    """Return the columns of a collection file with a mark on each id and each text."""
    columns = {name: table.column(name) for name in SCHEMA.names}
    conversations = table.column("conversation").combine_chunks()
    messages = conversations.flatten()
    changed = {
        name: pc.binary_join_element_wise(messages.field(name), mark, "")
        for name in ("id", "parent_id", "content")
    }
    columns["conversation"] = pa.ListArray.from_arrays(
        conversations.offsets, with_columns(len(messages), changed, messages)
    )
    columns["conversation_id"] = pc.binary_join_element_wise(table.column("conversation_id"), mark, "")
    return columns


def bare(path: Path) -> None:
    """Read the columns and rows that ``generate`` reads, do nothing with them, and print the seconds as JSON."""
    started = time.perf_counter(), time.process_time()
    columns = ["conversation_id", *dict.fromkeys((*COLUMNS, *traits.COLUMNS, *outlines.COLUMNS))]
    for part in sorted((path / "collection").glob("part-*.parquet")):
        for _ in batches_of(part, columns):
            pass
    with sqlite3.connect(path / "chatfeedback.db") as store:
        for query in (
            "SELECT part, conversation_id FROM conversation",
            "SELECT message_id, significance FROM seed_feedback",
            "SELECT * FROM near_duplicate",
        ):
            for _ in store.execute(query):
                pass
    print(json.dumps([time.perf_counter() - started[0], time.process_time() - started[1]]))


def once(path: Path) -> None:
    """Generate, and print what it cost as JSON."""
    with Workspace.open(path) as workspace:
        started = time.perf_counter(), time.process_time()
        found = steps.generate_tasks(workspace)
        wall, processor = time.perf_counter() - started[0], time.process_time() - started[1]
    status = Path("/proc/self/status").read_text(
        encoding="utf-8"
    )  # ru_maxrss counts the parent's memory as well
    peak = int(status.partition("VmHWM:")[2].split()[0]) / 1024
    short = [f"{it.what}: {it.why}" for mixed in found.mixes.values() for it in mixed.shortfalls]
    print(json.dumps([wall, processor, peak, found.by_kind, found.conversations, found.left_out, short]))


def child(path: Path, what: str) -> list[Any]:
    """Return what a fresh process prints."""
    command = [sys.executable, __file__, str(path), f"--{what}"]
    values: list[Any] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return values


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("path", type=Path)
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--only", choices=SETTINGS, help="one of the settings")
    parser.add_argument(
        "--filled", type=Path, help="a workspace that was filled before; made there if it is missing"
    )
    for what in ("once", "bare"):
        parser.add_argument(f"--{what}", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.once or given.bare:
        (once if given.once else bare)(given.path)
        return
    with tempfile.TemporaryDirectory() as folder:
        filled, copy = given.filled or Path(folder) / "filled", Path(folder) / "copy"
        if not filled.exists():
            fill(filled, given.path)
            multiply(filled, given.times)
        for name, setting in SETTINGS.items():
            if given.only not in (None, name):
                continue
            shutil.copytree(filled, copy, copy_function=linked)
            with sqlite3.connect(filled / "chatfeedback.db") as store:
                conversations = store.execute("SELECT count(*) FROM conversation").fetchone()[0]
            configuration = CONFIGURATION + setting.replace("LIMIT", str(conversations // 10))
            (copy / CONFIG_NAME).unlink()
            (copy / CONFIG_NAME).write_text(configuration, encoding="utf-8")
            wall, processor, peak, made, total, left_out, short = child(copy, "once")
            bare_wall, bare_processor = child(copy, "bare")
            print(
                f"{name}: {sum(made.values()):,} tasks from {total:,} conversations in {wall:.1f} s, {processor:.1f} s "
                f"of processor, {peak:,.0f} MiB; {made}; left out {left_out or 'nothing'}; shares missed: "
                f"{short or 'none'}; a bare read of the same takes {bare_wall:.1f} s, {bare_processor:.1f} s of "
                f"processor: {processor / bare_processor:.1f} times that; load {os.getloadavg()[0]:.1f}",
                flush=True,
            )
            shutil.rmtree(copy)


def linked(source: str, target: str) -> None:
    """Link a file of the collection, which nobody changes, and copy any other."""
    (os.link if source.endswith(".parquet") else shutil.copy2)(source, target)


if __name__ == "__main__":
    main()
