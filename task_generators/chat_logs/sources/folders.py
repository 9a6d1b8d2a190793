"""The data files of a folder: a Hugging Face dataset saved to disk, or any number of chat-log files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from task_generators.chat_logs.sources.files import kind_of
from workspaces.errors import UsageError
from workspaces.files import read_text

if TYPE_CHECKING:
    from collections.abc import Iterator

_DESCRIPTIONS = {"dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json"}
"""Files of a dataset that describe it and hold no rows."""

MAX_BYTES = 16 * 1024 * 1024
"""Of the description of a saved dataset."""


def data_files(folder: Path) -> list[Path]:
    """Return the files that a saved dataset names, or else every data file of a folder, sorted by name.

    Hidden files and folders, and those whose name begins with an underscore, are skipped.

    Raises:
        UsageError: the description of a saved dataset does not name its files.
    """
    if (folder / "state.json").is_file():
        return _saved_files(folder)
    if splits := [state.parent for state in sorted(folder.glob("*/state.json"))]:
        return [file for split in splits for file in _saved_files(split)]
    return [
        file
        for file in sorted(folder.rglob("*"))
        if file.is_file()
        and kind_of(file) is not None
        and file.name not in _DESCRIPTIONS
        and not any(part.startswith((".", "_")) for part in file.relative_to(folder).parts)
    ]


def files_of_default(folder: Path) -> frozenset[Path]:
    """Return the files of the configuration that the card of a dataset calls the default; empty without such a card.

    Source: "Structure your repository" of the Hugging Face hub's documentation.
    """
    try:
        _, header, *_ = read_text(folder / "README.md", MAX_BYTES).split("---", 2)
        (default,) = (each for each in yaml.safe_load(header)["configs"] if each.get("default"))
        patterns = list(_paths(default["data_files"]))
        return frozenset(file for pattern in patterns for file in folder.glob(pattern.lstrip("/")))
    except (
        OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, NotImplementedError, yaml.YAMLError,
    ):  # fmt: skip
        return frozenset()


def _paths(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from _paths(each)
    elif isinstance(value, dict):
        yield from _paths(value["path"] if "path" in value else list(value.values()))


def _saved_files(folder: Path) -> list[Path]:
    try:
        state = json.loads(read_text(folder / "state.json", MAX_BYTES))
        return [folder / Path(str(data_file["filename"])).name for data_file in state["_data_files"]]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise UsageError(f"{folder / 'state.json'} does not say which files the dataset has") from None
