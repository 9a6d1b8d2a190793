"""Rows of the text formats that are not one JSON object a line: arrays, tables, dialogs."""

from __future__ import annotations

import codecs
import csv
import io
import json
from typing import TYPE_CHECKING, BinaryIO

from task_generators.chat_logs.sources import rows
from task_generators.chat_logs.sources.rows import Row, checked_row
from workspaces.errors import UsageError

if TYPE_CHECKING:
    import _csv
    from collections.abc import Iterator, Mapping
    from pathlib import Path

MAX_LINES = 20_000
"""Of one dialog."""

_PIECE = 256 * 1024
_SHORT = 1024 * 1024


def array_rows(path: Path, file: BinaryIO) -> Iterator[Row]:
    """Yield the objects of a JSON array, one in memory at a time; the first one has number 1.

    Each is decoded where it stands in a buffer, which grows until it holds the whole of it. (A parser of events
    such as ijson's takes memory with the square of the depth: a file of ``[`` alone would fill it.)

    Raises:
        UsageError: the file holds no array, or ends within it. What stands before the fault was yielded.
    """
    buffer = _Buffer(file)
    try:
        opening = buffer.peek()
        if opening == "":
            return
        if opening != "[":
            json.loads(buffer.all_of_a_short_file())
            raise UsageError(
                f"{path} must hold an array of conversations; for one object a line, name it .jsonl"
            )
        buffer.skip()
        number = 0
        if buffer.peek() == "]":
            return
        while True:
            number += 1
            yield checked_row(number, buffer.value())
            following = buffer.peek()
            buffer.skip()
            if following == "]":
                return
            if following != ",":
                raise ValueError(f"after object {number} stands {following[:1]!r}, not a comma or a bracket")
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is not JSON: {' '.join(str(error).split())}") from None


class _Buffer:
    """A piece of a JSON text, and the place in it that was read up to."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._decode = codecs.getincrementaldecoder("utf-8-sig")().decode
        self._json = json.JSONDecoder()
        self._text = ""
        self._place = 0
        self._ended = False

    def peek(self) -> str:
        """Return the next character that is no white space; ``""`` at the end."""
        while True:
            while self._place < len(self._text) and self._text[self._place] in " \t\r\n":
                self._place += 1
            if self._place < len(self._text):
                return self._text[self._place]
            if not self._more():
                return ""

    def skip(self) -> None:
        """Go on behind the character that ``peek`` returned."""
        self._place += 1

    def value(self) -> object:
        """Return the next value, and go on behind it."""
        self.peek()
        while True:
            try:
                value, end = self._json.raw_decode(self._text, self._place)
                if end < len(self._text) or self._ended:
                    self._place = end
                    return value
            except ValueError as error:
                if len(self._text) - self._place > rows.MAX_LINE_BYTES:
                    raise ValueError(f"an object is longer than {rows.MAX_LINE_BYTES} bytes") from None
                if self._ended:
                    raise ValueError(str(error).split(": line")[0]) from None
            self._more()

    def all_of_a_short_file(self) -> str:
        """Return the text of a file that is no array; of a long one its beginning, as an empty object."""
        while len(self._text) < _SHORT and self._more():
            pass
        return self._text if self._ended else "{}"

    def _more(self) -> bool:
        """Read on, as much as is waiting, so that a long value is tried few times; False at the end."""
        self._text = self._text[self._place :]
        self._place = 0
        piece = self._file.read(max(_PIECE, len(self._text)))
        self._ended = not piece
        self._text += self._decode(piece, final=self._ended)
        return not self._ended


def table_rows(file: BinaryIO, delimiter: str, columns: Mapping[str, str]) -> Iterator[Row]:
    """Yield the rows of a table with a header, numbered by their last line; an empty field is left out.

    Args:
        file: the table, in UTF-8.
        delimiter: what stands between two fields.
        columns: the table's own name of each column that is called otherwise there.
    """
    csv.field_size_limit(rows.MAX_LINE_BYTES)
    with io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="") as text:
        yield from _table(
            csv.reader(text, delimiter=delimiter), {theirs: ours for ours, theirs in columns.items()}
        )


def _table(reader: _csv.Reader, names: Mapping[str, str]) -> Iterator[Row]:
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
            header = [names.get(name.strip(), name.strip()) for name in fields]
        elif len(fields) > len(header):
            yield Row(reader.line_num, None, f"has {len(fields)} fields, the header {len(header)}")
        elif any(fields):
            given = {name: value for name, value in zip(header, fields, strict=False) if value}
            yield Row(reader.line_num, given)


def dialog_rows(file: BinaryIO) -> Iterator[Row]:
    """Yield dialogs as ``{"lines": [...]}``, numbered by their first line.

    A dialog ends at an empty line, before a line that begins with ``1`` and a blank, and after ``episode_done:True``.
    """
    lines: list[str] = []
    first = number = 0
    while raw := file.readline(rows.MAX_LINE_BYTES):
        number += 1
        line = raw.decode("utf-8-sig" if number == 1 else "utf-8", "surrogateescape").rstrip("\r\n")
        if lines and (not line.strip() or line.startswith("1 ")):
            yield _dialog(first, lines)
            lines = []
        if line.strip():
            first = first if lines else number
            if len(lines) <= MAX_LINES:
                lines.append(line)
            if "\tepisode_done:True" in line:
                yield _dialog(first, lines)
                lines = []
    if lines:
        yield _dialog(first, lines)


def _dialog(number: int, lines: list[str]) -> Row:
    if len(lines) > MAX_LINES:
        return Row(number, None, f"a dialog of more than {MAX_LINES} lines")
    return Row(number, {"lines": lines})
