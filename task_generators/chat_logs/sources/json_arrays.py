"""Rows of a JSON array, decoded one at a time."""

from __future__ import annotations

import codecs
import json
import re
from typing import TYPE_CHECKING, BinaryIO

from task_generators.chat_logs.sources import rows
from task_generators.chat_logs.sources.rows import Row, checked_row, is_message, of_messages
from workspaces.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

_PIECE = 256 * 1024
"""Bytes read at once."""

_BLANKS = re.compile(r"[ \t\r\n]*")
_OUTSIDE = re.compile(r'[",\[\]{}]')
_IN_STRING = re.compile(r'"|\\.', re.DOTALL)
"""What ends a stretch of characters that mean nothing, outside of strings and inside."""

MOST_MESSAGES = 10_000
"""Of one conversation; an array of more is rows of their own."""

_SHORT = 1024 * 1024
"""Characters up to which a file that holds no array is parsed as a whole, to report the fault."""


def array_rows(name: str, file: BinaryIO) -> Iterator[Row]:
    """Yield the objects of a JSON array, one in memory at a time; the first one has number 1.

    An array of messages, as a chat API takes it, is one conversation. An element that is a list of messages is one.

    An object is decoded from a buffer that grows until it holds the whole object. (The memory of an event parser
    such as ijson grows with the square of the nesting depth: a file of ``[`` alone would exhaust it.)

    Raises:
        UsageError: the file holds no array, or ends within it. The objects before the fault were yielded.
    """
    buffer = _Buffer(file)
    said: list[object] = []
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
            buffer.skip()
            if (further := buffer.peek()) != "":
                raise ValueError(f"after the array stands {further!r}")
            return
        while True:
            number += 1
            row = _row(number, buffer)
            if len(said) == number - 1 < MOST_MESSAGES and is_message(row.value):
                said.append(row.value)
            else:  # no conversation, after all: each is a row of its own
                yield from (checked_row(place, each) for place, each in enumerate(said, start=1))
                said.clear()
                yield row
            following = buffer.peek()
            buffer.skip()
            if following == "]":
                if said:
                    yield Row(1, of_messages([*said]))
                    said.clear()
                    number = 1
                    while buffer.peek() in ("[", "{"):  # it was the first line of several
                        number += 1
                        yield _row(number, buffer)
                if (further := buffer.peek()) != "":
                    raise ValueError(f"after the array stands {further!r}")
                return
            if following != ",":
                raise ValueError(f"after object {number} stands {following[:1]!r}, not a comma or a bracket")
    except (ValueError, RecursionError) as error:
        if said:
            yield Row(1, of_messages([*said]))
        raise UsageError(f"{name} is not JSON: {' '.join(str(error).split())}") from None


def _row(number: int, buffer: _Buffer) -> Row:
    """Return the row of the next value; one that cannot be unpacked is skipped, and the row says why."""
    try:
        value = buffer.value()
    except TooLongError:
        problem = rows.too_long()
    except RecursionError:
        problem = rows.TOO_DEEP
    except rows.RepeatedKeyError as error:
        problem = str(error)
    else:
        return Row(number, None, rows.TOO_DEEP) if rows.is_too_deep(value) else checked_row(number, value)
    buffer.skip_value()
    return Row(number, None, problem)


class TooLongError(Exception):
    """A value is longer than a row may be."""


class _Buffer:
    """A piece of a JSON text, and the position up to which it was consumed."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._decode = codecs.getincrementaldecoder("utf-8-sig")().decode
        self._json = json.JSONDecoder(object_pairs_hook=rows.with_unique_keys)
        self._text = ""
        self._position = 0
        self._ended = False

    def peek(self) -> str:
        """Return the next character that is not white space; ``""`` at the end."""
        while True:
            blanks = _BLANKS.match(self._text, self._position)
            self._position = blanks.end() if blanks else self._position
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
                    raise TooLongError from None
                if self._ended:
                    raise ValueError(str(error).split(": line")[0]) from None
            self._more()

    def skip_value(self) -> None:
        """Consume the next value, whatever its length and depth, without unpacking it.

        Raises:
            ValueError: the file ends within it.
        """
        depth, in_string = 0, False
        while True:
            while found := (_IN_STRING if in_string else _OUTSIDE).search(self._text, self._position):
                mark = found.group()[0]
                if not in_string and depth == 0 and mark in ",]}":
                    self._position = found.start()
                    return
                self._position = found.end()
                if mark == '"':
                    in_string = not in_string
                elif mark in "[{":
                    depth += 1
                elif mark in "]}":
                    depth -= 1
            # a backslash at the end of the piece belongs to the character after it
            self._position = len(self._text) - (in_string and self._text.endswith("\\", self._position))
            if not self._more():
                raise ValueError("it ends within a value")

    def all_of_a_short_file(self) -> str:
        """Return the text of a file that holds no array; for a long one, an empty object stands in for it."""
        while len(self._text) < _SHORT and self._more():
            pass
        return self._text if self._ended else "{}"

    def _more(self) -> bool:
        """Read as much again as is buffered, so that a long value is retried few times; False at the end."""
        self._text = self._text[self._position :]
        self._position = 0
        piece = self._file.read(
            max(_PIECE, min(len(self._text), rows.MAX_LINE_BYTES + _PIECE - len(self._text)))
        )
        self._ended = not piece
        self._text += self._decode(piece, final=self._ended)
        return not self._ended
