"""Measure what it costs when conversations that are in the collection come again with more turns.

    uv run python bench/growth.py 5000

Reads the made-up conversations of ``ingest.py`` as new ones and once more; and elsewhere without their last turn, then
with it, in the same order and in another one. One process; prints processor time a conversation.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.ingest import conversations
from chatfeedback import steps
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator


def main() -> None:
    whole = list(conversations(int(sys.argv[1])))
    part = [{**row, "conversation": row["conversation"][:2], "openai_moderation": []} for row in whole]
    with made() as workspace:
        new, found = read(workspace, whole)
        known, _ = read(workspace, whole)
        print(f"new {new:.2f} ms ({found.added}), known {known / new:.2f} of that")
    for name, again in (("same order", whole), ("another order", random.Random(1).sample(whole, len(whole)))):
        with made() as workspace:
            read(workspace, part)
            grown, found = read(workspace, again)
            print(f"grown, {name}: {grown / new:.2f} of new ({found.grown}, {found.added} added)")


@contextmanager
def made() -> Iterator[Workspace]:
    """Yield a workspace that has read something: models and dictionaries are loaded."""
    with tempfile.TemporaryDirectory() as folder, Workspace.create(Path(folder) / "w") as workspace:
        read(workspace, list(conversations(200, seed=2)))
        yield workspace


def read(workspace: Workspace, rows: list[dict[str, Any]]) -> tuple[float, Any]:
    """Return milliseconds of processor a conversation, and what came of them."""
    file = workspace.path.parent / "logs.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    start = time.process_time()
    found = steps.ingest_file(workspace, file, processes=1)
    return (time.process_time() - start) / len(rows) * 1000, found


if __name__ == "__main__":
    main()
