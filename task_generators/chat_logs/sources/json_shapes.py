"""The shapes of JSON files: an array, objects a line, one object, or one object with the list of rows inside."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

from task_generators.chat_logs.readers import RowError, detect, is_known
from task_generators.chat_logs.readers.columns import has_value
from task_generators.chat_logs.sources import rows
from task_generators.chat_logs.sources.packed import Line
from workspaces.errors import UsageError

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator, Mapping

    from task_generators.chat_logs.readers import RowValue
    from task_generators.chat_logs.sources.packed import Packed

ARRAY, LINES, OBJECT = "array", "lines", "object"
_DEPTH = 3
_PEEKED = 64 * 1024


class NoRowsError(UsageError):
    """A file is sound, and holds no rows: a description, settings, one person's data."""


def shape_of(file: io.BufferedReader) -> str | None:
    """Return the shape of a JSON text by its beginning, without consuming it; None: it does not begin like one."""
    start = file.peek(_PEEKED)[:_PEEKED].lstrip()
    if start.startswith(b"["):
        return ARRAY
    if not start.startswith(b"{"):
        return None
    line, newline, rest = start.partition(b"\n")
    if not newline:  # one object, or a first line that is longer than what was looked at
        return OBJECT
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return OBJECT if line.strip() in (b"{", b"{}") or not rest.lstrip().startswith(b"{") else LINES
    return LINES if rest.strip() else OBJECT


def object_rows(name: str, file: io.BufferedReader, beside: list[str]) -> Iterator[Packed]:
    """Yield the row that one object is, or the rows of the one list of objects in it that a reader knows.

    A long line that another one follows is a line of JSON after all.

    Args:
        name: the file's name, for errors.
        file: the file.
        beside: gets the paths of what stands beside the list of rows, and is not read.

    Raises:
        UsageError: it is no JSON, is too long to be held, or has no such list, or several.
    """
    lines = enumerate(iter(partial(file.readline, rows.MAX_LINE_BYTES), b""), start=1)
    (_, text) = next(lines, (1, b""))
    number, following = next((line for line in lines if line[1].strip()), (0, b""))
    if following and _is_json(text):
        yield Line(1, text)
        yield Line(number, following)
        yield from (Line(number, line) for number, line in lines if line.strip())
        return
    text += following + file.read(max(0, rows.MAX_LINE_BYTES - len(text) - len(following)))
    if len(text) >= rows.MAX_LINE_BYTES:
        raise UsageError(
            f"{name} is one object of more than {rows.MAX_LINE_BYTES} bytes: write the list inside it as one object a "
            "line (jq -c '.LIST[]')"
        )
    try:
        value = json.loads(text, object_pairs_hook=rows.with_unique_keys)
    except rows.RepeatedKeyError as error:
        yield rows.Row(1, None, str(error))
        return
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{name} is not JSON: {' '.join(str(error).split())}") from None
    lists = dict(_lists(value, "", _DEPTH)) if isinstance(value, dict) else {}
    known = {path: items for path, items in lists.items() if any(is_known(item) for item in items[:20])}
    if not isinstance(value, dict) or (is_known(value) and not (known and not _is_read(value))):
        yield rows.checked_row(1, value)
        return
    chosen = known or lists
    if len(chosen) != 1:
        places = (
            f"lists of objects are at {', '.join(sorted(chosen))}"
            if chosen
            else "it holds no list of objects"
        )
        raise NoRowsError(
            f"{name} holds one object that is no conversation: it must hold an array of conversations, one list of "
            f"them inside the object, or one a line, as .jsonl does; {places}"
        )
    ((path, items),) = chosen.items()
    beside += _beside(value, path.split("."), "")
    for number, item in enumerate(items, start=1):
        yield rows.checked_row(number, item)


def _is_read(row: RowValue) -> bool:
    """Return whether a row that a reader knows by its columns is one: ``conversations`` may hold turns, or rows."""
    reader = detect(row)
    try:
        return reader is not None and bool(reader.read(row))
    except RowError:
        return False


def _beside(value: Mapping[str, object], path: list[str], at: str) -> Iterator[str]:
    """Yield the paths of the values that are not on the way to a list."""
    for key, item in value.items():
        if key != path[0]:
            if has_value(item):
                yield f"{at}{key}"
        elif len(path) > 1 and isinstance(item, dict):
            yield from _beside(item, path[1:], f"{at}{key}.")


def _lists(value: Mapping[str, object], at: str, depth: int) -> Iterator[tuple[str, list[dict[str, object]]]]:
    for key, item in value.items():
        path = f"{at}.{key}" if at else key
        if isinstance(item, list) and item and all(isinstance(each, dict) for each in item):
            yield path, item
        elif isinstance(item, dict) and depth > 1:
            yield from _lists(item, path, depth - 1)


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True
