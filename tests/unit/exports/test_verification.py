"""``export verify``: an export as it was written passes, and one with any other byte does not."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import threading
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from filelock import FileLock
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

import exports
from chatfeedback.cli import app
from exports import all_projections, projection_of
from exports.dataset import MANIFEST, SUMS, check_target, sums_of
from exports.difference import TOMBSTONES, DamagedFeedError
from exports.tables import sha256_of
from exports.verification import NoExportError, Verified, rows_that_train_nothing, verify
from tests.examples import examples
from tests.unit.exports.export_records import NOW, World

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def world() -> World:
    made = World()
    for number in range(6):
        one, two, three = made.chat(f"question {number}", f"long answer {number}", f"short {number}", "x")
        made.votes(made.task(one, two), "aab")
        made.votes(made.task(two, three), "ab")
        made.rewrite(two, "p3", f"better answer {number}")
        made.answer(made.task(one), "p3", instruction="yes", helpful="yes")
        made.task(one, three)
        made.answer(made.task(one, two, kind="preference_strength"), "p4", strength="2")
        made.answer(made.task(one, two, three), "p5", ranking="b > a = c")
        made.check(made.task(one, kind="rubric_of_exports"), "p6", "met", "na", "not_met")
        made.harm(two, "p7", "hate")
    return made


def export(folder: Path, name: str = "dpo") -> Path:
    made = world()
    evidence = made.evidence()
    exports.export(folder, projection_of(name), evidence, ledger_tip=None, created_at=NOW, test_share=0.4)
    return folder


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(tmp_path_factory.mktemp("exports") / "dpo")


@pytest.mark.parametrize("name", all_projections())
def test_every_export_passes_as_it_was_written(tmp_path: Path, name: str) -> None:
    found = verify(export(tmp_path / "out", name))
    assert found.problems == ()
    assert found.kind == name
    assert found.files > 3


def test_the_checksums_are_those_that_every_system_can_check(written: Path) -> None:
    command = shutil.which("sha256sum")
    if command is None:
        pytest.skip("this system has no sha256sum")
    ran = subprocess.run(
        [command, "--check", "--strict", SUMS], cwd=written, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    files = {path.relative_to(written).as_posix() for path in written.rglob("*") if path.is_file()}
    assert {line.split(": ")[0] for line in ran.stdout.splitlines()} == files - {SUMS}


@given(st.data())
@examples(60)
def test_any_other_byte_is_found(written: Path, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(sorted(path for path in written.rglob("*") if path.is_file())))
    was = path.read_bytes()
    place = data.draw(st.integers(0, len(was) - 1))
    now = bytes([data.draw(st.integers(0, 255).filter(lambda byte: byte != was[place]))])
    path.write_bytes(was[:place] + now + was[place + 1 :])
    try:
        assert verify(written).problems
    except NoExportError:
        assert path.name == MANIFEST  # what is no JSON any more, or of another format
    finally:
        path.write_bytes(was)
    assert verify(written).problems == ()


def test_what_is_missing_too_much_or_a_link_is_named(written: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(written, tmp_path / "copy")
    table = min(path for path in (folder / "data" / "trl").iterdir() if path.name.startswith("train"))
    name = table.relative_to(folder).as_posix()
    table.rename(tmp_path / "elsewhere.parquet")
    assert verify(folder).problems == (f"{name} is missing",)
    table.symlink_to(tmp_path / "elsewhere.parquet")
    assert f"{name} is a link to somewhere else" in verify(folder).problems
    table.unlink()
    (tmp_path / "elsewhere.parquet").rename(table)
    (folder / "data" / "more.parquet").write_bytes(b"")
    assert verify(folder).problems == ("data/more.parquet is not part of the export: move it away",)
    (folder / "data" / "more.parquet").unlink()
    for name in (MANIFEST, SUMS, "data"):
        (folder / name).rename(tmp_path / "elsewhere")
        (folder / name).symlink_to(tmp_path / "elsewhere")
        assert any(
            it.startswith((f"{name} is a link", f"{name} is not part")) for it in verify(folder).problems
        )
        (folder / name).unlink()
        (tmp_path / "elsewhere").rename(folder / name)
    (folder / ".git").mkdir()
    for left in (".DS_Store", "data/.DS_Store", ".gitattributes", ".git/HEAD"):
        (folder / left).write_bytes(b"")
    assert verify(folder).problems == ()
    (folder / ".DS_Store.parquet").write_bytes(b"")
    assert verify(folder).problems == (".DS_Store.parquet is not part of the export: move it away",)
    (folder / ".DS_Store.parquet").unlink()
    (folder / SUMS).unlink()
    (problem,) = verify(folder).problems
    assert problem.startswith(f"{SUMS} is missing")


def test_a_manifest_that_was_made_to_fit_still_has_to_add_up(written: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(written, tmp_path / "copy")
    manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
    manifest["accounting"]["judgments"]["trained"] += 1
    manifest["rows"]["ties"]["train"] += 1
    (folder / MANIFEST).write_text(json.dumps(manifest), "utf-8")
    (folder / SUMS).write_text(sums_of(folder, manifest["files"]), "utf-8")
    assert verify(folder).problems == ("the judgments that the manifest accounts for do not add up",)
    manifest["accounting"]["judgments"]["trained"] -= 1
    (folder / MANIFEST).write_text(json.dumps(manifest), "utf-8")
    (folder / SUMS).write_text(sums_of(folder, manifest["files"]), "utf-8")
    (problem,) = verify(folder).problems
    assert problem.startswith("ties/train has ")


def test_what_is_gone_and_what_stands_on_both_sides_is_told_of_files_that_were_made_to_fit(
    written: Path, tmp_path: Path
) -> None:
    from exports.dataset import sums_of

    folder = shutil.copytree(written, tmp_path / "copy")
    one, *_, another = sorted((folder / "data" / "items").iterdir())
    listed = [pq.read_table(path) for path in (one, another)]
    item, conversation = listed[0]["id"][0].as_py(), listed[0]["conversation_ids"][0][0].as_py()
    splits = pa.array(["train", "test"])
    other = splits.filter(pc.not_equal(splits, listed[0]["split"][0]))
    of_both = listed[0].slice(0, 1).set_column(1, "split", other)
    pq.write_table(pa.concat_tables([listed[1], of_both.cast(listed[1].schema)]), another)
    hashed = hashlib.sha256(conversation.encode()).hexdigest()
    gone = [
        {"version": 1, "at": "2026", "gone": "item", "id": item},
        {"version": 1, "at": "2026", "gone": "conversation", "sha256": hashed},
    ]
    feed = folder / "tombstones.jsonl"
    feed.write_text(feed.read_text("utf-8") + "".join(f"{json.dumps(line)}\n" for line in gone), "utf-8")
    manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
    for path in (another, feed):
        manifest["files"][path.relative_to(folder).as_posix()] = sha256_of(path)
    (folder / MANIFEST).write_text(json.dumps(manifest), "utf-8")
    (folder / SUMS).write_text(sums_of(folder, manifest["files"]), "utf-8")
    found = verify(folder).problems
    number = another.name.split("-")[1]
    assert f"item {item} stands in bucket {number}, which is not its own" in found
    assert f"items of conversation {conversation} stand in both splits" in found
    assert f"item {item} is there, and tombstones.jsonl says that it is gone" in found
    assert f"conversation {hashed} (sha256) is there, and tombstones.jsonl says that it is gone" in found


def made_to_fit(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change a manifest, and write the sums anew."""
    manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
    change(manifest)
    manifest["files"] = {name: sha256_of(folder / name) for name in manifest["files"]}
    (folder / MANIFEST).write_text(json.dumps(manifest), "utf-8")
    (folder / SUMS).write_text(sums_of(folder, manifest["files"]), "utf-8")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda it: it["rows"].pop("votes"), "rows and files do not go together: votes/test"),
        (lambda it: it["rows"]["trl"].pop("train"), "rows and files do not go together: trl/train"),
        (lambda it: it["release"].update(version=7), "do not follow each other"),
        (lambda it: it.update(kind="kto"), "tombstones.jsonl is not that of release 1"),
    ],
)
def test_figures_that_are_left_out_or_made_up_are_found_whatever_the_sums_say(
    written: Path, tmp_path: Path, change: Callable[[dict[str, Any]], object], said: str
) -> None:
    folder = shutil.copytree(written, tmp_path / "copy")
    made_to_fit(folder, change)
    assert any(said in problem for problem in verify(folder).problems)


