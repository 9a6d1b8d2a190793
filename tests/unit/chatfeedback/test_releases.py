"""Releases: the next one lacks what was deleted, rewrites few files, names what is gone, and passes ``verify``."""

from __future__ import annotations

import hashlib
import json
import shutil
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from chatfeedback import steps
from chatfeedback.cli import app
from chatfeedback.steps.releases import HoldsDeletedError
from chatfeedback.steps.written import key_of
from exports import NothingToExportError
from exports.buckets import bucket_of, buckets_for
from exports.dataset import MANIFEST, SUMS, sums_of
from exports.difference import TOMBSTONES, DamagedFeedError, listed_in, read_feed
from exports.publication import NotPublishedError
from exports.verification import read_manifest, verify
from tests import hub_stand_in
from tests.sample_records import NOW
from tests.unit.chatfeedback.test_receipts_name_exports import TAGGER, WRITER, answer
from workspaces.errors import UsageError
from workspaces.records import SharingState
from workspaces.store.conversations import set_state
from workspaces.store.tasks import all_tasks
from workspaces.store.written import sources_of, written_at
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONFIGURATION = "version: 1\nplatforms: {argilla: {}}\nmix: {kinds: {qualitative: 1}}\n"
CHATS, ONE_OF_TWO = 24, 2


@pytest.fixture
def filled(tmp_path: Path) -> Iterator[Workspace]:
    """Conversations whose responses ``writer`` or ``tagger`` rewrote, in turns."""
    log = tmp_path / "logs.jsonl"
    rows = (
        {
            "conversation_id": f"chat-{number}",
            "user_id": f"user-of-{number}@example.org",
            "conversation": [
                {"role": "user", "content": f"Which walrus is number {number}, {chr(97 + number) * 7}?"},
                {"role": "assistant", "content": f"Walrus {number} has a tooth of {number + 40} cm."},
            ],
            "model_name": "m",
            "source": "s",
        }
        for number in range(CHATS)
    )
    log.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    with Workspace.create(tmp_path / "w", CONFIGURATION) as workspace:
        steps.ingest_file(workspace, log, publish=True)
        steps.seed_responses(workspace)
        steps.generate_tasks(workspace)
        with workspace.store.read() as connection:
            tasks = sorted(all_tasks(connection).values(), key=lambda task: task.conversation_ids)
        for number, task in enumerate(tasks):
            answer(workspace, task.id, TAGGER if number % ONE_OF_TWO else WRITER, rewrite=True)
        yield workspace


def export(
    workspace: Workspace, folder: Path, name: str = "dpo", *, json_lines: bool = False
) -> dict[str, bytes]:
    """Export, verify, and return the files by path."""
    steps.export(workspace, name, folder, test_share=0.3, json_lines=json_lines)
    assert verify(folder).problems == ()
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def release_of(folder: Path) -> dict[str, Any]:
    return dict(read_manifest(folder)["release"])


def conversations_by_item(folder: Path) -> dict[str, list[str]]:
    listed = listed_in(folder, read_manifest(folder))
    assert listed is not None
    return dict(zip(listed["id"].to_pylist(), listed["conversation_ids"].to_pylist(), strict=True))


def buckets_of(names: set[str]) -> set[str]:
    return {name.split("/")[-1].split("-")[1] for name in names if name.endswith(".parquet")}


