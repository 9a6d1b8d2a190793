"""Tables with JSON columns, such as the arguments of tool calls, whose fields differ from row to row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exports.columns import Row


def table_of(rows: Sequence[Row], schema: pa.Schema) -> pa.Table:
    """Return rows as a table; the value of a JSON column is JSON text, and ``datasets`` reads what it stands for."""
    plain = pa.schema([pa.field(field.name, _stored(field.type)) for field in schema])
    table = pa.Table.from_pylist(list(rows), schema=plain)
    return table.replace_schema_metadata(schema.metadata) if plain.equals(schema) else table.cast(schema)


def _stored(kind: pa.DataType) -> pa.DataType:
    """Return the type as which Arrow takes Python's values: it takes no JSON inside lists and structs."""
    if isinstance(kind, pa.JsonType):
        return kind.storage_type
    if pa.types.is_list(kind):
        return pa.list_(_stored(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(field.name, _stored(field.type)) for field in kind])
    return kind
