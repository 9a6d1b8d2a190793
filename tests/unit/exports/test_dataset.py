"""The folder of an export: what datasets loads, what stands beside it, and what is never replaced."""

from __future__ import annotations

import errno
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from datasets import List, Value, load_dataset

import exports.dataset
from exports import (
    CannotWriteError,
    Evidence,
    ExportResult,
    NothingToExportError,
    NotOurExportError,
    all_projections,
    projection_of,
)
from exports.length_bias import p_wanted_longer
from exports.tables import sha256_of
from exports.verification import verify
from exports.weights import Weights
from tests.unit.exports.export_records import NOW, World

if TYPE_CHECKING:
    from datasets import Dataset

MESSAGES = List({"role": Value("string"), "content": Value("string")})


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)


def sample(size: int = 40) -> World:
    world = World()
    for number in range(size):
        one, two = world.chat(
            f"question {number}", f"a long answer {number}", f"short {number}", system="Be kind."
        )
        world.votes(world.task(one, two), "aab" if number % 4 else "ab")
        world.answer(world.task(two), "p3", instruction="yes", helpful="no", suggestion=f"better {number}")
    return world


def export(
    folder: Path,
    world: World,
    *,
    name: str = "dpo",
    days: int = 0,
    ledger_tip: str | None = "tip",
    test_share: float = 0.2,
) -> ExportResult:
    return exports.export(
        folder,
        projection_of(name),
        Evidence(world.tasks, world.annotations, world.contexts, weights=Weights({"p0": 0.5})),
        ledger_tip=ledger_tip,
        created_at=NOW + timedelta(days=days),
        test_share=test_share,
    )


def load(folder: Path, configuration: str) -> dict[str, Dataset]:
    return dict(load_dataset(str(folder), configuration))


def files_of(folder: Path) -> dict[Path, tuple[int, int]]:
    return {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in (folder, *folder.rglob("*"))}


def manifest_of(folder: Path) -> dict[str, object]:
    return dict(json.loads((folder / "manifest.json").read_text("utf-8")))


def test_what_is_open_and_in_memory_at_once_changes_no_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export(tmp_path / "one", sample())
    monkeypatch.setattr("exports.parts.OPEN_BYTES", 0)
    monkeypatch.setattr("exports.parts.LARGE_BYTES", 0)
    monkeypatch.setattr("exports.parts.ROWS_AT_ONCE", 3)
    export(tmp_path / "other", sample())
    one, other = (
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        for folder in (tmp_path / "one", tmp_path / "other")
    )
    assert one == other


def test_pairs_load_offline_with_the_columns_that_trl_reads(tmp_path: Path) -> None:
    result = export(tmp_path / "dpo", sample())
    splits = load(tmp_path / "dpo", "trl")
    assert {split: len(rows) for split, rows in splits.items()} == dict(result.rows)
    assert sum(result.rows.values()) == 70
    assert dict(splits["train"].features) == {"prompt": MESSAGES, "chosen": MESSAGES, "rejected": MESSAGES}
    for row in splits["train"]:
        assert [turn["role"] for turn in row["prompt"]] == ["system", "user"]
        assert [turn["role"] for turn in (*row["chosen"], *row["rejected"])] == ["assistant"] * 2
        assert row["chosen"] != row["rejected"]


def test_provenance_stands_row_by_row_beside_the_pairs(tmp_path: Path) -> None:
    world = sample()
    export(tmp_path / "dpo", world)
    pairs, provenance = load(tmp_path / "dpo", "trl"), load(tmp_path / "dpo", "provenance")
    texts = {message.id: message.content for chat in world.conversations for message in chat.messages}
    for split, rows in pairs.items():
        for row, source in zip(rows, provenance[split], strict=True):
            assert [texts[each] for each in source["rejected_message_ids"]] == [row["rejected"][0]["content"]]
            assert source["chosen_origin"] == ("model" if source["chosen_message_ids"] else "human_edit")
            assert source["n_annotators"] in (1, 3)


def test_ties_and_votes_have_configurations_of_their_own(tmp_path: Path) -> None:
    export(tmp_path / "dpo", sample())
    ties = load(tmp_path / "dpo", "ties")
    assert sum(len(rows) for rows in ties.values()) == 10
    votes = load(tmp_path / "dpo", "votes")
    assert {row["preferred"] for rows in votes.values() for row in rows} == {
        "chosen",
        "rejected",
        "first",
        "second",
    }
    assert {row["person_id"] for row in votes["train"]} == {"p0", "p1", "p2", "p3"}
    trl = list((tmp_path / "dpo" / "data" / "trl").glob("train-*.parquet"))
    assert trl
    assert not any(b"person" in path.read_bytes() for path in trl)


