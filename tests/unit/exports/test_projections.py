"""A projection is found, listed, documented and written without another module naming it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from datasets import Value, load_dataset
from typer.testing import CliRunner

from chatfeedback import steps
from chatfeedback.cli import app
from exports import (
    Measurements,
    OfAll,
    Projection,
    TableSpec,
    UnknownProjectionError,
    all_projections,
    projection_of,
    registered,
)
from exports.columns import TEXT
from exports.selections import is_decided, select_pairs
from tests.unit.exports.export_records import World

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exports import ExportItem
    from exports.columns import Row
    from exports.pairs import PreferencePair
    from workspaces.workspace import Workspace

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "exports.md"


def flat(pair: PreferencePair) -> list[Row]:
    texts = {"prompt": pair.prompt[-1][1], "chosen": pair.chosen.text, "rejected": pair.rejected.text}
    return [{"pair_id": pair.id, "pair": json.dumps(texts)}]


def count(pairs: Sequence[PreferencePair]) -> Measurements:
    return Measurements(manifest={"pairs": len(pairs)}, card=f"- {len(pairs)} pairs.")


FLAT = Projection(
    name="one-string",
    help="Preference pairs as one JSON string each.",
    title="Pairs as strings",
    trainer="a trainer of strings",
    method="As a test says.",
    limits=("A test reads it.",),
    tables=(TableSpec("json", "pairs to train on", {"pair_id": TEXT, "pair": TEXT}, flat, is_decided),),
    select=select_pairs,
    measure=partial(OfAll, count),
    arrange=lambda prompts: [*prompts][::-1],
)


@pytest.fixture
def answered(workspace: Workspace, tmp_path: Path) -> Workspace:
    """A workspace with a log that people chose responses in."""
    chat = "\n\nHuman: Question {0}?\n\nAssistant: {1} answer {0}."
    rows = [
        {"chosen": chat.format(number, "Good"), "rejected": chat.format(number, "Bad")} for number in range(6)
    ]
    log = tmp_path / "log.jsonl"
    log.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    steps.ingest_file(workspace, log, publish=True)
    return workspace


def run(workspace: Workspace, *arguments: str) -> dict[str, object]:
    ran = CliRunner().invoke(app, ["export", *arguments, "--workspace", str(workspace.path), "--json"])
    assert ran.exit_code == 0, ran.output
    result = json.loads(ran.stdout)
    assert isinstance(result, dict)
    return result


def test_a_projection_of_a_test_goes_from_the_command_line_to_datasets(
    answered: Workspace, tmp_path: Path
) -> None:
    with registered(FLAT):
        result = run(answered, "one-string", "--test-share", "0")
        assert run(answered, "one-string", "--test-share", "0")["unchanged"] is True
    folder = answered.path / "exports" / "one-string"
    assert result["path"] == str(folder)
    assert result["rows"] == {"train": 6, "test": 0}

    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    assert (manifest["kind"], manifest["pairs"]) == ("one-string", 6)
    assert manifest["rows"] == {"json": {"train": 6}, "items": {"listed": 6}}
    (name,) = (name for name in manifest["files"] if name.startswith("data/json/"))
    assert re.fullmatch(r"data/json/train-00000-of-00001-[0-9a-f]{16}\.parquet", name)
    card = (folder / "README.md").read_text("utf-8")
    assert 'load_dataset("path/to/this/folder", "json")  # for a trainer of strings' in card
    assert "- one-string\n- json\n" in card
    assert "pseudonyms" not in card, "no table names people"

    dataset = load_dataset(str(folder), "json", cache_dir=str(tmp_path / "cache"))["train"]
    assert dict(dataset.features) == {"pair_id": Value("string"), "pair": Value("string")}
    assert dataset["pair_id"][:] == sorted(dataset["pair_id"], reverse=True), (
        "arranged as the projection says"
    )
    assert {tuple(json.loads(row["pair"]).values()) for row in dataset} == {
        (f"Question {number}?", f"Good answer {number}.", f"Bad answer {number}.") for number in range(6)
    }


def test_the_example_of_the_documentation_works(answered: Workspace, tmp_path: Path) -> None:
    (module,) = (block for block in re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
                 if "PROJECTION" in block)  # fmt: skip
    names: dict[str, object] = {}
    exec(module, names)  # noqa: S102 - the example of the documentation
    projection = names["PROJECTION"]
    assert isinstance(projection, Projection)
    with registered(projection):
        run(answered, "strings", "--test-share", "0", "--output", str(tmp_path / "out"))
    dataset = load_dataset(str(tmp_path / "out"), "strings", cache_dir=str(tmp_path / "cache"))["train"]
    assert len(dataset) == 6
    assert set(dataset.column_names) == {"prompt", "chosen", "rejected"}


def test_the_help_of_the_command_lists_every_projection() -> None:
    with registered(FLAT):
        ran = CliRunner().invoke(app, ["export", "--help"], env={"COLUMNS": "200"})
        for name, projection in all_projections().items():
            assert f"{name}: {projection.help}" in ran.output
    assert "one-string" in ran.output
    assert "one-string" not in CliRunner().invoke(app, ["export", "--help"]).output


def test_a_wrong_name_is_a_mistake_in_usage_that_names_the_known_ones(workspace: Workspace) -> None:
    with registered(FLAT):
        command = ["export", "dop", "--workspace", str(workspace.path)]
        ran = CliRunner().invoke(app, command, env={"COLUMNS": "200"})
    assert ran.exit_code == 2
    assert "'dop' is not one of" in ran.stderr
    with pytest.raises(UnknownProjectionError, match="no export 'one-string'; known: ") as caught:
        steps.export(workspace, "one-string", workspace.path / "exports" / "one-string")
    assert caught.value.exit_code == 2


def test_two_projections_cannot_share_a_name() -> None:
    with registered(FLAT), pytest.raises(ValueError, match="in use"), registered(FLAT):
        pass
    assert "one-string" not in all_projections()


@pytest.mark.slow
def test_listing_projections_does_not_wait_for_datasets() -> None:
    script = (
        "import sys, chatfeedback.cli, exports\n"
        "assert {'dpo', 'kto'} <= set(exports.all_projections())\n"
        "assert 'datasets' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


@pytest.mark.parametrize("projection", all_projections().values(), ids=all_projections())
def test_a_projection_declares_the_columns_of_its_rows(projection: Projection[ExportItem]) -> None:
    world = World()
    for votes in ("aaa", "aab", "ab"):
        world.votes(world.task(*world.chat(f"question {votes}", "one", "two")), votes)
    world.answer(world.task(*world.chat("q", "one", "two"), kind="preference_strength"), "p0", strength="2")
    world.answer(world.task(*world.chat("r", "one", "two", "three")), "p0", ranking="b > a = c")
    world.check(world.task(*world.chat("s", "one"), kind="rubric_of_exports"), "p0", "met", "na", "met")
    world.harm(world.chat("t", "one")[0], "p0", "hate")
    world.answer(world.task(*world.chat("u", "one")), "p0", helpful="yes")
    world.rewrite("c0r1", "p0", "three, which is better")
    evidence = world.evidence()
    items = projection.select(evidence).items
    for table in projection.tables:
        rows = [row for item in items if table.accepts(item) for row in table.rows(item)]
        assert rows
        assert all(list(row) == list(table.current_columns()) for row in rows)


def test_the_table_of_the_documentation_is_up_to_date() -> None:
    ran = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "projections.py"), "--check"], check=False, timeout=60
    )
    assert ran.returncode == 0, "run 'uv run python docs/projections.py'"


def test_every_projection_says_what_it_is() -> None:
    for name, projection in all_projections().items():
        assert projection_of(name) is projection
        assert projection.help.endswith(".")
        assert len({table.name for table in projection.tables}) == len(projection.tables) > 0
