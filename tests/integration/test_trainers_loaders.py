"""Loaders of trainers, as they stand in their wheels, take our rows whole.

A trainer is not installed: its loading modules run from the code in its wheel, without the package's ``__init__`` and
with stand-ins for what imports torch: LLaMA-Factory's module of constants, axolotl's of logging.
"""

from __future__ import annotations

import logging
import sys
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
from tests.integration.trainer_environments import code_of
from tests.unit.exports.export_records import NOW, World

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGES = Path(__file__).parents[2] / "docs" / "training"


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


def export(folder: Path, name: str, *responses: str) -> Path:
    made = World()
    for number, votes in enumerate(("aab", "bbb", "aaa")):
        system = "Be kind." if number else None
        chat = made.chat(f"Why {number}?", *(responses or ("good", "bad")), system=system)
        made.votes(made.task(*chat), votes)
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
def test_axolotl_writes_every_label_into_the_template(tmp_path: Path, template: str) -> None:
    rows = rows_of(export(tmp_path, "axolotl-kto"))
    with modules_of(code_of("axolotl"), "axolotl", "prompt_strategies", "prompt_strategies.kto"):
        transform = import_module(f"axolotl.prompt_strategies.kto.{template}").argilla({})
        seen = [transform(dict(row)) for row in rows]
    assert len(seen) == 6
    for row, given in zip(seen, rows, strict=True):
        assert given["instruction"] in row["prompt"]
        assert given["system"] in row["prompt"]
        assert given["completion"] in row["completion"]
        assert row["label"] is given["label"]


class Brackets:
    """A tokenizer whose template writes each message as [role]text, without white space around it, as Llama's does."""

    chat_template = "[role]text"

    def apply_chat_template(
        self, messages: list[dict[str, str]], *, add_generation_prompt: bool, **_: object
    ) -> str:
        written = "".join(f"[{message['role']}]{message['content'].strip()}" for message in messages)
        return f"{written}[assistant]" if add_generation_prompt else written


def test_axolotl_takes_the_prompt_and_both_sides_of_every_pair(tmp_path: Path) -> None:
    """By the settings that the page and the card name."""
    rows = rows_of(export(tmp_path, "axolotl", "good\n", "\n bad"))
    (settings,) = yaml.safe_load((PAGES / "axolotl.md").read_text("utf-8").split("```")[1][5:])["datasets"]
    strategy = f"prompt_strategies.dpo.{settings['type'].split('.')[0]}"
    packages = ("prompt_strategies", "prompt_strategies.dpo", "utils", "utils.schemas")
    with modules_of(code_of("axolotl"), "axolotl", *packages):
        log = ModuleType("axolotl.utils.logging")
        log.get_logger = logging.getLogger  # type: ignore[attr-defined]
        sys.modules[log.__name__] = log
        configuration = {"datasets": [settings], "chat_template": "tokenizer_default"}
        transform, _ = import_module(f"axolotl.{strategy}").default(configuration)
        seen = [transform(dict(row), tokenizer=Brackets()) for row in rows]
    assert len(seen) == 3
    for sample, row in zip(seen, rows, strict=True):
        asked = "".join(f"[{message['role']}]{message['content']}" for message in row["messages"])
        assert sample["prompt"] == f"{asked}[assistant]"
        assert (sample["chosen"], sample["rejected"]) == (
            row["chosen"]["content"],
            row["rejected"]["content"],
        )


def test_the_v1_engine_of_llama_factory_takes_every_pair(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = export(tmp_path, "llama-factory-v1")
    rows = rows_of(folder)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    (info,) = yaml.safe_load((folder / "dataset_info.yaml").read_text("utf-8")).values()
    with modules_of(
        code_of("llamafactory"), "llamafactory", "v1", "v1.utils", "v1.plugins", "v1.plugins.data_plugins"
    ):
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
def test_the_classic_engine_of_llama_factory_takes_every_row(tmp_path: Path, name: str) -> None:
    import json

    folder = export(tmp_path, name)
    (info,) = json.loads((folder / "dataset_info.json").read_text("utf-8")).values()
    rows = rows_of(folder)
    with modules_of(code_of("llamafactory"), "llamafactory", "extras", "data"):
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
