"""Redacting the collection again: a changed deny list reaches what is stored, tasks and files included."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from chatfeedback import steps
from chatfeedback.cli import app
from tests.sample_records import seeds_of
from tests.unit.workspaces.test_sync import MemoryPlatform
from workspaces.collection import Collection
from workspaces.records import PlacedTask
from workspaces.store import parts
from workspaces.store.seed_feedback import save_seeds
from workspaces.store.tasks import all_tasks, save_placements, unplaced_tasks
from workspaces.store.withdrawals import pending
from workspaces.workspace import CONFIG_NAME, Workspace, utc_now

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from workspaces.platforms.base import RemoteAnswer

NAME = "Quillfeather"
PLAIN = (
    "version: 1\nplatforms: {argilla: {url: http://localhost:1}}\n"
    "mix: {kinds: {qualitative: 1}}\nconsent: {delay_hours: 0}\n"
)
WITH_NAME = PLAIN + f"privacy: {{deny_names: [{NAME}]}}\n"


class WithTasks(MemoryPlatform):
    """Knows the tasks that are taken off it, which nobody has answered."""

    def __init__(self) -> None:
        super().__init__()
        self.removed: list[PlacedTask] = []

    def find(self, kind: str, task_ids: Sequence[str]) -> list[PlacedTask]:
        return []

    def answers_to(self, place: PlacedTask) -> list[RemoteAnswer] | None:
        return []

    def remove(self, placed: Sequence[PlacedTask]) -> None:
        self.removed += placed


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch) -> MemoryPlatform:
    memory = WithTasks()

    @contextmanager
    def connected(_workspace: Workspace, _name: str) -> Iterator[MemoryPlatform]:
        yield memory

    monkeypatch.setattr(Workspace, "platform", connected)
    return memory


@pytest.fixture
def folder(tmp_path: Path, platform: MemoryPlatform) -> Path:
    """A workspace with two files of two conversations, one of which names somebody, and a placed task for each."""
    with Workspace.create(tmp_path / "w", PLAIN) as workspace:
        for file, names in (("a", ("somebody", NAME)), ("b", ("nobody", "no one"))):
            log = tmp_path / f"{file}.jsonl"
            log.write_text(
                "".join(row(f"{file}-{number}", name) for number, name in enumerate(names)), "utf-8"
            )
            steps.ingest_file(workspace, log, publish=True)
        with workspace.store.write() as connection:
            save_seeds(connection, list(seeds_of(list(workspace.collection.scan())).values()))
        steps.generate_tasks(workspace)
        with workspace.store.write() as connection:
            placed = [PlacedTask(task_id, f"remote {task_id}", "c") for task_id in all_tasks(connection)]
            save_placements(connection, placed, utc_now())
    (tmp_path / "w" / CONFIG_NAME).write_text(WITH_NAME, "utf-8")
    return tmp_path / "w"


def row(name: str, said: str) -> str:
    turns = [
        {"role": "user", "content": f"Who is {said}? Mail ada@example.org."},
        {"role": "assistant", "content": f"A person called {said} of ada@example.org."},
    ]
    return (
        json.dumps({"conversation_id": name, "conversation": turns, "model_name": "m", "source": "s"}) + "\n"
    )


def redact(folder: Path) -> dict[str, Any]:
    ran = CliRunner().invoke(
        app, ["collection", "redact", "--workspace", str(folder), "--json"], catch_exceptions=False
    )
    assert ran.exit_code == 0, ran.output
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def generated(folder: Path) -> int:
    """Generate; return the number of new tasks. No two tasks of one kind show the same responses."""
    with Workspace.open(folder) as workspace:
        made = steps.generate_tasks(workspace)
        with workspace.store.read() as connection:
            first = [task for task in all_tasks(connection).values() if task.reask_of is None]
    shown = {(task.kind, frozenset(task.message_ids)) for task in first}
    assert len(shown) == len(first), "the same responses were asked about twice"
    return made.created


def files_with_the_name(folder: Path) -> list[str]:
    paths = (folder / "collection").glob("*.parquet")
    return [path.name for path in paths if NAME in str(pq.read_table(path).to_pylist())]


def test_a_changed_deny_list_reaches_texts_files_and_tasks(folder: Path) -> None:
    assert files_with_the_name(folder)
    result = redact(folder)
    assert len(result["conversations"]) == 1
    assert result["redactions"] == {"NAME": 2}
    assert sum(result["withdrawn"].values()) == 1
    assert files_with_the_name(folder) == []
    with Workspace.open(folder) as workspace, workspace.store.read() as connection:
        (changed,) = workspace.collection.read(result["conversations"]).values()
        assert [message.content for message in changed.messages] == [
            "Who is [NAME_1]? Mail [EMAIL_1].",
            "A person called [NAME_1] of [EMAIL_1].",
        ]
        assert len(unplaced_tasks(connection, "argilla")) == 1, "the next push shows the new text"
        assert len(list(workspace.collection.scan())) == 4


def test_doing_it_twice_changes_nothing_more(folder: Path) -> None:
    redact(folder)
    files = sorted(path.name for path in (folder / "collection").iterdir())
    assert redact(folder) == {
        "conversations": [],
        "redactions": {},
        "withdrawn": {},
        "exports_to_make_again": [],
        "copies_to_remove": [],
        "published_to_replace": [],
        "moved_or_removed": [],
    }
    assert sorted(path.name for path in (folder / "collection").iterdir()) == files


def test_the_same_log_is_known_again_after_it(folder: Path) -> None:
    redact(folder)
    with Workspace.open(folder) as workspace:
        again = steps.ingest_file(workspace, folder.parent / "a.jsonl")
    assert (again.added, again.grown, again.duplicates, again.rejected) == (0, 0, 2, 0)


def test_a_run_that_is_killed_leaves_no_task_with_the_old_text(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(_collection: Collection) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Collection, "clear_leftovers", killed)
        with Workspace.open(folder) as workspace, pytest.raises(KeyboardInterrupt):
            steps.redact_collection(workspace)
    with Workspace.open(folder) as workspace, workspace.store.read() as connection:
        assert len(pending(connection, "argilla")) == 1
        assert len(parts.parts_in(connection)) == 2
    assert files_with_the_name(folder), "the old file is still there"
    redact(folder)
    assert files_with_the_name(folder) == []
    with Workspace.open(folder) as workspace, workspace.store.read() as connection:
        assert pending(connection, "argilla") == []


def test_no_comparison_is_made_twice_after_a_name_was_denied_and_allowed_again(tmp_path: Path) -> None:
    both = PLAIN.replace("{kinds: {qualitative: 1}}", "{kinds: {qualitative: 1, preference: 1}, reask: 0.1}")
    denied = both + f"privacy: {{deny_names: [{NAME}]}}\n"
    asked = [{"role": "user", "content": f"Who is {NAME}?"}]

    def add(workspace: Workspace, *models: str) -> None:
        log = tmp_path / f"{'-'.join(models)}.jsonl"
        rows = (
            {
                "conversation_id": f"ask-{model}",
                "conversation": [*asked, {"role": "assistant", "content": f"{NAME}, says {model}."}],
                "model_name": model,
                "source": "s",
            }
            for model in models
        )
        log.write_text("".join(json.dumps(each) + "\n" for each in rows), "utf-8")
        steps.ingest_file(workspace, log, publish=True)
        with workspace.store.write() as connection:
            save_seeds(connection, list(seeds_of(list(workspace.collection.scan())).values()))

    folder = tmp_path / "w"
    with Workspace.create(folder, both) as workspace:
        add(workspace, "one", "two", "three", "four")
    assert generated(folder) >= 10, "four answers and six pairs"
    assert generated(folder) == 0
    for text in (denied, both, denied):
        (folder / CONFIG_NAME).write_text(text, "utf-8")
        redact(folder)
        assert generated(folder) == 0
    assert files_with_the_name(folder) == []
    with Workspace.open(folder) as workspace:
        add(workspace, "five")
    assert generated(folder) >= 5, "a new answer, and its pairs with the four"
    assert generated(folder) == 0


OTHER = "Thistlewood"


def logged(number: int, turns: int, *, with_id: bool) -> str:
    """Return a row in which two names and an address stand; a chat of more turns begins like one of fewer."""
    said = [
        {"role": role, "content": f"{role} {number} writes to {NAME}, {OTHER} and a{turn}@example.org"}
        for turn in range(turns)
        for role in ("user", "assistant")
    ]
    return json.dumps({"conversation": said, "source": "s"} | ({"conversation_id": "c"} if with_id else {}))


@pytest.mark.parametrize("with_id", [True, False])
@pytest.mark.parametrize("read_first", ["while denied", "before it was denied"])
@pytest.mark.parametrize("left", [[], [NAME], [OTHER]])
def test_a_log_is_known_again_when_a_name_is_not_denied_any_more(
    tmp_path: Path, platform: MemoryPlatform, with_id: bool, read_first: str, left: list[str]
) -> None:
    def configure(names: list[str]) -> None:
        (folder / CONFIG_NAME).write_text(f"{PLAIN}privacy: {{deny_names: {json.dumps(names)}}}\n", "utf-8")
        redact(folder)

    def read(turns: int) -> tuple[int, int, int, int, int]:
        log.write_text(logged(1, turns, with_id=with_id) + "\n", "utf-8")
        with Workspace.open(folder) as workspace:
            found = steps.ingest_file(workspace, log, publish=True, processes=1)
        return found.added, found.grown, found.duplicates, found.namesakes, found.rejected

    folder, log = tmp_path / "w", tmp_path / "log.jsonl"
    Workspace.create(folder, PLAIN).close()
    configure([] if read_first == "before it was denied" else [NAME, OTHER])
    assert read(1) == (1, 0, 0, 0, 0)
    configure([NAME, OTHER])
    configure(left)
    for _ in range(2):
        assert read(1) == (0, 0, 1, 0, 0)
    if with_id:
        assert read(2) == (0, 1, 0, 0, 0), "it grows, and stays one"
        assert read(2) == (0, 0, 1, 0, 0)
    with Workspace.open(folder) as workspace:
        assert len(list(workspace.collection.scan())) == 1
    assert files_with_the_name(folder) == [], "what is redacted stays so"
    assert all(NAME.encode() not in file.read_bytes() for file in (folder / "secrets").iterdir())


@pytest.mark.parametrize("with_id", [True, False])
def test_what_was_deleted_stays_away_when_a_name_is_not_denied_any_more(
    tmp_path: Path, platform: MemoryPlatform, with_id: bool
) -> None:
    folder, log = tmp_path / "w", tmp_path / "log.jsonl"
    log.write_text(logged(1, 1, with_id=with_id) + "\n", "utf-8")
    with Workspace.create(folder, WITH_NAME) as workspace:
        steps.ingest_file(workspace, log, publish=True, processes=1)
        (stored,) = workspace.collection.scan()
        steps.delete_conversations(workspace, [stored.id], by="lead")
    (folder / CONFIG_NAME).write_text(PLAIN, "utf-8")
    redact(folder)
    with Workspace.open(folder) as workspace:
        found = steps.ingest_file(workspace, log, publish=True, processes=1)
    assert (found.added, found.deleted) == (0, 1)


def test_another_conversation_under_a_known_id_is_still_told_apart(tmp_path: Path) -> None:
    folder, log = tmp_path / "w", tmp_path / "log.jsonl"
    Workspace.create(folder, WITH_NAME).close()
    for name, expected in ((NAME, (1, 0)), ("", (0, 1))):
        said = [{"role": "user", "content": name or "hello"}, {"role": "assistant", "content": "I see"}]
        row = {"conversation_id": "c", "conversation": said, "source": "s"}
        log.write_text(json.dumps(row) + "\n", "utf-8")
        with Workspace.open(folder) as workspace:
            found = steps.ingest_file(workspace, log, publish=True, processes=1)
        assert (found.added - found.namesakes, found.namesakes) == expected
        (folder / CONFIG_NAME).write_text(PLAIN, "utf-8")
        redact(folder)
