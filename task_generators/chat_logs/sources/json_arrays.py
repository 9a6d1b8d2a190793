"""Rows of a JSON array, decoded one at a time."""

from __future__ import annotations

import codecs
import json
from typing import TYPE_CHECKING, BinaryIO

from task_generators.chat_logs.sources import rows
from task_generators.chat_logs.sources.rows import checked_row
from workspaces.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from task_generators.chat_logs.sources.rows import Row

_PIECE = 256 * 1024
"""Bytes read at once."""

_SHORT = 1024 * 1024
"""Characters up to which a file that holds no array is parsed as a whole, to report the fault."""


def array_rows(name: str, file: BinaryIO) -> Iterator[Row]:
    """Yield the objects of a JSON array, one in memory at a time; the first one has number 1.

    An object is decoded from a buffer that grows until it holds the whole object. (The memory of an event parser
    such as ijson grows with the square of the nesting depth: a file of ``[`` alone would exhaust it.)

    Raises:
        UsageError: the file holds no array, or ends within it. The objects before the fault were yielded.
    """
    buffer = _Buffer(file)
    try:
        opening = buffer.peek()
        if opening == "":
            return
        if opening != "[":
            json.loads(buffer.all_of_a_short_file())
            raise UsageError(f"{name} must hold an array of conversations, or one object a line")
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
        raise UsageError(f"{name} is not JSON: {' '.join(str(error).split())}") from None


class _Buffer:
    """A piece of a JSON text, and the position up to which it was consumed."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._decode = codecs.getincrementaldecoder("utf-8-sig")().decode
        self._json = json.JSONDecoder()
        self._text = ""
        self._position = 0
        self._ended = False

    def peek(self) -> str:
        """Return the next character that is not white space; ``""`` at the end."""
        while True:
            while self._position < len(self._text) and self._text[self._position] in " \t\r\n":
                self._position += 1
            if self._position < len(self._text):
                return self._text[self._position]
            if not self._more():
                return ""

    def skip(self) -> None:
        """Consume the character that ``peek`` returned."""
        self._position += 1

    def value(self) -> object:
        """Return and consume the next value."""
        self.peek()
        while True:
            try:
                value, end = self._json.raw_decode(self._text, self._position)
                if end < len(self._text) or self._ended:
                    self._position = end
                    return value
            except ValueError as error:
                if len(self._text) - self._position > rows.MAX_LINE_BYTES:
                    raise ValueError(f"an object is longer than {rows.MAX_LINE_BYTES} bytes") from None
                if self._ended:
                    raise ValueError(str(error).split(": line")[0]) from None
            self._more()

    def all_of_a_short_file(self) -> str:
        """Return the text of a file that holds no array; for a long one, an empty object stands in for it."""
        while len(self._text) < _SHORT and self._more():
            pass
        return self._text if self._ended else "{}"

    def _more(self) -> bool:
        """Read as much again as is buffered, so that a long value is retried few times; False at the end."""
        self._text = self._text[self._position :]
        self._position = 0
        piece = self._file.read(max(_PIECE, len(self._text)))
        self._ended = not piece
        self._text += self._decode(piece, final=self._ended)
        return not self._ended