def test_labels_load_offline_with_the_columns_that_trl_reads(tmp_path: Path) -> None:
    result = export(tmp_path / "kto", sample(), name="kto")
    splits = load(tmp_path / "kto", "trl")
    assert dict(splits["train"].features) == {
        "prompt": MESSAGES,
        "completion": MESSAGES,
        "label": Value("bool"),
    }
    assert {split: len(rows) for split, rows in splits.items()} == dict(result.rows)
    labels = splits["train"]["label"][:]
    assert set(labels[:10]) == {True, False}
    prompts = [str(row["prompt"]) for row in splits["train"]]
    assert all(one != two for one, two in itertools.pairwise(prompts))
    assert manifest_of(tmp_path / "kto")["labels"] == {
        "true": labels.count(True) + splits["test"]["label"][:].count(True),
        "false": 40,
    }


def test_no_group_is_in_both_splits(tmp_path: Path) -> None:
    export(tmp_path / "dpo", sample())
    splits = load(tmp_path / "dpo", "trl")
    train, test = ({row["prompt"][-1]["content"] for row in splits[split]} for split in ("train", "test"))
    assert train
    assert test
    assert not train & test


@pytest.mark.parametrize("name", ["dpo", "kto"])
def test_a_second_run_on_the_same_input_changes_nothing(tmp_path: Path, name: str) -> None:
    first = export(tmp_path / "out", sample(), name=name)
    before = files_of(tmp_path / "out")
    world = sample()
    world.annotations.reverse()
    world.tasks = dict(reversed(world.tasks.items()))
    second = export(tmp_path / "out", world, name=name, days=3)
    assert (first.unchanged, second.unchanged) == (False, True)
    assert first.digest == second.digest
    assert files_of(tmp_path / "out") == before


def test_another_ledger_tip_is_recorded_though_the_rows_are_the_same(tmp_path: Path) -> None:
    first = export(tmp_path / "out", sample())
    second = export(tmp_path / "out", sample(), ledger_tip="later")
    assert (second.unchanged, second.digest) == (False, first.digest)
    assert manifest_of(tmp_path / "out")["ledger_tip"] == "later"


def test_a_damaged_export_is_written_again(tmp_path: Path) -> None:
    export(tmp_path / "out", sample())
    (tmp_path / "out" / "README.md").write_text("scribble", "utf-8")
    assert not export(tmp_path / "out", sample()).unchanged
    assert "scribble" not in (tmp_path / "out" / "README.md").read_text("utf-8")


def test_the_manifest_names_every_file_and_every_number(tmp_path: Path) -> None:
    world = sample(8)
    world.answer("elsewhere", "p0", preference="a")
    result = export(tmp_path / "out", world, test_share=0.0)
    manifest = manifest_of(tmp_path / "out")
    assert manifest["format"] == "chatfeedback-export/1"
    assert manifest["digest"] == result.digest
    assert manifest["rows"] == {
        "trl": {"train": 14},
        "provenance": {"train": 14},
        "ties": {"train": 2},
        "votes": {"train": 30},
        "omissions": {"omitted": 1},
        "items": {"listed": 16},
    }
    assert manifest["annotators"] == 4
    assert manifest["dropped"] == dict(result.dropped) == {"answer to an unknown task": 1}
    assert manifest["licences"] == {"mit": 14}
    assert manifest["rules_versions"] == {"rules-1": 14}
    # 6 long answers and 8 rewrites ('better 0') are longer than 'short 0'
    assert manifest["length_bias"] == {
        "p_chosen_longer": 1.0,
        "longer_wins_accuracy": 1.0,
        "pairs_equal_until_words": {"512": 0, "1024": 0, "2048": 0},
    }
    files = manifest["files"]
    assert isinstance(files, dict)
    found = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.*")}
    assert found == {*files, "manifest.json"}


def test_the_card_is_valid_and_shows_strange_names_as_text(tmp_path: Path) -> None:
    world = sample(3)
    (chat, *_) = world.conversations
    world.conversations[0] = type(chat)(chat.id, chat.messages, source="<b>|x\n# y", licence="CC-BY-4.0")
    export(tmp_path / "out", world, test_share=0.0)
    _, header, body = (tmp_path / "out" / "README.md").read_text("utf-8").split("---\n", 2)
    card = yaml.safe_load(header)
    assert [each["config_name"] for each in card["configs"] if each.get("default")] == ["trl"]
    assert card["license"] == "other"
    assert "| &lt;b>\\|x # y | " in body
    assert "P(chosen is longer than rejected): 1.000 of 5 pairs" in body


