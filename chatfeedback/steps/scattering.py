"""Scatters what is in a workspace over the portions of an export, many rows at a time."""

from __future__ import annotations

import json
import pickle
from functools import partial
from operator import call
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from chatfeedback.steps.grouping import chained, together, with_near_openings
from chatfeedback.steps.kept_rows import kept_answers, kept_tasks
from chatfeedback.steps.openings import joined, only, openings_in, ready
from chatfeedback.steps.portioning import merged, portioned, portioned_answers, portioned_conversations
from chatfeedback.steps.portions import (
    ANSWERS,
    CONVERSATIONS,
    TASK_COLUMNS,
    TASK_ROWS,
    Portion,
)
from chatfeedback.steps.reading import Reading
from chatfeedback.steps.scattered import forget
from exports.arrays import NOWHERE
from exports.buckets import OF_PORTION
from exports.dataset import our_errors
from workspaces.batch_files import keep
from workspaces.keys import KeyIndex, keys_of
from workspaces.kinds import all_kinds
from workspaces.store.arrow_rows import rows_of
from workspaces.store.conversations import entries_of
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
    from chatfeedback.steps.portioning import Placed, Portioned
    from chatfeedback.steps.portions import Shared
    from chatfeedback.steps.reading import Coming
    from workspaces.batch_files import Waiting
    from workspaces.records import Annotation, Task
    from workspaces.workers import Workers
    from workspaces.workspace import Workspace

    Numbers = NDArray[np.int64]

TASKS = OF_PORTION
"""Tasks in a portion, on average and if none belong together."""
MOST = 512
"""Portions at most."""


