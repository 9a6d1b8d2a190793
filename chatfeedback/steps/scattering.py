"""Scatters what is in a workspace over the portions of an export, many rows at a time."""

from __future__ import annotations

import json
import pickle
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from chatfeedback.steps.grouping import chained, together, with_near_openings
from chatfeedback.steps.openings import joined, only, openings_in, ready
from chatfeedback.steps.portions import (
    CONVERSATION_COLUMNS,
    CONVERSATIONS,
    GROUP,
    NAMES,
    NOWHERE,
    OUTSIDE,
    Portion,
)
from exports.arrays import numbers_of
from exports.arrays import rows_at as taken
from exports.buckets import OF_PORTION
from exports.dataset import our_errors
from workspaces.collection.files import batches_of, rows_at
from workspaces.files import written_before
from workspaces.keys import KeyIndex, keys_of
from workspaces.kinds import all_kinds
from workspaces.read_ahead import read_ahead
from workspaces.store.arrow_rows import annotation_tables, rows_of, task_tables
from workspaces.store.latest_annotations import StoredAnnotation, annotation_of
from workspaces.store.members import members
from workspaces.store.tasks import StoredTask, count_tasks, task_of
from workspaces.workers import LocalWorkers, results_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import sqlalchemy as sa
    from numpy.typing import NDArray

    from chatfeedback.steps.openings import Openings
    from chatfeedback.steps.portions import Shared
    from workspaces.records import Annotation, Task
    from workspaces.workers import Workers
    from workspaces.workspace import Workspace

    Numbers = NDArray[np.int64]

PLACE = "place"
"""The column of answers that wait, of the place of their task."""
TASKS = OF_PORTION
"""Tasks in a portion, on average and if none belong together."""
MOST = 512
"""Portions at most."""
ROWS_AT_ONCE = 2048
BYTES_AT_ONCE = 1 << 25
"""Conversations that are read at once, and their size in memory when they are written."""


