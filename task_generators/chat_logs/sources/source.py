"""Where chat logs come from: a file, a folder, a dataset of the Hugging Face hub.

The name of a file says its kind: ``.jsonl``, ``.ndjson``, ``.json``, ``.csv``, ``.tsv``, ``.txt``
(dialogs), each also with ``.gz`` or ``.zst``; ``.parquet``, ``.arrow``. A folder is a Hugging Face dataset saved to
disk, or any number of such files. ``hf:OWNER/NAME`` is a dataset of the hub. All are streamed.
"""

from __future__ import annotations

import contextlib
import difflib
import os
import re
from bisect import bisect_right
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

from task_generators.chat_logs.readers import is_known
from task_generators.chat_logs.readers.without_text import table_without_text
from task_generators.chat_logs.sources.archives import is_archive, members
from task_generators.chat_logs.sources.encodings import checked_encoding
from task_generators.chat_logs.sources.files import is_table, packed_in, packed_member, table_columns
from task_generators.chat_logs.sources.folders import data_files, files_of_default, links_out, unread_files
from task_generators.chat_logs.sources.json_shapes import NoRowsError
from task_generators.hub import HUB
from workspaces.errors import UsageError, together

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from task_generators.chat_logs.sources.packed import Packed
    from task_generators.chat_logs.sources.rows import Row

SAMPLE = 20
"""Rows by which a file of an archive is known."""


