"""Remembers what was written for people, and finds what of it holds a conversation or a person."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from exports.dataset import folders_beside
from reward_engine.accounts import held_account, owed_account, person_account
from workspaces.store.written import PERSON, begin_writing, end_writing, paths_with, undo_writing
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from workspaces.store.written import Begun
    from workspaces.workspace import Workspace

EXPORTS = "exports"
"""The folder of a workspace for training sets and the exported ledger."""

PEOPLE = "people"
"""The folder of a workspace for the copies of their own data that people asked for."""


class Writing:
    """Whose data is being written to one path."""

    def __init__(self, workspace: Workspace, path: Path, kind: str) -> None:
        self._workspace = workspace
        self._kind = kind
        self._path = path.expanduser().resolve()
        self._key = key_of(workspace, path)
        self._begun: Begun | None = None
        self._found = _standing(self._path)

    def announce(self, person_ids: Iterable[str], conversation_ids: Iterable[str]) -> None:
        """Say whose data is going to be written, once, before it is."""
        tombstones = self._workspace.tombstones
        sources = {tombstones.hash_of_person(person_id) for person_id in person_ids}
        sources |= tombstones.hashes_of_ids(conversation_ids)
        with self._workspace.store.write() as connection:
            self._begun = begin_writing(connection, self._key, self._kind, sources, utc_now())

    def end(self) -> None:
        """Note that it was written."""
        if self._begun is not None:
            with self._workspace.store.write() as connection:
                end_writing(connection, self._key, self._begun, utc_now())

    def undo(self) -> None:
        """Take the note back after an error, if what was there stands as it was and nothing was left beside it."""
        if self._begun is not None and not _rests(self._path) and _standing(self._path) == self._found:
            with self._workspace.store.write() as connection:
                undo_writing(connection, self._key, self._begun)


@contextmanager
def noted(workspace: Workspace, path: Path, kind: str) -> Iterator[Writing]:
    """Note what is written to ``path`` in the block, which announces it first; the caller holds the workspace's lock.

    After an error the note is again what it was before. A kill leaves it, and most often half of the new export or copy
    beside ``path``, of which it tells until the next one removes that.

    Args:
        workspace: whose data.
        path: the file or folder to write.
        kind: as in ``workspaces.store.written``.
    """
    writing = Writing(workspace, path, kind)
    try:
        yield writing
    except BaseException:
        with suppress(Exception):  # a note that names too many is better than the wrong error
            writing.undo()
        raise
    writing.end()


def _standing(path: Path) -> frozenset[tuple[str, int, int]]:
    """Return what tells whether a path was written: its inode and time, and those of what stands in a folder.

    A release replaces its folder; other files are replaced one by one (``workspaces.files``).
    """
    found, places = set(), [path]
    with suppress(OSError):  # a file, or a folder that cannot be listed: its own time tells
        places += path.iterdir()
    for each in places:
        with suppress(FileNotFoundError):
            about = each.lstat()
            found.add((each.name, about.st_ino, about.st_mtime_ns))
    return frozenset(found)


def _rests(path: Path) -> list[Path]:
    """Return what was left beside a path by a writer that was killed, or could not remove it."""
    beside = (*folders_beside(path), *path.parent.glob(f"{escape(path.name)}.*.tmp"))
    return [it for it in beside if os.path.lexists(it)]


@dataclass(frozen=True, slots=True)
class Holding:
    """What holds deleted data: exports, by name or path, and copies of a person's data, by path."""

    exports: list[str] = field(default_factory=list)
    copies: list[str] = field(default_factory=list)


def holding(workspace: Workspace, conversation_ids: Collection[str], person_id: str | None) -> Holding:
    """Return what was written, still stands there, and holds one of these conversations or something of the person.

    Also of what a kill left half-written: to make it again removes that.

    What was written since the store notes it is told from the notes; other exports in the workspace from their
    columns.
    """
    tombstones = workspace.tombstones
    sources = {tombstones.hash_of_id(conversation_id) for conversation_id in conversation_ids}
    wanted: dict[str, Collection[str]] = {"conversation_ids": set(conversation_ids)}
    if person_id is not None:
        sources.add(tombstones.hash_of_person(person_id))
        wanted |= columns_of([person_id])
    with workspace.store.read() as connection:
        noted_paths = paths_with(connection, sources)
    exports: set[str] = set()
    copies: set[str] = set()
    for path, kind in noted_paths.items():
        place = Path(path)
        there = workspace.path / place
        if not (there.exists() or _rests(there)) or place.parts[0] == PEOPLE:
            continue  # gone, or removed with the deletion
        if kind == PERSON:
            copies.add(path)
        else:
            exports.add(_name(place))
    for folder in sorted(path for path in (workspace.path / EXPORTS).glob("*") if path.is_dir()):
        if folder.name not in exports and mentions(folder, wanted):
            exports.add(folder.name)
    return Holding(sorted(exports), sorted(copies))


def columns_of(person_ids: Collection[str]) -> dict[str, Collection[str]]:
    """Return the texts by which columns of what is written name people, for ``mentions``."""
    accounts = (person_account, held_account, owed_account)
    return {
        "person_id": set(person_ids),
        "account": {account(person_id) for account in accounts for person_id in person_ids},
    }


def key_of(workspace: Workspace, path: Path) -> str:
    """Return a path relative to the workspace, which may be moved; an absolute one if it is elsewhere."""
    path = path.expanduser().resolve()
    home = workspace.path.resolve()
    return str(path.relative_to(home) if path.is_relative_to(home) else path)


def _name(place: Path) -> str:
    return place.name if place.parts[:-1] == (EXPORTS,) else str(place)


def mentions(folder: Path, wanted: Mapping[str, Collection[str]]) -> bool:
    """Return whether a column of a Parquet file in the folder holds a text that is wanted of a column of its name."""
    for part in sorted(folder.rglob("*.parquet")):
        try:
            if _file_mentions(part, wanted):
                return True
        except (OSError, pa.ArrowException):
            return True  # nobody can tell
    return False


def _file_mentions(part: Path, wanted: Mapping[str, Collection[str]]) -> bool:
    file = pq.ParquetFile(part)
    for name in wanted.keys() & set(file.schema_arrow.names):
        texts = pa.array(sorted(wanted[name]), pa.string())
        for batch in file.iter_batches(columns=[name]):
            column = batch.column(0)
            if pa.types.is_list(column.type):
                column = column.flatten()
            if pc.any(pc.is_in(column, value_set=texts)).as_py():
                return True
    return False