def number_of_portions(connection: sa.Connection) -> int:
    """Return into how many portions an export of a store is divided."""
    return min(MOST, max(1, -(-count_tasks(connection) // TASKS)))


class Scattering:
    """Scatters what is in a workspace over portions; the workspace is locked meanwhile.

    Args:
        workspace: whose.
        connection: to its store, at one moment.
        folder: where the portions wait; it is empty.
        near_duplicates: the group of conversations that have a near duplicate; those whose openings have one are added.
        everything: also conversations that no task is about, and that have no near duplicate.
        number: of portions.
        workers: read the collection, where they see it.
    """

    def __init__(
        self,
        workspace: Workspace,
        connection: sa.Connection,
        folder: Path,
        near_duplicates: Mapping[str, str],
        *,
        everything: bool,
        number: int,
        workers: Workers,
    ) -> None:
        self._connection, self._folder = connection, folder
        self.of_rewrites: dict[str, Task] = {}
        self.about_rewrites: list[Annotation] = []
        self._with_answers: dict[str, None] = {}  # the files that hold some, in order
        local = (
            workers if isinstance(workers, LocalWorkers) else LocalWorkers(1)
        )  # a cluster sees no files of ours
        local.prepare(ready)
        ids, shown = self._read_tasks()
        self._tasks = KeyIndex(keys_of(ids))
        self.number = number
        del ids
        names = pc.unique(pa.concat_arrays([shown.values, pa.array([*near_duplicates], pa.string())]))
        self._append("asked", pa.table({"conversation_id": names}))
        found: list[Openings] = []
        self._files: list[tuple[Path, Numbers]] = []
        files = [*workspace.collection.shared_rows()]
        work = [(str(path), str(folder / "asked"), everything) for path, _ in files]
        openings_of = results_of(local, openings_in, work, meanwhile=self._read_answers)
        for (path, shared), some in zip(files, openings_of, strict=True):
            some = only(some, shared.places(keys_of(some.names.to_pylist())) >= 0)
            found.append(some)
            self._files.append((path, some.rows))
        openings = joined(found)
        self.near_duplicates = with_near_openings(near_duplicates, openings, workspace.collection.batches_of)
        self._openings = _digests(openings)
        self._divide(names, shown, openings)

    def _read_tasks(self) -> tuple[list[str], pa.ListArray]:
        """Keep the tasks in a file; return their ids, and the conversations that each shows."""
        kinds = {kind.name for kind in all_kinds().values() if kind.rewrite or kind.judges_rewrites}
        of_rewrites = pa.array(sorted(kinds), pa.string())
        ids: list[str] = []
        shown: list[pa.ListArray] = []
        for table in task_tables(self._connection):
            self._append("tasks", table)
            ids += table.column("task_id").to_pylist()
            shown.append(_listed(table.column("conversation_ids")))
            about = pc.or_(
                pc.is_in(table.column("kind"), value_set=of_rewrites), table.column("rewrites").is_valid()
            )
            self.of_rewrites |= {
                row.task_id: task_of(row) for row in rows_of(StoredTask, table.filter(about))
            }
        return ids, pa.concat_arrays([pa.array([], pa.list_(pa.string())), *shown])

    def _read_answers(self) -> None:
        """Keep the answers in files, each with the place of its task; find those that are about rewrites."""
        about = pa.array([*self.of_rewrites], pa.string())
        outside = OUTSIDE.keys() & {it.status for it in members(self._connection)}
        for status in (None, *sorted(outside)):
            for table in annotation_tables(self._connection, status):
                names = table.column("task_id")
                places = numbers_of(self._tasks.places(keys_of(names.to_pylist())))
                name = status or "answers"
                self._append(name, table.append_column(PLACE, places))
                self._with_answers[name] = None
                if self.of_rewrites and status is None:
                    theirs = table.filter(pc.is_in(names, value_set=about))
                    self.about_rewrites += map(annotation_of, rows_of(StoredAnnotation, theirs))

    def _divide(self, asked: pa.StringArray, shown: pa.ListArray, openings: Openings) -> None:
        """Say to which group and portion each task and conversation belongs."""
        names = pc.unique(pa.concat_arrays([asked, openings.names])).to_pylist()
        index = KeyIndex(keys_of(names))
        self._conversations = index.places(keys_of(openings.names.to_pylist()))
        of_tasks = index.places(keys_of(shown.values.to_pylist()))
        begins = shown.offsets.to_numpy()
        counts = np.diff(begins)
        labels = {label: number for number, label in enumerate({*self.near_duplicates.values()})}
        alike = np.array([labels[label] for label in self.near_duplicates.values()], np.int64)
        pairs = (
            (np.repeat(of_tasks[begins[:-1][counts > 0]], counts[counts > 0]), of_tasks),
            chained(alike, index.places(keys_of(self.near_duplicates))),
            chained(openings.digests, self._conversations[openings.owners]),
        )
        roots = together(len(names), *(np.concatenate(some) for some in zip(*pairs, strict=True)))
        held = np.zeros(len(names), np.bool_)
        held[roots[self._conversations]] = True
        portions = np.unique(roots, return_inverse=True)[1] % self.number
        groups = np.where(held[roots], roots, NOWHERE)
        self._of_conversations = portions, groups
        firsts = of_tasks[begins[:-1][counts > 0]]
        self._of_tasks = np.arange(len(counts)) % self.number, np.full(len(counts), NOWHERE)
        for given, of_names in zip(self._of_tasks, self._of_conversations, strict=True):
            given[counts > 0] = of_names[firsts]

    def tasks(self) -> None:
        """Scatter the tasks."""
        start, of = 0, self._of_tasks[0]
        for table in _kept(self._folder / "tasks") if len(of) else ():  # without any, no file was written
            here = np.arange(start, start + table.num_rows)
            self._scatter("tasks", table, here, *self._of_tasks)
            start += table.num_rows

    def answers(self) -> None:
        """Scatter the answers."""
        for name in self._with_answers:
            for table in _kept(self._folder / name):
                places = table.column(PLACE).combine_chunks().to_numpy()
                self._scatter(name, table.drop_columns(PLACE), places, *self._of_tasks)

    def conversations(self) -> None:
        """Scatter the conversations that are shared."""
        waiting: list[pa.RecordBatch] = []
        begin = end = 0

        def write() -> None:
            table = pa.Table.from_batches(waiting).append_column("opening", self._openings[begin:end])
            self._scatter(CONVERSATIONS, table, self._conversations[begin:end], *self._of_conversations)
            waiting.clear()

        for batch in self._shared():
            waiting.append(batch)
            end += batch.num_rows
            if sum(it.nbytes for it in waiting) >= BYTES_AT_ONCE:
                write()
                begin = end
        if waiting:
            write()

    def _shared(self) -> Iterator[pa.RecordBatch]:
        columns = CONVERSATION_COLUMNS.names[:-2]
        for path, rows in self._files:
            start = 0
            for batch in read_ahead(batches_of(path, columns, ROWS_AT_ONCE)):
                first, last = np.searchsorted(rows, [start, start + batch.num_rows])
                if first < last:
                    yield rows_at(batch, rows[first:last] - start)
                start += batch.num_rows

    def _scatter(
        self, name: str, table: pa.Table, places: Numbers, portions: Numbers, groups: Numbers
    ) -> None:
        """Write each row to the portion, and with the group, that stand at its place; -1: it has none."""
        buffer = pa.py_buffer(np.append(groups, NOWHERE)[places])
        group = pa.Array.from_buffers(pa.int64(), len(places), [None, buffer])
        numbers = np.append(portions, 0)[places]
        order = np.argsort(numbers, kind="stable")
        ordered = taken(table.append_column(GROUP, group).combine_chunks(), order)
        begins = np.flatnonzero(np.diff(numbers[order], prepend=-1)).tolist()
        for first, last in pairwise([*begins, len(order)]):
            self._append(f"{name}-{numbers[order[first]]}", ordered.slice(first, last - first))

    def _append(self, name: str, table: pa.Table) -> None:
        """Add rows to a file: a stream of Arrow, without its end."""
        with our_errors(self._folder), (self._folder / name).open("ab") as file:
            if not file.tell():
                file.write(table.schema.serialize())
            for batch in table.to_batches():
                file.write(batch.serialize())

    def portions(self, shared: Shared) -> list[Portion]:
        """Return the portions, after all was scattered."""
        with our_errors(self._folder), (self._folder / "shared").open("wb") as file:
            pickle.dump(shared, file, pickle.HIGHEST_PROTOCOL)
        with our_errors(self._folder):
            return [
                Portion(
                    str(self._folder),
                    number,
                    {name: self._size(name) for name in (f"{it}-{number}" for it in NAMES)},
                )
                for number in range(self.number)
            ]

    def _size(self, name: str) -> int:
        """Return the bytes of a file, which is there from now on, if with none."""
        path = self._folder / name
        path.touch()
        return path.stat().st_size


def _kept(path: Path) -> Iterator[pa.Table]:
    with written_before(path), pa.OSFile(str(path)) as file:
        yield from (pa.Table.from_batches([batch]) for batch in pa.ipc.open_stream(file))


def _listed(texts: pa.ChunkedArray) -> pa.ListArray:
    """Return lists of texts, which are JSON."""
    size, plain = len(texts), pc.match_substring_regex(texts, r'^\["[^"\\]*"\]$')
    if pc.all(plain).as_py():  # each holds one text
        ends = pa.Array.from_buffers(
            pa.int32(), size + 1, [None, pa.py_buffer(np.arange(size + 1, dtype=np.int32))]
        )
        return pa.ListArray.from_arrays(ends, pc.utf8_slice_codeunits(texts.combine_chunks(), 2, -2))
    return pa.array(map(json.loads, texts.to_pylist()), pa.list_(pa.string()))


def _digests(openings: Openings) -> pa.FixedSizeBinaryArray:
    """Return the digest of the opening of each conversation; null: it has not one alone."""
    size, kind = len(openings.names), pa.binary(8)
    digests = np.zeros(size, np.uint64)
    digests[openings.owners] = openings.digests
    bits = np.packbits(np.bincount(openings.owners, minlength=size) == 1, bitorder="little")
    return pa.Array.from_buffers(kind, size, [pa.py_buffer(bits), pa.py_buffer(digests)])