def test_a_difference_beyond_the_cut_is_reported(tmp_path: Path) -> None:
    world = World()
    for same in (100, 600, 1100):
        world.votes(world.task(*world.chat(f"q{same}", "w " * same + "x", "w " * same + "y")), "a")
    export(tmp_path / "out", world)
    bias = manifest_of(tmp_path / "out")["length_bias"]
    assert bias == {
        "p_chosen_longer": 0.0,
        "longer_wins_accuracy": 0.5,
        "pairs_equal_until_words": {"512": 2, "1024": 1, "2048": 0},
    }


def test_the_length_bias_of_labels_is_the_area_under_the_curve() -> None:
    assert p_wanted_longer([3, 3], [1, 2]) == 1.0
    assert p_wanted_longer([1, 3], [2]) == 0.5
    assert p_wanted_longer([2], [2]) == 0.5
    assert p_wanted_longer([], [2]) is None


@pytest.mark.parametrize("name", ["dpo", "kto"])
@pytest.mark.slow
def test_texts_that_are_hard_to_write_are_written(tmp_path: Path, name: str) -> None:
    world = World()
    hard = ["a\x00b", "lone \udc80 half", "joined \ud83d\ude00", "x" * 40_000_000, "\u2028|\r\n", "\ufeff"]
    for text in hard:
        world.votes(world.task(*world.chat("q \ud800 " + text[:9], text + "!", "other")), "a")
    export(tmp_path / "out", world, name=name, test_share=0.0)
    key = "chosen" if name == "dpo" else "completion"
    texts = {row[key][0]["content"] for row in load(tmp_path / "out", "trl")["train"]}
    assert {"a\x00b!", "lone \ufffd half!", "joined \U0001f600!", "x" * 40_000_000 + "!"} <= texts


@pytest.mark.parametrize("name", all_projections())
def test_every_export_is_written_whatever_a_log_and_its_judges_wrote(tmp_path: Path, name: str) -> None:
    odd = "x\ud800|`<b>\x00\r\n"
    world = World()
    one, two = world.chat(f"q{odd}", f"one{odd}", f"two{odd}")
    world.votes(world.task(one, two), "aab")
    world.rewrite(two, "p7", f"three{odd}")
    world.answer(world.task(one, two, kind="preference_strength"), "p1", strength="-2", strength_reason=odd)
    world.answer(world.task(*world.chat(f"r{odd}", "one", odd, "three")), "p0", ranking="b > a = c")
    world.check(world.task(one, kind="rubric_of_exports"), "p0", "met", "na", "met")
    world.harm(one, "p0", "hate")
    world.answer(world.task(two, kind="response_rating"), "p2", thumb_1="up", thumb_reason=odd)
    world.conversations = [
        replace(each, source=odd, licence=odd, model_name=odd, language=odd) for each in world.conversations
    ]
    nobody = Weights({f"p{number}": 0.0 for number in range(9)})
    exports.export(
        tmp_path / "out",
        projection_of(name),
        replace(world.evidence(), weights=nobody),
        ledger_tip=None,
        created_at=NOW,
        test_share=0.0,
        any_licence=True,
        json_lines=True,
    )
    card = (tmp_path / "out" / "README.md").read_text("utf-8")
    summary = (tmp_path / "out" / "training-content.md").read_text("utf-8")
    assert "<b>" not in card.split("---", 2)[2] + summary
    assert verify(tmp_path / "out").problems == ()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("dpo", "no answered preference task or rewrite decides a pair, and 1 is tied"),
        ("kto", "no answered task decides a label"),
    ],
)
def test_an_export_without_rows_says_why_and_what_to_run(tmp_path: Path, name: str, message: str) -> None:
    world = World()
    world.votes(world.task(*world.chat("q", "one", "two")), "t")
    world.task(*world.chat("q2", "one", "two"))
    with pytest.raises(NothingToExportError, match=message) as caught:
        export(tmp_path / "out", world, name=name)
    assert "1 task without any answer" in str(caught.value)
    assert "chatfeedback sync" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_foreign_folder_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years", "utf-8")
    with pytest.raises(NotOurExportError, match="is not a 'dpo' export"):
        export(tmp_path / "mine", sample(2))
    with pytest.raises(NotOurExportError):
        export(tmp_path / "mine" / "thesis.txt", sample(2))
    assert (tmp_path / "mine" / "thesis.txt").read_text("utf-8") == "years"


