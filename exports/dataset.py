"""A Hugging Face dataset folder of Parquet files, a card and a manifest, written as a whole or not at all."""

from __future__ import annotations

import ctypes
import json
import os
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile, gettempdir
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from filelock import FileLock

from exports.difference import ITEM_COLUMNS, ITEMS, TOMBSTONES, damaged, release_after
from exports.json_columns import stored_schema
from exports.manifests import fault_in
from exports.tables import Kept, at_once, is_plain_file, sha256_of, write_tables
from workspaces.errors import UsageError, WorkbenchError, reason_of
from workspaces.files import remove_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pydantic import JsonValue

    from exports.difference import Release
    from exports.tables import DatasetTable
    from workspaces.workers import Workers

    CardOf = Callable[[Mapping[str, JsonValue], str], str]
    """Takes the part of the header that describes the written files, and what is said of the release; returns the text
    of the card."""
    About = Callable[[Mapping[str, str]], Mapping[str, str]]
    """Takes the checksum of every file by path; returns the text of further files by path."""

FORMAT = "chatfeedback-export/1"
MANIFEST = "manifest.json"
CARD = "README.md"
SUMS = "SHA256SUMS"
"""The checksums of all other files, which ``sha256sum --check`` reads."""
ATTRIBUTES = ".gitattributes"
"""What the Hub adds to every data set that is made there."""
OF_CLIENT, OF_DESKTOP = ".cache/", ".DS_Store"
"""What the Hub's client and a desktop leave in a folder."""


class NotOurExportError(UsageError):
    """The target folder holds something that must not be replaced."""


class CannotWriteError(WorkbenchError):
    """The folder of an export cannot be written: it is protected, or the disk is full."""


@dataclass(frozen=True, slots=True)
class Before:
    """The number of buckets of a release, and the paths of its files."""

    buckets: int = 0
    files: Sequence[str] = ()


def tool_version() -> str:
    """Return the version of this software."""
    try:
        return version("chatfeedback-workbench")
    except PackageNotFoundError:
        return "0+source"


def is_disposable(name: str) -> bool:
    """Return whether a path in a folder is what the Hub, its client or a desktop left there; it may be removed."""
    return name == ATTRIBUTES or name.startswith(OF_CLIENT) or name.rpartition("/")[2] == OF_DESKTOP


def release_around(path: Path) -> Path | None:
    """Return the folder of a release in which an absolute path lies; None if there is none."""
    return next((parent for parent in path.parents if _manifest_in(parent) is not None), None)


