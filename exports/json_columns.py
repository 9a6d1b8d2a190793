"""Tables with JSON columns, such as messages that call tools, whose fields differ from row to row."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import JsonValue

    from exports.columns import Row


def table_of(rows: Sequence[Row], schema: pa.Schema) -> pa.Table:
    """Return rows as a table; values of JSON columns are stored as JSON text, and ``datasets`` reads the values."""
    plain = pa.schema([pa.field(field.name, _stored(field.type)) for field in schema])
    if plain.equals(schema):
        return pa.Table.from_pylist(list(rows), schema=plain).replace_schema_metadata(schema.metadata)
    texts = [{field.name: _as_stored(row.get(field.name), field.type) for field in schema} for row in rows]
    return pa.Table.from_pylist(texts, schema=plain).cast(schema)


def _stored(kind: pa.DataType) -> pa.DataType:
    """Return the type as which Arrow takes Python's values: it takes no JSON inside lists and structs."""
    if isinstance(kind, pa.JsonType):
        return kind.storage_type
    if pa.types.is_list(kind):
        return pa.list_(_stored(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(field.name, _stored(field.type)) for field in kind])
    return kind


def _as_stored(value: JsonValue, kind: pa.DataType) -> JsonValue:
    """Return a value with JSON text in place of what a JSON type holds."""
    if value is None:
        return None
    if isinstance(kind, pa.JsonType):
        return json.dumps(value, ensure_ascii=False)
    if pa.types.is_list(kind) and isinstance(value, list):
        return [_as_stored(element, kind.value_type) for element in value]
    if pa.types.is_struct(kind) and isinstance(value, dict):
        return {field.name: _as_stored(value.get(field.name), field.type) for field in kind}
    return value
