"""The tables of a dataset: their rows, the digest of each split, and the Parquet files that hold them."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from exports.columns import JSON, ListOf
from exports.spilled import digest_of_lines

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa
    from datasets import Features, Json, List, Value
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
    from datasets import DatasetInfo, SplitDict, SplitInfo  # takes seconds to import
    from datasets.info import DatasetInfosDict
    from huggingface_hub import DatasetCardData

    sizes: dict[str, int] = {}
    features = {table.name: features_of(table.columns) for table in tables if table.files}
    missing: list[tuple[Path, Part, Columns, pa.Schema]] = []
    for table in tables:
        for part, name in zip(table.parts, table.paths, strict=True):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            size = None if kept is None else kept.take(name, path)
            if size is None:
                missing.append((path, part, table.columns, features[table.name].arrow_schema))
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
    infos = {}
    for table in tables:
        if not table.files:
            continue
        split_sizes: Counter[str] = Counter()
        for part, name in zip(table.parts, table.paths, strict=True):
            split_sizes[part.split] += sizes[name]
        infos[table.name] = DatasetInfo(
            features=features[table.name],
            splits=SplitDict(
                {
                    split: SplitInfo(split, num_bytes=size, num_examples=table.n_rows[split])
                    for split, size in split_sizes.items()
                }
            ),
            download_size=sum((folder / name).stat().st_size for name in table.paths),
            dataset_size=split_sizes.total(),
            config_name=table.name,
        )
    card_data = DatasetCardData()
    DatasetInfosDict(infos).to_dataset_card_data(card_data)
    in_order = {name: sizes[name] for table in tables for name in table.paths}
    return AboutFiles({"dataset_info": card_data["dataset_info"]}, in_order)


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
    above = (folder / each for each in PurePosixPath(name).parents[:-1])
    return path.is_file() and not any(it.is_symlink() for it in (path, *above))


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