def _manifest_in(folder: Path) -> dict[str, Any] | None:
    """Return the manifest of an export in a folder, whatever else it says; None if there is none."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return manifest if isinstance(manifest, dict) and manifest.get("format") == FORMAT else None


def check_target(folder: Path, kind: str) -> Before:
    """Raise an error at once if an export of this kind cannot be written to ``folder``; leave no file there.

    Returns:
        What the release that is there, if there is one, says of its files.

    Raises:
        NotOurExportError: ``folder`` is a file, holds no export of this kind, or holds files besides it.
        CannotWriteError: nothing can be written there.
        DamagedFeedError: the manifest of the release that is there is not what was written.
    """
    named = folder
    with our_errors(named, IS_TARGET):
        folder = named.expanduser().resolve()
        if not folder.name:
            raise NotOurExportError(f"{named} is the root of the file system: name a folder in it")
        with _locked(folder) if _lock_of(folder).exists() else nullcontext():
            existing = _existing(folder, kind)
        there = next(parent for parent in folder.parents if parent.exists())
        with TemporaryFile(dir=there):  # it has no name, so that a kill leaves none
            folder.exists()  # a name that is too long is an error
            _lock_of(folder).exists()
    buckets, files = (None, None) if existing is None else map(existing.get, ("buckets", "files"))
    return Before(buckets if isinstance(buckets, int) else 0, [*files] if isinstance(files, dict) else [])


def write_dataset(
    folder: Path,
    tables: Sequence[DatasetTable],
    manifest: Mapping[str, JsonValue],
    card_of: CardOf,
    further: Mapping[str, str],
    about: About,
    workers: Workers,
) -> Release | None:
    """Write an export to ``folder``, unless an equal export is there. It is the next release of what is there.

    A file that the release before has already, under the name with its digest, is taken as it is.

    The new folder is written beside the old one, synced to disk, and exchanged with it in one step. A kill at any
    moment leaves the old folder or the new one. (Where the file system cannot exchange two folders, the old one is
    moved aside first; the next export repairs a kill between the two moves.)

    Args:
        folder: does not exist, is empty, or holds an export of the same ``kind``.
        tables: the configurations.
        manifest: the content of ``manifest.json`` besides files and versions; only ``created_at`` may differ
            between equal exports.
        card_of: returns the text of ``README.md``.
        further: the text of any further file, by path.
        about: returns the text of files that tell the checksums of all others.
        workers: write the files of tables.

    Returns:
        The release that was written; None if none was.

    Raises:
        NotOurExportError: as ``check_target``.
        CannotWriteError: as ``check_target``. The export that was there before is whole.
        DamagedFeedError: as ``check_target``, or the feed of the release before was damaged.
        CannotRemoveError: what the release before held cannot be removed; the new one may be in place.
    """
    manifest = {"format": FORMAT, "tool_version": tool_version(), **manifest}
    with _locked(folder) as place:
        new, old = folders_beside(place)
        _repair(place)
        existing = _existing(place, manifest["kind"])
        if existing is not None and _is_same(place, existing, manifest):
            return None
        release = _release(place, existing, manifest, tables)
        kept = None if existing is None else _kept(place, existing)
        try:
            _write(new, tables, manifest, release, card_of, further, about, kept, workers)
            _put_in_place(new, place, old)
        except BaseException:
            with suppress(OSError, WorkbenchError):  # else the next export does it
                _repair(place)  # a full disk stays no fuller than it was
            raise
    return release


def _release(
    folder: Path,
    existing: Mapping[str, JsonValue] | None,
    manifest: Mapping[str, JsonValue],
    tables: Sequence[DatasetTable],
) -> Release:
    listed = stored_schema(ITEM_COLUMNS).empty_table()
    for table in tables:
        if table.name == ITEMS:
            parts = (each for part in table.parts for each in part.tables(table.columns))
            listed = pa.concat_tables([listed, *parts])
    buckets = manifest["buckets"]
    assert isinstance(buckets, int)
    return release_after(
        folder, existing, listed, buckets, str(manifest["created_at"]), str(manifest["digest"])
    )


def _kept(folder: Path, existing: Mapping[str, Any]) -> Kept:
    return Kept(folder, existing["files"], existing.get("bytes_in_memory") or {})


@contextmanager
def waiting_in(scratch: Path | None) -> Iterator[Path]:
    """Yield a new folder in a folder (None: one of the system) where rows can wait; it is removed afterwards.

    Raises:
        CannotWriteError: it cannot be written.
    """
    with our_errors(Path(gettempdir()) if scratch is None else scratch):
        if scratch is not None:
            scratch.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=scratch, ignore_cleanup_errors=True) as folder:
            yield Path(folder)


IS_TARGET = "Make it writable or free it, or name another folder with --output"
IS_WAITING = "Rows wait there while an export is made: make it writable, or free space on its disk"


@contextmanager
def our_errors(folder: Path, advice: str = IS_WAITING) -> Iterator[None]:
    """Turn errors of the system into one of ours."""
    try:
        yield
    except (OSError, RuntimeError) as error:  # also links in a circle, and no home of that name
        reason = reason_of(error)
        raise CannotWriteError(f"cannot write {folder}: {reason}. {advice}") from error


@contextmanager
def _locked(folder: Path) -> Iterator[Path]:
    """Lock a target against other exports; yield its absolute path."""
    folder = folder.expanduser().resolve()
    with our_errors(folder, IS_TARGET):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(_lock_of(folder)):
            yield folder


@contextmanager
def held_still(folder: Path) -> Iterator[None]:
    """Keep exports from replacing a folder while it is read; where nobody exported into it yet, there is none."""
    lock = _lock_of(folder.expanduser().resolve())
    with ExitStack() as stack:
        if lock.exists():
            with suppress(OSError):  # whoever may not lock it reads all the same
                stack.enter_context(FileLock(lock))
        yield


def _lock_of(folder: Path) -> Path:
    return folder.parent / f".{folder.name}.lock"


def folders_beside(folder: Path) -> tuple[Path, Path]:
    """Return the folders beside a target that hold a new export until it is in place, and the old one after that."""
    return folder.parent / f".{folder.name}.new", folder.parent / f".{folder.name}.old"


def _repair(folder: Path) -> None:
    """Put back the export that a kill left aside, and remove what it left half-written."""
    new, old = folders_beside(folder)
    if old.exists() and not folder.exists():
        old.rename(folder)
    for rest in (new, old):
        remove_folder(rest)


def _existing(folder: Path, kind: JsonValue) -> dict[str, JsonValue] | None:
    """Return the manifest of the export in ``folder``, or ``None`` if there is no file to lose."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return None
    manifest = _manifest_in(folder)
    if manifest is None or manifest.get("kind") != kind:
        raise NotOurExportError(
            f"{folder} exists and is not a '{kind}' export: name another folder, or remove it first"
        )
    if (fault := fault_in(manifest)) is not None:
        raise damaged(folder / MANIFEST, fault)
    ours = {MANIFEST, SUMS, CARD, *manifest["files"]}
    present = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())
    others = sorted(path for path in present if path not in ours and not is_disposable(path))
    if others:
        raise NotOurExportError(
            f"{folder} also holds {others[0]!r}, which is not part of the export: move it away first"
        )
    if not _is_as_summed(folder):
        raise damaged(folder / MANIFEST, f"its checksum in {SUMS} differs")
    return manifest


