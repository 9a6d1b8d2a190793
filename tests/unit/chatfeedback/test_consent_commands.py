"""Consent, as its commands show it: states, receipts, tombstones, a person's own data."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from chatfeedback import steps
from chatfeedback.cli import app
from chatfeedback.steps.withdraw import REMOVED_TEXT, masked
from exports import NothingToExportError
from reward_engine.rates import earned
from tests.sample_records import NOW, chat
from workspaces.collection import Collection
from workspaces.errors import ConfigurationError, UsageError
from workspaces.records import Annotation, AnnotationStatus, Quality, SharingState
from workspaces.store import Store
from workspaces.store.annotations import AnnotationRevision, save_revisions
from workspaces.store.conversations import conversation, count_by_state
from workspaces.store.tasks import all_tasks, placement
from workspaces.store.tombstones import tombstone
from workspaces.store.withdrawals import withdrawal
from workspaces.workspace import Workspace, utc_now

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ONE_PLATFORM = "version: 1\nplatforms: {argilla: {}}\nmix: {kinds: {qualitative: 1}}\n"


@pytest.fixture(scope="module")
def new_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A chat log and a workspace with six conversations, ``chat-0`` to ``chat-5``, of two givers, all held."""
    rows = [
        {
            "conversation_id": f"chat-{number}",
            "conversation": [
                {"role": "user", "content": f"Which walrus is number {number}?"},
                {"role": "assistant", "content": f"Walrus {number} has a tooth of {number + 40} cm."},
            ],
            "model_name": "m",
            "source": "s",
            "user_id": ("ada@example.org", "bo")[number % 2],
            "timestamp": "2999-01-01T00:00:00Z",
        }
        for number in range(6)
    ]
    made = tmp_path_factory.mktemp("consent")
    (made / "logs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    with Workspace.create(made / "w", ONE_PLATFORM) as workspace:
        steps.ingest_file(workspace, made / "logs.jsonl")
    return made


@pytest.fixture
def folder(new_folder: Path, tmp_path: Path) -> Path:
    return shutil.copytree(new_folder, tmp_path, dirs_exist_ok=True) / "w"


@pytest.fixture
def opened(folder: Path) -> Iterator[Workspace]:
    with Workspace.open(folder) as workspace:
        yield workspace


def run(folder: Path, *arguments: str) -> Any:
    """Run a command and return the JSON it prints."""
    ran = CliRunner().invoke(app, [*arguments, "--workspace", str(folder), "--json"], catch_exceptions=False)
    assert ran.exit_code == 0, ran.output
    return json.loads(ran.stdout)


def states(folder: Path) -> dict[str, int]:
    with Workspace.open(folder) as workspace, workspace.store.read() as connection:
        return {state.value: count for state, count in count_by_state(connection).items()}


def test_a_conversation_can_be_published_before_its_delay_is_over(folder: Path) -> None:
    assert run(folder, "consent", "publish", "chat-0", "chat-1") == {
        "changed": 2,
        "unchanged": 0,
        "withdrawn": {},
    }
    assert run(folder, "consent", "publish", "chat-1")["unchanged"] == 1
    assert states(folder) == {"held": 4, "shared": 2}


def test_a_giver_chooses_for_everything_they_gave(folder: Path) -> None:
    assert run(folder, "consent", "keep-private", "--giver", "Ada@example.org")["changed"] == 3
    assert states(folder) == {"held": 3, "private": 3}
    assert run(folder, "consent", "publish", "--giver", "ada@example.org", "--by", "lead")["changed"] == 3
    history = run(folder, "consent", "history", "chat-0")["events"]
    assert [(it["state"], it["asked_by"]) for it in history] == [
        ("private", history[0]["asked_by"]),
        ("shared", "lead"),
    ]
    assert len(history[0]["asked_by"]) == 12
    unknown = CliRunner().invoke(app, ["consent", "history", "chat-00", "--workspace", str(folder)])
    assert "the collection has no conversation 'chat-00'" in str(unknown.exception)
    assert run(folder, "consent", "delete", "--giver", "bo")["receipts"][0]["removed"]["collection"] == {
        "conversations": 3
    }
    assert states(folder) == {"shared": 3}


def test_the_moment_of_first_sharing_is_kept(opened: Workspace) -> None:
    def moments() -> dict[str, Any]:
        with opened.store.read() as connection:
            query = sa.select(conversation.c.conversation_id, conversation.c.shared_at)
            return {row.conversation_id: row.shared_at for row in connection.execute(query)}

    steps.change_sharing(opened, ["chat-0"], SharingState.SHARED, by="giver")
    first = moments()
    assert first["chat-0"] is not None
    assert first["chat-1"] is None
    steps.change_sharing(opened, ["chat-0"], SharingState.PRIVATE, by="giver")
    steps.change_sharing(opened, ["chat-0"], SharingState.SHARED, by="giver")
    assert moments() == first
    later = utc_now() + timedelta(days=2)
    assert opened.collection.share_due(later) == 5
    assert moments() == first | {f"chat-{number}": later for number in range(1, 6)}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["publish", "chat-0"], "'chat-0' was deleted on 20"),
        (["publish", "chat-0"], "cannot be published"),
        (["keep-private", "chat-1", "chat-0"], "cannot be kept private"),
        (["publish", "nobody's"], 'no conversation "nobody\'s"'),
        (["delete", "chat-1", "nobody's"], 'no conversation "nobody\'s"'),
        (["publish"], "All that are held, if their givers agreed: --all; or some of these by --source NAME"),
        (["delete", "chat-1", "--giver", "bo"], "or all of one person"),
        (["delete", "--giver", "eve"], "nobody here is 'eve'"),
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(
    folder: Path, arguments: list[str], said: str
) -> None:
    run(folder, "consent", "delete", "chat-0")
    with pytest.raises(UsageError) as caught:
        CliRunner().invoke(app, ["consent", *arguments, "--workspace", str(folder)], catch_exceptions=False)
    assert said in str(caught.value)
    assert states(folder) == {"held": 5}


