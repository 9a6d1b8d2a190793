"""Rows of a text table with a header: CSV and TSV."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, BinaryIO

from task_generators.chat_logs.sources import rows
from task_generators.chat_logs.sources.rows import Row

if TYPE_CHECKING:
    import _csv
    from collections.abc import Iterator, Mapping


def table_rows(file: BinaryIO, delimiter: str, columns: Mapping[str, str]) -> Iterator[Row]:
    """Yield the rows of a table with a header, each numbered by its last line; empty fields are omitted.

    Args:
        file: the table, in UTF-8.
        delimiter: the character between two fields.
        columns: our column name to the table's own name, where they differ.
    """
    csv.field_size_limit(rows.MAX_LINE_BYTES)
    with io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="") as text:
        our_names = {their_name: our_name for our_name, their_name in columns.items()}
        yield from _rows(csv.reader(text, delimiter=delimiter), our_names)


def _rows(reader: _csv.Reader, our_names: Mapping[str, str]) -> Iterator[Row]:
    header: list[str] | None = None
    while True:
        try:
            fields = next(reader, None)
        except csv.Error as error:
            yield Row(reader.line_num, None, f"not a row of a table: {error}")
            continue
        if fields is None:
            return
        if header is None:
            header = [our_names.get(name.strip(), name.strip()) for name in fields]
        elif len(fields) > len(header):
            yield Row(reader.line_num, None, f"has {len(fields)} fields, the header {len(header)}")
        elif any(fields):
            value: dict[str, object] = {
                name: field for name, field in zip(header, fields, strict=False) if field
            }
            yield Row(reader.line_num, value)
