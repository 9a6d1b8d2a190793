"""The values inside a JSON column, one row each, in SQLite and PostgreSQL.

Elasticsearch indexes a scalar and a list of scalars alike, as the values of a field. `values_at` gives the
same view of `document -> name -> name`: a table-valued function with one row per value, and the value as
text (what a keyword field holds) and as a number (what a numeric field holds; NULL where the value is
none).

Names come from users who are not trusted. They are bound parameters. In SQLite a name becomes part of a path only
if it needs no escaping, because SQLite 3.40 cannot express a quote in a path.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import ARRAY, JSON, Float, Numeric, Text, case, cast, exists, func, select, type_coerce
from sqlalchemy.dialects import postgresql

from argilla_sql_search.dialects import SQLITE
from argilla_sql_search.mapping import MappedType

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import ColumnElement, FromClause, SQLColumnExpression

_PLAIN_NAME = re.compile(r"[A-Za-z0-9_ .-]+")


@dataclass(frozen=True)
class JsonValues:
    """Rows of values: join `rows`, then compare `text` or `number`.

    `single` is set in PostgreSQL, where making rows costs more than all the rest: most documents hold one value.
    """

    rows: FromClause
    text: ColumnElement[str]
    number: ColumnElement[float]
    single: SingleValue | None = None

    def any(
        self, mapped_type: MappedType, condition: Callable[[ColumnElement[Any]], ColumnElement[bool]]
    ) -> ColumnElement[bool]:
        """Return that some value satisfies `condition`."""
        among_rows = exists().select_from(self.rows).where(condition(self._typed(mapped_type)))
        if self.single is None:
            return among_rows
        return case((self.single.is_list, among_rows), else_=condition(self.single.typed(mapped_type)))

    def extreme(
        self, mapped_type: MappedType, function: Callable[..., ColumnElement[Any]]
    ) -> ColumnElement[Any]:
        """Return the least or the greatest value, by `function`, which is min or max."""
        among_rows = select(function(self._typed(mapped_type))).select_from(self.rows).scalar_subquery()
        if self.single is None:
            return among_rows
        return case((self.single.is_list, among_rows), else_=self.single.typed(mapped_type))

    def _typed(self, mapped_type: MappedType) -> ColumnElement[Any]:
        return self.text if mapped_type is MappedType.KEYWORD else self.number


@dataclass(frozen=True)
class SingleValue:
    """The value of a document that `is_list` says is no list."""

    is_list: ColumnElement[bool]
    text: ColumnElement[str]
    number: ColumnElement[float]

    def typed(self, mapped_type: MappedType) -> ColumnElement[Any]:
        """Return the value as fields of `mapped_type` hold it."""
        return self.text if mapped_type is MappedType.KEYWORD else self.number


def values_at(dialect: str, document: SQLColumnExpression[Any], *names: str) -> JsonValues:
    """Return the values of `document` (a JSON column) below `names`; nothing there means no row."""
    return _sqlite_values(document, names) if dialect == SQLITE else _postgresql_values(document, names)


def _sqlite_values(document: SQLColumnExpression[Any], names: tuple[str, ...]) -> JsonValues:
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


def _postgresql_values(document: SQLColumnExpression[Any], names: tuple[str, ...]) -> JsonValues:
    source = document
    for name in names:
        source = source.op("->", return_type=JSON())(cast(name, Text))
    is_list = func.json_typeof(source) == "array"
    in_a_list = case((is_list, source), else_=func.json_build_array(source))
    row = func.json_array_elements(in_a_list).table_valued("value")
    single = SingleValue(is_list, *_postgresql_scalar(source))
    return JsonValues(row, *_postgresql_scalar(row.c.value), single)


def _postgresql_scalar(value: SQLColumnExpression[Any]) -> tuple[ColumnElement[str], ColumnElement[float]]:
    """Return a JSON value as text and as a number; NULL where it is neither."""
    json_type = func.json_typeof(value)
    whole = cast(postgresql.array([], type_=Text), ARRAY(Text))
    content = value.op("#>>", return_type=Text())(whole)
    text = case((json_type.in_(("string", "number", "boolean")), content))
    return text.collate("C"), case((json_type == "number", cast(content, Numeric)))
