"""The tables of a dataset: their rows, the digest of each split, and the Parquet files that hold them."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, TypeVar

import pyarrow.parquet as pq

from exports.columns import ListOf
from exports.features import features_schema, info_in_card
from exports.parts import TO_LOOK_AT, Draft, part_of
from exports.spilled import JSON_LINE, digest_of_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from pydantic import JsonValue

    from exports.columns import Columns, ColumnType
    from exports.parts import Bucket, Part, Read
    from workspaces.workers import Workers

EachT = TypeVar("EachT")
FoundT = TypeVar("FoundT")
DIGITS = 16
"""Hexadecimal digits of a digest in the name of a file."""
THREADS = 8
"""Files that are read at once, at most: each may take the memory of a row group."""
LINES = ".jsonl"
"""Suffix of a file of JSON lines."""


@dataclass(frozen=True)
class DatasetTable:
    """One configuration: its columns, its description, and its rows by split and bucket in their final order.

    ``json_lines`` asks for files of JSON lines beside those of Parquet, under the same names.
    """

    name: str
    description: str
    columns: Columns
    parts: Sequence[Part]
    buckets: int = 1
    json_lines: bool = False

    @cached_property
    def n_rows(self) -> dict[str, int]:
        """The number of rows of every split that has some."""
        numbers: Counter[str] = Counter()
        for part in self.parts:
            numbers[part.split] += part.n_rows
        return dict(numbers)

    @cached_property
    def digests(self) -> list[str]:
        """The sha256 of the columns and the rows of every part."""
        return [_digest_of(self.columns, part) for part in self.parts]

    @cached_property
    def paths(self) -> list[str]:
        """Path of the file of every part; ``datasets`` cannot read a file without any row.

        The name holds the digest, because ``datasets`` caches a folder by the names of its files: with one name for
        all times it would serve the rows of an earlier export (datasets#6465). In alphabetical order, the rows of
        tables with the same items stand in the same order.
        """
        return [
            _path_of(self.name, part, digest) for part, digest in zip(self.parts, self.digests, strict=True)
        ]

    @property
    def files(self) -> dict[str, list[str]]:
        """Paths of the files of every split that has rows."""
        files: dict[str, list[str]] = {}
        for part, path in zip(self.parts, self.paths, strict=True):
            files.setdefault(part.split, []).append(path)
        return files


@dataclass(frozen=True, slots=True)
class Drafting:
    """How buckets of a table are written as soon as they are looked at.

    ``folder`` is where their files wait; None: nothing is written. ``kept`` is the path of a bucket's file that the
    release before has.
    """

    table: str
    columns: Columns
    json_lines: bool
    folder: Path | None
    kept: str | None


def drafted(bucket: Bucket, drafting: Drafting) -> Part:
    """Look at a bucket, and write its files, for which its pieces need not be read again."""
    columns, lines = drafting.columns, [JSON_LINE] if drafting.json_lines else []
    if drafting.folder is None:
        return part_of(bucket, bucket.read(TO_LOOK_AT))
    read = bucket.read([*TO_LOOK_AT, *lines, *columns])
    part = part_of(bucket, read)
    name = _path_of(drafting.table, part, _digest_of(columns, part))
    if not part.groups or name == drafting.kept:
        return part
    table = drafting.folder / name.replace("/", "-")
    with _whole(table) as new:
        size = _write(new, part, columns, read)
    if lines:
        with _whole(table.with_suffix(LINES)) as new:
            _write_lines(new, part, read)
    return replace(part, draft=Draft(table, size, table.with_suffix(LINES) if lines else None))


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """Yield another path, what is written to which is put in place as a whole: work can be done twice."""
    new = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    yield new
    new.replace(path)


def write_tables(
    folder: Path, tables: Sequence[DatasetTable], workers: Workers, kept: Kept | None = None
) -> AboutFiles:
    """Write the files of tables, or take those that were written already, or that the release before has.

    Args:
        folder: where to.
        tables: what.
        workers: write the files, each one of them.
        kept: the files of the release before; their names hold the digests of their rows.
    """
    sizes: dict[str, int] = {}
    missing: list[tuple[Path, Part, Columns]] = []
    for table in tables:
        for part, name in zip(table.parts, table.paths, strict=True):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            size = _taken(part, path) or (None if kept is None else kept.take(name, path))
            if size is None:
                missing.append((path, part, table.columns))
            else:
                sizes[name] = size
            lines = path.with_suffix(LINES)
            if not table.json_lines or _moved(None if part.draft is None else part.draft.lines, lines):
                continue
            if kept is None or kept.take(lines.relative_to(folder).as_posix(), lines) is None:
                _write_lines(lines, part)
    for (path, *_), size in zip(missing, workers.run(_write, missing), strict=True):
        sizes[path.relative_to(folder).as_posix()] = size
    in_order = {name: sizes[name] for table in tables for name in table.paths}
    return AboutFiles({"dataset_info": [_info(folder, table, sizes) for table in _by_name(tables)]}, in_order)


def _taken(part: Part, path: Path) -> int | None:
    """Put the file of a part in place, if it was written already; return its size in memory."""
    if part.draft is None or not _moved(part.draft.table, path):
        return None
    return part.draft.size


def _moved(draft: Path | None, path: Path) -> bool:
    if draft is None or not draft.exists():
        return False
    shutil.move(draft, path)  # to another file system, too
    return True


def _by_name(tables: Sequence[DatasetTable]) -> list[DatasetTable]:
    return sorted((table for table in tables if table.files), key=lambda table: table.name)


def _info(folder: Path, table: DatasetTable, sizes: Mapping[str, int]) -> JsonValue:
    """Return what the header of the card says of a table whose files have these sizes in memory."""
    splits = {
        split: {"num_bytes": sum(sizes[name] for name in names), "num_examples": table.n_rows[split]}
        for split, names in table.files.items()
    }
    return info_in_card(
        table.name, table.columns, splits, sum((folder / name).stat().st_size for name in table.paths)
    )


@dataclass(frozen=True, slots=True)
class AboutFiles:
    """What is said of written tables: ``header`` in the card, and the size in memory by path, in bytes.

    The header holds the columns, and the rows and bytes of every split: ``datasets`` checks what it loads against them.
    """

    header: Mapping[str, JsonValue]
    sizes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Kept:
    """The files of the release before, with their checksums and, of tables, their sizes in memory in bytes."""

    folder: Path
    files: Mapping[str, str]
    sizes: Mapping[str, int]

    def take(self, name: str, target: Path) -> int | None:
        """Put a file of this name at ``target`` if it is as it was written; return its size, or None without one."""
        found = self.folder / name
        size = self.sizes.get(name, 0 if name.endswith(LINES) else None)
        if size is None or name not in self.files or not is_plain_file(self.folder, name):
            return None
        if sha256_of(found) != self.files[name]:
            return None
        shutil.copyfile(found, target)
        return size


def at_once(function: Callable[[EachT], FoundT], those: Sequence[EachT]) -> list[FoundT]:
    """Return what a function finds of each of those, in order, by threads: hashing and Arrow let others work."""
    with ThreadPoolExecutor(min(len(those), os.cpu_count() or 1, THREADS) or 1) as pool:
        return list(pool.map(function, those))


def is_plain_file(folder: Path, name: str) -> bool:
    """Return whether a folder holds a file of this name, and no link to somewhere else."""
    path = folder / name
    above = (folder / each for each in PurePosixPath(name).parents[:-1])
    return path.is_file() and not any(it.is_symlink() for it in (path, *above))


def sha256_of(path: Path) -> str:
    """Return the checksum of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write(path: Path, part: Part, columns: Columns, read: Read | None = None) -> int:
    """Write a part to a Parquet file; return its size in memory, in bytes."""
    size, schema = 0, features_schema(columns)
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for stored in part.tables(columns, read):
            table = stored.cast(schema)
            size += table.nbytes
            writer.write_table(table)
    return size


def _write_lines(path: Path, part: Part, read: Read | None = None) -> None:
    with path.open("wb") as file:
        file.writelines(part.json_lines(read))


def place_of(table: str, bucket: Bucket) -> str:
    """Return how the paths of a bucket's files begin, before their digests."""
    return f"data/{table}/{bucket.split}-{bucket.number:05}-of-{bucket.of:05}-"


def _path_of(table: str, part: Part, digest: str) -> str:
    return f"{place_of(table, part.bucket)}{digest[:DIGITS]}.parquet"


def _digest_of(columns: Columns, part: Part) -> str:
    names = json.dumps([[name, _plain(column)] for name, column in columns.items()])
    return digest_of_lines([names, part.digest])


def _plain(column: ColumnType) -> JsonValue:
    """Return the type of a column as JSON."""
    if isinstance(column, str):
        return column
    if isinstance(column, ListOf):
        return [_plain(column.element)]
    return {name: _plain(field) for name, field in column.items()}


def digests_of(tables: Sequence[DatasetTable]) -> dict[str, str]:
    """Return ``{configuration/split/bucket: sha256}`` of all tables."""
    return {
        f"{table.name}/{part.split}/{part.bucket.number:05}": digest
        for table in tables
        for part, digest in zip(table.parts, table.digests, strict=True)
    }


def digest_of(digests: Mapping[str, str]) -> str:
    """Return one sha256 for the whole export."""
    return digest_of_lines(f"{name} {digest}" for name, digest in sorted(digests.items()))
