"""``kill -9`` at lines spread over all of a deletion, in a real process: whoever runs it again gets the same end.

A child process is traced line by line and kills itself at its n-th line of our code, with the signal that nothing
can catch. The parent counts the lines of an unharmed run first.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from chatfeedback import steps
from workspaces.store.deletions import open_deletions
from workspaces.store.tables import metadata
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROUNDS = 10
"""Kills: a few over all of the lines, most over the last third, in which files and tables change."""

CONFIGURATION = "version: 1\nplatforms: {argilla: {}}\nmix: {kinds: {qualitative: 1}}\n"

DRIVER = """
import os, signal, sys
from pathlib import Path

sys.path[:0] = [ROOT]
from chatfeedback import steps
from workspaces.workspace import Workspace

HERE = os.path.join(ROOT, "")

def run(folder, last):
    lines = 0

    def trace(frame, event, _):
        nonlocal lines
        if not frame.f_code.co_filename.startswith(HERE) or ".venv" in frame.f_code.co_filename:
            return None
        if event == "line":
            lines += 1
            if lines == last:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    with Workspace.open(Path(folder)) as workspace:
        sys.settrace(trace)
        steps.delete_conversations(workspace, ["chat-3", "chat-4"], by="giver")
        sys.settrace(None)
    return lines

for line in sys.stdin:  # one process, so that the imports are paid once
    folder, last = line.rsplit(" ", 1)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, str(run(folder, int(last))).encode())
        os._exit(0)
    os.close(writer)
    _, status = os.waitpid(child, 0)
    print(os.read(reader, 20).decode() or "killed", os.waitstatus_to_exitcode(status), flush=True)
    os.close(reader)
"""


@pytest.fixture
def driver(request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[str]]:
    code = f"ROOT = {str(request.config.rootpath)!r}\n{DRIVER}"
    command = [sys.executable, "-c", code]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as started:  # leaving closes its input, at which it ends
        yield started


def ask(driver: subprocess.Popen[str], folder: Path, last: int) -> tuple[str, int]:
    assert driver.stdin is not None
    assert driver.stdout is not None
    driver.stdin.write(f"{folder} {last}\n")
    driver.stdin.flush()
    lines, code = driver.stdout.readline().split()
    return lines, int(code)


def prepare(folder: Path) -> None:
    logs = folder.with_suffix(".jsonl")
    rows = [
        {
            "conversation_id": f"chat-{number}",
            "conversation": [
                {"role": "user", "content": f"What sings in chat number {number}?"},
                {"role": "assistant", "content": f"The walrus of chat number {number} sings, and loudly."},
            ],
            "model_name": "m",
            "source": "s",
            "user_id": "ada@example.org",
        }
        for number in range(8)
    ]
    logs.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    with Workspace.create(folder, CONFIGURATION) as workspace:
        steps.ingest_file(workspace, logs, publish=True)
        steps.seed_responses(workspace)
        steps.generate_tasks(workspace)


def end_of(folder: Path) -> dict[str, Any]:
    """Return what is there at the end, without moments and random ids."""
    varying = {
        "receipt_id",
        "asked_at",
        "completed_at",
        "at",
        "event_id",
        "added_at",
        "shared_at",
        "share_at",
    }
    with Workspace.open(folder) as workspace, workspace.store.read() as connection:
        tables = {
            table.name: sorted(
                repr({name: value for name, value in row._asdict().items() if name not in varying})
                for row in connection.execute(table.select())
            )
            for table in metadata.sorted_tables
        }
        chats = {it.id: it for it in workspace.collection.scan()}
    files = sorted(path.suffix for path in (folder / "collection").iterdir())
    receipts = [json.loads(path.read_text("utf-8")) for path in (folder / "receipts").iterdir()]
    return {
        "tables": tables,
        "chats": chats,
        "files": files,
        "receipts": [{name: it[name] for name in it if name not in varying | {"receipt"}} for it in receipts],
    }


def holds(folder: Path, text: str) -> bool:
    return any(text.encode() in path.read_bytes() for path in folder.rglob("*") if path.is_file())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_deletion_killed_anywhere_and_run_again_comes_to_the_same_end(
    driver: subprocess.Popen[str], tmp_path: Path
) -> None:
    before = tmp_path / "before"
    prepare(before)
    assert holds(before, "chat-3")

    def copy(name: str) -> Path:
        return shutil.copytree(before, tmp_path / name)

    unharmed = copy("unharmed")
    said, code = ask(driver, unharmed, 0)
    assert code == 0
    lines = int(said)
    expected = end_of(unharmed)
    assert sorted(expected["chats"]) == [f"chat-{number}" for number in (0, 1, 2, 5, 6, 7)]
    half_done = 0
    early, late = ROUNDS // 4, ROUNDS - ROUNDS // 4
    kills = [1 + lines * number // early for number in range(early)]
    kills += [lines - lines * number // (8 * late) for number in range(late)]
    for number, kill in enumerate(kills):
        folder = copy(f"round-{number}")
        assert ask(driver, folder, kill) == ("killed", -9)
        with Workspace.open(folder) as workspace, workspace.store.read() as connection:
            half_done += bool(open_deletions(connection))
        with Workspace.open(folder) as workspace:
            (receipt,) = steps.delete_conversations(workspace, ["chat-3", "chat-4"], by="giver")
        assert receipt["completed_at"]
        assert end_of(folder) == expected, f"killed in round {number}"
        for text in ("chat-3", "chat-4", "chat number 3"):
            assert not holds(folder, text), f"killed in round {number}"
    print(f"\n{lines} lines, {ROUNDS} kills, {half_done} of them left a deletion half done")
    assert half_done > ROUNDS // 4
