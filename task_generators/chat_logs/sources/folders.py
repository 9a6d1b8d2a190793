"""The data files of a folder: a Hugging Face dataset saved to disk, or any number of chat-log files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from task_generators.chat_logs.sources.files import kind_of
from workspaces.errors import UsageError
from workspaces.files import read_text
from workspaces.workspace import CONFIG_NAME, WRITTEN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_DESCRIPTIONS = {"dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json"}
"""Files of a dataset that describe it and hold no rows."""

_PAPERS = {"README", "LICENSE", "LICENCE", "CITATION", "CHANGELOG"}
"""Names, without what follows the point, of files that describe a dataset to people."""

NAMED = 5
"""Unread files of one kind that are named; of more, the first."""

MAX_BYTES = 16 * 1024 * 1024
"""Of the description of a saved dataset."""


def data_files(folder: Path) -> list[Path]:
    """Return the files that a saved dataset names, or else every data file of a folder, sorted by name.

    Hidden files and folders, those whose name begins with an underscore, and workspaces in it are skipped
    (``unread_files``).

    Raises:
        UsageError: the description of a saved dataset does not name its files, or the folder is a workspace.
    """
    if (folder / CONFIG_NAME).is_file():
        raise UsageError(_of_workspace(folder))
    if (folder / "state.json").is_file():
        return _saved_files(folder)
    if splits := [state.parent for state in sorted(folder.glob("*/state.json"))]:
        return [file for split in splits for file in _saved_files(split)]
    workspaces = _workspaces_in(folder)
    return [file for file in sorted(folder.rglob("*")) if _is_data(file, folder, workspaces)]


def unread_files(folder: Path) -> list[str]:
    """Return what a folder holds that no reader looks at, in words: files of other kinds, hidden data, workspaces,
    links to folders and to nothing, pipes.

    What describes or keeps a dataset, such as its card, its licence and its repository, is not named.
    """
    if (folder / "state.json").is_file() or next(folder.glob("*/state.json"), None):
        return []
    workspaces = _workspaces_in(folder)
    found: dict[str, list[str]] = {}
    odd: list[str] = []
    for file in sorted(folder.rglob("*")):
        if _is_data(file, folder, workspaces) or _within(file, workspaces):
            continue
        parts = file.relative_to(folder).parts
        if not file.is_file():
            if what := _no_file(file):
                odd.append(f"{'/'.join(parts)} ({what})")
            continue
        is_hidden = any(part.startswith((".", "_")) for part in parts)
        if (
            file.name in _DESCRIPTIONS
            or file.stem.upper() in _PAPERS
            or (is_hidden and kind_of(file) is None)
        ):
            continue
        found.setdefault(file.suffix.lower(), []).append("/".join(parts))
    named = [
        name
        for names in found.values()
        for name in (names if len(names) <= NAMED else [f"{names[0]} and {len(names) - 1:,} more like it"])
    ]
    return named + odd + [f"{each.relative_to(folder).as_posix()}/ (a workspace)" for each in workspaces]


def links_out(folder: Path, files: Iterable[Path]) -> list[str]:
    """Return which of a folder's files are links to files elsewhere, in words."""
    within = folder.resolve()
    return [
        f"{file.relative_to(folder).as_posix()} ({target})"
        for file in files
        if file.is_symlink() and not (target := file.resolve()).is_relative_to(within)
    ]


def _no_file(path: Path) -> str | None:
    """Return what a path is that is neither a file nor a folder; None for a folder."""
    if not path.is_symlink():
        return None if path.is_dir() else "a pipe or a device"
    return "a link to a folder" if path.is_dir() else "a link to something that is not there"


def _is_data(file: Path, folder: Path, workspaces: Sequence[Path]) -> bool:
    return (
        file.is_file()
        and kind_of(file) is not None
        and file.name not in _DESCRIPTIONS
        and not any(part.startswith((".", "_")) for part in file.relative_to(folder).parts)
        and not _within(file, workspaces)
    )


def _workspaces_in(folder: Path) -> list[Path]:
    return sorted(file.parent for file in folder.rglob(CONFIG_NAME) if file.is_file())


def _within(file: Path, folders: Sequence[Path]) -> bool:
    return any(file.is_relative_to(each) for each in folders)


def _of_workspace(folder: Path) -> str:
    """Return what to do about a folder that is a workspace, naming the chat logs that may lie beside its own files."""
    logs = [
        file.relative_to(folder).as_posix()
        for file in sorted(folder.rglob("*"))
        if _is_data(file, folder, ()) and file.relative_to(folder).parts[0] not in WRITTEN
    ]
    beside = f"; here lie {', '.join(logs[:NAMED])}" if logs else ""
    return f"{folder} is a workspace, not a folder of chat logs: name the file, or a folder with nothing else{beside}"


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
