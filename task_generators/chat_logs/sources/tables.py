"""Rows of a text table with a header: CSV and TSV."""

from __future__ import annotations

import csv
import io
import re
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO, TextIO

from task_generators.chat_logs.sources import rows
from task_generators.chat_logs.sources.python_lists import objects_listed
from task_generators.chat_logs.sources.rows import Row

if TYPE_CHECKING:
    import _csv
    from collections.abc import Iterator, Mapping


_DELIMITERS = (",", ";", "\t", "|")
_UNDECODED = re.compile("[\udc80-\udcff]")


def table_rows(file: BinaryIO, delimiter: str | None, columns: Mapping[str, str]) -> Iterator[Row]:
    """Yield the rows of a table with a header, each numbered by its last line; empty fields are omitted.

    Args:
        file: the table, in UTF-8.
        delimiter: the character between two fields; None: the one that the header has most of.
        columns: our column name to the table's own name, where they differ.
    """
    csv.field_size_limit(rows.MAX_LINE_BYTES)
    with io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="") as text:
        our_names = {their_name: our_name for our_name, their_name in columns.items()}
        lines = _Lines(text)
        header = None
        while header is None:
            try:
                header = next(lines, "")
            except TooLongError:
                yield Row(lines.number, None, rows.too_long())
        delimiter = _separator(header, delimiter)
        yield from _rows(lines, csv.reader(chain([header], lines), delimiter=delimiter), our_names)


def names_in(file: BinaryIO, delimiter: str | None) -> list[str]:
    """Return the names of the columns of a table as its header has them; none if that cannot be read."""
    csv.field_size_limit(rows.MAX_LINE_BYTES)
    with io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="") as text:
        lines = _Lines(text)
        try:
            header = next(lines, "")
            fields = next(csv.reader(chain([header], lines), delimiter=_separator(header, delimiter)), [])
        except (csv.Error, TooLongError):
            return []
        return [name.strip() for name in fields]


def _separator(header: str, expected: str | None) -> str:
    if expected is not None and expected in header:
        return expected
    return _delimiter(header) or expected or ","


def _delimiter(header: str) -> str | None:
    """Return the character that stands most often in a header, outside of quotes; None: it has none of them."""
    unquoted = re.sub(r'"[^"]*"', "", header)
    counted = [(unquoted.count(each), -index, each) for index, each in enumerate(_DELIMITERS)]
    return max(counted)[2] if max(counted)[0] else None


class TooLongError(Exception):
    """A line of a table, or the lines of one row, are too long."""


class _Lines:
    """The lines of a table, which raise an error where a row gets too long; the next line begins a new row."""

    def __init__(self, text: TextIO) -> None:
        self._text = text
        self._size = 0
        self.number = 0

    def begin_row(self) -> None:
        """Begin to count the characters of a row."""
        self._size = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._text.readline(rows.MAX_LINE_BYTES)
        if not line:
            raise StopIteration
        self.number += 1
        self._size += len(line)
        rest = line
        while len(rest) == rows.MAX_LINE_BYTES and not rest.endswith("\n"):
            rest = self._text.readline(rows.MAX_LINE_BYTES)
        if self._size > rows.MAX_LINE_BYTES or rest is not line:
            raise TooLongError
        return line


def _rows(lines: _Lines, reader: _csv.Reader, our_names: Mapping[str, str]) -> Iterator[Row]:
    header: list[str] | None = None
    while True:
        lines.begin_row()
        try:
            fields = next(reader, None)
        except csv.Error as error:
            yield Row(lines.number, None, f"not a row of a table: {error}")
            continue
        except TooLongError:
            yield Row(lines.number, None, rows.too_long())
            continue
        if fields is None:
            return
        if header is None:
            header = rows.distinct_names([our_names.get(name.strip(), name.strip()) for name in fields])
        elif len(fields) > len(header):
            yield Row(lines.number, None, f"has {len(fields)} fields, the header {len(header)}")
        elif any(fields):
            if not all(map(_is_decoded, fields)):
                yield Row(lines.number, None, rows.REMEDY)
                continue
            value: dict[str, object] = {
                name: objects_listed(field) or field
                for name, field in zip(header, fields, strict=False)
                if field
            }
            yield Row(lines.number, value)


def _is_decoded(field: str) -> bool:
    """Return whether a field was UTF-8: other bytes are kept as lone surrogates."""
    return field.isascii() or _UNDECODED.search(field) is None
