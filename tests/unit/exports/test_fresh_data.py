"""``datasets`` serves the export that is there, with its user's own cache: never one from before, never another's."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml
from datasets import load_dataset

import exports
from exports import all_projections, projection_of
from tests.unit.exports.export_records import NOW, World

PAGE = Path(__file__).parents[3] / "docs" / "exports.md"
LOAD = """
import json, sys
from datasets import load_dataset
found = {}
for folder, name in json.loads(sys.argv[1]):
    found[f"{folder} {name}"] = {split: rows.to_list() for split, rows in load_dataset(folder, name).items()}
print(json.dumps(found))
"""


def world(*numbers: int) -> World:
    """Return conversations of the same prompts and ids, of which each has an answer that names its number."""
    made = World()
    for number in numbers:
        one, two, three = made.chat(
            f"question {number % 10}", f"long answer {number}", f"short {number}", "x"
        )
        made.votes(made.task(one, two), "aab")
        made.votes(made.task(two, three), "ab")
        made.answer(made.task(two), "p3", instruction="yes", helpful="no", suggestion=f"better {number}")
        made.task(one, three)
        made.answer(made.task(one, two, kind="preference_strength"), "p4", strength="2")
        made.answer(made.task(one, two, three), "p5", ranking="b > a = c")
        made.check(made.task(one, kind="rubric_of_exports"), "p6", "met", "na", "not_met")
        made.harm(two, "p7", "hate")
    return made


def export_all(folder: Path, made: World) -> list[tuple[Path, str]]:
    """Write every projection; return the folder and the name of every table that has rows."""
    written = []
    for name, projection in all_projections().items():
        evidence = made.evidence()
        exports.export(folder / name, projection, evidence, ledger_tip=None, created_at=NOW, test_share=0.5)
        tables = json.loads((folder / name / "manifest.json").read_text("utf-8"))["rows"]
        # the tables beside those to train on are the same for all projections of pairs, and of completions
        first = [projection.training_table.name]
        written += [(folder / name, table) for table in (tables if name in ("dpo", "kto") else first)]
    return written


def in_files(folder: Path, table: str) -> dict[str, list[object]]:
    rows: dict[str, list[object]] = {}
    for path in sorted((folder / "data" / table).glob("*.parquet")):
        rows.setdefault(path.name.split("-")[0], []).extend(pq.read_table(path).to_pylist())
    return rows


def loaded_by_a_user(home: Path, tables: list[tuple[Path, str]]) -> dict[str, dict[str, list[object]]]:
    """Load tables in a process of its own, with the cache that ``datasets`` has by default in that home."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "XDG_"))}
    ran = subprocess.run(
        [sys.executable, "-c", LOAD, json.dumps([(str(folder), table) for folder, table in tables])],
        env={**kept, "HOME": str(home), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    found = json.loads(ran.stdout)
    assert isinstance(found, dict)
    return found


def expected(tables: list[tuple[Path, str]]) -> dict[str, dict[str, list[object]]]:
    return {f"{folder} {table}": in_files(folder, table) for folder, table in tables}


def test_every_table_is_loaded_as_it_is_after_a_deletion_and_beside_a_namesake(tmp_path: Path) -> None:
    """The documented ``load_dataset(folder, name)``; the sizes and ids of all three worlds are the same."""
    home, one, other = tmp_path / "home", tmp_path / "one" / "exports", tmp_path / "other" / "exports"
    first = export_all(one, world(*range(6)))
    assert loaded_by_a_user(home, first) == expected(first)
    assert (home / ".cache" / "huggingface" / "datasets").is_dir(), "the user's own cache is in use"

    made = world(*range(5), 15)  # one conversation is deleted, another one takes its place
    second = [*export_all(one, made), *export_all(other, world(*range(10, 16)))]
    assert {table for _, table in second} == {table for _, table in first}
    found = loaded_by_a_user(home, second)
    assert found == expected(second)
    texts = {key: json.dumps(rows) for key, rows in found.items()}
    assert not any("answer 5" in text for key, text in texts.items() if key.startswith(str(one)))
    assert any("answer 15" in text for text in texts.values())


def test_who_follows_the_feed_as_documented_has_the_rows_of_the_next_release(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (code,) = (
        block for block in PAGE.read_text("utf-8").split("```python\n") if block.startswith("import json")
    )
    folder, copy = tmp_path / "dpo", tmp_path / "copy" / "exports" / "dpo"
    for numbers in (range(6), range(4)):
        evidence = world(*numbers).evidence()
        exports.export(folder, projection_of("dpo"), evidence, ledger_tip=None, created_at=NOW, test_share=0)
        if not copy.exists():
            shutil.copytree(folder, copy)
    shutil.copy(folder / "tombstones.jsonl", tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", str(tmp_path / "cache"))
    names: dict[str, Any] = {}
    exec(code.split("```")[0], names)  # noqa: S102 (of our own page)
    assert 0 < len(names["rows"]) < len(in_files(copy, "trl")["train"])
    assert list(names["rows"]) == in_files(folder, "trl")["train"]


@pytest.mark.parametrize("name", all_projections())
def test_the_header_says_columns_rows_and_sizes_of_every_table(tmp_path: Path, name: str) -> None:
    made = world(*range(6))
    evidence = made.evidence()
    exports.export(tmp_path, projection_of(name), evidence, ledger_tip=None, created_at=NOW, test_share=0.5)
    _, header, _ = (tmp_path / "README.md").read_text("utf-8").split("---\n", 2)
    card = yaml.safe_load(header)
    manifest = json.loads((tmp_path / "manifest.json").read_text("utf-8"))
    assert [info["config_name"] for info in card["dataset_info"]] == sorted(manifest["rows"])
    for info in card["dataset_info"]:
        table = info["config_name"]
        assert {split["name"]: split["num_examples"] for split in info["splits"]} == manifest["rows"][table]
        paths = list((tmp_path / "data" / table).glob("*.parquet"))
        assert info["download_size"] == sum(path.stat().st_size for path in paths)
        assert info["dataset_size"] == sum(split["num_bytes"] for split in info["splits"]) > 0
        loaded = load_dataset(str(tmp_path), table, cache_dir=str(tmp_path.parent / "cache"))
        columns = [column["name"] for column in info["features"]]
        assert all(list(rows.column_names) == columns for rows in loaded.values())
