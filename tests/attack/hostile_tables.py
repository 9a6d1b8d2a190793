"""Parquet and Arrow files of kilobytes that unpack to gigabytes; as a program: ``PATH NAME`` writes one.

It imports little, because each is made by a process of its own: what that takes of memory is not the reader's.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq


def one_cell() -> pa.Array:
    """One cell of 0.9 GB between two of a few bytes."""
    return pa.array(["before", "x" * 900_000_000, "after"], pa.large_string())


def same_text_again_and_again() -> pa.Array:
    """A long text ten thousand times, which a dictionary holds once."""
    texts = pa.array(["x" * 15_000_000])
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(10_000, np.int32)), texts)


def lists_of_nothing() -> pa.Array:
    return pa.ListArray.from_arrays([0, 0, 2**26], pa.nulls(2**26))


def rows_of_nothing() -> pa.Array:
    return pa.nulls(20_000_000, pa.int8())


def deep() -> pa.Array:
    array = pa.array([1, 2, 3])
    for _ in range(100):
        array = pa.StructArray.from_arrays([array], ["a"])
    return array


MAKERS = {
    made.__name__: made
    for made in (one_cell, same_text_again_and_again, lists_of_nothing, rows_of_nothing, deep)
}


def write(path: Path, column: pa.Array) -> None:
    table = pa.table({"response": column})
    if path.suffix == ".parquet":
        pq.write_table(
            table,
            path,
            compression="zstd",
            row_group_size=2**31 - 1,
            use_dictionary=pa.types.is_dictionary(column.type),
            write_statistics=False,  # which takes most of the time
        )
    else:
        with pa.ipc.new_file(
            str(path), table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")
        ) as file:
            file.write_table(table)


if __name__ == "__main__":
    write(Path(sys.argv[1]), MAKERS[sys.argv[2]]())
