"""The one way in for tables of answers, whatever library made them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

import pandas as pd
import pyarrow as pa

from workspaces.errors import WorkbenchError

if TYPE_CHECKING:
    from collections.abc import Iterable


@runtime_checkable
class ArrowStream(Protocol):
    """A table that hands itself over as an Arrow stream: a data frame of polars, DuckDB or another library."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Return the stream."""
        ...


AnswerTable: TypeAlias = pd.DataFrame | ArrowStream | Sequence[Mapping[str, object]]
"""A table of answers: of pandas, of Arrow or any library that speaks its C stream (polars), or a list of dicts."""

REMEDY = "give a data frame of pandas or polars, an Arrow table, or a list of dicts"


class AnswerTableError(WorkbenchError, ValueError):
    """What was given is not a table of answers; the message says what it is and what is needed."""


def as_frame(table: AnswerTable, columns: Iterable[str] = ()) -> pd.DataFrame:
    """Return a pandas view of a table.

    The text of an Arrow table stays in Arrow's memory; dictionaries become categories, with their order if they have
    one. The cells of a list of dicts keep their types; a key that a row lacks is missing.

    Args:
        table: the table.
        columns: names that it must have. An empty list has all of them.

    Raises:
        AnswerTableError: the input is no table, or lacks one of the columns, or has it twice.
    """
    needed = list(columns)
    frame = _frame_of(table, needed)
    if absent := [name for name in needed if name not in frame.columns]:
        given = ", ".join(map(str, frame.columns[:20])) or "no columns"
        raise AnswerTableError(
            f"the table has no column {', '.join(absent)}; it needs {', '.join(needed)} and has {given}"
        )
    if twice := [name for name in needed if not isinstance(frame[name], pd.Series)]:
        raise AnswerTableError(f"the table has several columns {twice[0]!r}: rename all but one of them")
    return frame


def _frame_of(table: AnswerTable, needed: Sequence[str]) -> pd.DataFrame:
    if isinstance(table, pd.DataFrame):
        return table
    if isinstance(table, ArrowStream):
        return _from_arrow(table, needed)
    if isinstance(table, Sequence) and not isinstance(table, str | bytes):
        if strange := [row for row in table if not isinstance(row, Mapping)]:
            raise AnswerTableError(
                f"a row of the table is a {type(strange[0]).__name__}, not a dict; {REMEDY}"
            )
        names = list(dict.fromkeys(name for row in table for name in row)) if table else list(needed)
        cells = {name: pd.Series([row.get(name) for row in table], dtype=object) for name in names}
        return pd.DataFrame(cells)
    later = "; call its collect() first" if hasattr(table, "collect") else ""
    raise AnswerTableError(f"a {type(table).__name__} is not a table of answers{later}; {REMEDY}")


def _from_arrow(table: ArrowStream, needed: Sequence[str]) -> pd.DataFrame:
    try:
        arrow = table if isinstance(table, pa.Table) else pa.table(table)
    except (TypeError, ValueError, pa.ArrowInvalid) as error:
        raise AnswerTableError(f"a {type(table).__name__} is no table: {error}; {REMEDY}") from None
    if needed and set(needed) <= set(arrow.column_names):
        arrow = arrow.select(needed)
    plain = [_plain(column) for column in arrow.columns]
    frame: pd.DataFrame = pa.Table.from_arrays(plain, arrow.column_names).to_pandas(
        types_mapper=_kept_in_arrow
    )
    return frame


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column without views, and without dictionaries unless these have an order."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        chunks = [
            pa.DictionaryArray.from_arrays(
                chunk.indices,
                _plain(pa.chunked_array([chunk.dictionary])).combine_chunks(),
                ordered=kind.ordered,
            )
            for chunk in column.chunks
        ]
        if not kind.ordered:
            chunks = [chunk.dictionary_decode() for chunk in chunks]
        return (
            pa.chunked_array(chunks).unify_dictionaries()
            if chunks
            else pa.chunked_array([pa.array([], pa.string())])
        )
    if kind in (pa.string_view(), pa.binary_view()):
        return column.cast(pa.large_string() if kind == pa.string_view() else pa.large_binary())
    return column


def _kept_in_arrow(kind: pa.DataType) -> pd.ArrowDtype | None:
    """Return the Arrow type of text; other types go to numpy, because in Arrow's float type NaN is not missing."""
    return pd.ArrowDtype(kind) if pa.types.is_string(kind) or pa.types.is_large_string(kind) else None
