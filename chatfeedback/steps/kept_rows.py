"""Keeps tasks and answers in files, by this process or by another, until their portions are known."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from chatfeedback.steps.portions import ANSWERS, OUTSIDE, TASK_ROWS
from exports.dataset import our_errors
from workspaces.batch_files import keep
from workspaces.store.arrow_rows import ANNOTATIONS, TASKS, annotation_tables, task_tables

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from workspaces.batch_files import Waiting
    from workspaces.store.arrow_rows import Source
    from workspaces.store.members import MemberStatus


def kept_tasks(source: Source, folder: str) -> list[Waiting]:
    """Keep all tasks in a file of a folder, oldest first.

    Raises:
        CannotWriteError: it cannot be written.
        UnreadableError: ``source`` is a file that cannot be read.
    """
    return keep(Path(folder) / TASK_ROWS, task_tables(source), TASKS, partial(our_errors, Path(folder)))


def kept_answers(
    source: Source, folder: str, outside: Collection[MemberStatus]
) -> Mapping[str, list[Waiting]]:
    """Keep the answers that count, and those of people who are outside; return them by ``ANSWERS`` and status.

    Args:
        source: where they stand.
        folder: where the files go.
        outside: how people are who are outside.

    Raises:
        CannotWriteError: they cannot be written.
        UnreadableError: ``source`` is a file that cannot be read.
    """
    path = Path(folder)
    statuses = {ANSWERS: None, **{status.value: status for status in OUTSIDE if status in outside}}
    return {
        name: keep(path / name, annotation_tables(source, status), ANNOTATIONS, partial(our_errors, path))
        for name, status in statuses.items()
    }