def test_after_a_deletion_only_its_buckets_changed_and_the_feed_names_what_is_gone(
    filled: Workspace, tmp_path: Path
) -> None:
    folder = tmp_path / "dpo"
    before = export(filled, folder)
    assert b"This is the first release. `tombstones.jsonl` will name what later ones" in before["README.md"]
    earlier = conversations_by_item(folder)
    assert (release_of(folder)["version"], release_of(folder)["previous"]) == (1, None)
    gone = {name for name, conversations in earlier.items() if "chat-3" in conversations}
    assert gone
    (receipt,) = steps.delete_conversations(filled, ["chat-3"], by="giver")
    assert receipt["removed"]["exports_to_make_again"] == [str(folder)]

    after = export(filled, folder)
    assert b"1 item of earlier releases is gone: `tombstones.jsonl` names it" in after["README.md"]
    assert not [name for name, text in after.items() if b"walrus 3 " in text.lower() or b'chat-3"' in text]
    release = release_of(folder)
    assert (release["version"], release["previous"]["version"]) == (2, 1)
    difference = release["difference"]
    assert (difference["added"], difference["removed"], difference["changed"]) == (0, len(gone), 0)
    assert difference["unchanged"] == len(earlier) - len(gone)
    touched = {f"{bucket_of(name, 8):05}" for name in gone}
    assert set(difference["buckets"]) == touched
    tables = {name for name in before if name.startswith("data/") and not name.startswith("data/omissions/")}
    now = {name for name in after if name.startswith("data/") and not name.startswith("data/omissions/")}
    assert buckets_of(tables - now) == touched
    assert all(before[name] == after[name] for name in tables & now)
    feed = read_feed((folder / TOMBSTONES).read_text("utf-8"))
    assert set(feed.items) == gone
    assert set(feed.conversations) == {hashlib.sha256(b"chat-3").hexdigest()}
    assert export(filled, folder) == after, "nothing happened since: no new release"


def test_a_person_and_a_rewrite_that_are_gone_are_in_no_later_release_and_stay_in_its_feed(
    filled: Workspace, tmp_path: Path
) -> None:
    folder = tmp_path / "dpo"
    export(filled, folder)
    earlier = conversations_by_item(folder)
    receipt = steps.forget_person(filled, TAGGER, by="giver")
    assert receipt["removed"]["exports_to_make_again"] == [str(folder)]
    after = export(filled, folder)
    # the ids of these answers, which omissions list, are made of the person's
    assert not [name for name, text in after.items() if TAGGER.encode() in text and "omissions" not in name]
    left = conversations_by_item(folder)
    assert len(left) == CHATS // ONE_OF_TWO
    feed = read_feed((folder / TOMBSTONES).read_text("utf-8"))
    assert set(feed.items) == earlier.keys() - left.keys()
    steps.delete_conversations(filled, ["chat-0"], by="lead")
    export(filled, folder)
    later = read_feed((folder / TOMBSTONES).read_text("utf-8"))
    assert feed.items.items() <= later.items.items(), "with the version in which they went"
    assert {version for version, _ in later.items.values()} == {2, 3}


def test_no_release_names_an_identity_that_the_store_knows(filled: Workspace, tmp_path: Path) -> None:
    names = [f"user-of-{number}@example.org".encode() for number in range(CHATS)]
    for name in ("dpo", "kto", "sft"):
        for path, text in export(filled, tmp_path / name, name).items():
            assert not [each for each in names if each in text], path
            assert str(filled.path).encode() not in text, path


def test_two_releases_are_compared_wherever_they_stand(filled: Workspace, tmp_path: Path) -> None:
    export(filled, tmp_path / "one")
    steps.delete_conversations(filled, ["chat-2", "chat-5"], by="giver")
    export(filled, tmp_path / "other")
    ran = CliRunner().invoke(
        app, ["export", "diff", str(tmp_path / "one"), str(tmp_path / "other"), "--json"]
    )
    found = json.loads(ran.stdout)
    assert (found["added"], found["removed"], len(found["ids"]["removed"])) == (0, 2, 2)
    ran = CliRunner().invoke(app, ["export", "diff", str(tmp_path / "one"), str(tmp_path / "other")])
    assert "0 items added, 2 removed, 0 changed, 22 as before" in ran.stdout
    assert CliRunner().invoke(app, ["export", "diff", str(tmp_path / "one")]).exit_code == 2


