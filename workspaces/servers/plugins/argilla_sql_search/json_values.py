"""The values inside a JSON column, one row each, in SQLite and PostgreSQL.

Elasticsearch indexes a scalar and a list of scalars alike, as the values of a field. `values_at` gives the
same view of `document -> name -> name`: a table-valued function with one row per value, and the value as
text (what a keyword field holds) and as a number (what a numeric field holds; NULL where the value is
none).

Names come from strangers. They are bound parameters, and in SQLite never become part of a path unless they
need no escaping, because 3.40 cannot express a quote in one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import ARRAY, Float, Numeric, Text, case, cast, func, select, type_coerce
from sqlalchemy.dialects import postgresql

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, FromClause

SQLITE = "sqlite"

_PLAIN_NAME = re.compile(r"[A-Za-z0-9_ .-]+")


@dataclass(frozen=True)
class JsonValues:
    """Rows of values: join `rows`, then compare `text` or `number`."""

    rows: FromClause
    text: ColumnElement[str]
    number: ColumnElement[float]


def values_at(dialect: str, document: ColumnElement[Any], *names: str) -> JsonValues:
    """Return the values of `document` (a JSON column) below `names`; nothing there means no row."""
    return _sqlite_values(document, names) if dialect == SQLITE else _postgresql_values(document, names)


def keyword(dialect: str, text: ColumnElement[Any]) -> ColumnElement[str]:
    """Return `text` ordered by its UTF-8 bytes, as Elasticsearch orders keywords."""
    plain = type_coerce(text, Text)
    return plain if dialect == SQLITE else plain.collate("C")


def _sqlite_values(document: ColumnElement[Any], names: tuple[str, ...]) -> JsonValues:
    # A column of SQLAlchemy's JSON type would encode the bound path as JSON.
    source: ColumnElement[Any] = type_coerce(document, Text)
    path = "$"
    for name in names:
        if _PLAIN_NAME.fullmatch(name):
            path += f'."{name}"'
        else:
            source, path = _sqlite_member(source, path, name), "$"
    row = func.json_each(source, path).table_valued("value", "type")
    text = case(
        (row.c.type == "text", row.c.value),
        (row.c.type.in_(("true", "false")), row.c.type),
        (row.c.type.in_(("integer", "real")), func.json_quote(row.c.value)),
    )
    number = case((row.c.type.in_(("integer", "real")), row.c.value))
    return JsonValues(row, type_coerce(text, Text), type_coerce(number, Float))


def _sqlite_member(source: ColumnElement[Any], path: str, name: str) -> ColumnElement[str]:
    """Return the member `name` as JSON, found by comparing names instead of by a path."""
    member = func.json_each(source, path).table_valued("key", "value", "type")
    as_json = case(
        (member.c.type.in_(("object", "array")), member.c.value),
        (member.c.type.in_(("true", "false")), member.c.type),
        else_=func.json_quote(member.c.value),
    )
    return select(as_json).where(member.c.key == name).limit(1).scalar_subquery()


def _postgresql_values(document: ColumnElement[Any], names: tuple[str, ...]) -> JsonValues:
    source = document
    for name in names:
        source = source.op("->", return_type=document.type)(cast(name, Text))
    in_a_list = case((func.json_typeof(source) == "array", source), else_=func.json_build_array(source))
    row = func.json_array_elements(in_a_list).table_valued("value")
    kind = func.json_typeof(row.c.value)
    whole = cast(postgresql.array([], type_=Text), ARRAY(Text))
    content = row.c.value.op("#>>", return_type=Text())(whole)
    text = case((kind.in_(("string", "number", "boolean")), content))
    number = case((kind == "number", cast(content, Numeric)))
    return JsonValues(row, text.collate("C"), number)
