"""Where chat logs come from: a file, a folder, a dataset of the Hugging Face hub.

Files are told apart by their names: ``.jsonl``, ``.ndjson``, ``.json`` (one array), ``.csv``, ``.tsv``, ``.txt``
(dialogs), each also with ``.gz`` or ``.zst``; ``.parquet``, ``.arrow``. A folder is a Hugging Face dataset saved to
disk, or any number of such files. ``hf:OWNER/NAME`` is a dataset of the hub. All are streamed.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from task_generators.chat_logs.sources.rows import kind_of, packed_in
from workspaces.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from task_generators.chat_logs.sources.rows import Packed, Row

HUB = "hf:"

_ABOUT = {"dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json"}
"""Files of a dataset that say something about it."""


class Source:
    """One source, and where each of its rows stands.

    Args:
        address: a path, or ``hf:OWNER/NAME`` or ``hf:OWNER/NAME:CONFIGURATION``.
        columns: for tables, the table's own name of each column that is called otherwise there.
    """

    def __init__(self, address: Path | str, columns: Mapping[str, str] | None = None) -> None:
        self.address = address
        self._columns = columns or {}
        self._starts: list[tuple[int, str]] = []

    @property
    def name(self) -> str:
        """A short name that can be that of a file."""
        return re.sub(r"[^\w.-]+", "-", self._hub_name) if self._of_hub else Path(self.address).resolve().name

    def rows(self) -> Iterator[Row]:
        """Yield the rows one by one; see ``packed``."""
        for packed in self.packed():
            yield from packed.rows()

    def packed(self) -> Iterator[Packed]:
        """Yield the rows, packed where that can be; in a folder their numbers go on from file to file.

        Raises:
            UsageError: the source does not exist, cannot be opened, or is of no known kind.
            ConnectionFailedError: the hub cannot be reached, or does not give the dataset.
        """
        self._starts = []
        if self._of_hub:
            from task_generators.chat_logs.sources.hub import splits_of  # datasets takes seconds to import

            yield from self._following(splits_of(self._hub_name))
            return
        path = Path(self.address)
        if not path.is_dir():
            if not path.is_file():
                raise UsageError(f"{path} is not a file")
            yield from packed_in(path, self._columns)
            return
        files = _files_of(path)
        if not files:
            raise UsageError(
                f"{path} holds no dataset: no .arrow, .parquet, .jsonl, .json, .csv or .txt file"
            )
        yield from self._following(
            (file.relative_to(path).as_posix(), packed_in(file, self._columns)) for file in files
        )

    def place(self, number: int) -> dict[str, str | int]:
        """Return where row ``number`` stands: its ``line`` and, in a folder, its ``file``; of the hub, its split."""
        index = bisect_right(self._starts, (number - 1, "\U0010ffff")) - 1
        if index < 0:
            return {"line": number}
        before, name = self._starts[index]
        return {"line": number - before, "file": name}

    def beside(self, name: str) -> Path | None:
        """Return the file of this name in the folder of the source, if there is one."""
        if self._of_hub:
            return None
        path = Path(self.address)
        found = (path if path.is_dir() else path.parent) / name
        return found if found.is_file() else None

    @property
    def _of_hub(self) -> bool:
        return str(self.address).startswith(HUB)

    @property
    def _hub_name(self) -> str:
        return str(self.address).removeprefix(HUB)

    def _following(self, files: Iterable[tuple[str, Iterator[Packed]]]) -> Iterator[Packed]:
        last = 0
        for name, packed in files:
            before = last
            self._starts.append((before, name))
            for each in packed:
                last = before + each.number + each.count - 1
                yield replace(each, number=before + each.number)


def _files_of(folder: Path) -> list[Path]:
    """Return the data files of a folder in the order of their names, or those that a saved dataset names."""
    if (folder / "state.json").is_file():
        return _saved_files(folder)
    if saved := [state.parent for state in sorted(folder.glob("*/state.json"))]:
        return [file for split in saved for file in _saved_files(split)]
    return [
        file
        for file in sorted(folder.rglob("*"))
        if file.is_file()
        and kind_of(file) is not None
        and file.name not in _ABOUT
        and not any(part.startswith((".", "_")) for part in file.relative_to(folder).parts)
    ]


def _saved_files(folder: Path) -> list[Path]:
    """Return the files of a dataset saved to disk."""
    try:
        state = json.loads((folder / "state.json").read_bytes())
        return [folder / Path(str(each["filename"])).name for each in state["_data_files"]]
    except (OSError, ValueError, KeyError, TypeError):
        raise UsageError(f"{folder / 'state.json'} does not say which files the dataset has") from None
