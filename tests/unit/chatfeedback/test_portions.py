"""An export is the same however it is divided into portions, and whoever makes these."""

from __future__ import annotations

import hashlib
import json
import os
import random
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, cast

import numpy as np
import psutil
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

import exports
from chatfeedback import steps
from chatfeedback.steps import portions, scattered, scattering, training_sets
from chatfeedback.steps.grouping import Groups, chained, together
from chatfeedback.steps.scattered import SCATTERED, scattered_in
from exports.arrays import NOWHERE
from exports.dataset import CannotWriteError
from exports.plan import Plan
from exports.reducing import Whole, reduced
from exports.release import NothingToExportError
from exports.verification import verify
from tests.dask_cluster import dask_cluster
from tests.unit.chatfeedback.stored_world import START, store_world
from tests.unit.exports.export_records import CRITERIA, RUBRIC, World
from tests.unit.exports.test_recorded_exports import world_of
from workspaces.config.exports import ExportsConfig
from workspaces.dask_workers import DaskWorkers
from workspaces.errors import ConnectionFailedError
from workspaces.files import CannotRemoveError, LostFileError
from workspaces.kinds import asking, rubric_kinds
from workspaces.records import ItemPosterior
from workspaces.store.conversations import conversation
from workspaces.store.moderations import ModerationEntry, save_moderation
from workspaces.store.own_answers import own_answer
from workspaces.store.posteriors import replace_posteriors
from workspaces.workers import LocalWorkers, WorkerDiedError, results_of
from workspaces.workspace import CONFIG_NAME, Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from chatfeedback.steps.portions import Portion
    from exports import Evidence
    from workspaces.workers import Workers

RULES = {
    "": ExportsConfig(),
    "by rules": ExportsConfig(min_people=2, min_agreement=0.6, languages=("und", "en")),
    "apart": ExportsConfig(test_people=0.4),
    "all": ExportsConfig(
        min_people=1,
        min_agreement=0.5,
        min_posterior=0.51,
        skip_flags=("moderation",),
        weights="posterior",
        own="exclude",
    ),
    "own": ExportsConfig(skip_flags=("moderation",), own="only"),
}
FORMS = ["dpo", "kto", "nemo-rl", "tpo", "rubric"]
"""One file or many, in an order of its own or not, tools or not, measured portion by portion or at once."""


@pytest.fixture
def answered(workspace: Workspace) -> Iterator[Workspace]:
    """A workspace with answers of every kind, conversations with the same prompt, and near duplicates."""
    with asking(rubric_kinds({RUBRIC: CRITERIA})):
        world = world_of(3)
    store_world(workspace, world, {"c1": "g", "c20": "g", "c21": "h", "c44": "h"})
    config = workspace.path / CONFIG_NAME
    config.write_text(config.read_text().replace("  own: marked\n", "  own: allowed\n"))
    pairs = {"|".join(sorted(it.message_ids)) for it in world.tasks.values() if it.kind == "preference"}
    found = [
        ItemPosterior("preference", "preference", pair, {}, {"first": 0.8, "second": 0.15, "tie": 0.05})
        for pair in sorted(pairs)
    ]
    mine = [
        {"person_id": "p1", "task_id": name, "giver_id": "p1", "marked_at": START} for name in world.tasks
    ]
    flags = [
        ModerationEntry(f"c{number}r0", "judge", f"c{number}", True, ("violence",), START)
        for number in range(0, 60, 5)
    ]
    with workspace.store.write() as connection:
        save_moderation(connection, flags)
        replace_posteriors(connection, found, START)
        connection.execute(sa.insert(own_answer), mine)
    with Workspace.open(workspace.path) as opened:
        yield opened


def made(
    workspace: Workspace,
    folder: Path,
    name: str,
    rules: ExportsConfig,
    workers: Workers | None = None,
    *,
    json_lines: bool = True,
) -> dict[str, str]:
    """Return the checksum of every file of an export, but for when it was made; or why there is none."""
    try:
        steps.export(
            workspace, name, folder, rules=rules, any_licence=True, workers=workers, json_lines=json_lines
        )
    except NothingToExportError as error:
        return {"error": str(error)}
    assert not (workspace.path / SCATTERED).exists()
    assert verify(folder).problems == ()
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    figures = json.dumps(
        {key: value for key, value in manifest.items() if key not in ("created_at", "files")}
    )
    return {
        **{
            path: sha
            for path, sha in manifest["files"].items()
            if path not in ("croissant.json", "README.md")
        },
        "figures": hashlib.sha256(figures.encode()).hexdigest(),
    }


