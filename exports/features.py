"""How ``datasets`` writes down the columns of a table: in the metadata of a Parquet file, and in the header of a card.

It is written here because the library takes longer to import than most exports take to write; a test holds both
against it. Source: ``datasets.Features.arrow_schema`` and ``datasets.DatasetInfo``, versions 4.7 to 5.2.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pyarrow as pa

from exports.columns import JSON, ListOf
from exports.json_columns import type_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import JsonValue

    from exports.columns import Columns, ColumnType


def features_schema(columns: Columns) -> pa.Schema:
    """Return the Arrow schema of columns in a file, with the metadata by which ``datasets`` knows its features."""
    features = {name: _feature(kind) for name, kind in columns.items()}
    fields = [(name, type_of(kind, json_type=pa.json_())) for name, kind in columns.items()]
    return pa.schema(fields, {"huggingface": json.dumps({"info": {"features": features}})})


def info_in_card(
    name: str,
    columns: Columns,
    splits: Mapping[str, Mapping[str, int]],
    download_size: int,
) -> dict[str, JsonValue]:
    """Return what the header of a card says of one configuration.

    Args:
        name: of the configuration.
        columns: of its tables.
        splits: ``num_bytes`` and ``num_examples`` by split.
        download_size: bytes of its files.
    """
    return {
        "config_name": name,
        "features": _fields(columns),
        "splits": [{"name": split, **numbers} for split, numbers in splits.items()],
        "download_size": download_size,
        "dataset_size": sum(numbers["num_bytes"] for numbers in splits.values()),
    }


def _feature(kind: ColumnType) -> JsonValue:
    if kind == JSON:
        return {"_type": "Json"}
    if isinstance(kind, str):
        return {"dtype": kind, "_type": "Value"}
    if isinstance(kind, ListOf):
        return {"feature": _feature(kind.element), "_type": "List"}
    return {name: _feature(field) for name, field in kind.items()}


def _fields(kinds: Mapping[str, ColumnType]) -> list[JsonValue]:
    return [{"name": name, **_in_card(kind)} for name, kind in kinds.items()]


def _in_card(kind: ColumnType) -> dict[str, JsonValue]:
    if isinstance(kind, str):
        return {"dtype": kind}
    if not isinstance(kind, ListOf):
        return {"struct": _fields(kind)}
    element = _in_card(kind.element)
    return {"list": element if isinstance(kind.element, ListOf) else next(iter(element.values()))}
