"""Each projection, row by hand: what its trainer reads, and nothing else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from datasets import load_dataset

import exports
from exports import Evidence, NothingToExportError, projection_of
from exports.weights import Weights
from tests.unit.exports.export_records import NOW, World
from workspaces.records import Conversation, Message, Role

if TYPE_CHECKING:
    from pathlib import Path

USER = {"role": "user", "content": "Why?"}
SYSTEM = {"role": "system", "content": "Be kind."}
GOOD = {"role": "assistant", "content": "good"}
BAD = {"role": "assistant", "content": "bad"}


def world(*, system: bool = True) -> World:
    """Two of three people prefer 'good' to 'bad'; a second prompt has no system turn."""
    made = World()
    made.votes(made.task(*made.chat("Why?", "good", "bad", system="Be kind." if system else None)), "aab")
    return made


def export(folder: Path, made: World, name: str, **weights: Any) -> Path:
    evidence = Evidence(made.tasks, made.annotations, made.contexts, Weights(**weights))
    exports.export(
        folder / name, projection_of(name), evidence, ledger_tip=None, created_at=NOW, test_share=0.0
    )
    return folder / name


def rows_of(folder: Path) -> list[dict[str, Any]]:
    table = projection_of(folder.name).training_table.name
    cache = str(folder.parent / "cache")
    return list(load_dataset(str(folder), table, split="train", cache_dir=cache).to_list())


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("dpo", {"prompt": [SYSTEM, USER], "chosen": [GOOD], "rejected": [BAD]}),
        ("implicit", {"chosen": [SYSTEM, USER, GOOD], "rejected": [SYSTEM, USER, BAD]}),
        ("reward", {"prompt": [SYSTEM, USER], "chosen": [GOOD], "rejected": [BAD], "margin": 0.2}),
        ("openrlhf", {"prompt": [SYSTEM, USER], "chosen": [GOOD], "rejected": [BAD], "margin": 0.2}),
        ("axolotl", {"messages": [SYSTEM, USER], "chosen": GOOD, "rejected": BAD}),
        ("llama-factory", {"conversations": [SYSTEM, USER], "chosen": GOOD, "rejected": BAD, "tools": ""}),
        ("llama-factory-v1", {"chosen": [SYSTEM, USER, GOOD], "rejected": [SYSTEM, USER, BAD]}),
        ("sft", {"messages": [SYSTEM, USER, GOOD]}),
        (
            "nemo-rl",
            {
                "context": [SYSTEM, USER],
                "completions": [{"rank": 0, "completion": [GOOD]}, {"rank": 1, "completion": [BAD]}],
            },
        ),
        (
            "flat",
            {"prompt": "system: Be kind.\n\nuser: Why?\n\nassistant:", "chosen": "good", "rejected": "bad"},
        ),
        (
            "verl",
            {"prompt": "system: Be kind.\n\nuser: Why?\n\nassistant:", "chosen": "good", "rejected": "bad"},
        ),
    ],
)
def test_a_row_is_as_the_trainer_reads_it(tmp_path: Path, name: str, row: dict[str, Any]) -> None:
    (found,) = rows_of(export(tmp_path, world(), name, people={"p0": 0.5, "p1": 0.25, "p2": 0.5}))
    if "margin" in row:
        assert found.pop("margin") == pytest.approx(row.pop("margin"))
    assert found == row


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        (
            "axolotl-kto",
            [
                {"system": "Be kind.", "instruction": "Why?", "completion": "bad", "label": False},
                {"system": "Be kind.", "instruction": "Why?", "completion": "good", "label": True},
            ],
        ),
        (
            "llama-factory-kto",
            [
                {"conversations": [SYSTEM, USER, BAD], "kto_tag": False, "tools": ""},
                {"conversations": [SYSTEM, USER, GOOD], "kto_tag": True, "tools": ""},
            ],
        ),
    ],
)
def test_labels_are_as_the_trainer_reads_them(tmp_path: Path, name: str, rows: list[dict[str, Any]]) -> None:
    found = rows_of(export(tmp_path, world(), name))
    assert sorted(found, key=lambda row: bool(row.get("label", row.get("kto_tag")))) == rows


def test_a_single_user_turn_is_a_flat_prompt_as_it_is(tmp_path: Path) -> None:
    (found,) = rows_of(export(tmp_path, world(system=False), "flat"))
    assert found["prompt"] == "Why?"


def test_a_margin_is_never_negative(tmp_path: Path) -> None:
    (found,) = rows_of(export(tmp_path, world(), "reward", people={"p0": 0.1, "p1": 0.1, "p2": 0.9}))
    assert found["margin"] == 0.0


def test_nemo_rl_finds_the_same_rows_as_json_lines(tmp_path: Path) -> None:
    made = world()
    ends = "what Unicode \x85 calls \u2028 ends \u2029 of lines"
    made.votes(made.task(*made.chat(ends, f"good {ends}", "bad")), "a")
    folder = export(tmp_path, made, "nemo-rl")
    (path,) = folder.glob("data/nemo-rl/train-*.jsonl")
    assert [json.loads(line) for line in path.read_text("utf-8").splitlines()] == rows_of(folder)
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    assert path.relative_to(folder).as_posix() in manifest["files"]
    assert not list(folder.glob("data/votes/*.jsonl"))


@pytest.mark.parametrize(
    "name",
    ["verl", "nemo-rl", "kto", "axolotl-kto", "llama-factory", "llama-factory-kto", "llama-factory-v1"],
)
def test_a_trainer_that_takes_the_path_of_a_file_finds_every_row_in_it(tmp_path: Path, name: str) -> None:
    made = World()
    for number in range(30):
        made.votes(made.task(*made.chat(f"Why {number}?", f"good {number}", f"bad {number}")), "aab")
    folder = export(tmp_path, made, name)
    (path,) = folder.glob(f"data/{projection_of(name).training_table.name}/train-*.parquet")
    assert pq.read_table(path).num_rows in (30, 60)


def test_llama_factory_finds_the_declaration_of_the_files(tmp_path: Path) -> None:
    folder = export(tmp_path, world(), "llama-factory")
    declared = json.loads((folder / "dataset_info.json").read_text("utf-8"))
    assert list(declared) == ["chatfeedback_train"]
    train = declared["chatfeedback_train"]
    assert (folder / train["file_name"]).is_file()
    assert (train["ranking"], train["formatting"]) == (True, "sharegpt")
    assert set(train["columns"].values()) == set(rows_of(folder)[0])
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    assert "dataset_info.json" in manifest["files"]


def test_llama_factory_gets_no_turns_that_it_drops_in_silence(tmp_path: Path) -> None:
    turns = [Role.USER, Role.USER, Role.ASSISTANT]
    made = World(
        [
            Conversation(
                "c",
                tuple(
                    Message(f"m{at}", f"m{at - 1}" if at else None, role, f"text {at}")
                    for at, role in enumerate(turns)
                ),
                source="x",
            )
        ]
    )
    made.answer(made.task("m2"), "p0", suggestion="better")
    with pytest.raises(NothingToExportError, match="1 answer on a prompt whose turns do not alternate"):
        export(tmp_path, made, "llama-factory")
    assert len(rows_of(export(tmp_path, made, "dpo"))) == 1


def test_conversations_to_imitate_are_wanted_responses_and_rewrites(tmp_path: Path) -> None:
    made = world()
    made.answer(
        made.task(*made.chat("Who?", "poor")), "p0", instruction="yes", helpful="no", suggestion="rich"
    )
    folder = export(tmp_path, made, "sft")
    assert sorted(row["messages"][-1]["content"] for row in rows_of(folder)) == ["good", "rich"]
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    assert manifest["dropped"] == {}, "the answers that call 'poor' bad are those that made 'rich'"
    assert "KTO" not in (folder / "README.md").read_text("utf-8")

    made.answer(made.task(*made.chat("When?", "never")), "p0", instruction="yes", helpful="no")
    folder = export(tmp_path, made, "sft")
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    assert manifest["dropped"] == {"answer on a response that is not wanted": 1}