def test_a_feed_that_was_changed_is_found_whatever_the_sums_say(written: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(written, tmp_path / "copy")
    feed = folder / TOMBSTONES
    line = {"version": 1, "at": "2026-05-01T00:00:00+00:00", "gone": "item", "id": "x"}
    feed.write_text(f"{feed.read_text('utf-8')}{json.dumps(line)}\n", "utf-8")
    made_to_fit(folder, lambda it: it)
    assert verify(folder).problems == (f"since the release before 0 items went, and {TOMBSTONES} names 1",)
    feed.write_text("{}\n[]\n", "utf-8")
    made_to_fit(folder, lambda it: it)
    assert verify(folder).problems == (f"{TOMBSTONES} cannot be read",)


@pytest.mark.parametrize(
    "change",
    [
        lambda it: it.pop("files"),
        lambda it: it["files"].update({"../secret": "0" * 64}),
        lambda it: it["files"].update({"/etc/passwd": "0" * 64}),
        lambda it: it.update(rows={"trl": [1]}),
        lambda it: it.update(digests={"trl/train/00000": None}),
        lambda it: it["accounting"]["items"].update(trained="x"),
        lambda it: it["dropped"].update(x=None),
        lambda it: it.update(buckets=0),
        lambda it: it["release"].update(previous="x"),
        lambda it: it.pop("accounting"),
    ],
)
def test_a_manifest_of_another_form_is_no_basis_for_anything(
    written: Path, tmp_path: Path, change: Callable[[dict[str, Any]], object]
) -> None:
    folder = shutil.copytree(written, tmp_path / "copy")
    manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
    change(manifest)
    (folder / MANIFEST).write_text(json.dumps(manifest), "utf-8")
    with pytest.raises(NoExportError, match="is not what an export writes"):
        verify(folder)
    with pytest.raises(DamagedFeedError, match="is not what was written"):
        check_target(folder, "dpo")


def test_an_export_that_is_being_written_is_waited_for(written: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(written, tmp_path / "copy")
    assert verify(folder).problems == ()
    assert [path.name for path in tmp_path.iterdir()] == ["copy"], "no lock is left where none was"
    lock = FileLock(tmp_path / ".copy.lock")
    found: list[Verified] = []
    with lock:
        (folder / SUMS).rename(tmp_path / "sums")
        reader = threading.Thread(target=lambda: found.append(verify(folder)))
        reader.start()
        reader.join(0.2)
        assert reader.is_alive()
        (tmp_path / "sums").rename(folder / SUMS)
    reader.join()
    assert found[0].problems == ()


def test_the_command_says_what_is_wrong_and_fails(written: Path, tmp_path: Path) -> None:
    ran = CliRunner().invoke(app, ["export", "verify", str(written)])
    assert ran.exit_code == 0, ran.output
    assert ran.stdout.splitlines()[-1] == "It is what was written."
    folder = shutil.copytree(written, tmp_path / "copy")
    (folder / "README.md").write_text("other", "utf-8")
    ran = CliRunner().invoke(app, ["export", "verify", str(folder)])
    assert ran.exit_code != 0
    assert "README.md is not what was written" in ran.stdout
    told = json.loads(CliRunner().invoke(app, ["export", "verify", str(folder), "--json"]).stdout)
    assert told["problems"] == ["README.md is not what was written: its checksum differs"]
    for arguments, said in (
        ([str(tmp_path)], "holds no export"),
        ([], "name the folder"),
    ):
        ran = CliRunner().invoke(app, ["export", "verify", *arguments])
        assert ran.exit_code != 0
        assert said in f"{ran.output}{ran.exception}"
    assert CliRunner().invoke(app, ["export", "dpo", str(folder)]).exit_code == 2


def turns(*texts: str | None) -> list[dict[str, str | None]]:
    return [{"role": "assistant", "content": text} for text in texts]


def test_rows_that_train_nothing_are_told_from_others_by_columns(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    kind = pa.list_(pa.struct({"role": pa.string(), "content": pa.string()}))
    rows = [
        ([], turns("a"), turns("b"), ""),
        (turns("q"), turns("a"), turns("a"), "q"),
        (turns("q"), turns("a\x1fb"), turns("a", "b"), "q"),
        (None, turns(None), turns(None), None),
        (turns("q"), turns(None), turns("a"), "q"),
        (turns("q"), [{"role": "user", "content": "a"}], turns("a"), "q"),
    ]
    columns = [pa.array(column, kind) for column in zip(*(row[:3] for row in rows), strict=True)]
    names = ["context", "chosen", "rejected", "prompt"]
    pq.write_table(pa.table([*columns, pa.array([row[3] for row in rows])], names), path)
    assert sorted(rows_that_train_nothing(path, "here")) == [
        "here, row 0: context is empty",
        "here, row 0: prompt is empty",
        "here, row 1: chosen and rejected are the same",
        "here, row 3: chosen and rejected are the same",
        "here, row 3: context is empty",
        "here, row 3: prompt is empty",
    ]
    calls = pa.array([['{"role": "assistant"}'], ['{"role": "user"}']], pa.list_(pa.string()))
    stored = calls.cast(pa.list_(pa.json_()))
    pq.write_table(pa.table([stored, calls.take([0, 0]).cast(pa.list_(pa.json_()))], names[1:3]), path)
    assert list(rows_that_train_nothing(path, "calls")) == ["calls, row 0: chosen and rejected are the same"]