class Source:
    """One source, and the position of each of its rows.

    Args:
        address: a path, or ``hf:OWNER/NAME`` or ``hf:OWNER/NAME:CONFIGURATION``.
        columns: for tables: our column name to the table's own name, where they differ.
        encoding: that of text files; None: UTF-8, or what a byte order mark says.
    """

    def __init__(
        self, address: Path | str, columns: Mapping[str, str] | None = None, encoding: str | None = None
    ) -> None:
        self.address = address
        self.skipped: list[str] = []
        """The files of an archive or a folder that are not read, once it was."""
        self.beside_rows: list[str] = []
        """What stands beside the list of rows in a file of JSON, and is not read, once it was."""
        self.links_out: list[str] = []
        """The files of a folder that are links to files elsewhere, and read, once it was."""
        self._encoding = checked_encoding(encoding)
        self._columns = columns or {}
        self._starts: list[tuple[int, str]] = []

    @property
    def mapped(self) -> Mapping[str, str]:
        """For tables: our column name to the table's own name, where they differ."""
        return self._columns

    @property
    def encoding(self) -> str | None:
        """That of text files; None: UTF-8, or what a byte order mark says."""
        return self._encoding

    def without_mapping(self) -> Source:
        """Return the same source, with the columns of its tables under their own names."""
        return Source(self.address, None, self._encoding)

    def tables(self) -> dict[Path, list[str]]:
        """Return the text tables of a file or a folder, not of an archive, each with the names of its columns.

        Raises:
            UsageError: a table cannot be opened.
        """
        path = Path(self.address)
        if self._of_hub or not (path.is_dir() or path.is_file()):
            return {}
        files = data_files(path) if path.is_dir() else [path]
        return {file: table_columns(file, self._encoding) for file in files if is_table(file)}

    @property
    def name(self) -> str:
        """A short name that is valid as a file name."""
        if self._of_hub:
            return re.sub(r"[^\w.-]+", "-", self._hub_name)
        return Path(os.path.realpath(self.address)).name  # Path.resolve raises an error for links in a circle

    def rows(self) -> Iterator[Row]:
        """Yield the rows one by one; see ``packed``."""
        for packed in self.packed():
            yield from packed.rows()

    def packed(self) -> Iterator[Packed]:
        """Yield the rows, packed where possible; in a folder their numbers continue from file to file.

        Raises:
            UsageError: the source does not exist, cannot be opened, or is of no known kind.
            ConnectionFailedError: the hub cannot be reached, or does not give the dataset.
        """
        self._starts = []
        self.skipped = []
        self.beside_rows = []
        self.links_out = []
        if self._of_hub:
            from task_generators.chat_logs.sources.hub import splits_of  # datasets takes seconds to import

            yield from self._renumbered(splits_of(self._hub_name))
            return
        path = Path(self.address)
        if not path.is_dir():
            if not path.is_file():
                there = (
                    "is not a file: it is a pipe or a device"
                    if path.exists()
                    else f"is not a file: {_like(path)}"
                )
                raise UsageError(f"{path} {there}; name a file, a folder with a dataset, or hf:OWNER/NAME")
            if is_archive(path):
                yield from self._renumbered(self._members(path))
            else:
                yield from packed_in(path, self._columns, self._encoding, self.beside_rows)
            return
        files = data_files(path)
        if not files:
            raise UsageError(
                f"{path} holds no dataset: no .arrow, .parquet, .jsonl, .json, .csv or .txt file; name a folder with "
                "some, or one file of any name"
            )
        yield from self._renumbered(self._files(path, files))

    def _files(self, folder: Path, files: Sequence[Path]) -> Iterator[tuple[str, Iterator[Packed]]]:
        """Yield the files of a folder, and note those that hold no rows of chats as skipped.

        Where a dataset has a default configuration, its files are read and no others. Where no file is left, all are
        yielded, so that it is said what each one is.
        """
        default = files_of_default(folder)
        chosen = [file for file in files if file in default] or files
        self.links_out = links_out(folder, chosen)
        self.skipped = [file.relative_to(folder).as_posix() for file in files if file not in chosen]
        others: list[tuple[str, Path]] = []
        for file in chosen:
            name = file.relative_to(folder).as_posix()
            found = packed_in(file, self._columns, self._encoding, self.beside_rows)
            try:
                first = list(islice(found, 1))
            except NoRowsError:
                others.append((name, file))
                continue
            except UsageError as damage:
                yield name, _raising(damage)
                continue
            row = next((row.value for packed in first for row in packed.rows()), None)
            if row is not None and table_without_text(row) is not None:
                others.append((name, file))
            else:
                yield name, chain(first, found)
        self.skipped += unread_files(folder)
        if others and not self._starts:
            yield from ((name, packed_in(file, self._columns, self._encoding)) for name, file in others)
        else:
            self.skipped += [name for name, _ in others]

    def _members(self, path: Path) -> Iterator[tuple[str, Iterator[Packed]]]:
        """Yield the files of an archive in which a reader knows a row, and note the others as skipped."""
        self.skipped = []
        for name in members(path):
            try:
                first = islice(packed_member(path, name, self._columns, self._encoding), SAMPLE)
                sample = [row.value for packed in first for row in packed.rows()]
            except UsageError:
                sample = []
            if any(value is not None and is_known(value) for value in sample):
                yield name, packed_member(path, name, self._columns, self._encoding, self.beside_rows)
            else:
                self.skipped.append(name)
        if not self._starts:
            raise UsageError(
                f"{path} holds no file with a chat log that a reader knows: {', '.join(self.skipped)}"
            )

    def place(self, number: int) -> dict[str, str | int]:
        """Return the position of row ``number``: its ``line``, and its ``file`` (of a folder) or split (of the hub)."""
        index = bisect_right(self._starts, (number - 1, "\U0010ffff")) - 1
        if index < 0:
            return {"line": number}
        rows_before, name = self._starts[index]
        return {"line": number - rows_before, "file": name}

    def beside(self, name: str) -> Path | None:
        """Return the file of this name in the folder of the source, if there is one."""
        if self._of_hub:
            return None
        path = Path(self.address)
        file = (path if path.is_dir() else path.parent) / name
        return file if file.is_file() else None

    @property
    def _of_hub(self) -> bool:
        return str(self.address).startswith(HUB)

    @property
    def _hub_name(self) -> str:
        return str(self.address).removeprefix(HUB)

    def _renumbered(self, files: Iterable[tuple[str, Iterator[Packed]]]) -> Iterator[Packed]:
        """Yield the rows of several files; one that is damaged keeps no other from being read.

        Raises:
            UsageError: files are damaged; after the rows of all others.
        """
        last = 0
        damages: list[UsageError] = []
        for name, packed_rows in files:
            rows_before = last
            self._starts.append((rows_before, name))
            try:
                for packed in packed_rows:
                    last = rows_before + packed.number + packed.count - 1
                    yield replace(packed, number=rows_before + packed.number)
            except UsageError as damage:
                damages.append(damage)
        if damages:
            raise together(damages)


def _raising(damage: UsageError) -> Iterator[Packed]:
    """Yield nothing of a file that cannot be opened, and say so where its rows are asked for."""
    yield from ()
    raise damage


def _like(path: Path) -> str:
    """Return what may have been meant by the path of a file that is not there."""
    if path.is_symlink():
        return "it is a link to something that is not there"
    if re.match(r"https?:/", str(path)):
        return "it is an address on the web: download what is there first"
    with contextlib.suppress(OSError):
        if found := difflib.get_close_matches(path.name, [each.name for each in path.parent.iterdir()], n=1):
            return f"did you mean {found[0]!r}?"
    return "check the path"