def test_a_receipt_says_what_went_and_nothing_of_it(folder: Path) -> None:
    (receipt,) = run(folder, "consent", "delete", "chat-3", "--reason", "too personal")["receipts"]
    path = folder / "receipts" / f"{receipt['receipt']}.json"
    assert json.loads(path.read_text("utf-8")) == {k: v for k, v in receipt.items() if k != "path"}
    assert receipt["path"] == str(path)
    assert (receipt["asked_by"], receipt["reason"]) == ("giver", "too personal")
    assert receipt["completed_at"] >= receipt["asked_at"]
    assert [len(digest) for digest in receipt["conversations"]] == [64]
    assert "chat-3" not in path.read_text("utf-8")
    again = run(folder, "consent", "delete", "chat-3")["receipts"]
    assert again == [receipt]


def test_a_tombstone_holds_back_by_id_and_by_text_and_says_nothing(folder: Path, tmp_path: Path) -> None:
    run(folder, "consent", "delete", "chat-0", "chat-1")
    rows = [json.loads(line) for line in (tmp_path / "logs.jsonl").read_text("utf-8").splitlines()]
    rows[0]["conversation"][0]["content"] += " A new text under the old id."
    rows[1]["conversation_id"] = "another id"
    rows[2]["conversation_id"], rows[2]["conversation"][0]["content"] = "new", "Who is new?"
    (tmp_path / "again.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    found = run(folder, "ingest", str(tmp_path / "again.jsonl"))
    assert [found[key] for key in ("read", "added", "duplicates", "deleted", "rejected")] == [6, 1, 3, 2, 0]
    with Workspace.open(folder) as workspace, workspace.store.read() as connection:
        stones = connection.execute(sa.select(tombstone)).all()
        other_key = Workspace.create(tmp_path / "other").tombstones
    assert len(stones) == 2
    hashes = {workspace.tombstones.hash_of_id(name) for name in ("chat-0", "chat-1")}
    assert {stone.conversation_hmac for stone in stones} == hashes
    assert other_key.hash_of_id("chat-0") not in hashes


def test_a_deletion_waits_for_a_platform_that_cannot_be_reached(
    opened: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps.change_sharing(opened, ["chat-0", "chat-1"], SharingState.SHARED, by="giver")
    steps.seed_responses(opened)
    steps.generate_tasks(opened)
    with opened.store.write() as connection:
        (task,) = (it for it in all_tasks(connection).values() if it.conversation_ids == ("chat-0",))
        row = {"task_id": task.id, "remote_id": "1", "container_id": "2", "pushed_at": NOW}
        connection.execute(placement.insert(), row)
    with pytest.raises(
        ConfigurationError, match=r"deleted here; for the rest .* 'chatfeedback consent finish'"
    ):
        steps.delete_conversations(opened, ["chat-0"], by="giver")
    assert "chat-0" not in opened.collection.read(["chat-0"])
    assert not list(opened.path.glob("receipts/*"))
    with pytest.raises(ConfigurationError, match="consent finish"):
        steps.finish_requests(opened)
    with opened.store.write() as connection:
        assert [it.forget for it in connection.execute(sa.select(withdrawal))] == [True]
        connection.execute(sa.delete(withdrawal))
    assert steps.finish_requests(opened) == 1
    assert steps.finish_requests(opened) == 0
    (receipt,) = steps.delete_conversations(opened, ["chat-0"], by="giver")
    assert receipt["removed"]["platforms"] == {"argilla": 1}


def test_people_take_all_of_their_data_with_them(folder: Path, tmp_path: Path) -> None:
    run(folder, "consent", "publish", "chat-0")
    made = run(folder, "people", "export", "ada@example.org", "--output", str(tmp_path / "ada.zip"))
    with zipfile.ZipFile(tmp_path / "ada.zip") as archive:
        files = {name: archive.read(name).decode() for name in archive.namelist()}
    logs = [json.loads(line) for line in files["conversations.jsonl"].splitlines()]
    assert sorted((log["id"], log["state"]) for log in logs) == [
        ("chat-0", "shared"),
        ("chat-2", "held"),
        ("chat-4", "held"),
    ]
    assert "Walrus 0 has a tooth" in files["conversations.jsonl"]
    assert [row["state"] for row in csv.DictReader(io.StringIO(files["consent.csv"]))] == ["shared"]
    assert made["person"] in files["README.txt"]
    assert set(json.loads(files["about.json"])["files"]) == files.keys() - {"about.json", "README.txt"}
    assert not any("Walrus 1" in text for text in files.values())
    run(folder, "people", "export", made["person"], "--output", str(tmp_path / "ada"))
    assert {path.name for path in (tmp_path / "ada").iterdir()} == files.keys()
    with pytest.raises(UsageError, match="is not empty"):
        run(folder, "people", "export", "bo", "--output", str(tmp_path / "ada"))


def test_somebody_forgotten_who_comes_back_is_a_new_person(folder: Path, tmp_path: Path) -> None:
    person = run(folder, "people", "export", "ada@example.org")["person"]
    assert (folder / "people" / f"{person}.zip").exists()
    (receipt,) = run(folder, "people", "delete", "ada@example.org", "--yes")["receipts"]
    assert receipt["person"] == receipt["asked_by"] == person
    assert receipt["removed"]["store"]["identities"] == 1
    assert receipt["removed"]["collection"] == {"conversations": 3}
    assert not (folder / "people" / f"{person}.zip").exists()
    assert states(folder) == {"held": 3}
    for name in ("ada@example.org", person):
        with pytest.raises(UsageError, match="nobody here"):
            run(folder, "people", "export", name)
    with Workspace.open(folder) as workspace:
        back = workspace.pseudonyms.on_platform("argilla")("ada@example.org")
    assert back != person
    assert run(folder, "ingest", str(tmp_path / "logs.jsonl"))["deleted"] == 3


def test_nobody_is_forgotten_without_a_yes(folder: Path) -> None:
    arguments = ["people", "delete", "bo", "--workspace", str(folder)]
    assert CliRunner().invoke(app, arguments, input="n\n").exit_code == 1
    assert states(folder) == {"held": 6}
    assert CliRunner().invoke(app, arguments, input="y\n").exit_code == 0
    assert states(folder) == {"held": 3}


@pytest.mark.parametrize(
    ("rewrite", "response"),
    [
        ("too short", "the response"),
        ("exactly twenty chars", "the response"),
        ("nineteen characters", "the response"),
        ("The   response, which is long enough", "the response, which is LONG enough"),
        ("A rewrite as people write them, " * 9, "the response"),
        ("   ", "the response"),
        ("A rewrite of nobody knows what", None),
    ],
)
def test_a_deleted_rewrite_earns_what_it_earned(rewrite: str, response: str | None) -> None:
    values = {quality.value: "yes" for quality in Quality} | {"suggestion": rewrite}

    def points(said: dict[str, str], text: str | None) -> dict[str, int]:
        answer = Annotation("a", "t", "p", "argilla", AnnotationStatus.SUBMITTED, 1, said, NOW)
        return earned("qualitative", {"qualities": 6, "suggestion": 8}, answer, text)

    left = masked(values, response)
    assert points(left, None) == points(values, response)
    assert left.get("suggestion", "") in REMOVED_TEXT
    assert masked(left, None) == left
    assert {name: left[name] for name in values if name != "suggestion"} == {
        name: value for name, value in values.items() if name != "suggestion"
    }


def test_a_purged_store_keeps_no_byte_of_what_was_deleted(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'test.db'}")
    store.upgrade()

    def holds() -> bool:
        return any(b"walrus" in path.read_bytes() for path in tmp_path.iterdir())

    with store.write() as connection:
        connection.exec_driver_sql("PRAGMA secure_delete=OFF")  # some builds of SQLite have it on
        row = {"content_hash": "h", "state": "held", "share_at": NOW, "added_at": NOW}
        rows = [row | {"conversation_id": f"walrus {n}", "part": "p" * 999} for n in range(50)]
        connection.execute(sa.insert(conversation), rows)
    with store.write() as connection:
        connection.exec_driver_sql("PRAGMA secure_delete=OFF")
        connection.execute(sa.delete(conversation))
    assert holds(), "else this would prove nothing"
    store.purge()
    assert not holds()
    store.close()


def test_leftovers_of_killed_runs_go_and_files_being_written_stay(opened: Workspace) -> None:
    folder = opened.path / "collection"
    before = {path.name for path in folder.iterdir()}
    ended = subprocess.Popen([sys.executable, "-c", "pass"])
    ended.wait()
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        kept = folder / f"part-1.{other.pid}.tmp"
        gone = [
            folder / f"part-2.{ended.pid}.tmp",
            folder / f"part-3.{os.getpid()}.tmp",
            folder / "part-4.parquet",
            folder / f"part-5.{other.pid}.tmp",
        ]
        for path in (kept, *gone):
            path.write_text("a walrus", encoding="utf-8")
        os.utime(gone[-1], (1, 1))  # older than the process that has its number now
        assert opened.collection.clear_leftovers() == 4
        assert {path.name for path in folder.iterdir()} == before | {kept.name}
    finally:
        other.communicate(b"\n")


def test_removing_from_a_part_keeps_the_rest_as_it_was(tmp_path: Path) -> None:
    store = Store("sqlite://")
    store.upgrade()
    collection = Collection(tmp_path / "collection", store)
    logs = [chat(f"c{number}", f"question {number}", f"answer {number}") for number in range(1200)]
    collection.append(logs[:1000], now=NOW, delay=timedelta(0))
    collection.append(logs[1000:], now=NOW, delay=timedelta(0))
    collection.share_due(NOW)
    gone = {"c0", "c511", "c512", "c999", "unknown"} | {f"c{number}" for number in range(1000, 1200)}
    assert collection.remove(gone) == 2
    assert sorted(it.id for it in collection.scan()) == sorted(it.id for it in logs if it.id not in gone)
    assert {it.id: it for it in collection.scan()}["c510"] == logs[510]
    assert len(list((tmp_path / "collection").iterdir())) == 1
    assert collection.remove(gone) == 0
    store.close()


def test_a_licence_comes_from_the_row_then_the_command_then_the_configuration(tmp_path: Path) -> None:
    def row(name: str, source: str, **more: str) -> str:
        turns = [{"role": "user", "content": name}, {"role": "assistant", "content": f"{name}?"}]
        return json.dumps(
            {"conversation_id": name, "conversation": turns, "model_name": "m", "source": source, **more}
        )

    configuration = ONE_PLATFORM + "sources: {ours: {licence: odc-by}}\n"
    (tmp_path / "a.jsonl").write_text(
        "\n".join([row("a", "ours"), row("b", "theirs"), row("c", "ours", license="mit")]), encoding="utf-8"
    )
    (tmp_path / "d.jsonl").write_text("\n".join([row("d", "ours"), row("e", "x", licence="mit")]), "utf-8")
    with Workspace.create(tmp_path / "w", configuration) as workspace:
        steps.ingest_file(workspace, tmp_path / "a.jsonl")
        run(workspace.path, "ingest", str(tmp_path / "d.jsonl"), "--licence", "cc0-1.0")
        found = workspace.collection.read("abcde")
    assert {name: it.licence for name, it in found.items()} == {
        "a": "odc-by",
        "b": None,
        "c": "mit",
        "d": "cc0-1.0",
        "e": "mit",
    }


def test_the_next_export_holds_nothing_of_what_was_deleted(opened: Workspace) -> None:
    names = [f"chat-{number}" for number in range(6)]
    steps.change_sharing(opened, names, SharingState.SHARED, by="giver")
    steps.seed_responses(opened)
    steps.generate_tasks(opened)
    with opened.store.write() as connection:
        save_revisions(
            connection,
            [
                AnnotationRevision(
                    annotation_id=task.id,
                    revision=1,
                    task_id=task.id,
                    person_id="p",
                    platform="argilla",
                    response_id=task.id,
                    status=AnnotationStatus.SUBMITTED,
                    answers={quality.value: "yes" for quality in Quality}
                    | {"suggestion": f"A better walrus for {task.conversation_ids[0]}, for sure."},
                    content_hash=task.id,
                    updated_at=NOW,
                    synced_at=NOW,
                )
                for task in all_tasks(connection).values()
            ],
        )
    folder = opened.path / "exports" / "dpo"

    def texts() -> str:
        tables = [pq.read_table(path) for path in folder.rglob("*.parquet")]
        return json.dumps([table.to_pylist() for table in tables], default=str)

    assert sum(steps.export(opened, "dpo", folder).rows.values()) == 6
    assert "A better walrus for chat-2" in texts()
    (receipt,) = steps.delete_conversations(opened, ["chat-2"], by="giver")
    assert receipt["removed"]["exports_to_make_again"] == ["dpo"]
    made = steps.export(opened, "dpo", folder)
    assert sum(made.rows.values()) == 5
    assert not [text for text in ("chat-2", "Walrus 2", "number 2") if text in texts()]
    assert "A better walrus for chat-3" in texts()
    (receipt,) = steps.delete_conversations(opened, ["chat-3"], by="giver")
    (receipt,) = steps.delete_conversations(opened, ["chat-3"], by="giver")
    assert receipt["removed"]["exports_to_make_again"] == ["dpo"]
    forgotten = steps.forget_person(opened, "p", by="giver")
    assert forgotten["removed"]["store"]["answers_without_text"] == 6
    with pytest.raises(NothingToExportError, match="6 ratings without a rewrite"):
        steps.export(opened, "dpo", folder)


@pytest.mark.parametrize("by", ["--file", "--source"])
def test_a_log_that_should_not_have_been_read_is_deleted_as_a_whole_by_the_lead(
    folder: Path, tmp_path: Path, by: str
) -> None:
    more = [
        {
            "conversation_id": f"more-{number}",
            "source": "elsewhere",
            "model_name": "m",
            "conversation": [
                {"role": "user", "content": f"Is more {number} enough for us all?"},
                {"role": "assistant", "content": "It is."},
            ],
        }
        for number in range(2)
    ]
    log = tmp_path / "more.jsonl"
    log.write_text("".join(json.dumps(row) + "\n" for row in more), encoding="utf-8")
    run(folder, "ingest", str(log))
    command = ["consent", "delete", by, str(log) if by == "--file" else "elsewhere"]
    asked = CliRunner().invoke(app, [*command, "--workspace", str(folder)], input="no\n")
    assert asked.exit_code == 1
    assert states(folder) == {"held": 8}
    (receipt,) = run(folder, *command, "--yes")["receipts"]
    assert receipt["removed"]["collection"] == {"conversations": 2}
    assert receipt["asked_by"] == "lead"
    assert states(folder) == {"held": 6}
    with pytest.raises(UsageError, match="no conversation"):
        CliRunner().invoke(app, [*command, "--yes", "--workspace", str(folder)], catch_exceptions=False)
