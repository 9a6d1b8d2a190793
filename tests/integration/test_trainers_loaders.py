"""Loaders of trainers, as they stand in their wheels, take our rows whole.

A trainer is not installed: its loading modules run from the unpacked wheel, without the package's ``__init__`` and, of
LLaMA-Factory's older engine, with a stand-in for the module of constants, which imports torch.
"""

from __future__ import annotations

import os
import sys
import zipfile
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import yaml

import exports
from exports import Evidence, projection_of
from exports.weights import Weights
from tests.unit.exports.export_records import NOW, World

if TYPE_CHECKING:
    from collections.abc import Iterator

WHEELS = os.environ.get("CHATFEEDBACK_TRAINER_WHEELS")
FETCH = "pip download --no-deps --dest FOLDER llamafactory==0.9.5 axolotl==0.19.0"
pytestmark = pytest.mark.skipif(
    WHEELS is None, reason=f"needs the wheels of trainers: {FETCH}, then CHATFEEDBACK_TRAINER_WHEELS=FOLDER"
)


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    for wheel in Path(str(WHEELS)).glob("*.whl"):
        zipfile.ZipFile(wheel).extractall(folder)
    return folder


@contextmanager
def modules_of(folder: Path, name: str, *packages: str) -> Iterator[None]:
    """Let modules of a package be imported without running the ``__init__`` of it and of these packages in it."""
    before = set(sys.modules)
    for package in (name, *(f"{name}.{inner}" for inner in packages)):
        module = ModuleType(package)
        module.__path__ = [str(folder.joinpath(*package.split(".")))]
        sys.modules[package] = module
    try:
        yield
    finally:
        for added in {each for each in sys.modules if each.split(".")[0] == name} - before:
            del sys.modules[added]


def export(folder: Path, name: str) -> Path:
    made = World()
    for number, votes in enumerate(("aab", "bbb", "aaa")):
        system = "Be kind." if number else None
        made.votes(made.task(*made.chat(f"Why {number}?", "good", "bad", system=system)), votes)
    evidence = Evidence(made.tasks, made.annotations, made.contexts, Weights())
    exports.export(
        folder / name, projection_of(name), evidence, ledger_tip=None, created_at=NOW, test_share=0
    )
    return folder / name


def rows_of(folder: Path) -> list[dict[str, Any]]:
    from datasets import load_dataset

    table = projection_of(folder.name).training_table.name
    return list(load_dataset(str(folder), table, split="train", cache_dir=str(folder.parent / "cache")))


@pytest.mark.parametrize("template", ["chatml", "llama3"])
def test_axolotl_writes_every_label_into_the_template(unpacked: Path, tmp_path: Path, template: str) -> None:
    rows = rows_of(export(tmp_path, "axolotl-kto"))
    with modules_of(unpacked, "axolotl", "prompt_strategies", "prompt_strategies.kto"):
        transform = import_module(f"axolotl.prompt_strategies.kto.{template}").argilla({})
        seen = [transform(dict(row)) for row in rows]
    assert len(seen) == 6
    for row, given in zip(seen, rows, strict=True):
        assert given["instruction"] in row["prompt"]
        assert given["system"] in row["prompt"]
        assert given["completion"] in row["completion"]
        assert row["label"] is given["label"]


def test_the_v1_engine_of_llama_factory_takes_every_pair(
    unpacked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = export(tmp_path, "llama-factory-v1")
    rows = rows_of(folder)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    (info,) = yaml.safe_load((folder / "dataset_info.yaml").read_text("utf-8")).values()
    with modules_of(unpacked, "llamafactory", "v1", "v1.utils", "v1.plugins", "v1.plugins.data_plugins"):
        loader = import_module("llamafactory.v1.plugins.data_plugins.loader")
        converter = import_module("llamafactory.v1.plugins.data_plugins.converter")
        loaded = loader.DataLoaderPlugin(info["source"]).load(info)
        seen = [converter.DataConverterPlugin(info["converter"])(row) for row in loaded]
    assert len(seen) == len(rows) == 3
    for sample, row in zip(seen, rows, strict=True):
        for side in ("chosen", "rejected"):
            texts = [
                (message["role"], part["value"])
                for message in sample[f"{side}_messages"]
                for part in message["content"]
            ]
            assert texts == [(message["role"], message["content"]) for message in row[side]]
            assert sample[f"{side}_messages"][-1]["loss_weight"] == 1.0


@pytest.mark.parametrize("name", ["llama-factory", "llama-factory-kto"])
def test_the_classic_engine_of_llama_factory_takes_every_row(
    unpacked: Path, tmp_path: Path, name: str
) -> None:
    import json

    folder = export(tmp_path, name)
    (info,) = json.loads((folder / "dataset_info.json").read_text("utf-8")).values()
    rows = rows_of(folder)
    with modules_of(unpacked, "llamafactory", "extras", "data"):
        constants = ModuleType("llamafactory.extras.constants")
        constants.RUNNING_LOG = "running_log.txt"  # type: ignore[attr-defined]
        sys.modules[constants.__name__] = constants
        absent = dict.fromkeys(
            ("system", "images", "videos", "audios", "chosen", "rejected", "kto_tag", "tools")
        )
        declared = SimpleNamespace(
            **{**absent, "ranking": False}
            | info["columns"]
            | info["tags"]
            | {"ranking": info.get("ranking", False)}
        )
        converter = import_module("llamafactory.data.converter").SharegptDatasetConverter(declared, None)
        seen = [converter(row) for row in rows]
    assert len(seen) == (3 if name == "llama-factory" else 6)
    for sample, row in zip(seen, rows, strict=True):
        assert sample["_prompt"], "no row is skipped"
        texts = [each["content"] for each in sample["_response"]]
        if name == "llama-factory":
            assert texts == [row["chosen"]["content"], row["rejected"]["content"]]
        else:
            said = row["conversations"][-1]["content"]
            assert texts == ([said, ""] if row["kto_tag"] else ["", said])