def in_small_portions(monkeypatch: pytest.MonkeyPatch, tasks: int = 9) -> None:
    monkeypatch.setattr(scattering, "TASKS", tasks)


@pytest.mark.parametrize("rule", RULES)
def test_an_export_is_the_same_in_small_portions(
    answered: Workspace, tmp_path: Path, rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = FORMS if not rule else ["dpo"]
    whole = {name: made(answered, tmp_path / "whole" / name, name, RULES[rule]) for name in names}
    in_small_portions(monkeypatch)
    assert {
        name: made(answered, tmp_path / "portions" / name, name, RULES[rule], LocalWorkers(1))
        for name in names
    } == whole


def test_prompts_that_are_nearly_the_same_are_on_one_side_whatever_was_answered(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = random.Random(4)
    world = World()
    words = [f"word{number}" for number in range(400)]
    for copy in range(16):
        asked = drawn.sample(words, 60)
        for ending in ("please", "now"):  # three in sixty shingles differ
            prompt = " ".join([*asked, ending])
            for said in ("first", "second"):  # who gave the first one keeps it private
                world.votes(
                    world.task(*world.chat(prompt, *(f"{said} {ending} {copy} {side}" for side in "ab"))), "a"
                )
    store_world(workspace, world, {"c0": "g"})
    firsts = [it.id for it in world.conversations if it.messages[-1].content.startswith("first")]
    with workspace.store.write() as connection:
        is_first = conversation.c.conversation_id.in_(firsts)
        connection.execute(sa.update(conversation).where(is_first).values(state="private"))
    for tasks in (1000, 5):
        in_small_portions(monkeypatch, tasks)
        steps.export(
            workspace, "dpo", tmp_path / str(tasks), test_share=0.5, json_lines=True, any_licence=True
        )
        sides: dict[str, set[str]] = {}
        for path in (tmp_path / str(tasks) / "data" / "trl").glob("*.jsonl"):
            for line in path.read_text("utf-8").splitlines():
                prompt = json.loads(line)["prompt"][-1]["content"].rpartition(" ")[0]
                sides.setdefault(prompt, set()).add(path.name.split("-")[0])
        assert len(sides) == 16
        assert {len(side) for side in sides.values()} == {1}
        assert set.union(*sides.values()) == {"train", "test"}


def test_a_disk_that_is_full_while_portions_are_made_is_named(
    answered: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def on_a_full_disk(*, dir: Path) -> str:  # noqa: A002
        made = mkdtemp(dir=dir)
        (Path(made) / f"answers.{os.getpid()}.tmp").symlink_to("/dev/full")
        return made

    before = made(answered, tmp_path / "dpo", "dpo", RULES[""])
    with monkeypatch.context() as patched:
        patched.setattr(scattered, "mkdtemp", on_a_full_disk)
        with pytest.raises(CannotWriteError, match="No space left on device"):
            made(answered, tmp_path / "dpo", "dpo", RULES["apart"])
    assert not (answered.path / SCATTERED).exists()
    assert made(answered, tmp_path / "dpo", "dpo", RULES[""]) == before


def test_a_process_that_outlives_an_export_knows_the_rules_of_the_next(answered: Workspace) -> None:
    """As the workers of a Dask cluster do: whatever they remember is of one export, and they leave nothing behind."""
    found = []
    for own in ("exclude", "only"):
        with scattered_in(answered) as scratch:
            assert all(it.stat().st_mode & 0o077 == 0 for it in (scratch, scratch.parent))
            with answered.store.read() as connection:
                given = (
                    answered,
                    connection,
                    scratch,
                    exports.projection_of("dpo"),
                    ExportsConfig(own=own),
                    None,
                    1,
                    LocalWorkers(1),
                )
                portion = cast("Portion", training_sets._portions(*given)[1][0])
            found.append(portions._shared(portion.shared).rules.own)
            left = scratch / "rows"
            plan = Plan(exports.projection_of("dpo"), ExportsConfig(), 0.1, False, 1, str(left))
            evidence = portion()
            in_groups(portion, evidence)
            files = {Path(it.path) for waiting in portion.waiting.values() for it in waiting}
            assert len(files) == 3
            for file in files:
                kept = file.rename(scratch / "away")
                with pytest.raises(LostFileError, match=r"which .* not there any more .* same command again"):
                    portion()  # not read as if it were empty
                for size in (0, 100, kept.stat().st_size - 8):
                    file.write_bytes(kept.read_bytes()[:size])
                    with pytest.raises(LostFileError, match="is damaged"):
                        portion()
                kept.rename(file)
        with pytest.raises(FileNotFoundError):
            reduced(Whole(evidence), 0, plan)
        assert not (answered.path / SCATTERED).exists()
    assert found == ["exclude", "only"]


def in_groups(portion: Portion, whole: Evidence) -> None:
    """What there is of each group is together what there is, and a task is with the conversations that it shows."""
    found = [portion({group}) for group in {*portion.conversations().column("group").to_pylist(), NOWHERE}]
    assert len(found) > 5
    tasks = [(name, task) for some in found for name, task in some.tasks.items()]
    assert (len(tasks), dict(tasks)) == (len(whole.tasks), whole.tasks)
    answers = [answer for some in found for answer in some.annotations]
    assert sorted(answers, key=lambda it: it.id) == sorted(whole.annotations, key=lambda it: it.id)
    contexts = [pair for some in found for pair in some.contexts.items()]
    assert (len(contexts), dict(contexts)) == (len(whole.contexts), whole.contexts)
    for some in found:
        shown = {name for task in some.tasks.values() for name in task.message_ids}
        assert shown & whole.contexts.keys() <= some.contexts.keys()
        assert {answer.task_id for answer in some.annotations} <= some.tasks.keys()


def test_a_great_export_has_no_more_portions_than_a_process_may_open_files(
    answered: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resource = pytest.importorskip("resource")
    whole = made(answered, tmp_path / "whole", "dpo", RULES[""])
    in_small_portions(monkeypatch, tasks=1)
    monkeypatch.setattr(scattering, "MOST", 20)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    opened = len(psutil.Process().open_files()) + psutil.Process().num_fds()
    resource.setrlimit(resource.RLIMIT_NOFILE, (opened + 40, before[1]))
    try:
        assert made(answered, tmp_path / "portions", "dpo", RULES[""], LocalWorkers(1)) == whole
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_what_cannot_be_removed_is_named(answered: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    left = answered.path / SCATTERED / "00000"
    left.mkdir(parents=True)

    def refused(folder: Path, *, ignore_errors: bool = False) -> None:
        if not ignore_errors:
            raise PermissionError(1, "Operation not permitted", str(left))

    with monkeypatch.context() as patched:
        patched.setattr("workspaces.files.shutil.rmtree", refused)
        with pytest.raises(CannotRemoveError, match=r"cannot remove .*00000: Operation not permitted"):
            steps.delete_conversations(answered, ["c1"], by="lead")
        with pytest.raises(CannotRemoveError, match="remove it by hand"), scattered_in(answered):
            pass
    assert steps.delete_conversations(answered, ["c2"], by="lead")
    assert not left.exists()


def test_two_processes_of_which_one_is_killed_come_to_the_same(
    answered: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = made(answered, tmp_path / "whole", "dpo", RULES[""])
    in_small_portions(monkeypatch)

    def victim() -> psutil.Process | None:
        return next(
            (it for it in psutil.Process().children() if "spawn_main" in " ".join(it.cmdline())), None
        )

    with killed_at_work(answered, victim):
        assert made(answered, tmp_path / "portions", "dpo", RULES[""], LocalWorkers(2)) == whole


def test_a_dask_cluster_of_which_one_worker_is_killed_comes_to_the_same(
    answered: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed", reason="needs Dask: uv sync --extra dask")
    whole = made(answered, tmp_path / "whole", "dpo", RULES[""])
    in_small_portions(monkeypatch)
    with (
        dask_cluster(tmp_path) as (address, pair),
        killed_at_work(answered, lambda: psutil.Process(pair[0].pid)),
    ):
        assert made(answered, tmp_path / "portions", "dpo", RULES[""], DaskWorkers(address)) == whole
        pair[1].kill()  # the last one
        monkeypatch.setattr("workspaces.dask_workers.WITHOUT_WORKER", 0.2)
        with pytest.raises(ConnectionFailedError, match="has no worker, so nobody does the work"):
            made(answered, tmp_path / "nobody", "dpo", RULES[""], DaskWorkers(address))
        assert not (answered.path / SCATTERED).exists()


def test_a_scheduler_that_is_not_there_is_named_and_leaves_the_export_as_it_was(
    answered: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed", reason="needs Dask: uv sync --extra dask")
    before = made(answered, tmp_path / "dpo", "dpo", RULES[""])
    monkeypatch.setattr("workspaces.dask_workers.DASK_TIMEOUT", "500ms")
    with pytest.raises(ConnectionFailedError, match=r"tcp://127\.0\.0\.1:1 cannot be reached"):
        made(answered, tmp_path / "dpo", "dpo", RULES["apart"], DaskWorkers("tcp://127.0.0.1:1"))
    assert not (answered.path / SCATTERED).exists()
    assert made(answered, tmp_path / "dpo", "dpo", RULES[""]) == before


@contextmanager
def killed_at_work(workspace: Workspace, victim: Callable[[], psutil.Process | None]) -> Iterator[None]:
    """Kill a process as soon as the first rows of an export wait; it is certain that one was killed."""
    done = threading.Event()

    def kill() -> None:
        while not any((workspace.path / SCATTERED).rglob("trl.arrow")) or (found := victim()) is None:
            time.sleep(0.001)
        found.kill()
        done.set()

    threading.Thread(target=kill, daemon=True).start()
    yield
    assert done.wait(10)


def test_a_deletion_removes_what_an_export_that_was_killed_left(answered: Workspace) -> None:
    left = answered.path / SCATTERED / "00000" / "trl.arrow"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"texts")
    steps.delete_conversations(answered, ["c1"], by="lead")
    assert not left.exists()


def test_work_that_always_kills_its_workers_is_given_up() -> None:
    class Dying:
        tries = 0

        def __enter__(self) -> Dying:
            return self

        def __exit__(self, *error: object) -> None:
            pass

        def run(
            self,
            function: Callable[..., int],
            work: Iterable[tuple[int, ...]],
            size_of: Callable[..., int] | None = None,
        ) -> Iterator[int]:
            for arguments in work:
                if arguments == (2,):
                    self.tries += 1
                    raise WorkerDiedError("gone")
                yield function(*arguments)

    dying = Dying()
    with pytest.raises(WorkerDiedError):
        results_of(dying, abs, [(0,), (-1,), (2,)])  # type: ignore[arg-type]
    assert dying.tries == 6
    assert results_of(dying, abs, [(0,), (-1,)]) == [0, 1]  # type: ignore[arg-type]


def test_numbers_belong_together_as_names_do_that_are_joined_in_whatever_order() -> None:
    draw = random.Random(5)
    for size in (1, 7, 60, 90):
        pairs = [(draw.randrange(size), draw.randrange(size)) for _ in range(50)]
        groups = Groups()
        for pair in draw.sample(pairs, len(pairs)):
            groups.join(*(f"{number:03}" for number in draw.sample(pair, 2)))
        roots = together(size, *np.array(pairs).T)
        assert [f"{root:03}" for root in roots] == [groups.of(f"{number:03}") for number in range(size)]


@given(st.lists(st.integers(0, 5)))
def test_numbers_with_one_label_are_joined(labels: list[int]) -> None:
    numbers = np.arange(len(labels))
    roots = together(len(labels), *chained(np.array(labels, np.int64), numbers))
    assert roots.tolist() == [labels.index(label) for label in labels]
