"""Ids and keywords as text, in SQL for SQLite and for PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from argilla_server.models import Record
from sqlalchemy import String, Text, cast, func, literal, type_coerce

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import ColumnElement, SQLColumnExpression

SQLITE = "sqlite"
ID_LENGTH = 32
"""Hexadecimal digits of an id without dashes."""


def id_digits(dialect: str, column: SQLColumnExpression[UUID] = Record.id) -> ColumnElement[str]:
    """Return an id column as 32 hexadecimal digits, without making a UUID object for each row."""
    return type_coerce(column, String) if dialect == SQLITE else func.replace(cast(column, Text), "-", "")


def record_id_text(dialect: str) -> ColumnElement[str]:
    """Return the record's id as Argilla writes it: 36 characters, with dashes."""
    if dialect != SQLITE:
        return keyword(dialect, cast(Record.id, Text))
    digits = keyword(dialect, Record.id)
    text: ColumnElement[str] = func.substr(digits, 1, 8)
    for start, length in ((9, 4), (13, 4), (17, 4), (21, 12)):
        text = text + literal("-") + func.substr(digits, start, length)
    return text


def keyword(dialect: str, text: SQLColumnExpression[Any]) -> ColumnElement[str]:
    """Return `text` ordered by its UTF-8 bytes, as Elasticsearch orders keywords."""
    plain = type_coerce(text, Text)
    return plain if dialect == SQLITE else plain.collate("C")
