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

from exports.dataset import MANIFEST, folders_beside, release_around
from reward_engine.accounts import held_account, owed_account, person_account
from workspaces.errors import UsageError
from workspaces.store.written import PERSON, begin_writing, end_writing, paths_with, undo_writing
from workspaces.workspace import CONFIG_NAME, WRITTEN, utc_now

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from workspaces.store.written import Begun
    from workspaces.workspace import Workspace

EXPORTS = "exports"
"""The folder of a workspace for training sets and the exported ledger."""

PEOPLE = "people"
"""The folder of a workspace for the copies of their own data that people asked for."""


def check_place(workspace: Workspace, path: Path, kind: str) -> None:
    """Check that something may be written to a path, for all that the workspace and releases hold there.

    What lies among the files of a workspace goes with them, or is overlooked; what lies in a release spoils it.

    Raises:
        UsageError: it is among the files that the workbench itself writes, or in a release.
    """
    try:
        top = Path(key_of(workspace, path)).parts[:1]
        release = release_around(path.expanduser().resolve())
    except (OSError, RuntimeError):
        return  # whoever writes there says why not
    own = {*WRITTEN, CONFIG_NAME} - ({EXPORTS, PEOPLE} if kind == PERSON else {EXPORTS})
    if own.intersection(top):
        raise UsageError(
            f"{path} lies in {top[0]} of the workspace, which the workbench writes itself: name another place, such as "
            f"one in {workspace.path / EXPORTS}"
        )
    if release is not None:
        raise UsageError(
            f"{path} lies in {release}, which is an export and would not pass 'export verify' with it: name a place "
            "beside it"
        )


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
        if self._begun is not None and not rests_of(self._path) and _standing(self._path) == self._found:
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

    Raises:
        UsageError: nothing may be written there (``check_place``).
    """
    check_place(workspace, path, kind)
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


def rests_of(path: Path) -> list[Path]:
    """Return what was left beside a path by a writer that was killed, or could not remove it."""
    path = path.expanduser().resolve()
    beside = (*folders_beside(path), *path.parent.glob(f"{escape(path.name)}.*.tmp"))
    return [it for it in beside if os.path.lexists(it)]


@dataclass(frozen=True, slots=True)
class Holding:
    """What holds deleted data: exports, by name or path, and copies of a person's data, by path.

    ``published`` are the addresses of what was pushed. ``missing`` was written to these paths and is not there any
    more: who moved it has it still.
    """

    exports: list[str] = field(default_factory=list)
    copies: list[str] = field(default_factory=list)
    published: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


def holding(workspace: Workspace, conversation_ids: Collection[str], person_id: str | None) -> Holding:
    """Return what was written or published, and holds one of these conversations or something of the person.

    Also of what a kill left half-written: to make it again removes that.

    What was written since the store notes it is told from the notes; other exports in the workspace, such as copies,
    from their columns.
    """
    tombstones = workspace.tombstones
    sources = {tombstones.hash_of_id(conversation_id) for conversation_id in conversation_ids}
    wanted: dict[str, Collection[str]] = {"conversation_ids": set(conversation_ids)}
    if person_id is not None:
        sources.add(tombstones.hash_of_person(person_id))
        wanted |= columns_of([person_id])
    with workspace.store.read() as connection:
        noted_paths = paths_with(connection, sources)
    found = Holding()
    for path, kind in noted_paths.items():
        place = Path(path)
        there = workspace.path / place
        if is_address(path):
            found.published.append(path)
        elif kind == PERSON and place.parts[0] == PEOPLE:
            continue  # removed with the deletion
        elif not (there.exists() or rests_of(there)):
            found.missing.append(_name(place))
        elif kind == PERSON:
            found.copies.append(path)
        else:
            found.exports.append(_name(place))
    for folder in _exports_in(workspace.path):
        name = _name(Path(key_of(workspace, folder)))
        if name not in found.exports and mentions(folder, wanted):
            found.exports.append(name)
    for names in (found.exports, found.copies, found.published, found.missing):
        names.sort()
    return found


def is_address(place: str) -> bool:
    """Return whether a noted place is the address of something published, and no path."""
    return "://" in place  # no path that is noted has two slashes together


def _exports_in(home: Path) -> Iterator[Path]:
    """Yield the folders of a workspace that hold an export, wherever somebody copied it to.

    In the folder for exports also others with tables: they may be of an earlier version.
    """
    for top in sorted(home.iterdir()):
        if top.name == EXPORTS and top.is_dir():
            for folder in sorted(top.iterdir()):  # also links
                yield from _exports_below(folder, tables=True)
        elif top.name not in WRITTEN and not top.is_symlink():
            yield from _exports_below(top, tables=False)


def _exports_below(folder: Path, *, tables: bool) -> Iterator[Path]:
    if not folder.is_dir() or folder.name.startswith("."):
        return
    with suppress(OSError):  # one that cannot be listed
        within = sorted(folder.iterdir())
        if any(it.name == MANIFEST or (tables and it.suffix == ".parquet") for it in within):
            yield folder
            return
        for each in within:
            if not each.is_symlink():
                yield from _exports_below(each, tables=tables)


def columns_of(person_ids: Collection[str]) -> dict[str, Collection[str]]:
    """Return the texts by which columns of what is written name people, for ``mentions``."""
    accounts = (person_account, held_account, owed_account)
    return {
        "person_id": set(person_ids),
        "account": {account(person_id) for account in accounts for person_id in person_ids},
    }


def people_in(folder: Path) -> set[str]:
    """Return the people whom the tables of an export name.

    Raises:
        OSError, pyarrow.ArrowException: a table cannot be read.
    """
    found: set[str] = set()
    for part in folder.rglob("*.parquet"):
        file = pq.ParquetFile(part)
        if "person_id" in file.schema_arrow.names:
            found.update(pc.unique(file.read(["person_id"]).column(0).drop_null()).to_pylist())
    return found


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