def test_a_feed_that_was_changed_stops_the_next_release_and_nothing_is_lost(
    filled: Workspace, tmp_path: Path
) -> None:
    folder = tmp_path / "dpo"
    export(filled, folder)
    steps.delete_conversations(filled, ["chat-3"], by="giver")
    export(filled, folder)
    feed = (folder / TOMBSTONES).read_text("utf-8")
    (folder / TOMBSTONES).write_text(feed.splitlines()[0] + "\n", "utf-8")
    steps.delete_conversations(filled, ["chat-4"], by="giver")
    with pytest.raises(DamagedFeedError, match="put it back"):
        export(filled, folder)
    (folder / TOMBSTONES).write_text(feed, "utf-8")
    export(filled, folder)
    assert len(read_feed((folder / TOMBSTONES).read_text("utf-8")).items) == 2


def test_a_manifest_that_was_changed_stops_the_next_release(filled: Workspace, tmp_path: Path) -> None:
    folder = tmp_path / "dpo"
    export(filled, folder)
    steps.delete_conversations(filled, ["chat-3"], by="giver")
    export(filled, folder)
    written = (folder / MANIFEST).read_text("utf-8")
    (folder / MANIFEST).write_text(written.replace('"version": 2', '"version": 1'), "utf-8")
    with pytest.raises(DamagedFeedError, match=r"manifest.json is not what was written"):
        export(filled, folder)
    (folder / MANIFEST).write_text(written, "utf-8")
    steps.delete_conversations(filled, ["chat-4"], by="giver")
    export(filled, folder)
    assert release_of(folder)["version"] == 3


