"""Keeps tasks and answers in files, by this process or by another, until their portions are known."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from chatfeedback.steps.portions import ANSWERS, OUTSIDE, TASK_ROWS
from exports.arrays import numbers_of
from exports.dataset import our_errors
from workspaces.batch_files import keep
from workspaces.keys import KeyIndex, keys_of
from workspaces.store.arrow_rows import ANNOTATIONS, TASKS, annotation_tables, task_tables

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from workspaces.batch_files import Waiting
    from workspaces.store.arrow_rows import Source
    from workspaces.store.members import MemberStatus

PLACE = pa.field("place", pa.int64())
"""The column of answers of the place of their task among all tasks; -1: there is no such task."""


def kept_tasks(source: Source, folder: str) -> list[Waiting]:
    """Keep all tasks in a file of a folder, oldest first.

    Raises:
        CannotWriteError: it cannot be written.
        UnreadableError: ``source`` is a file that cannot be read.
    """
    return keep(Path(folder) / TASK_ROWS, task_tables(source), TASKS, partial(our_errors, Path(folder)))


def kept_answers(
    source: Source, tasks: Sequence[Waiting], folder: str, outside: Collection[MemberStatus]
) -> Mapping[str, list[Waiting]]:
    """Keep the answers that count, and those of people who are outside; return them by ``ANSWERS`` and status.

    Args:
        source: where they stand.
        tasks: all of them, as they were kept.
        folder: where the files go.
        outside: how people are who are outside.

    Raises:
        CannotWriteError: they cannot be written.
        UnreadableError: ``source`` is a file that cannot be read.
    """
    names = (name for it in tasks for name in it.read(["task_id"]).column(0).to_pylist())
    places = KeyIndex(keys_of([*names]))

    def placed(status: MemberStatus | None) -> Iterator[pa.Table]:
        for table in annotation_tables(source, status):
            here = places.places(keys_of(table.column("task_id").to_pylist()))
            yield table.append_column(PLACE, numbers_of(here))

    statuses = {ANSWERS: None, **{status.value: status for status in OUTSIDE if status in outside}}
    return {
        name: keep(
            Path(folder) / name, placed(status), ANNOTATIONS.append(PLACE), partial(our_errors, Path(folder))
        )
        for name, status in statuses.items()
    }