def number_of_portions(connection: sa.Connection) -> int:
    """Return into how many portions an export of a store is divided."""
    return min(MOST, max(1, -(-count_tasks(connection) // TASKS)))


class Scattering:
    """Scatters what is in a workspace over portions; the workspace is locked meanwhile, and the workers stay.

    Args:
        workspace: whose.
        connection: to its store, at one moment.
        folder: where the portions wait; it is empty.
        near_duplicates: the group of conversations that have a near duplicate; those whose openings have one are added.
        everything: also conversations that no task is about, and that have no near duplicate.
        number: of portions.
        workers: read the store and the collection, where they see them.
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
        self._folder, self.number = folder, number
        self._workers = (
            workers if isinstance(workers, LocalWorkers) else LocalWorkers(1)
        )  # a cluster sees no files of ours
        reading = Reading(connection, self._workers)
        tasks = reading.begin(kept_tasks, str(folder))
        answers = reading.begin(kept_answers, str(folder), {it.status for it in members(connection)})
        self._workers.prepare(ready)
        files = [*workspace.collection.shared_rows()]
        self._tasks = tasks.result()
        self.of_rewrites: dict[str, Task] = {}
        shown = self._see_tasks()
        asked = pc.unique(pa.concat_arrays([shown.values, pa.array([*near_duplicates], pa.string())]))
        names = pa.table({"conversation_id": asked})
        waiting = keep(folder / "asked", [names], names.schema, partial(our_errors, folder))
        work = [
            (str(path), waiting, str(folder / f"kept-{number}"), everything)
            for number, (path, _) in enumerate(files)
        ]
        of_files = results_of(
            self._workers, openings_in, work, partial(self._while_they_look, answers, asked, shown)
        )
        found = [
            only(some, shared, self._numbers) for (_, shared), (some, _) in zip(files, of_files, strict=True)
        ]
        self._kept = [(kept, some.rows) for (_, kept), some in zip(of_files, found, strict=True)]
        openings = joined(found)
        self.near_duplicates = with_near_openings(near_duplicates, openings, workspace.collection.batches_of)
        self._openings = _digests(openings)
        self._divide(shown, openings)
        self.first_asked = self._first_asked(connection if everything else None, openings)

    def _see_tasks(self) -> pa.ListArray:
        """Find the tasks that are about rewrites; return the conversations that each task shows."""
        kinds = {kind.name for kind in all_kinds().values() if kind.rewrite or kind.judges_rewrites}
        of_rewrites = pa.array(sorted(kinds), pa.string())
        shown = [pa.array([], pa.list_(pa.string()))]
        for batch in (it.read() for it in self._tasks):
            shown.append(_listed(batch.column("conversation_ids")))
            about = pc.or_(
                pc.is_in(batch.column("kind"), value_set=of_rewrites), batch.column("rewrites").is_valid()
            )
            theirs = pa.Table.from_batches([batch]).filter(about)
            self.of_rewrites |= {row.task_id: task_of(row) for row in rows_of(StoredTask, theirs)}
        return pa.concat_arrays(shown)

    def about_rewrites(self) -> list[Annotation]:
        """Return the answers that are about rewrites, of those that count."""
        if not self.of_rewrites:
            return []
        about = pa.array([*self.of_rewrites], pa.string())
        batches = (it.read() for it in self._answers[ANSWERS])
        tables = (pa.Table.from_batches([it.filter(pc.is_in(it["task_id"], about))]) for it in batches)
        return [annotation_of(row) for table in tables for row in rows_of(StoredAnnotation, table)]

    def _while_they_look(
        self, answers: Coming[Mapping[str, list[Waiting]]], asked: pa.StringArray, shown: pa.ListArray
    ) -> None:
        """Number the conversations that are asked for, find the numbers of those that tasks show, read answers."""
        self._numbers = KeyIndex(keys_of(asked.to_pylist()))
        self._shown = self._numbers.places(keys_of(shown.values.to_pylist()))
        self._answers = answers.result()

    def _divide(self, shown: pa.ListArray, openings: Openings) -> None:
        """Say to which group and portion each task and conversation belongs."""
        self._conversations = self._numbers.places(keys_of(openings.names.to_pylist()))
        others = np.flatnonzero(self._conversations < 0)  # nobody asks for them
        size = len(self._numbers) + len(others)
        self._conversations[others] = np.arange(len(self._numbers), size)
        begins, of_tasks = shown.offsets.to_numpy(), self._shown
        counts = np.diff(begins)
        labels = {label: number for number, label in enumerate({*self.near_duplicates.values()})}
        alike = np.array([labels[label] for label in self.near_duplicates.values()], np.int64)
        pairs = (
            (np.repeat(of_tasks[begins[:-1][counts > 0]], counts[counts > 0]), of_tasks),
            chained(alike, self._numbers.places(keys_of(self.near_duplicates))),
            chained(openings.digests, self._conversations[openings.owners]),
        )
        roots = together(size, *(np.concatenate(some) for some in zip(*pairs, strict=True)))
        held = np.zeros(size, np.bool_)
        held[roots[self._conversations]] = True
        portions = np.unique(roots, return_inverse=True)[1] % self.number
        groups = np.where(held[roots], roots, NOWHERE)
        self._of_conversations = portions, groups
        firsts = of_tasks[begins[:-1][counts > 0]]
        self._of_tasks = np.arange(len(counts)) % self.number, np.full(len(counts), NOWHERE)
        for given, of_names in zip(self._of_tasks, self._of_conversations, strict=True):
            given[counts > 0] = of_names[firsts]

    def _first_asked(self, connection: sa.Connection | None, openings: Openings) -> dict[bytes, int]:
        """Return in which order people were first asked about the openings that hang together with others, by digest.

        These are openings of conversations with a near duplicate, or with several openings. Tasks are oldest first.
        Where rows may be there that nobody was asked about, theirs follow, in the order in which they were shared.
        """
        asked, places = np.unique(self._shown, return_index=True)
        first = np.full(len(self._numbers) + len(openings.names), NOWHERE)
        first[asked] = places
        near = pc.is_in(openings.names, pa.array([*self.near_duplicates], pa.string()))
        linked = np.asarray(near.cast(pa.uint8()), np.bool_) | ~self._openings[1]
        of_linked = np.isin(openings.digests, openings.digests[linked[openings.owners]])
        if connection is not None:
            others = np.unique(openings.owners[of_linked])
            others = others[first[self._conversations[others]] == NOWHERE]
            names = openings.names.take(pa.array(others)).to_pylist()
            times = {name: it.shared_at or it.added_at for name, it in entries_of(connection, names).items()}
            by_time = sorted(range(len(names)), key=lambda place: (times[names[place]], names[place]))
            first[self._conversations[others[by_time]]] = np.arange(len(names)) + len(self._shown)
        order = first[self._conversations[openings.owners]]
        found = np.flatnonzero(of_linked & (order != NOWHERE))
        found = found[np.argsort(-order[found])]  # the first one is the last that is said of a digest
        digests = (digest.tobytes() for digest in openings.digests[found])
        return dict(zip(digests, order[found].tolist(), strict=True))

    def portions(self, shared: Shared) -> list[Portion]:
        """Scatter all rows over the portions, and return these."""
        work = [*self._work_at_answers(), *self._work_at_conversations()]
        tasks: list[Portioned] = []
        found = results_of(self._workers, call, work, lambda: tasks.append(self._portioned_tasks()))
        for name in (TASK_ROWS, *self._answers, *(f"kept-{number}" for number in range(len(self._kept)))):
            forget(self._folder / name)
        path = self._folder / "shared"
        with our_errors(self._folder), path.open("wb") as file:
            pickle.dump(shared, file, pickle.HIGHEST_PROTOCOL)
        n_answers = len(self._answers)
        waiting = {
            TASK_ROWS: tasks[0],
            **dict(zip(self._answers, found[:n_answers], strict=True)),
            CONVERSATIONS: merged(found[n_answers:]),
        }
        return [
            Portion(str(path), {name: some.get(number, ()) for name, some in waiting.items()})
            for number in range(self.number)
        ]

    def _portioned_tasks(self) -> Portioned:
        def tables() -> Iterator[Placed]:
            start = 0
            for batch in (it.read() for it in self._tasks):
                end = start + batch.num_rows
                yield pa.Table.from_batches([batch]), *(it[start:end] for it in self._of_tasks)
                start = end

        return portioned(self._folder / f"{TASK_ROWS}-of-portions", tables(), TASK_COLUMNS)

    def _work_at_answers(self) -> Iterator[tuple[Any, ...]]:
        for name, kept in self._answers.items():
            target = self._folder / f"{name}-of-portions"
            yield portioned_answers, kept, self._tasks, str(target), *self._of_tasks

    def _work_at_conversations(self) -> Iterator[tuple[Any, ...]]:
        begin = 0
        for number, (kept, rows) in enumerate(self._kept):
            end = begin + len(rows)
            target = self._folder / f"{CONVERSATIONS}-{number}"
            openings = (it[begin:end] for it in self._openings)
            of_them = (it[self._conversations[begin:end]] for it in self._of_conversations)
            yield portioned_conversations, kept, str(target), rows, *openings, *of_them
            begin = end


def _listed(texts: pa.StringArray) -> pa.ListArray:
    """Return lists of texts, which are JSON."""
    size, plain = len(texts), pc.match_substring_regex(texts, r'^\["[^"\\]*"\]$')
    if pc.all(plain).as_py():  # each holds one text
        ends = pa.Array.from_buffers(
            pa.int32(), size + 1, [None, pa.py_buffer(np.arange(size + 1, dtype=np.int32))]
        )
        return pa.ListArray.from_arrays(ends, pc.utf8_slice_codeunits(texts, 2, -2))
    return pa.array(map(json.loads, texts.to_pylist()), pa.list_(pa.string()))


def _digests(openings: Openings) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
    """Return the digest of an opening of each conversation, and whether it has that one alone."""
    size = len(openings.names)
    digests = np.zeros(size, np.uint64)
    digests[openings.owners] = openings.digests
    return digests, np.bincount(openings.owners, minlength=size) == 1