def test_verify_tells_what_is_gone_since_by_the_workspace_and_by_a_later_feed(
    filled: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, copy, here = tmp_path / "dpo", tmp_path / "copy", ["--workspace", str(filled.path)]
    export(filled, folder)
    shutil.copytree(folder, copy)

    def said(*arguments: str) -> str:
        ran = CliRunner().invoke(app, ["export", "verify", str(copy), *arguments])
        assert (ran.exit_code == 0) is ran.stdout.endswith("It is what was written.\n"), ran.output
        return ran.output

    assert "It is what was written." in said(*here)
    steps.delete_conversations(filled, ["chat-3"], by="giver")
    with filled.store.write() as connection:
        set_state(connection, ["chat-5"], SharingState.PRIVATE, NOW)
    export(filled, folder)
    assert "It is what was written." in said(), "elsewhere nobody knows"
    assert "holds 1 conversation deleted and 1 conversation made private since it was written" in said(*here)
    with pytest.raises(HoldsDeletedError, match="1 conversation made private"):
        steps.push_release(filled, copy, "lab/pairs", None, dry_run=True)
    monkeypatch.chdir(filled.path)
    assert "holds 1 conversation deleted" in said()
    (filled.path / "chatfeedback.yaml").write_text("version: [", "utf-8")
    assert "the workspace here does not tell" in said()
    monkeypatch.chdir(tmp_path)
    assert "2 items and 2 conversations of it are gone by release 2" in said(
        "--feed", str(folder / TOMBSTONES)
    )
    assert "It is what was written." in said("--feed", str(copy / TOMBSTONES))
    shutil.rmtree(copy)
    shutil.copytree(folder, copy)
    assert "It is what was written." in said("--feed", str(folder / TOMBSTONES))
    later = tmp_path / "later"
    later.write_text(
        (folder / TOMBSTONES).read_text("utf-8").replace('"version": 2', '"version": 3'), "utf-8"
    )
    assert "the feed is of a later release" in said("--feed", str(later))
    (tmp_path / "other").write_text("[]\n", "utf-8")
    ran = CliRunner().invoke(app, ["export", "verify", str(copy), "--feed", str(tmp_path / "other")])
    assert "no feed of what is gone" in str(ran.exception)
    (tmp_path / "other").write_text(
        (folder / TOMBSTONES).read_text("utf-8").replace('"dpo"', '"kto"'), "utf-8"
    )
    ran = CliRunner().invoke(app, ["export", "verify", str(copy), "--feed", str(tmp_path / "other")])
    assert "feed of release 2 of 'kto'" in str(ran.exception)
    steps.export(filled, "dpo", tmp_path / "sibling", test_share=1)  # of the same kind, and another history
    feed = ["--feed", str(tmp_path / "sibling" / TOMBSTONES)]
    shutil.rmtree(copy)
    steps.export(filled, "dpo", copy, test_share=0.3)
    ran = CliRunner().invoke(app, ["export", "verify", str(copy), *feed])
    assert "feed of another 'dpo' export" in str(ran.exception)


def test_a_workspace_that_knows_nothing_of_a_release_does_not_vouch_for_it(
    filled: Workspace, tmp_path: Path
) -> None:
    folder, other = tmp_path / "dpo", tmp_path / "other"
    export(filled, folder)
    with (
        Workspace.create(other, CONFIGURATION) as workspace,
        pytest.raises(UsageError, match="knows nothing"),
    ):
        steps.push_release(workspace, folder, "lab/pairs", None, dry_run=True)
    ran = CliRunner().invoke(app, ["export", "verify", str(folder), "--workspace", str(other)])
    assert "of which the workspace" in str(ran.exception)


def test_where_all_is_deleted_and_no_release_can_follow_the_old_one_is_named(
    filled: Workspace, tmp_path: Path
) -> None:
    folder = tmp_path / "dpo"
    export(filled, folder)
    nobody = filled.config.exports.model_copy(update={"min_people": 9})
    with pytest.raises(NothingToExportError) as caught:
        steps.export(filled, "dpo", folder, rules=nobody)
    assert str(folder) not in str(caught.value)
    steps.delete_conversations(filled, [f"chat-{number}" for number in range(CHATS)], by="giver")
    with pytest.raises(
        NothingToExportError, match=rf"{CHATS} conversations deleted since .*: remove it, and"
    ):
        steps.export(filled, "dpo", folder)
    with pytest.raises(NothingToExportError) as caught:
        steps.export(filled, "dpo", tmp_path / "other")
    assert "remove it" not in str(caught.value)


@pytest.mark.parametrize("damage", ["remove", "empty", "unlisted"])
def test_items_that_are_not_what_was_written_stop_the_next_release(
    filled: Workspace, tmp_path: Path, damage: str
) -> None:
    folder = tmp_path / "dpo"
    export(filled, folder)
    shutil.copytree(folder, tmp_path / "published")
    items = sorted((folder / "data" / "items").glob("*.parquet"))
    if damage == "unlisted":
        manifest = read_manifest(folder)
        manifest["files"] = {n: sha for n, sha in manifest["files"].items() if "data/items/" not in n}
        (folder / MANIFEST).write_text(json.dumps(manifest), "utf-8")
        (folder / SUMS).write_text(sums_of(folder, manifest["files"]), "utf-8")
        for path in items:
            path.unlink()
    elif damage == "empty":
        for path in items:
            pq.write_table(pq.read_table(path).slice(0, 0), path)
    else:
        items[0].unlink()
    steps.delete_conversations(filled, ["chat-3"], by="giver")
    with pytest.raises(DamagedFeedError, match="data/items"):
        export(filled, folder)
    shutil.rmtree(folder)
    (tmp_path / "published").rename(folder)
    export(filled, folder)
    assert len(read_feed((folder / TOMBSTONES).read_text("utf-8")).items) == 1


def test_a_signed_checkpoint_tells_of_a_release_that_was_made_to_fit(
    filled: Workspace, tmp_path: Path
) -> None:
    folder = tmp_path / "dpo"
    export(filled, folder)
    here = ["--workspace", str(filled.path)]
    signed = tmp_path / "signed.json"
    ran = CliRunner().invoke(app, ["export", "checkpoint", str(folder), "--output", str(signed), *here])
    assert ran.exit_code == 0, ran.output
    check = ["export", "verify", str(folder), "--checkpoint", str(signed), *here]
    assert CliRunner().invoke(app, check).exit_code == 0
    export(filled, tmp_path / "kto", "kto")
    shutil.rmtree(folder)
    steps.delete_conversations(filled, ["chat-1"], by="lead")
    export(filled, folder)  # whole, and another one
    ran = CliRunner().invoke(app, check)
    assert ran.exit_code != 0
    assert "not that of the signed checkpoint" in ran.stdout
    signed.write_text(signed.read_text("utf-8").replace('"version": 1', '"version": 2'), "utf-8")
    ran = CliRunner().invoke(app, check)
    assert "signature is not this workspace's" in f"{ran.output}{ran.exception}"


def test_a_release_with_deleted_conversations_is_not_pushed(
    filled: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    folder = tmp_path / "dpo"
    push = ["export", "push", str(folder), "lab/pairs", "--workspace", str(filled.path)]
    export(filled, folder)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    assert "HF_TOKEN" in str(CliRunner().invoke(app, push).exception)
    with hub_stand_in.running() as hub:
        monkeypatch.setenv("HF_TOKEN", hub.token)
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        steps.delete_conversations(filled, ["chat-3"], by="giver")
        ran = CliRunner().invoke(app, push)
        assert "1 conversation deleted since" in str(ran.exception)
        assert hub.requests == []
        export(filled, folder)
        monkeypatch.delenv("HF_TOKEN")
        ran = CliRunner().invoke(app, [*push, "--dry-run"])
        assert "(nothing was sent)" in ran.stdout
        assert "Looked at without HF_TOKEN" in ran.output
        monkeypatch.setenv("HF_TOKEN", hub.token)
        ran = CliRunner().invoke(app, [*push, "--dry-run"])
        assert "(nothing was sent)" in ran.stdout
        assert hub.files == {}
        ran = CliRunner().invoke(app, push)
        assert ran.exit_code == 0, ran.output
        assert hub.private["lab/pairs"]
        assert TOMBSTONES in hub.files["lab/pairs"]


def test_a_receipt_names_what_was_published_until_the_history_there_is_dropped(
    filled: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    folder = tmp_path / "dpo"
    export(filled, folder)
    moved = folder.rename(tmp_path / "moved")  # of which no note tells

    def published(name: str) -> list[str]:
        (receipt,) = steps.delete_conversations(filled, [name], by="giver")
        return receipt["removed"]["published_to_replace"]

    with hub_stand_in.running() as hub:
        address = f"{hub.url}/datasets/lab/pairs"

        def push(squash: bool = False) -> None:
            steps.push_release(
                filled, moved, "lab/pairs", SecretStr(hub.token), endpoint=hub.url, squash=squash
            )

        hub.fails = 1
        with pytest.raises(NotPublishedError):
            push()
        assert published("chat-1") == []
        export(filled, moved)
        push()
        assert published("chat-3") == [address]
        export(filled, moved)
        push()
        assert published("chat-5") == [address]
        export(filled, moved)
        push(squash=True)
    with filled.store.read() as connection:
        left = sources_of(connection, address)
    assert not left & {filled.tombstones.hash_of_id(f"chat-{number}") for number in (1, 3, 5)}
    assert published("chat-7") == [address]
    assert filled.tombstones.hash_of_person(TAGGER) in left


@pytest.mark.parametrize("name", ["dpo", "kto", "sft"])
def test_a_release_with_something_of_a_forgotten_person_is_not_pushed_wherever_it_was_moved(
    filled: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    folder, moved = tmp_path / name, tmp_path / "moved"
    export(filled, folder, name)
    shutil.copytree(folder, moved)
    steps.forget_person(filled, TAGGER, by="giver")
    with hub_stand_in.running() as hub:
        token = SecretStr(hub.token)
        for place in (folder, moved):
            with pytest.raises(HoldsDeletedError, match="something of 1 person forgotten since"):
                steps.push_release(filled, place, "lab/pairs", token, endpoint=hub.url)
        assert hub.requests == []
        export(filled, folder, name)  # the choices that stay under the pseudonym may be all that it holds
        steps.push_release(filled, folder, "lab/pairs", token, endpoint=hub.url)
        assert TOMBSTONES in hub.files["lab/pairs"]
        shutil.rmtree(moved)
        shutil.copytree(folder, moved)
        steps.forget_person(filled, WRITER, by="giver")
        with pytest.raises(HoldsDeletedError, match="1 person forgotten"):
            steps.push_release(filled, folder, "lab/pairs", token, endpoint=hub.url)


def test_a_release_that_lists_no_items_is_not_pushed(filled: Workspace, tmp_path: Path) -> None:
    folder = tmp_path / "dpo"
    export(filled, folder)
    shutil.rmtree(folder / "data" / "items")
    with pytest.raises(UsageError, match=r"lists no items.*export it again"):
        steps.push_release(filled, folder, "lab/pairs", SecretStr("hf_x"))
    manifest = read_manifest(folder)
    files = {name: sha for name, sha in manifest["files"].items() if "/items/" not in name}
    (folder / "manifest.json").write_text(json.dumps({**manifest, "files": files}), "utf-8")
    with pytest.raises(UsageError, match=r"lists no items.*export it again"):
        steps.push_release(filled, folder, "lab/pairs", SecretStr("hf_x"))


def test_a_workspace_does_not_go_on_with_the_release_of_another(filled: Workspace, tmp_path: Path) -> None:
    folder = tmp_path / "sharelm"
    log = tmp_path / "other.jsonl"
    turns = [{"role": "user", "content": "Who?"}, {"role": "assistant", "content": "Nobody."}]
    row = {"conversation_id": "elsewhere", "conversation": turns, "model_name": "m", "source": "s"}
    log.write_text(json.dumps(row) + "\n", "utf-8")
    with Workspace.create(tmp_path / "other", CONFIGURATION) as other:
        steps.ingest_file(other, log, publish=True)
        steps.export(other, "sharelm", folder)
        before = (folder / MANIFEST).read_bytes()
        with pytest.raises(UsageError, match="export of another workspace"):
            steps.export(filled, "sharelm", folder)
        assert (folder / MANIFEST).read_bytes() == before
        steps.delete_conversations(other, ["elsewhere"], by="giver")
        with pytest.raises(NothingToExportError):  # it knows what it deleted
            steps.export(other, "sharelm", folder)


def test_the_feed_of_the_collection_holds_no_id_of_what_was_deleted(
    filled: Workspace, tmp_path: Path
) -> None:
    folder = tmp_path / "sharelm"
    export(filled, folder, "sharelm")
    steps.delete_conversations(filled, ["chat-3"], by="giver")
    export(filled, folder, "sharelm")
    text = (folder / TOMBSTONES).read_text("utf-8")
    hashed = hashlib.sha256(b"chat-3").hexdigest()
    assert read_feed(text).conversations.keys() == {hashed}
    assert "chat-3" not in text
    # as an earlier version wrote it
    line = json.dumps({"version": 2, "at": "2026-11-27T00:00:00+00:00", "gone": "item", "id": "chat-3"})
    (folder / TOMBSTONES).write_text(f"{text}{line}\n", "utf-8")
    manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
    manifest["files"][TOMBSTONES] = hashlib.sha256((folder / TOMBSTONES).read_bytes()).hexdigest()
    (folder / MANIFEST).write_text(json.dumps(manifest), "utf-8")
    (folder / SUMS).write_bytes(sums_of(folder, manifest["files"]).encode())
    steps.delete_conversations(filled, ["chat-5"], by="giver")
    export(filled, folder, "sharelm")
    text = (folder / TOMBSTONES).read_text("utf-8")
    assert "chat-" not in text
    assert len(read_feed(text).conversations) == 2


def test_releases_of_two_exports_are_said_to_be_such(filled: Workspace, tmp_path: Path) -> None:
    for name in ("dpo", "kto"):
        steps.export(filled, name, tmp_path / name)
    ran = CliRunner().invoke(app, ["export", "diff", str(tmp_path / "dpo"), str(tmp_path / "kto")])
    assert ran.exit_code == 0
    assert "dpo and kto are two exports" in ran.output
    ran = CliRunner().invoke(app, ["export", "diff", *[str(tmp_path / "dpo")] * 2])
    assert "two exports" not in ran.output


def test_another_share_of_the_test_split_is_said(filled: Workspace, tmp_path: Path) -> None:
    folder = tmp_path / "dpo"
    for share, is_dry, is_said in (
        (0.3, False, False),
        (0.3, False, False),
        (0.1, True, True),
        (0.1, False, True),
    ):
        said = steps.export(filled, "dpo", folder, test_share=share, dry_run=is_dry).warnings
        assert bool([it for it in said if "has --test-share 0.3, and this one 0.1" in it]) is is_said


def test_near_copies_that_are_read_later_move_nothing_to_the_other_split(tmp_path: Path) -> None:
    log, folder = tmp_path / "log.jsonl", tmp_path / "dpo"
    with Workspace.create(tmp_path / "w") as workspace:
        for ending in ("", " please"):
            asked = [" ".join(f"{word}{number}" for word in "abcdefghijkl") + ending for number in range(60)]
            rows = [
                {"prompt": it, "chosen": f"yes {it}{ending}", "rejected": f"no {it}{ending}"} for it in asked
            ]
            log.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
            steps.ingest_file(workspace, log, publish=True, processes=1)
            result = steps.export(workspace, "dpo", folder, test_share=0.3)
    assert result.rows["test"] == 2 * len({it for it in _asked_in(folder, "test") if "please" not in it})
    assert release_of(folder)["difference"]["moved"] == 0
    assert result.rows["train"] + result.rows["test"] == 120


def _asked_in(folder: Path, split: str) -> list[str]:
    tables = (pq.read_table(path) for path in folder.glob(f"data/trl/{split}-*.parquet"))
    return [row["prompt"][-1]["content"] for table in tables for row in table.to_pylist()]


def test_a_history_that_begins_anew_is_said(filled: Workspace, tmp_path: Path) -> None:
    folder = tmp_path / "dpo"
    assert not [it for it in steps.export(filled, "dpo", folder).warnings if "history" in it]
    assert not [it for it in steps.export(filled, "dpo", folder).warnings if "history" in it]
    folder.rename(tmp_path / "moved")
    (warning,) = [it for it in steps.export(filled, "dpo", folder).warnings if "history" in it]
    assert "the first of a new history" in warning
    assert "history" not in (folder / MANIFEST).read_text("utf-8"), "it is about this machine"


def test_json_lines_stand_beside_every_table_on_wish(filled: Workspace, tmp_path: Path) -> None:
    files = export(filled, tmp_path / "dpo", json_lines=True)
    tables = [name for name in files if name.endswith(".parquet") and "/items/" not in name]
    lines = {name for name in files if name.endswith(".jsonl") and name != TOMBSTONES}
    assert {name.removesuffix(".parquet") + ".jsonl" for name in tables if "/omissions/" not in name} <= lines
    rows = [json.loads(line) for name in lines if "/trl/" in name for line in files[name].splitlines()]
    assert len(rows) == CHATS
    assert not [
        name for name in export(filled, tmp_path / "dpo") if "data/" in name and name.endswith("jsonl")
    ]


def test_the_number_of_buckets_only_grows() -> None:
    assert [buckets_for(items) for items in (0, 1, 131_072, 131_073, 300_000)] == [8, 8, 8, 16, 32]
    assert buckets_for(1, before=32) == 32


def test_an_export_that_changes_nothing_changes_no_note_until_somebody_is_forgotten(
    filled: Workspace, tmp_path: Path
) -> None:
    def noted() -> object:
        with filled.store.read() as connection:
            return written_at(connection, key_of(filled, tmp_path / "dpo"))

    steps.export(filled, "dpo", tmp_path / "dpo")
    first = noted()
    assert steps.export(filled, "dpo", tmp_path / "dpo").unchanged
    assert noted() == first
    steps.forget_person(filled, TAGGER, by="giver")
    steps.export(filled, "dpo", tmp_path / "dpo")
    assert noted() != first
