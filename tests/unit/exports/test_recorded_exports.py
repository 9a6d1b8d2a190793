"""Exports keep their rows: what is made of one world of answers is recorded, and no change of code may change it.

A digest that changes moves rows of published releases. Where that is meant, write the record again:

    uv run python -m tests.unit.exports.test_recorded_exports
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import exports
from exports import Evidence, NothingToExportError, all_projections, projection_of
from exports.weights import Weights
from tests.unit.exports.export_records import CRITERIA, NOW, RUBRIC, World
from tests.unit.exports.test_tools import tool_chat
from workspaces.config.exports import ExportsConfig
from workspaces.kinds import asking, rubric_kinds
from workspaces.records import IMPORTED, AnnotationStatus, ToolCall

if TYPE_CHECKING:
    import pytest

SUBMITTED = AnnotationStatus.SUBMITTED
RECORD = Path(__file__).with_name("recorded_exports.json")
RULES = {"": ExportsConfig(), "by two people": ExportsConfig(min_people=2, min_agreement=0.6)}
OF_THE_MACHINE = {"created_at", "files", "written_with", "tool_version", "bytes_in_memory"}
WORDS = ("walrus", "tooth", "[EMAIL_1]", "Größe", "雪", "- list", "**bold**", "sea", "ice", "north")


def world_of(seed: int) -> World:
    """Return a world of every kind of answer: agreement, dissent, second thoughts, rankings, rewrites and tools."""
    draw, world = random.Random(seed), World()

    def text() -> str:
        return " ".join(draw.choices(WORDS, k=draw.randint(1, 9)))

    people = [f"p{number}" for number in range(9)]
    for number in range(60):
        prompt = f"Prompt {number % 45}: {'walrus ' * (number % 3)}"
        ids = world.chat(prompt, *(text() for _ in range(4)), licence=("mit", "cc0-1.0", None)[number % 3])
        for kind in ("preference", "preference_strength"):
            task = world.task(*draw.sample(ids, 2), kind=kind, rules=f"rules-{number % 2}")
            for person in draw.sample(people, draw.randint(0, 4)):
                if kind == "preference":
                    bad = {"both_bad": "yes"} if draw.random() < 0.1 else {}
                    said = "tie" if bad else draw.choice(["a", "b", "tie", "a"])
                    world.answer(task, person, status=SUBMITTED, preference=said, **bad)
                else:
                    strength = draw.choice(["-3", "-1", "0", "2", "both_bad"])
                    world.answer(task, person, strength=strength, strength_reason=text())
            world.answer(task, "p8", status=AnnotationStatus.DISCARDED)
        for person in draw.sample(people, 2):
            world.answer(
                world.task(*ids[:3]), person, ranking=draw.choice(["a > b > c", "b > a = c", "c > b > a"])
            )
        task = world.task(ids[0])
        for person in draw.sample(people, 3):
            tags = {name: draw.choice(["yes", "no", "na"]) for name in ("instruction", "helpful", "factual")}
            world.answer(
                task, person, status=SUBMITTED, **tags, suggestion=draw.choice(["", f"better {number}"])
            )
        world.harm(ids[1], draw.choice(people), draw.choice(["none", "violence"]))
        world.check(world.task(ids[2], kind=f"rubric_{RUBRIC}"), draw.choice(people), "met", "not_met", "na")
    for name, calls in (("clock", [ToolCall("1", "clock", '{"zone": "UTC"}')]), ("silent", [])):
        chat = tool_chat(name, *calls, metadata=name == "clock")
        world.conversations.append(chat)
        answers = [message.id for message in chat.messages[-2:]]
        world.votes(world.task(*answers), "aab")
        world.answer(world.task(answers[0]), "p1", instruction="yes", helpful="yes", factual="yes")
    world.answer("of no task", "p1", preference="a")
    log = world.task(*ids[:2])
    world.tasks[log] = replace(world.tasks[log], platform=IMPORTED)
    world.answer(log, "p7", preference="b")
    return world


def made_of(seed: int, folder: Path) -> dict[str, str]:
    """Return the digest of the rows and of what is said of them, by export and rules."""
    world, found = world_of(seed), {}
    evidence = Evidence(
        world.tasks,
        world.annotations,
        world.contexts,
        Weights({"p0": 0.5, "p1": 0.8}, prior=0.6),
        near_duplicates={"c1": "g", "c20": "g"},
    )
    for name in all_projections():
        for rule, rules in RULES.items() if name in ("dpo", "kto") else [("", RULES[""])]:
            target = folder / f"{name} {rule}"
            try:
                exports.export(
                    target,
                    projection_of(name),
                    evidence,
                    ledger_tip=None,
                    created_at=NOW,
                    any_licence=True,
                    rules=rules,
                    json_lines=True,
                )
            except NothingToExportError as error:
                found[target.name] = str(error)
                continue
            manifest = json.loads((target / "manifest.json").read_text("utf-8"))
            lines = {path: sum_ for path, sum_ in manifest["files"].items() if path.endswith(".jsonl")}
            about = {key: value for key, value in manifest.items() if key not in OF_THE_MACHINE}
            told = json.dumps([lines, about], sort_keys=True)
            found[target.name] = f"{manifest['digest'][:16]} {sha256(told.encode()).hexdigest()[:16]}"
    return found


def test_exports_are_as_they_were_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    found, record = made_of(7, tmp_path), json.loads(RECORD.read_text("utf-8"))
    assert {name: found.get(name) for name in record} == record


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch, asking(rubric_kinds({RUBRIC: CRITERIA})):
        RECORD.write_text(json.dumps(made_of(7, Path(scratch)), indent=2) + "\n", "utf-8")
    sys.stdout.write(RECORD.read_text("utf-8"))
