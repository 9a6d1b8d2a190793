"""Arrow tables of rows, whose JSON columns (messages that call tools, with fields that differ) are stored as text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pyarrow as pa

from exports.columns import COUNT, FLAG, JSON, NUMBER, TEXT, ListOf

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pydantic import JsonValue

    from exports.columns import Columns, ColumnType, Row

_TYPES = {TEXT: pa.string(), JSON: pa.string(), COUNT: pa.int64(), NUMBER: pa.float64(), FLAG: pa.bool_()}


def stored_schema(columns: Columns) -> pa.Schema:
    """Return the Arrow schema of columns as they are stored: JSON as text."""
    return pa.schema([(name, type_of(kind)) for name, kind in columns.items()])


def type_of(kind: ColumnType, json_type: pa.DataType = _TYPES[JSON]) -> pa.DataType:
    """Return the Arrow type of a column; ``json_type`` is that of what holds JSON."""
    if kind == JSON:
        return json_type
    if isinstance(kind, str):
        return _TYPES[kind] if kind in _TYPES else pa.type_for_alias(kind)
    if isinstance(kind, ListOf):
        return pa.list_(type_of(kind.element, json_type))
    return pa.struct([(name, type_of(field, json_type)) for name, field in kind.items()])


def table_of(rows: Sequence[Row], columns: Columns) -> pa.Table:
    """Return rows as a table of ``stored_schema``; ``datasets`` reads the values of JSON columns."""
    schema = stored_schema(columns)
    if not any(_holds_json(kind) for kind in columns.values()):
        return pa.Table.from_pylist(list(rows), schema=schema)
    texts = [{name: _as_stored(row.get(name), kind) for name, kind in columns.items()} for row in rows]
    return pa.Table.from_pylist(texts, schema=schema)


def widened(several: Iterable[Columns]) -> Columns:
    """Return columns that hold the rows of tables with these columns (``exports.columns.with_tools``)."""
    found: dict[str, ColumnType] = {}
    for columns in several:
        for name, kind in columns.items():
            if name not in found or _holds_json(kind):
                found[name] = kind
    return found


def _holds_json(kind: ColumnType) -> bool:
    if isinstance(kind, str):
        return kind == JSON
    return _holds_json(kind.element) if isinstance(kind, ListOf) else any(map(_holds_json, kind.values()))


def _as_stored(value: JsonValue, kind: ColumnType) -> JsonValue:
    """Return a value with JSON text in place of what a JSON type holds."""
    if value is None:
        return None
    if kind == JSON:
        return json.dumps(value, ensure_ascii=False)
    if isinstance(kind, ListOf) and isinstance(value, list):
        return [_as_stored(element, kind.element) for element in value]
    if not isinstance(kind, str | ListOf) and isinstance(value, dict):
        return _fields(value, kind)
    return value


def _fields(value: Mapping[str, JsonValue], kind: Mapping[str, ColumnType]) -> dict[str, JsonValue]:
    return {name: _as_stored(value.get(name), field) for name, field in kind.items()}
