"""Divides rows over the portions of an export."""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from chatfeedback.steps.portions import ANSWER_COLUMNS, CONVERSATION_COLUMNS, GROUP, OPENING
from exports.arrays import NOWHERE, numbers_of, rows_at
from exports.dataset import our_errors
from workspaces.batch_files import batch_file
from workspaces.keys import KeyIndex, keys_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import TypeAlias

    from numpy.typing import NDArray

    from workspaces.batch_files import Waiting

    Numbers = NDArray[np.int64]
    Placed: TypeAlias = tuple[pa.Table, Numbers, Numbers]
    """A table, and the portion and the group of every row."""
    Portioned: TypeAlias = Mapping[int, Sequence[Waiting]]
    """What waits for each portion, by its number."""

BYTES_AT_ONCE = 1 << 25
"""The size of conversations that are divided at once."""


def portioned(path: Path, tables: Iterable[Placed], schema: pa.Schema) -> Portioned:
    """Write tables to a new file, the rows of each portion together.

    Args:
        path: of the file.
        tables: what it holds.
        schema: of the tables, and ``GROUP`` behind.

    Raises:
        CannotWriteError: it cannot be written.
    """
    found: dict[int, list[Waiting]] = defaultdict(list)
    with batch_file(path, schema, partial(our_errors, path.parent)) as add:
        for table, portions, groups in tables:
            order = np.argsort(portions, kind="stable")
            whole = table.append_column(GROUP, numbers_of(groups)).cast(schema).combine_chunks()
            rows = rows_at(whole, order)
            begins = np.flatnonzero(np.diff(portions[order], prepend=-1)).tolist()
            for first, last in pairwise([*begins, len(order)]):
                found[int(portions[order[first]])] += map(add, rows.slice(first, last - first).to_batches())
    return dict(found)


def portioned_answers(
    kept: Sequence[Waiting], tasks: Sequence[Waiting], target: str, portions: Numbers, groups: Numbers
) -> Portioned:
    """Write answers that were kept to a new file, those of each portion together.

    Args:
        kept: the answers (``kept_answers``).
        tasks: all tasks (``kept_tasks``).
        target: the path of the new file.
        portions: of each task.
        groups: of each task; of an answer to a task that is not there it is ``NOWHERE``, and its portion the first.

    Raises:
        CannotWriteError: it cannot be written.
    """
    names = (name for it in tasks for name in it.read(["task_id"]).column(0).to_pylist())
    index = KeyIndex(keys_of([*names]))
    portions, groups = np.append(portions, 0), np.append(groups, NOWHERE)

    def tables() -> Iterator[Placed]:
        for batch in (it.read() for it in kept):
            places = index.places(keys_of(batch.column("task_id").to_pylist()))
            yield pa.Table.from_batches([batch]), portions[places], groups[places]

    return portioned(Path(target), tables(), ANSWER_COLUMNS)


def portioned_conversations(
    kept: Sequence[Waiting],
    target: str,
    rows: Numbers,
    openings: NDArray[np.uint64],
    alone: NDArray[np.bool_],
    portions: Numbers,
    groups: Numbers,
) -> Portioned:
    """Write conversations that were kept to a new file, those of each portion together.

    Args:
        kept: all that were kept of a file of the collection (``openings_in``).
        target: the path of the new file.
        rows: which of them; ascending.
        openings: the digest of an opening of each.
        alone: whether it has that one alone.
        portions: of each.
        groups: of each.

    Raises:
        CannotWriteError: it cannot be written.
    """
    bits = np.packbits(alone, bitorder="little")
    buffers = [pa.py_buffer(bits), pa.py_buffer(np.ascontiguousarray(openings))]
    opening = pa.Array.from_buffers(OPENING.type, len(rows), buffers)

    def tables() -> Iterator[Placed]:
        begin = 0
        for table in _conversations(kept, rows):
            end = begin + table.num_rows
            yield table.append_column(OPENING, opening[begin:end]), portions[begin:end], groups[begin:end]
            begin = end

    return portioned(Path(target), tables(), CONVERSATION_COLUMNS)


def merged(some: Iterable[Portioned]) -> Portioned:
    """Return what waits for each portion in several files, in order."""
    found: dict[int, list[Waiting]] = defaultdict(list)
    for each in some:
        for number, waiting in each.items():
            found[number] += waiting
    return found


def _conversations(kept: Iterable[Waiting], rows: Numbers) -> Iterator[pa.Table]:
    """Yield conversations, so many at a time that they are worth a batch for each portion."""
    some: list[pa.RecordBatch] = []
    start = 0
    for batch in (it.read() for it in kept):
        first, last = np.searchsorted(rows, [start, start + batch.num_rows])
        if first < last:
            some.append(rows_at(batch, rows[first:last] - start))
        start += batch.num_rows
        if sum(it.nbytes for it in some) >= BYTES_AT_ONCE:
            yield pa.Table.from_batches(some)
            some.clear()
    if some:
        yield pa.Table.from_batches(some)
