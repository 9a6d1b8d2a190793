"""The tables of a dataset: their rows, the digest of each split, and the Parquet files that hold them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from exports.columns import JSON, ListOf
from exports.json_columns import table_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa
    from datasets import Features, Json, List, Value
    from pydantic import JsonValue

    from exports.columns import Columns, ColumnType, Row

DIGITS = 16
"""Hexadecimal digits of a digest in the name of a file."""
BATCH_CHARACTERS = 1 << 25
"""Size of a row group: an Arrow string column holds 2 GiB at most."""


@dataclass(frozen=True)
class DatasetTable:
    """One configuration: its columns, its description, and its rows by split in their final order.

    ``json_lines`` asks for files of JSON lines beside those of Parquet, under the same names.
    """

    name: str
    description: str
    columns: Columns
    rows: Mapping[str, Sequence[Row]]
    json_lines: bool = False

    @cached_property
    def digests(self) -> dict[str, str]:
        """The sha256 of every split that has rows, over canonical JSON lines of the columns and the rows, in order.

        Unlike the hash of a file it does not depend on the version of pyarrow.
        """
        columns = json.dumps([[name, _plain(column)] for name, column in self.columns.items()])
        return {
            split: digest_of_lines([columns, *map(as_json, rows)])
            for split, rows in self.rows.items()
            if rows
        }

    @property
    def files(self) -> dict[str, str]:
        """Path of the file of every split that has rows; ``datasets`` cannot read a file without any.

        The name holds the digest, because ``datasets`` caches a folder by the names of its files: with one name for
        all times it would serve the rows of an earlier export (datasets#6465).
        """
        return {
            split: f"data/{self.name}/{split}-{digest[:DIGITS]}-00000-of-00001.parquet"
            for split, digest in self.digests.items()
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


def write_tables(folder: Path, tables: Sequence[DatasetTable]) -> dict[str, JsonValue]:
    """Write the files of tables; return what the header of a card says of them, as ``dataset_info``.

    These are the columns, and the rows and bytes of every split: ``datasets`` checks what it loads against them.
    """
    from datasets import DatasetInfo, SplitDict, SplitInfo  # takes seconds to import
    from datasets.info import DatasetInfosDict
    from huggingface_hub import DatasetCardData

    infos = {}
    for table in tables:
        if not table.files:
            continue
        features = features_of(table.columns)
        splits, download_size = SplitDict(), 0
        for split, name in table.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            size = _write(path, table.rows[split], features.arrow_schema)
            splits[split] = SplitInfo(split, num_bytes=size, num_examples=len(table.rows[split]))
            download_size += path.stat().st_size
            if table.json_lines:
                with path.with_suffix(".jsonl").open("w", encoding="utf-8", newline="\n") as file:
                    file.writelines(f"{_line(row)}\n" for row in table.rows[split])
        infos[table.name] = DatasetInfo(
            features=features,
            splits=splits,
            download_size=download_size,
            dataset_size=sum(split.num_bytes for split in splits.values()),
            config_name=table.name,
        )
    card_data = DatasetCardData()
    DatasetInfosDict(infos).to_dataset_card_data(card_data)
    return {"dataset_info": card_data["dataset_info"]}


def _write(path: Path, rows: Sequence[Row], schema: pa.Schema) -> int:
    """Write rows to a Parquet file; return their size in memory, in bytes."""
    size = 0
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for batch in _batches(rows):
            table = table_of(batch, schema)
            size += table.nbytes
            writer.write_table(table)
    return size


def _batches(rows: Sequence[Row]) -> Iterator[list[Row]]:
    batch: list[Row] = []
    characters = 0
    for row in rows:
        batch.append(row)
        characters += len(as_json(row))
        if characters > BATCH_CHARACTERS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch


def _plain(column: ColumnType) -> JsonValue:
    """Return the type of a column as JSON."""
    if isinstance(column, str):
        return column
    if isinstance(column, ListOf):
        return [_plain(column.element)]
    return {name: _plain(field) for name, field in column.items()}


def digests_of(tables: Sequence[DatasetTable]) -> dict[str, str]:
    """Return ``{configuration/split: sha256}`` of all tables."""
    return {f"{table.name}/{split}": digest for table in tables for split, digest in table.digests.items()}


def digest_of(digests: Mapping[str, str]) -> str:
    """Return one sha256 for the whole export."""
    return digest_of_lines(f"{name} {digest}" for name, digest in sorted(digests.items()))


def digest_of_lines(lines: Iterable[str]) -> str:
    """Return the sha256 of lines of text."""
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line.encode())
        digest.update(b"\n")
    return digest.hexdigest()


def _line(row: Row) -> str:
    """Return a row as one line of JSON, its columns in order."""
    return json.dumps(row, ensure_ascii=False)


def as_json(row: Row) -> str:
    """Return a row as canonical JSON."""
    return json.dumps(row, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
