"""A receipt names every export that holds what was deleted, wherever it was written."""

from __future__ import annotations

import errno
import json
import shutil
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from chatfeedback import steps
from exports.dataset import CannotWriteError
from exports.verification import verify
from tests.sample_records import NOW
from workspaces.errors import UsageError
from workspaces.files import CannotRemoveError
from workspaces.records import AnnotationStatus, Quality
from workspaces.store.annotations import AnnotationRevision, save_revisions
from workspaces.store.tasks import all_tasks
from workspaces.store.written import written, written_source
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

CONFIGURATION = "version: 1\nplatforms: {argilla: {}}\nmix: {kinds: {qualitative: 1}}\n"
WRITER, TAGGER, IDLE = "writer", "tagger", "idle"


@pytest.fixture
def filled(tmp_path: Path) -> Iterator[Workspace]:
    """Four conversations; ``writer`` rewrote the first two responses, ``tagger`` tagged the last two."""
    log = tmp_path / "logs.jsonl"
    rows = (
        {
            "conversation_id": f"chat-{number}",
            "conversation": [
                {"role": "user", "content": f"Which walrus is number {number}?"},
                {"role": "assistant", "content": f"Walrus {number} has a tooth of {number + 40} cm."},
            ],
            "model_name": "m",
            "source": "s",
        }
        for number in range(4)
    )
    log.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    with Workspace.create(tmp_path / "w", CONFIGURATION) as workspace:
        steps.ingest_file(workspace, log, publish=True)
        steps.seed_responses(workspace)
        steps.generate_tasks(workspace)
        with workspace.store.read() as connection:
            tasks = sorted(all_tasks(connection).values(), key=lambda task: task.conversation_ids)
        for number, task in enumerate(tasks):
            answer(workspace, task.id, WRITER if number < 2 else TAGGER, rewrite=number < 2)
        steps.settle_answers(workspace)
        yield workspace


def answer(workspace: Workspace, task_id: str, person_id: str, *, rewrite: bool) -> None:
    values = {quality.value: "yes" for quality in Quality}
    if rewrite:
        values["suggestion"] = f"A far better walrus for {task_id}, whose tooth was measured twice."
    name = f"{task_id}/{person_id}"
    revision = AnnotationRevision(
        annotation_id=name,
        revision=1,
        task_id=task_id,
        person_id=person_id,
        platform="argilla",
        response_id=name,
        status=AnnotationStatus.SUBMITTED,
        answers=values,
        content_hash=name,
        updated_at=NOW,
        synced_at=NOW,
    )
    with workspace.store.write() as connection:
        save_revisions(connection, [revision])


def everything(workspace: Workspace, elsewhere: Path) -> None:
    exports = workspace.path / "exports"
    for folder in (exports, elsewhere):
        steps.export(workspace, "dpo", folder / "dpo")
        steps.export(workspace, "kto", folder / "kto")
        steps.export_entries(workspace, folder / "ledger")


def named(workspace: Workspace, person_id: str) -> list[str]:
    return steps.forget_person(workspace, person_id, by="giver")["removed"]["exports_to_make_again"]


