"""``tasks reprice``: what nobody saw is quoted anew and placed again, and what somebody saw keeps its points."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from chatfeedback import steps
from reward_engine import wallet
from tests.sample_records import ALL_TAGS, NOW, chat
from tests.unit.workspaces.test_sync import MemoryPlatform
from workspaces.errors import ConnectionFailedError, UsageError
from workspaces.records import AnnotationStatus, PlacedTask
from workspaces.store.members import MemberStatus, admit
from workspaces.store.tasks import all_tasks, placed_tasks, save_placements
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

CONFIGURATION = (
    "version: 1\nplatforms: {argilla: {url: 'http://localhost:1'}}\nmix: {kinds: {qualitative: 1}}\n"
)
MORE = CONFIGURATION + "rates: {version: more, qualities: 100, suggestion: 200}\n"
LESS = CONFIGURATION + "rates: {version: less, qualities: 1, suggestion: 2}\n"


class Told(MemoryPlatform):
    """Says what it showed, or does not."""

    def __init__(self) -> None:
        super().__init__("argilla")
        self.showed: frozenset[str] | None = frozenset()
        self.is_down = False
        self.removed: list[str] = []

    def shown(self, container_id: str) -> frozenset[str] | None:
        return self.showed

    def remove(self, tasks: Sequence[PlacedTask]) -> None:
        if self.is_down:
            raise ConnectionFailedError("Argilla is down")
        self.removed += [task.task_id for task in tasks]


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch) -> Told:
    made = Told()

    @contextmanager
    def connected(_workspace: Workspace, _name: str) -> Iterator[Told]:
        yield made

    monkeypatch.setattr(Workspace, "platform", connected)
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with Workspace.create(tmp_path / "w", CONFIGURATION) as workspace:
        logs = [chat(f"c{n}", f"What is {n}?", f"It is {n}.") for n in range(5)]
        workspace.collection.append(logs, now=NOW, delay=NOW - NOW)
        steps.seed_responses(workspace)
        steps.generate_tasks(workspace)
        with workspace.store.write() as connection:
            names = sorted(all_tasks(connection))[:4]  # one waits
            save_placements(connection, [PlacedTask(name, f"remote-{name}", "box") for name in names], NOW)
            admit(connection, ["ada"], "argilla", MemberStatus.INVITED, NOW)
    return tmp_path / "w"


def at(folder: Path, configuration: str) -> Workspace:
    (folder / "chatfeedback.yaml").write_text(configuration)
    return Workspace.open(folder)


def points(workspace: Workspace) -> dict[str, int]:
    with workspace.store.read() as connection:
        return {name: task.points for name, task in all_tasks(connection).items()}


def test_what_somebody_answered_began_or_saw_keeps_its_points_and_is_paid_by_them(
    folder: Path, platform: Told
) -> None:
    with at(folder, LESS) as workspace:
        before = points(workspace)
        answered, begun, seen, unseen, waiting = sorted(before)
        platform.give("a1", answered, at=NOW, container="box", **ALL_TAGS)  # type: ignore[arg-type]
        platform.give("a2", begun, at=NOW, container="box", status=AnnotationStatus.DRAFT, **ALL_TAGS)
        platform.showed = frozenset({f"remote-{seen}"})
        foreseen = steps.reprice_tasks(workspace, steps.TaskFilter(), dry_run=True)
        assert points(workspace) == before
        done = steps.reprice_tasks(workspace, steps.TaskFilter())
        assert (foreseen.changed, done.changed, done.promised) == (
            4,
            2,
            3,
        )  # two were written in the last moment
        after = points(workspace)
        assert {name for name in before if after[name] != before[name]} == {unseen, waiting}
        assert all(after[name] < before[name] for name in (unseen, waiting))
        assert done.after == after[unseen] + after[waiting]
        with workspace.store.read() as connection:
            assert {all_tasks(connection)[name].rules_version for name in (unseen, waiting)} == {"less"}
            assert placed_tasks(connection) == {seen}
        assert steps.reprice_tasks(workspace, steps.TaskFilter()).changed == 0
        steps.settle_answers(workspace)
        with workspace.store.read() as connection:
            assert wallet(connection, "ada").balance > sum((1, 2))


def test_where_the_platform_does_not_tell_what_it_showed_points_rise_and_never_fall(
    folder: Path, platform: Told
) -> None:
    platform.showed = None
    with at(folder, LESS) as workspace:
        before = points(workspace)
        assert steps.reprice_tasks(workspace, steps.TaskFilter()).changed == 1  # the one that stands nowhere
        assert platform.removed == []
    with at(folder, MORE) as workspace:
        assert steps.reprice_tasks(workspace, steps.TaskFilter()).changed == 5
        after = points(workspace)
        assert all(after[name] > before[name] for name in before)
        assert len(platform.removed) == 4


@pytest.mark.parametrize("moment", ["withdraw_tasks", "reprice"])
def test_a_run_that_is_killed_changes_all_quotes_or_none_and_the_next_one_finishes_it(
    folder: Path, platform: Told, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    class KilledError(BaseException):
        """Nothing catches it."""

    def killed(*_: object) -> None:
        raise KilledError

    with at(folder, MORE) as workspace:
        before = points(workspace)
        with monkeypatch.context() as patched:
            patched.setattr(f"chatfeedback.steps.reprice.{moment}", killed)
            with pytest.raises(KilledError):
                steps.reprice_tasks(workspace, steps.TaskFilter())
        assert points(workspace) == before
        answered = min(before)
        if moment == "withdraw_tasks":  # what stands there still is answered at its old price
            platform.give("a1", answered, at=NOW, container="box", **ALL_TAGS)  # type: ignore[arg-type]
        done = steps.reprice_tasks(workspace, steps.TaskFilter())
        kept = {name for name, offered in points(workspace).items() if offered == before[name]}
        assert kept == ({answered} if moment == "withdraw_tasks" else set())
        assert done.changed == len(before) - len(kept)


def test_a_platform_that_is_down_or_a_budget_that_is_spent_changes_no_quote(
    folder: Path, platform: Told
) -> None:
    platform.is_down = True
    with at(folder, MORE) as workspace:
        before = points(workspace)
        with pytest.raises(ConnectionFailedError):
            steps.reprice_tasks(workspace, steps.TaskFilter())
        assert points(workspace) == before
        platform.is_down = False
        assert steps.reprice_tasks(workspace, steps.TaskFilter()).changed == 5
    dear = MORE.replace("more", "dear").replace("100", "900") + "budget: {points_total: 2000}\n"
    with at(folder, dear) as workspace, pytest.raises(UsageError, match="Nothing was changed"):
        steps.reprice_tasks(workspace, steps.TaskFilter())
