"""The card and the manifest say what was counted, and the ledger of drops adds up to what they say."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from datasets import load_dataset

import exports
from exports import all_projections, projection_of
from exports.weights import Weights
from tests.unit.exports.export_records import NOW, World
from workspaces.config import ExportsConfig
from workspaces.records import ANONYMOUS, IMPORTED, AnnotationStatus

if TYPE_CHECKING:
    from pathlib import Path

    from exports.collected import BenchmarkChoice


def export(folder: Path, world: World, name: str = "dpo", **weights: Any) -> tuple[str, dict[str, Any]]:
    evidence = replace(world.evidence(), weights=Weights(**weights))
    exports.export(folder, projection_of(name), evidence, ledger_tip=None, created_at=NOW, test_share=0.0)
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    assert isinstance(manifest, dict)
    return (folder / "README.md").read_text("utf-8"), manifest


def from_a_log(world: World, task: str) -> None:
    world.tasks[task] = replace(world.tasks[task], platform=IMPORTED)


def test_votes_of_a_log_are_not_called_answers_on_a_platform(tmp_path: Path) -> None:
    world = World()
    for number in range(3):
        task = world.task(*world.chat(f"q{number}", "one", "two"))
        world.answer(task, f"{ANONYMOUS}{number}", preference="a")
        from_a_log(world, task)
    card, manifest = export(tmp_path / "out", world)
    assert manifest["judgments"] == {"platforms": {}, "chat_logs": {"comparison": 3}}
    assert manifest["people"] == manifest["measured"] == 0
    assert manifest["raters"] == {"named": 0, "unnamed": 3}
    assert "| comparison of two responses | 0 | 3 |" in card
    assert "rewrite of a response" not in card
    assert (
        "0 people judged these rows on a labelling platform, and 3 raters whom a chat log does not name"
        in card
    )
    assert "3 of 3 items rest on the judgment of one person" in card
    assert "every judgment weighs 1" in card


def test_asked_and_imported_judgments_of_every_kind_are_counted_apart(tmp_path: Path) -> None:
    world = World()
    one, two = world.chat("q", "one", "two")
    asked, imported = world.task(one, two), world.task(one, two)
    from_a_log(world, imported)
    world.answer(asked, "p0", preference="a")
    world.answer(imported, "p1", preference="a")
    world.answer(world.task(two), "p2", suggestion="three")
    card, manifest = export(tmp_path / "dpo", world, people={"p0": 0.6}, prior=0.65)
    assert manifest["judgments"] == {
        "platforms": {"comparison": 1, "rewrite": 1},
        "chat_logs": {"comparison": 1},
    }
    assert "| comparison of two responses | 1 | 1 |" in card
    assert "| rewrite of a response | 1 | 0 |" in card
    assert "The confidence of 1 of 3 voters was measured" in card
    assert "the mean of the people who were measured (0.65)" in card

    world.answer(world.task(one), "p3", instruction="yes", helpful="yes")
    card, manifest = export(tmp_path / "kto", world, "kto")
    assert manifest["judgments"]["platforms"] == {"comparison": 1, "rewrite": 1, "tags": 1}
    assert "| tags of a response | 1 | 0 |" in card


def test_one_licence_in_two_writings_is_one_licence_of_the_card(tmp_path: Path) -> None:
    world = World()
    for licence in ("MIT", "mit"):
        world.votes(world.task(*world.chat(f"q {licence}", "one", "two", licence=licence)), "a")
    card, manifest = export(tmp_path / "out", world)
    assert yaml.safe_load(card.split("---")[1])["license"] == "mit"
    assert manifest["licences"] == {"MIT": 1, "mit": 1}


@pytest.mark.parametrize("name", ["dpo", "kto"])
def test_a_card_says_whether_texts_were_redacted(tmp_path: Path, name: str) -> None:
    world = World()
    world.votes(world.task(*world.chat("Mail?", "plain", "other")), "a")
    card, manifest = export(tmp_path / "plain", world, name)
    assert manifest["placeholders"] == {}
    assert "No passage of these rows was redacted" in card
    assert "wrote them" not in card

    world.votes(world.task(*world.chat("Mail of [NAME_1]?", "to [EMAIL_1] or [EMAIL_2]", "no")), "a")
    card, manifest = export(tmp_path / "redacted", world, name)
    assert manifest["placeholders"]["NAME"] >= 1
    assert f"{manifest['placeholders']['EMAIL']} EMAIL, {manifest['placeholders']['NAME']} NAME" in card
    rows = manifest["rows"]["trl"]["train"]
    assert f"In {rows // 2} of {rows} rows, placeholders such as `[EMAIL_1]` stand for" in card


@pytest.mark.parametrize("name", all_projections())
def test_every_drop_is_a_row_and_the_rows_add_up_to_the_counts(tmp_path: Path, name: str) -> None:
    world = World()
    world.votes(world.task(*world.chat("q", "one", "two")), "aab")
    world.answer(world.task(*world.chat("q2", "poor")), "p0", instruction="yes", helpful="no")
    world.answer("elsewhere", "p0", preference="a")
    world.answer("t0", "p7", status=AnnotationStatus.DISCARDED, preference="a")
    world.answer(world.task(*world.chat("q3", "same", "same")), "p0", preference="a")
    world.task(*world.chat("q4", "one", "two"))
    world.answer(world.task(*world.chat("q5", "one", "two"), kind="preference_strength"), "p0", strength="2")
    world.answer(world.task(*world.chat("q6", "one", "two", "three")), "p0", ranking="b > a = c")
    world.check(world.task(*world.chat("q7", "one"), kind="rubric_of_exports"), "p0", "met", "na", "not_met")
    world.harm(world.chat("q8", "one")[0], "p0", "hate")
    world.rewrite("c0r1", "p8", "three, which is better")
    _, manifest = export(tmp_path / "out", world, name)
    folder = str(tmp_path / "out")
    rows = load_dataset(folder, "omissions", split="omitted", cache_dir=str(tmp_path / "cache")).to_list()
    assert Counter(row["reason"] for row in rows) == manifest["dropped"]
    dropped = {row["annotation_id"] for row in rows} - {None}
    assert dropped <= {each.id for each in world.annotations}
    assert {row["task_id"] for row in rows if row["annotation_id"] is None} == {"t3"}
    reasons = {row["annotation_id"]: row["reason"] for row in rows}
    if not projection_of(name).of_answers:
        assert set(reasons.values()) == {
            "answer in an export of the collection, which holds none",
            "task without any answer",
        }
        return
    assert (reasons["a4"], reasons["a5"]) == ("answer to an unknown task", "answer not submitted")


@pytest.mark.parametrize("name", all_projections())
def test_how_pairs_are_made_speaks_of_ties_where_there_is_such_a_table(name: str) -> None:
    projection = projection_of(name)
    has_ties = any(table.name == "ties" for table in projection.tables)
    assert ("the pair is in `ties`" in projection.method) == has_ties


@pytest.mark.parametrize("name", [name for name, each in all_projections().items() if not each.of_answers])
def test_a_card_without_judgments_says_nothing_of_people_and_their_weights(tmp_path: Path, name: str) -> None:
    world = World()
    world.votes(world.task(*world.chat("q", "one", "two")), "aab")
    world.chat("r", "one")
    world.conversations = [replace(each, language="<b>x|y") for each in world.conversations]
    evidence = replace(world.evidence(), languages={})
    topics = replace(
        evidence.collected, benchmark=lambda: _of_topic(evidence.collected.benchmark(), "<b>x|y")
    )
    exports.export(
        tmp_path,
        projection_of(name),
        replace(evidence, collected=topics),
        ledger_tip=None,
        created_at=NOW,
        test_share=0.0,
    )
    card = (tmp_path / "README.md").read_text("utf-8")
    assert "No person's judgment is behind these rows." in card
    assert not [said for said in ("judged these rows", "weighs 1", "one opinion") if said in card]
    assert "<b>" not in card
    assert "&lt;b>x\\|y 2" in card, "what strangers named is escaped"
    if name == "benchmark":
        assert "4 prompts: 2 to evaluate on, 2 left out." in card
        assert "| prompt with score too low | 2 |" in card


def _of_topic(choice: BenchmarkChoice, topic: str) -> BenchmarkChoice:
    return replace(choice, prompts=tuple(replace(each, topic=topic) for each in choice.prompts))


@pytest.mark.parametrize(("tag", "label"), [("yes", True), ("no", False)])
def test_labels_of_one_kind_are_said_before_training(tmp_path: Path, tag: str, label: bool) -> None:
    world = World()
    for number in range(4):
        world.answer(world.task(*world.chat(f"q{number}", "x")), "p0", instruction="yes", helpful=tag)
    evidence = world.evidence()
    result = exports.export(
        tmp_path, projection_of("kto"), evidence, ledger_tip=None, created_at=NOW, test_share=0.0
    )
    said = f"all 4 completions of the train split are {label}: KTOTrainer learns nothing from one label"
    assert result.warnings == (said,)
    assert f"**Warning:** {said}." in (tmp_path / "README.md").read_text("utf-8")
    manifest = json.loads((tmp_path / "manifest.json").read_text("utf-8"))
    assert manifest["warnings"] == [said]


def test_a_train_split_without_rows_is_said(tmp_path: Path) -> None:
    world = World()
    world.votes(world.task(*world.chat("q", "one", "two")), "a")
    evidence = world.evidence()
    result = exports.export(
        tmp_path, projection_of("dpo"), evidence, ledger_tip=None, created_at=NOW, test_share=1.0
    )
    assert result.warnings == ("the train split has no row: all items are in the test split",)


@pytest.mark.parametrize(
    ("rules", "said", "unsaid"),
    [
        ({}, "a hash of the opening", "asked about it on"),
        ({"test_from": "2026-04-01"}, "first asked about it on 2026-04-01", "a hash of the opening"),
        ({"test_people": 0.4}, "40% of them, by a hash, are in `test` alone", "asked about it on"),
    ],
)
def test_the_card_says_how_rows_were_divided(
    tmp_path: Path, rules: dict[str, object], said: str, unsaid: str
) -> None:
    made = World()
    for number in range(4):
        made.votes(made.task(*made.chat(f"q{number}", "one", "two")), "aaa")
    exports.export(
        tmp_path / "out",
        projection_of("dpo"),
        made.evidence(),
        ledger_tip=None,
        created_at=NOW,
        rules=ExportsConfig.model_validate(rules),
    )
    card = (tmp_path / "out" / "README.md").read_text("utf-8")
    assert "a near duplicate of one" in card
    assert said in card
    assert unsaid not in card


def test_one_licence_is_counted_once_however_sources_write_it(tmp_path: Path) -> None:
    world = World()
    written = ("cc-by-4.0", "CC BY 4.0", "CC-BY-4.0", "in-house")
    for number, licence in enumerate(written):
        world.answer(
            world.task(*world.chat(f"q{number}", "one", "two", licence=licence)), "ada", preference="a"
        )
    card, manifest = export(tmp_path / "out", world)
    assert manifest["licences"] == dict.fromkeys(sorted(written), 1)
    assert manifest["licences_by_identifier"] == {"CC-BY-4.0": 3, "in-house": 1}
    shown = "| CC-BY-4.0 (as: CC BY 4.0) | 3 |"
    assert shown in card
    assert shown in (tmp_path / "out" / "training-content.md").read_text("utf-8")
    assert json.loads((tmp_path / "out" / "croissant.json").read_text("utf-8"))["license"] == [
        "CC-BY-4.0",
        "in-house",
    ]
    rows = load_dataset(str(tmp_path / "out"), "provenance", split="train").to_list()
    assert sorted(row["licences"][0] for row in rows) == sorted(written)
    world = World()
    world.answer(world.task(*world.chat("q", "one", "two", licence="CC BY 4.0")), "ada", preference="a")
    evidence, rules = world.evidence(), ExportsConfig(licences=("cc-by-4.0",))
    exports.export(
        tmp_path / "one",
        projection_of("dpo"),
        evidence,
        ledger_tip=None,
        created_at=NOW,
        test_share=0.0,
        rules=rules,
    )
    header = yaml.safe_load((tmp_path / "one" / "README.md").read_text("utf-8").split("---")[1])
    assert header["license"] == "cc-by-4.0"
