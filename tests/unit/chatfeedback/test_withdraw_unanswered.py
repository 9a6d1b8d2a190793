"""``tasks withdraw``: what nobody answered goes, what anybody wrote stays, and a killed run is finished by the next."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from chatfeedback import steps
from chatfeedback.cli import app
from tests.sample_records import ALL_TAGS, NOW
from tests.unit.workspaces.test_sync import MemoryPlatform
from workspaces.errors import ConnectionFailedError
from workspaces.records import AnnotationStatus, PlacedTask
from workspaces.store.tasks import all_tasks, placement, save_placements
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

from contextlib import contextmanager


class Board(MemoryPlatform):
    """A platform in memory that takes tasks off."""

    def __init__(self) -> None:
        super().__init__("argilla")
        self.removed: list[str] = []
        self.is_down = False

    def remove(self, placed: Any) -> None:
        if self.is_down:
            raise ConnectionFailedError("Argilla is down")
        self.removed += [task.task_id for task in placed]


@pytest.fixture
def board(monkeypatch: pytest.MonkeyPatch) -> Board:
    made = Board()

    @contextmanager
    def connected(_workspace: Workspace, _name: str) -> Iterator[Board]:
        yield made

    monkeypatch.setattr(Workspace, "platform", connected)
    return made


@pytest.fixture
def workspace(tmp_path: Path, board: Board) -> Iterator[Workspace]:
    configuration = (
        "version: 1\nplatforms: {argilla: {url: 'http://localhost:1'}}\nmix: {kinds: {qualitative: 1}}\n"
    )
    with Workspace.create(tmp_path / "w", configuration) as made:
        log = tmp_path / "log.jsonl"
        rows = [
            {
                "conversation_id": f"c{number}",
                "conversation": [
                    {"role": "user", "content": f"What is {number} plus {number} in words?"},
                    {"role": "assistant", "content": f"It is the double of {number}, which is even."},
                ],
                "model_name": "m",
            }
            for number in range(6)
        ]
        log.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
        steps.ingest_file(made, log, publish=True)
        steps.seed_responses(made)
        steps.generate_tasks(made)
        with made.store.write() as connection:
            names = sorted(all_tasks(connection))
            save_placements(connection, [PlacedTask(name, f"remote-{name}", "box") for name in names], NOW)
        yield made


def tasks(workspace: Workspace) -> list[str]:
    with workspace.store.read() as connection:
        return sorted(all_tasks(connection))


def placed(workspace: Workspace) -> set[str]:
    with workspace.store.read() as connection:
        return set(connection.execute(placement.select()).scalars())


def run(workspace: Workspace, *arguments: str) -> Any:
    return CliRunner().invoke(app, ["tasks", "withdraw", *arguments, "--workspace", str(workspace.path)])


def test_what_nobody_answered_goes_and_may_be_drawn_again(workspace: Workspace, board: Board) -> None:
    before = tasks(workspace)
    assert len(before) == 6
    ran = run(workspace, "--keep", "2", "--dry-run")
    assert ran.stdout == "4 tasks that nobody answered would be gone, 2 kept\n"
    assert (tasks(workspace), board.removed) == (before, [])
    ran = run(workspace, "--keep", "2", "--yes")
    assert ran.exit_code == 0, ran.output
    assert len(tasks(workspace)) == 2
    assert sorted([*board.removed, *tasks(workspace)]) == before
    assert placed(workspace) == set(tasks(workspace))
    assert json.loads(run(workspace, "--keep", "2", "--yes", "--json").stdout)["gone"] == 0
    steps.generate_tasks(workspace)
    assert tasks(workspace) == before


def test_what_somebody_began_in_the_last_moment_stays(workspace: Workspace, board: Board) -> None:
    first, second, *_ = tasks(workspace)
    board.give("a1", first, at=NOW, container="box", **ALL_TAGS)  # type: ignore[arg-type]
    board.give("a2", second, at=NOW, container="box", status=AnnotationStatus.DRAFT, **ALL_TAGS)
    done = steps.withdraw_unanswered(workspace, steps.TaskFilter())
    assert (done.gone, done.begun) == (4, 2)
    assert tasks(workspace) == [first, second]


def test_a_platform_that_is_down_loses_nothing_and_the_next_run_finishes(
    workspace: Workspace, board: Board
) -> None:
    board.is_down = True
    with pytest.raises(ConnectionFailedError):
        steps.withdraw_unanswered(workspace, steps.TaskFilter())
    assert len(tasks(workspace)) == 6
    board.is_down = False
    assert steps.withdraw_unanswered(workspace, steps.TaskFilter()).gone == 6
    assert (tasks(workspace), len(board.removed)) == ([], 6)


def test_without_an_answer_to_the_question_nothing_happens(workspace: Workspace, board: Board) -> None:
    ran = CliRunner().invoke(app, ["tasks", "withdraw", "--workspace", str(workspace.path)], input="n\n")
    assert ran.exit_code == 1
    assert len(tasks(workspace)) == 6
    assert board.removed == []
