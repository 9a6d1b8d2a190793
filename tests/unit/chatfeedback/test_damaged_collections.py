"""A file of the collection that is gone or damaged is named by every command that reads it, and by ``doctor``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from chatfeedback import steps
from chatfeedback.cli import app
from workspaces.collection.opening import DamagedPartError, MissingPartError
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    logs = tmp_path / "logs.jsonl"
    rows = (
        {
            "conversation_id": f"c{number}",
            "conversation": [
                {"role": "user", "content": f"How long is number {number}?"},
                {"role": "assistant", "content": "Half a metre. " * (500 + number)},
            ],
            "source": "s",
        }
        for number in range(3)
    )
    logs.write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    with Workspace.create(tmp_path / "w", "version: 1\nplatforms: {argilla: {}}\n") as opened:
        steps.ingest_file(opened, logs, publish=True)
        yield opened


def gone(part: Path) -> None:
    part.unlink()


def cut(part: Path) -> None:
    part.write_bytes(part.read_bytes()[:200])


def overwritten(part: Path) -> None:
    whole = bytearray(part.read_bytes())
    whole[4:-300] = b"x" * len(whole[4:-300])
    part.write_bytes(whole)


@pytest.mark.parametrize("damage", [gone, cut, overwritten])
def test_what_reads_it_names_it_and_doctor_goes_on(
    workspace: Workspace, damage: Callable[[Path], None]
) -> None:
    (part,) = (workspace.path / "collection").glob("part-*.parquet")
    whole = part.read_bytes()
    damage(part)
    for read in (
        lambda: list(workspace.collection.scan()),
        lambda: steps.seed_responses(workspace),
        lambda: steps.generate_tasks(workspace),
        lambda: steps.count_collection(workspace),
    ):
        with pytest.raises(DamagedPartError) as caught:
            read()
        assert str(part) in str(caught.value)
        assert "backup" in str(caught.value)
        assert isinstance(caught.value, MissingPartError) == (damage is gone)
    ran = CliRunner().invoke(app, ["doctor", "--json", "--workspace", str(workspace.path)])
    found = json.loads(ran.stdout)
    assert not found["collection"]["ok"]
    assert str(part) in found["collection"]["detail"]
    assert "argilla" in found
    part.write_bytes(whole)
    ran = CliRunner().invoke(app, ["doctor", "--json", "--workspace", str(workspace.path)])
    assert "collection" not in json.loads(ran.stdout)
    assert len(list(workspace.collection.scan())) == 3


def test_status_says_that_it_cannot_count_what_is_gone(workspace: Workspace) -> None:
    command = ["status", "--json", "--workspace", str(workspace.path)]
    whole = CliRunner().invoke(app, command)
    assert (json.loads(whole.stdout)["responses_shared"], whole.stderr) == (3, "")
    (part,) = (workspace.path / "collection").glob("part-*.parquet")
    gone(part)
    ran = CliRunner().invoke(app, command)
    assert json.loads(ran.stdout)["responses_shared"] == 0
    assert "1 file cannot be found" in ran.stderr
    assert "chatfeedback doctor" in ran.stderr
