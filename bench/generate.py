"""Measure ``chatfeedback generate`` and what the selection of conversations costs in it.

    uv run python bench/ingest.py generate 100000 /tmp/lmsys.jsonl
    uv run python bench/generate.py /tmp/lmsys.jsonl
    uv run python bench/generate.py /tmp/lmsys.jsonl 1    # one turn

Reads the logs, makes up seed feedback for every response, and generates without a limit in fresh processes, in turns:
with ``select`` as it comes, with all of it off, and 10,000 tasks of a mix with quotas. Prints processor seconds, the
part of selecting, the peak memory, what was made and left out, and every share that is missed by more than a hundredth.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from itertools import cycle
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from chatfeedback import steps
from chatfeedback.steps import generate
from workspaces.chunks import in_chunks
from workspaces.records import Quality, SeedFeedback, Significance, Tag
from workspaces.store.seed_feedback import save_seeds
from workspaces.workspace import CONFIG_NAME, Workspace, utc_now

if TYPE_CHECKING:
    from task_generators.selections import Selections

CONFIGURATION = "version: 1\nplatforms: {argilla: {}}\n"
SETTINGS = {
    "as it comes": "",
    "off": "select: {skip_flags: [], near_duplicates: all, repeated_prompts: null}\n",
    "10,000 tasks": (
        "mix: {limit: 10000, kinds: {qualitative: 9, preference: 1}, quotas: {model: 0.2, language: {en: 0.9}}, "
        "show_seed: 0.2, reask: 0.05}\n"
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


def once(path: Path) -> None:
    """Generate, and print what it cost as JSON."""
    selecting = 0.0
    select_conversations = generate.select_conversations

    def timed(*arguments: Any) -> Selections:
        nonlocal selecting
        started = time.process_time()
        selection = select_conversations(*arguments)
        selecting = time.process_time() - started
        return selection

    with Workspace.open(path) as workspace, patch.object(generate, "select_conversations", timed):
        started = time.process_time()
        found = steps.generate_tasks(workspace)
        seconds = time.process_time() - started
    status = Path("/proc/self/status").read_text(
        encoding="utf-8"
    )  # ru_maxrss counts the parent's memory as well
    peak = int(status.partition("VmHWM:")[2].split()[0]) / 1024
    short = [f"{it.what}: {it.why}" for mixed in found.mixes.values() for it in mixed.shortfalls]
    print(json.dumps([seconds, selecting, peak, found.created, found.left_out, short]))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("path", type=Path)
    parser.add_argument("turns", type=int, nargs="?", default=3)
    parser.add_argument("--once", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.once:
        once(given.path)
        return
    with tempfile.TemporaryDirectory() as folder:
        filled, copy = Path(folder) / "filled", Path(folder) / "copy"
        fill(filled, given.path)
        costs: dict[str, list[float]] = {name: [] for name in SETTINGS}
        for _ in range(given.turns):
            for name, setting in SETTINGS.items():
                shutil.copytree(filled, copy)
                (copy / CONFIG_NAME).write_text(CONFIGURATION + setting, encoding="utf-8")
                command = [sys.executable, __file__, str(copy), "--once"]
                done = subprocess.run(command, check=True, capture_output=True, text=True)
                seconds, selecting, peak, created, left_out, short = json.loads(done.stdout)
                print(
                    f"{name:12} {seconds:6.2f} s of processor, {selecting:.2f} s of it selecting, {peak:.0f} MiB, "
                    f"{created:,} tasks, left out {left_out or 'nothing'}, shares missed: {short or 'none'}"
                )
                costs[name].append(seconds)
                shutil.rmtree(copy)
    ratio = median(costs["as it comes"]) / median(costs["off"])
    print(f"as it comes / off: {ratio:.2f}, load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
