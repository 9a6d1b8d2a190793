"""Rows of a table as JSON, made column by column: canonical, by which rows are compared and digests made, or to read.

Canonical JSON is what ``json.dumps`` writes of a row with sorted keys, without blanks, and with the letters of all
scripts as they are.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from exports.columns import JSON, ListOf
from exports.context import TOOLS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from exports.columns import Columns, ColumnType

canonical_json = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode
"""Return a value as canonical JSON."""

json_text = json.JSONEncoder(ensure_ascii=False).encode
"""Return a value as JSON to read: keys in their order, with blanks."""


@dataclass(frozen=True, slots=True)
class _Form:
    """How objects are written: what is between two values and behind a key, in which order, and other values."""

    comma: str
    colon: str
    is_sorted: bool
    encode: Callable[[Any], str]


_CANONICAL = _Form(",", ":", is_sorted=True, encode=canonical_json)
_TO_READ = _Form(", ", ": ", is_sorted=False, encode=json_text)
LINE_ENDS = "\x85\u2028\u2029"
"""What JSON writes as it is, and Unicode, and so ``str.splitlines``, calls the end of a line."""
_ESCAPED = r'["\\\x00-\x1f]'
_NULL = "null"


def canonical_lines(table: pa.Table, columns: Columns) -> pa.Array:
    """Return the rows of a table of these columns (``exports.json_columns``), each with a line break behind it.

    A row without tools has no key of that name; what else it has not is null.
    """
    return _lines(table, columns, _CANONICAL)


def json_lines(table: pa.Table, columns: Columns) -> pa.Array:
    """Return the same rows as lines of JSON to read, however their reader tells lines apart."""
    lines = _lines(table, columns, _TO_READ)
    for end in LINE_ENDS:
        lines = pc.replace_substring(lines, end, f"\\u{ord(end):04x}")
    return lines


def _lines(table: pa.Table, columns: Columns, form: _Form) -> pa.Array:
    batch = table.combine_chunks()
    values = {name: _one(batch.column(name)) for name in columns}
    return joined(_object(values, columns, form), "\n")


def _one(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else pa.array([], column.type)


def _text(values: pa.Array, kind: ColumnType, form: _Form) -> pa.Array:
    """Return values as JSON, null where they are null."""
    if isinstance(kind, ListOf):
        inside = _text(values.flatten(), kind.element, form).fill_null(_NULL)
        return joined("[", pc.binary_join(_listed(values, inside), form.comma), "]")
    if not isinstance(kind, str):
        inside = dict(zip(kind, values.flatten(), strict=True))
        return pc.if_else(values.is_valid(), _object(inside, kind, form), None)
    if kind == JSON:
        return _each(values, lambda text: form.encode(json.loads(text)))
    if pa.types.is_string(values.type):
        return quoted(values)
    if pa.types.is_floating(values.type):
        bits = values.view(pa.int64()).dictionary_encode()  # of equal numbers, one; 0.0 and -0.0 are two
        return _each(bits.dictionary.view(pa.float64()), canonical_json).take(bits.indices)
    return values.cast(pa.string())  # of flags and whole numbers


def _object(fields: Mapping[str, pa.Array], kinds: Mapping[str, ColumnType], form: _Form) -> pa.Array:
    """Return objects as JSON, from what their fields hold."""
    pieces: list[pa.Array | str] = ["{"]
    for place, name in enumerate(sorted(fields) if form.is_sorted else fields):
        key = f"{form.comma if place else ''}{canonical_json(name)}{form.colon}"
        text = _text(fields[name], kinds[name], form)
        if name == TOOLS and kinds[name] == JSON:
            pieces.append(joined(key, text).fill_null(""))
        else:
            pieces += [key, text.fill_null(_NULL)]
    return joined(*pieces, "}")


def _listed(lists: pa.ListArray, inside: pa.Array) -> pa.ListArray:
    """Return lists of the same lengths, null where they are null, of other values."""
    lengths = lists.value_lengths().fill_null(0)
    offsets = pa.concat_arrays([pa.array([0], pa.int32()), pc.cumulative_sum(lengths)])
    return pa.ListArray.from_arrays(offsets, inside, mask=lists.is_null())


def quoted(texts: pa.Array) -> pa.Array:
    """Return texts as JSON, null where they are null."""
    quoted = joined('"', texts, '"')
    if not _may_be_escaped(texts):
        return quoted
    escaped = pc.match_substring_regex(texts, _ESCAPED)
    return pc.replace_with_mask(quoted, escaped, _each(texts.filter(escaped), canonical_json))


def _may_be_escaped(texts: pa.Array) -> bool:
    """Return whether any byte of texts, or of others in the same memory, is escaped in JSON."""
    data = texts.buffers()[2]
    used = np.frombuffer(b"" if data is None else data, np.uint8)
    return bool((used < ord(" ")).any() or (used == ord('"')).any() or (used == ord("\\")).any())


def _each(values: pa.Array, said: Callable[[Any], str]) -> pa.Array:
    return pa.array([None if it is None else said(it) for it in values.to_pylist()], pa.string())


def joined(*pieces: pa.Array | str) -> pa.Array:
    """Return texts one behind the other, row by row."""
    return pc.binary_join_element_wise(*pieces, "")
