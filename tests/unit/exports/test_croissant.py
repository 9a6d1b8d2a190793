"""Croissant metadata: every file with its checksum, every column, and no path of ours."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import exports
from exports import Evidence, projection_of
from exports.tables import sha256_of
from exports.verification import verify
from exports.weights import Weights
from tests.unit.exports.export_records import NOW, World

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ("dpo", "kto", "nemo-rl", "safety")


def exported(folder: Path, name: str) -> Path:
    made = World()
    for number in range(4):
        made.votes(made.task(*made.chat(f"question {number}", "one", "two")), "aab")
    made.harm(made.chat("Why?", "Because.")[0], "p1", "hate")
    evidence = Evidence(made.tasks, made.annotations, made.contexts, Weights())
    exports.export(
        folder / name, projection_of(name), evidence, ledger_tip=None, created_at=NOW, test_share=0.3
    )
    return folder / name


@pytest.mark.parametrize("name", NAMES)
def test_every_table_and_file_is_described_with_its_checksum(tmp_path: Path, name: str) -> None:
    folder = exported(tmp_path, name)
    told: dict[str, Any] = json.loads((folder / "croissant.json").read_text("utf-8"))
    parquet = {path.relative_to(folder).as_posix() for path in folder.rglob("*.parquet")}
    files = [each for each in told["distribution"] if each["@type"] == "cr:FileObject"]
    assert {each["contentUrl"] for each in files} == parquet
    assert all(each["sha256"] == sha256_of(folder / each["contentUrl"]) for each in files)
    several = [each for each in told["distribution"] if each["@type"] == "cr:FileSet"]
    assert all({*each["includes"]} <= parquet for each in several)
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    tables = {f"{table}_{split}" for table, splits in manifest["rows"].items() for split in splits}
    assert {each["@id"] for each in told["recordSet"]} == tables
    assert manifest["files"]["croissant.json"] == sha256_of(folder / "croissant.json")
    assert verify(folder).problems == ()
    assert str(tmp_path) not in json.dumps(told)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of rdflib, by mlcroissant 1.1
@pytest.mark.parametrize("name", NAMES)
def test_mlcroissant_accepts_it_and_finds_the_rows(tmp_path: Path, name: str) -> None:
    from mlcroissant import Dataset  # takes a second to import

    folder = exported(tmp_path, name)
    dataset = Dataset(jsonld=str(folder / "croissant.json"))
    assert not dataset.metadata.ctx.issues.errors
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    for split, count in manifest["rows"]["provenance"].items():
        assert len(list(dataset.records(f"provenance_{split}"))) == count
