"""A Hugging Face dataset folder of Parquet files, a card and a manifest, written as a whole or not at all."""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
from filelock import FileLock

from exports.columns import JSON, ListOf
from exports.json_columns import table_of
from workspaces.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from datasets import Features, Json, List, Value
    from pydantic import JsonValue

    from exports.columns import Columns, ColumnType, Row

FORMAT = "chatfeedback-export/1"
MANIFEST = "manifest.json"
CARD = "README.md"
DISPOSABLE = (".cache/", ".DS_Store")
"""Files that the Hub's client and the desktop leave in a folder; they may be removed."""
BATCH_CHARACTERS = 1 << 25
"""Size of a row group: an Arrow string column holds 2 GiB at most."""


class NotOurExportError(UsageError):
    """The target folder holds something that must not be replaced."""


@dataclass(frozen=True, slots=True)
class DatasetTable:
    """One configuration: its columns, its description, and its rows by split in their final order."""

    name: str
    description: str
    columns: Columns
    rows: Mapping[str, Sequence[Row]]

    @property
    def files(self) -> dict[str, str]:
        """Path of the file of every split that has rows; ``datasets`` cannot read a file without any."""
        return {
            split: f"data/{self.name}/{split}-00000-of-00001.parquet"
            for split, rows in self.rows.items()
            if rows
        }


def features_of(columns: Columns) -> Features:
    """Return columns as ``datasets`` declares them."""
    from datasets import Features, List, Value  # takes seconds to import

    def feature(column: ColumnType) -> Value | Json | List | dict[str, object]:
        if column == JSON:
            from datasets import Json  # since version 4.7

            return Json()
        if isinstance(column, str):
            return Value(column)
        if isinstance(column, ListOf):
            return List(feature(column.element))
        return {name: feature(field) for name, field in column.items()}

    return Features({name: feature(column) for name, column in columns.items()})


def tool_version() -> str:
    """Return the version of this software."""
    try:
        return version("chatfeedback-workbench")
    except PackageNotFoundError:
        return "0+source"


def digests_of(tables: Sequence[DatasetTable]) -> dict[str, str]:
    """Return ``{configuration/split: sha256}`` over canonical JSON lines of the rows, in order.

    Unlike the hash of a file it does not depend on the version of pyarrow.
    """
    return {
        f"{table.name}/{split}": _digest(_json(row) for row in table.rows[split])
        for table in tables
        for split in table.files
    }


def digest_of(digests: Mapping[str, str]) -> str:
    """Return one sha256 for the whole export."""
    return _digest(f"{name} {digest}" for name, digest in sorted(digests.items()))


def write_dataset(
    folder: Path, tables: Sequence[DatasetTable], manifest: Mapping[str, JsonValue], card: str
) -> bool:
    """Write an export to ``folder``, unless an equal export is there.

    The new folder is written beside the old one, synced to disk, and exchanged with it in one step. A kill at any
    moment leaves the old folder or the new one. (Where the file system cannot exchange two folders, the old one is
    moved aside first; the next export repairs a kill between the two moves.)

    Args:
        folder: does not exist, is empty, or holds an export of the same ``kind``.
        tables: the configurations.
        manifest: the content of ``manifest.json`` besides files and versions; only ``created_at`` may differ
            between equal exports.
        card: the text of ``README.md``.

    Returns:
        Whether the export was written.

    Raises:
        NotOurExportError: ``folder`` is a file, holds no export of this kind, or holds files besides it.
    """
    folder = folder.expanduser().resolve()
    folder.parent.mkdir(parents=True, exist_ok=True)
    manifest = {"format": FORMAT, "tool_version": tool_version(), **manifest}
    with FileLock(folder.parent / f".{folder.name}.lock"):
        new, old = (folder.parent / f".{folder.name}.{state}" for state in ("new", "old"))
        if old.exists() and not folder.exists():
            old.rename(folder)
        for rest in (new, old):
            shutil.rmtree(rest, ignore_errors=True)
        existing = _existing(folder, manifest["kind"])
        if existing is not None and _is_same(folder, existing, manifest):
            return False
        _write(new, tables, manifest, card)
        _put_in_place(new, folder, old)
    return True


def _existing(folder: Path, kind: JsonValue) -> dict[str, JsonValue] | None:
    """Return the manifest of the export in ``folder``, or ``None`` if there is no file to lose."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return None
    try:
        manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
    except (OSError, ValueError):
        manifest = None
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT or manifest.get("kind") != kind:
        raise NotOurExportError(
            f"{folder} exists and is not a '{kind}' export: name another folder, or remove it first"
        )
    ours = {MANIFEST, CARD, *manifest["files"]}
    present = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())
    others = sorted(path for path in present if path not in ours and not path.startswith(DISPOSABLE))
    if others:
        raise NotOurExportError(
            f"{folder} also holds {others[0]!r}, which is not part of the export: move it away first"
        )
    return manifest


def _is_same(folder: Path, existing: Mapping[str, JsonValue], manifest: Mapping[str, JsonValue]) -> bool:
    """Return whether the existing export has the same manifest and its files have their recorded checksums."""
    of_the_writing = {"created_at", "files", "written_with"}
    if any(existing.get(key) != manifest.get(key) for key in {*existing, *manifest} - of_the_writing):
        return False
    files = existing["files"]
    assert isinstance(files, dict)
    return all((folder / name).is_file() and _sha256(folder / name) == sha for name, sha in files.items())


def _write(
    folder: Path, tables: Sequence[DatasetTable], manifest: Mapping[str, JsonValue], card: str
) -> None:
    folder.mkdir()
    for table in tables:
        schema = features_of(table.columns).arrow_schema
        for split, name in table.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            with pq.ParquetWriter(folder / name, schema, compression="zstd") as writer:
                for batch in _batches(table.rows[split]):
                    writer.write_table(table_of(batch, schema))
    (folder / CARD).write_text(card, "utf-8", newline="\n")
    files = {
        path.relative_to(folder).as_posix(): _sha256(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    written_with = {package: version(package) for package in ("datasets", "pyarrow")}
    text = json.dumps(
        {**manifest, "files": files, "written_with": written_with}, indent=2, ensure_ascii=False
    )
    (folder / MANIFEST).write_text(text + "\n", "utf-8", newline="\n")
    for path in (*folder.rglob("*"), folder):
        _fsync(path)


def _batches(rows: Sequence[Row]) -> Iterator[list[Row]]:
    batch: list[Row] = []
    characters = 0
    for row in rows:
        batch.append(row)
        characters += len(_json(row))
        if characters > BATCH_CHARACTERS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch


def _put_in_place(new: Path, folder: Path, old: Path) -> None:
    if not folder.exists():
        new.rename(folder)
    elif _exchange(new, folder):
        new.rename(old)
    else:
        folder.rename(old)
        new.rename(folder)
    _fsync(folder.parent)
    shutil.rmtree(old, ignore_errors=True)


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


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digest(lines: Iterator[str]) -> str:
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line.encode())
        digest.update(b"\n")
    return digest.hexdigest()


def _json(row: Row) -> str:
    return json.dumps(row, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