def test_an_export_of_another_kind_or_with_files_of_the_user_is_not_replaced(tmp_path: Path) -> None:
    export(tmp_path / "out", sample(2), test_share=0.0)
    with pytest.raises(NotOurExportError, match="is not a 'kto' export"):
        export(tmp_path / "out", sample(2), name="kto")
    (tmp_path / "out" / ".git").mkdir()
    (tmp_path / "out" / ".git" / "HEAD").write_text("mine", "utf-8")
    with pytest.raises(NotOurExportError, match=r"also holds '\.git/HEAD'"):
        export(tmp_path / "out", sample(3))


def test_what_an_upload_leaves_behind_does_not_stand_in_the_way(tmp_path: Path) -> None:
    export(tmp_path / "out", sample(2), test_share=0.0)
    (tmp_path / "out" / ".cache" / "huggingface").mkdir(parents=True)
    (tmp_path / "out" / ".cache" / "huggingface" / "x").write_text("", "utf-8")
    assert not export(tmp_path / "out", sample(3), test_share=0.0).unchanged


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    assert not export(tmp_path / "out", sample(2)).unchanged
    assert (tmp_path / "out" / "manifest.json").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == [".out.lock", "out"]


def test_an_error_while_writing_leaves_the_old_export(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = export(tmp_path / "out", sample(4))

    def full(path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(exports.dataset, "_fsync", full)
        with pytest.raises(CannotWriteError, match="No space left"):
            export(tmp_path / "out", sample(8))
    assert manifest_of(tmp_path / "out")["digest"] == old.digest
    assert not export(tmp_path / "out", sample(8)).unchanged


def test_a_folder_that_cannot_be_written_is_said_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    world = sample(2)
    world.annotations.clear()  # else this would be the error
    with pytest.raises(CannotWriteError, match=r"cannot write .*out: .* name another folder with --output"):
        export(tmp_path / "file" / "out", world)


def test_where_rows_cannot_wait_another_target_is_no_advice(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(CannotWriteError) as caught, exports.dataset.waiting_in(tmp_path / "file"):
        pytest.fail("there is no folder")
    assert "Rows wait there" in str(caught.value)
    assert "--output" not in str(caught.value)


def test_two_exports_at_once_leave_one_of_them_whole(tmp_path: Path) -> None:
    folder, worlds = tmp_path / "out", [sample(4), sample(8)] * 4
    with ThreadPoolExecutor(max_workers=4) as pool:
        digests = set(pool.map(lambda world: export(folder, world).digest, worlds))
    manifest = manifest_of(folder)
    assert manifest["digest"] in digests
    assert len(digests) == 2
    rows = {name: sum(splits.values()) for name, splits in manifest["rows"].items()}  # type: ignore[attr-defined]
    for name, count in rows.items():
        assert sum(len(split) for split in load(folder, name).values()) == count
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*.parquet")}
    assert names == {name for name in manifest["files"] if name.endswith(".parquet")}  # type: ignore[attr-defined]


def test_without_an_exchange_of_folders_the_export_is_replaced_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports.dataset, "_exchange", lambda one, other: False)
    old = export(tmp_path / "out", sample(4))
    new = export(tmp_path / "out", sample(8))
    assert manifest_of(tmp_path / "out")["digest"] == new.digest != old.digest
    # as a kill between the two moves leaves it
    (tmp_path / "out").rename(tmp_path / ".out.old")
    assert export(tmp_path / "out", sample(8)).unchanged


KILLED = """
import sys
from pathlib import Path
from tests.unit.exports.test_dataset import export, sample
worlds = [sample(4), sample(8)]
print("ready", flush=True)
while True:
    for world in worlds:
        export(Path({folder!r}), world)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs renameat2 of Linux")
@pytest.mark.slow
def test_a_kill_at_any_moment_leaves_one_whole_export(tmp_path: Path) -> None:
    folder, here = tmp_path / "out", Path(__file__).parent
    whole = {export(tmp_path / str(size), sample(size)).digest for size in (4, 8)}
    export(folder, sample(4))
    chance = random.Random(7)
    for _ in range(4):
        script = textwrap.dedent(KILLED).format(folder=str(folder))
        environment = {**os.environ, "PYTHONPATH": str(here.parents[2])}
        with subprocess.Popen(
            [sys.executable, "-c", script], stdout=subprocess.PIPE, env=environment
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            time.sleep(chance.uniform(0.05, 0.4))
            process.send_signal(signal.SIGKILL)
        manifest = manifest_of(folder)
        files = manifest["files"]
        assert isinstance(files, dict)
        assert all(sha256_of(folder / name) == sha for name, sha in files.items())
        assert manifest["digest"] in whole
    export(folder, sample(6))
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".out")) == [".out.lock"]
