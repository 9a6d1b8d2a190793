"""The tables of a dataset: their rows, the digest of each split, and the Parquet files that hold them."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from exports.columns import ListOf
from exports.features import features_schema, info_in_card
from exports.spilled import digest_of_lines

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa
    from pydantic import JsonValue

    from exports.columns import Columns, ColumnType
    from exports.parts import Part
    from workspaces.workers import Workers

DIGITS = 16
"""Hexadecimal digits of a digest in the name of a file."""


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
        columns = json.dumps([[name, _plain(column)] for name, column in self.columns.items()])
        return [digest_of_lines([columns, part.digest]) for part in self.parts]

    @cached_property
    def paths(self) -> list[str]:
        """Path of the file of every part; ``datasets`` cannot read a file without any row.

        The name holds the digest, because ``datasets`` caches a folder by the names of its files: with one name for
        all times it would serve the rows of an earlier export (datasets#6465). In alphabetical order, the rows of
        tables with the same items stand in the same order.
        """
        return [
            f"data/{self.name}/{part.split}-{part.bucket.number:05}-of-{self.buckets:05}-{digest[:DIGITS]}.parquet"
            for part, digest in zip(self.parts, self.digests, strict=True)
        ]

    @property
    def files(self) -> dict[str, list[str]]:
        """Paths of the files of every split that has rows."""
        files: dict[str, list[str]] = {}
        for part, path in zip(self.parts, self.paths, strict=True):
            files.setdefault(part.split, []).append(path)
        return files


def write_tables(
    folder: Path, tables: Sequence[DatasetTable], workers: Workers, kept: Kept | None = None
) -> AboutFiles:
    """Write the files of tables, or take those that the release before has already.

    Args:
        folder: where to.
        tables: what.
        workers: write the files, each one of them.
        kept: the files of the release before; their names hold the digests of their rows.
    """
    sizes: dict[str, int] = {}
    missing: list[tuple[Path, Part, Columns, pa.Schema]] = []
    for table in tables:
        schema = features_schema(table.columns)
        for part, name in zip(table.parts, table.paths, strict=True):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            size = None if kept is None else kept.take(name, path)
            if size is None:
                missing.append((path, part, table.columns, schema))
            else:
                sizes[name] = size
            lines = path.with_suffix(".jsonl")
            if table.json_lines and (
                kept is None or kept.take(lines.relative_to(folder).as_posix(), lines) is None
            ):
                with lines.open("w", encoding="utf-8", newline="\n") as file:
                    file.writelines(part.json_lines())
    for (path, *_), size in zip(missing, workers.run(_write, missing), strict=True):
        sizes[path.relative_to(folder).as_posix()] = size
    in_order = {name: sizes[name] for table in tables for name in table.paths}
    return AboutFiles({"dataset_info": [_info(folder, table, sizes) for table in _by_name(tables)]}, in_order)


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
        size = self.sizes.get(name, 0 if name.endswith(".jsonl") else None)
        if size is None or name not in self.files or not is_plain_file(self.folder, name):
            return None
        if sha256_of(found) != self.files[name]:
            return None
        shutil.copyfile(found, target)
        return size


def is_plain_file(folder: Path, name: str) -> bool:
    """Return whether a folder holds a file of this name, and no link to somewhere else."""
    path = folder / name
    return path.is_file() and not path.is_symlink()


def sha256_of(path: Path) -> str:
    """Return the checksum of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write(path: Path, part: Part, columns: Columns, schema: pa.Schema) -> int:
    """Write a part to a Parquet file; return its size in memory, in bytes."""
    size = 0
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for stored in part.tables(columns):
            table = stored.cast(schema)
            size += table.nbytes
            writer.write_table(table)
    return size


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