def _is_as_summed(folder: Path) -> bool:
    """Return whether the manifest has the checksum that stands in ``SUMS``, if one does."""
    if not is_plain_file(folder, SUMS):
        return True
    lines = (folder / SUMS).read_text("utf-8", errors="replace").splitlines()
    told = [line.split()[0] for line in lines if line.endswith(f"  {MANIFEST}")]
    return told in ([], [sha256_of(folder / MANIFEST)])


def _is_same(folder: Path, existing: Mapping[str, JsonValue], manifest: Mapping[str, JsonValue]) -> bool:
    """Return whether the existing export has the same manifest and its files have their recorded checksums."""
    of_the_writing = {"created_at", "files", "written_with", "release", "bytes_in_memory"}
    if any(existing.get(key) != manifest.get(key) for key in {*existing, *manifest} - of_the_writing):
        return False
    files = existing["files"]
    assert isinstance(files, dict)
    if not all(is_plain_file(folder, name) for name in files):
        return False
    if at_once(sha256_of, [folder / name for name in files]) != [*files.values()]:
        return False
    return is_plain_file(folder, SUMS) and (folder / SUMS).read_bytes() == sums_of(folder, files).encode()


def _write(
    folder: Path,
    tables: Sequence[DatasetTable],
    manifest: Mapping[str, JsonValue],
    release: Release,
    card_of: CardOf,
    further: Mapping[str, str],
    about: About,
    kept: Kept | None,
    workers: Workers,
) -> None:
    folder.mkdir()
    described = write_tables(folder, tables, workers, kept)
    feed = release.feed.text(str(manifest["kind"]), release.version, release.first)
    for name, text in {CARD: card_of(described.header, release.card()), TOMBSTONES: feed, **further}.items():
        (folder / name).write_text(text, "utf-8", newline="\n")
    files = _sums_in(folder)
    for name, text in about(files).items():
        (folder / name).write_text(text, "utf-8", newline="\n")
        files[name] = sha256_of(folder / name)
    written_with = {package: version(package) for package in ("pyarrow",)}
    written = {"release": release.as_json(), "files": files, "bytes_in_memory": {**described.sizes}}
    text = json.dumps({**manifest, **written, "written_with": written_with}, indent=2, ensure_ascii=False)
    (folder / MANIFEST).write_text(text + "\n", "utf-8", newline="\n")
    (folder / SUMS).write_text(sums_of(folder, files), "utf-8", newline="\n")
    at_once(_fsync, [*folder.rglob("*"), folder])


def _sums_in(folder: Path) -> dict[str, str]:
    """Return the checksum of every file in a folder, by path."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    sums = zip(paths, at_once(sha256_of, paths), strict=True)
    return {path.relative_to(folder).as_posix(): sha for path, sha in sums}


def _put_in_place(new: Path, folder: Path, old: Path) -> None:
    if not folder.exists():
        new.rename(folder)
    elif _exchange(new, folder):
        new.rename(old)
    else:
        folder.rename(old)
        new.rename(folder)
    _fsync(folder.parent)
    remove_folder(old)


def _exchange(first: Path, second: Path) -> bool:
    """Exchange two folders in one step. Return ``False``, and change nothing, if the system cannot."""
    if os.name != "posix":
        return False
    libc = ctypes.CDLL(None)
    paths = (os.fsencode(first), os.fsencode(second))
    if hasattr(libc, "renameat2"):  # Linux
        here, exchange = -100, 2  # AT_FDCWD and RENAME_EXCHANGE of linux/fs.h
        return bool(libc.renameat2(here, paths[0], here, paths[1], exchange) == 0)
    if hasattr(libc, "renamex_np"):  # macOS
        return bool(libc.renamex_np(*paths, 2) == 0)  # RENAME_SWAP of sys/stdio.h
    return False


def _fsync(path: Path) -> None:
    if os.name != "posix" and path.is_dir():
        return  # Windows opens no folder
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sums_of(folder: Path, files: Mapping[str, JsonValue]) -> str:
    """Return the text of ``SUMS``: the checksums that the manifest holds, and that of the manifest."""
    sums = {**files, MANIFEST: sha256_of(folder / MANIFEST)}
    return "".join(f"{sha}  {name}\n" for name, sha in sorted(sums.items()))