def test_exports_inside_and_outside_are_named_for_votes_rewrites_and_pseudonyms(
    filled: Workspace, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    everything(filled, out)
    # only rewrites make pairs; every tag makes a label; whoever was paid stands in the ledger
    assert named(filled, TAGGER) == sorted([str(out / "kto"), str(out / "ledger"), "kto", "ledger"])
    everywhere = [str(out / name) for name in ("dpo", "kto", "ledger")] + ["dpo", "kto", "ledger"]
    assert named(filled, WRITER) == sorted(everywhere)
    assert named(filled, IDLE) == []


def test_an_export_from_before_there_were_notes_is_told_by_its_columns(
    filled: Workspace, tmp_path: Path
) -> None:
    everything(filled, tmp_path / "out")
    with filled.store.write() as connection:
        connection.execute(sa.delete(written))
        connection.execute(sa.delete(written_source))
    assert named(filled, TAGGER) == ["kto", "ledger"]
    assert named(filled, WRITER) == ["dpo", "kto", "ledger"]


def test_a_conversation_is_named_outside_too_and_a_removed_export_no_more(
    filled: Workspace, tmp_path: Path
) -> None:
    everything(filled, tmp_path / "out")
    shutil.rmtree(tmp_path / "out" / "kto")
    (receipt,) = steps.delete_conversations(filled, ["chat-0"], by="giver")
    assert receipt["removed"]["exports_to_make_again"] == [str(tmp_path / "out" / "dpo"), "dpo", "kto"]


def test_copies_in_the_workspace_are_named_where_they_are_and_what_was_moved_as_such(
    filled: Workspace, tmp_path: Path
) -> None:
    home = filled.path
    for place in ("exports/dpo", "exports/deep/er/kto", "exports/reward"):
        steps.export(filled, place.rpartition("/")[2], home / place)
    for copy in ("exports/sub/copy", "kept by hand", "exports/copy"):
        shutil.copytree(home / "exports" / "dpo", home / copy)
    (tmp_path / "linked").mkdir()
    (home / "exports" / "linked").symlink_to(tmp_path / "linked")
    steps.export(filled, "dpo", home / "exports" / "linked" / "dpo")
    (home / "exports" / "reward").rename(tmp_path / "reward")
    (receipt,) = steps.delete_conversations(filled, ["chat-0"], by="giver")
    assert receipt["removed"]["exports_to_make_again"] == sorted(
        [
            str(tmp_path / "linked" / "dpo"),
            "copy",
            "dpo",
            "exports/deep/er/kto",
            "exports/sub/copy",
            "kept by hand",
        ]
    )
    assert receipt["removed"]["moved_or_removed"] == ["reward"]


@pytest.mark.parametrize("place", ["collection/x", "people/x", "reports/latest", "secrets", "servers/a/b"])
def test_nothing_is_written_among_the_files_of_the_workbench(filled: Workspace, place: str) -> None:
    with pytest.raises(UsageError, match="which the workbench writes itself"):
        steps.export(filled, "dpo", filled.path / place)
    with pytest.raises(UsageError, match="which the workbench writes itself"):
        steps.export_entries(filled, filled.path / place)


def test_nothing_is_written_into_a_release(filled: Workspace, tmp_path: Path) -> None:
    folder = tmp_path / "dpo"
    steps.export(filled, "dpo", folder)
    with pytest.raises(UsageError, match="which is an export"):
        steps.export(filled, "kto", folder / "data" / "kto")
    with pytest.raises(UsageError, match="which is an export"):
        steps.export_entries(filled, folder / "ledger")
    with pytest.raises(UsageError, match="which is an export"):
        steps.checkpoint_release(filled, folder, folder / "signed.json")
    assert verify(folder).problems == ()


def test_a_checkpoint_replaces_nothing_but_one_of_the_same_release(filled: Workspace, tmp_path: Path) -> None:
    steps.export(filled, "dpo", tmp_path / "dpo")
    steps.export(filled, "dpo", tmp_path / "twice", test_share=1)
    one, other = (steps.checkpoint_release(filled, tmp_path / name) for name in ("dpo", "twice"))
    assert one != other
    assert steps.checkpoint_release(filled, tmp_path / "dpo") == one
    assert steps.compare_with_checkpoint(filled, tmp_path / "twice", other) is None
    for path in (other, filled.path / "chatfeedback.yaml"):
        before = path.read_bytes()
        with pytest.raises(UsageError):
            steps.checkpoint_release(filled, tmp_path / "dpo", path)
        assert path.read_bytes() == before


@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize("place", ["_fsync", "write_tables", "_put_in_place"])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(errno.ENOSPC, "no space left on device")])
def test_an_export_that_failed_holds_what_it_held(
    filled: Workspace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    place: str,
    is_first: bool,
) -> None:
    out = tmp_path / "out" / "dpo"
    if not is_first:
        steps.export(filled, "dpo", out)
    answer_late(filled)
    with monkeypatch.context() as patched:
        patched.setattr(f"exports.dataset.{place}", failing(error))
        with pytest.raises((KeyboardInterrupt, CannotWriteError)):
            steps.export(filled, "dpo", out)
    assert not [*out.parent.glob(".dpo.[no]*")]
    assert named(filled, "late") == []
    assert named(filled, WRITER) == ([] if is_first else [str(out)])


