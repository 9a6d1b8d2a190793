"""One row of a chat log: its number, and its value or the reason why it has none."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pydantic_core import from_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

REMEDY = "not UTF-8: save it as UTF-8, or name its encoding, such as --encoding cp1252"

MAX_LINE_BYTES = 16 * 1024 * 1024
"""The longest line, JSON object, table row or dialog that is read.

Three times the characters of the longest conversation. Unpacked, a line can take forty times its bytes (``[{},{},``).
"""

MAX_DEPTH = 200
"""Of nested values, as deep as the fast parser goes; some of what handles rows calls itself for each level."""

TOO_DEEP = "nested too deeply"


def too_long() -> str:
    """Return the problem of a row that is too long."""
    return f"longer than {MAX_LINE_BYTES} bytes"


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its number (from 1), and its value or the problem that prevents reading it.

    ``numbers`` are the numbers of the rows that this row combines; empty for a single row.
    """

    number: int
    value: dict[str, object] | None
    problem: str | None = None
    numbers: tuple[int, ...] = ()

    count: ClassVar[int] = 1
    size: ClassVar[int] = 1000
    """Bytes, as a guess."""

    def rows(self) -> Iterator[Row]:
        """Yield this row."""
        yield self


_OF_MESSAGES = frozenset(
    {
        "role", "content", "name", "tool_calls", "tool_call_id", "function_call", "refusal", "reasoning",
        "reasoning_content", "annotations", "audio",
    }
)  # fmt: skip
"""Keys of a message of OpenAI's protocol; an object with any other one tells more than a message."""


def is_message(value: object) -> bool:
    """Return whether a JSON value is one message as chat APIs write it, and nothing more."""
    return isinstance(value, dict) and "role" in value and value.keys() <= _OF_MESSAGES


def of_messages(messages: list[object]) -> dict[str, object]:
    """Return the row that a bare list of messages is: one conversation."""
    return {"messages": messages}


def checked_row(number: int, value: object) -> Row:
    """Return a row for a JSON value, which has to be an object, or the list of messages of one conversation."""
    if isinstance(value, list) and value and all(map(is_message, value)):
        return Row(number, of_messages(value))
    if not isinstance(value, dict):
        return Row(number, None, f"not an object but {type(value).__name__}")
    return Row(number, value)


def parsed_row(number: int, line: bytes | None) -> Row:
    """Return the row of one line of JSON, or its problem. None stands for a line that is too long."""
    if line is None:
        return Row(number, None, too_long())
    try:
        value = _json_value(line)
    except UnicodeDecodeError:
        return Row(number, None, REMEDY)
    except RepeatedKeyError as error:
        return Row(number, None, str(error))
    except RecursionError:
        return Row(number, None, f"not JSON that can be read: {TOO_DEEP}")
    except ValueError as error:
        return Row(number, None, f"not JSON: {error}")
    return checked_row(number, value)


def is_too_deep(value: object) -> bool:
    """Return whether values are nested more than ``MAX_DEPTH`` deep; takes no recursion."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for outer in level
            for inner in (
                outer.values() if isinstance(outer, dict) else outer if isinstance(outer, list) else ()
            )
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


class RepeatedKeyError(Exception):
    """An object has a key twice, with different values: parsers keep the last one alone."""


def with_unique_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Return the object of these keys and values.

    Raises:
        RepeatedKeyError: a key stands twice with different values.
    """
    found = dict(pairs)
    if len(found) < len(pairs):
        for key, value in pairs:
            if found[key] != value:
                raise RepeatedKeyError(f"a key stands twice with different values: {key[:40]!r}")
    return found


_NESTED = frozenset({dict, list})


def _may_repeat_keys(line: bytes, value: object) -> bool:
    """Return whether a line of JSON has more keys, or what looks like them, than its value."""
    keys = 0
    waiting = [value]
    for inner in waiting:  # grows
        if type(inner) is dict:
            keys += len(inner)
            waiting += [each for each in inner.values() if type(each) in _NESTED]
        elif type(inner) is list:
            waiting += [each for each in inner if type(each) in _NESTED]
    return line.count(b'":') + line.count(b'" :') != keys


def _json_value(line: bytes) -> object:
    """Parse JSON with the fast parser; ``json`` gets what that refuses: it accepts more and explains refusals."""
    try:
        value: object = from_json(line, cache_strings="keys")
        if _may_repeat_keys(line, value):
            json.loads(line, object_pairs_hook=with_unique_keys)
        return value
    except ValueError:
        value = json.loads(line, object_pairs_hook=with_unique_keys)
        if is_too_deep(value):
            raise RecursionError from None
        return value


def distinct_names(names: Sequence[str]) -> list[str]:
    """Return the names of columns: the second of one name gets a number behind it, as one without a name does."""
    met: Counter[str] = Counter()
    distinct = []
    for position, name in enumerate(names, start=1):
        named = name or f"column {position}"
        met[named] += 1
        distinct.append(named if met[named] == 1 else f"{named} ({met[named]})")
    return distinct