def test_what_a_kill_left_beside_an_export_is_named_until_it_is_made_again(
    filled: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out" / "dpo"
    answer_late(filled)
    with monkeypatch.context() as patched:
        patched.setattr("exports.dataset._write", half_written)
        patched.setattr("exports.dataset.remove_folder", lambda _: None)  # nobody is there to clean up
        with pytest.raises(KeyboardInterrupt):
            steps.export(filled, "dpo", out)
    assert not out.exists()
    assert named(filled, "late") == [str(out)]
    steps.export(filled, "dpo", out)
    assert named(filled, "late") == []


def test_a_release_in_place_beside_one_that_cannot_be_removed_is_named_for_both(
    filled: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out" / "dpo"
    steps.export(filled, "dpo", out)
    steps.delete_conversations(filled, ["chat-1"], by="giver")
    answer_late(filled)
    with monkeypatch.context() as patched:
        patched.setattr("exports.dataset._fsync", failing(CannotRemoveError("it stays"), out.parent))
        with pytest.raises(CannotRemoveError):
            steps.export(filled, "dpo", out)
    assert named(filled, "late") == [str(out)]
    assert named(filled, WRITER) == [str(out)]


def answer_late(workspace: Workspace) -> None:
    """Add somebody's answer, which the next export holds."""
    with workspace.store.read() as connection:
        task = next(task for task in all_tasks(connection).values() if task.conversation_ids == ("chat-3",))
    answer(workspace, task.id, "late", rewrite=True)


def half_written(folder: Path, *_: object) -> None:
    folder.mkdir()
    raise KeyboardInterrupt


def failing(error: BaseException, at: Path | None = None) -> Callable[..., None]:
    """Return a function that fails; with a path, of this one alone."""

    def fail(path: object, *_: object) -> None:
        if at in (None, path):
            raise error

    return fail


def test_an_export_made_again_without_a_person_is_not_theirs(filled: Workspace, tmp_path: Path) -> None:
    out = tmp_path / "dpo"
    steps.export(filled, "dpo", out)
    steps.delete_conversations(filled, ["chat-1"], by="giver")
    with filled.store.write() as connection:
        connection.execute(sa.text("UPDATE annotation_revision SET person_id = 'other'"))
    steps.export(filled, "dpo", out)
    assert named(filled, WRITER) == []
    assert named(filled, "other") == [str(out)]


def test_an_author_whose_vote_does_not_count_is_named_for_the_text(filled: Workspace, tmp_path: Path) -> None:
    steps.export(filled, "kto", tmp_path / "kto")
    with filled.store.read() as connection:
        task = next(task for task in all_tasks(connection).values() if task.conversation_ids == ("chat-0",))
    answer(filled, task.id, "echo", rewrite=True)  # the same words as the writer's
    steps.export(filled, "kto", tmp_path / "kto")
    assert str(tmp_path / "kto") in named(filled, "echo")


def test_a_copy_of_a_persons_data_elsewhere_is_theirs_to_remove(filled: Workspace, tmp_path: Path) -> None:
    steps.export_person(filled, WRITER, tmp_path / "writer.zip")
    steps.export_person(filled, WRITER, filled.path / "people" / "writer.zip")
    removed = steps.forget_person(filled, WRITER, by="giver")["removed"]
    assert removed["copies_to_remove"] == [str(tmp_path / "writer.zip")]
    assert not (filled.path / "people" / "writer.zip").exists()


def test_a_broken_file_in_the_folder_stops_no_deletion(filled: Workspace) -> None:
    folder = filled.path / "exports" / "of-a-colleague"
    folder.mkdir(parents=True)
    (folder / "rows.parquet").write_bytes(b"PAR1 cut off")
    assert named(filled, IDLE) == ["of-a-colleague"]


def test_the_notes_name_nobody(filled: Workspace, tmp_path: Path) -> None:
    everything(filled, tmp_path / "out")
    with filled.store.read() as connection:
        sources = set(connection.execute(sa.select(written_source.c.source)).scalars())
    assert len(sources) == 2 + 4
    assert not [source for source in sources if WRITER in source or "chat-" in source]
