"""Rewrites of all people in one long table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from quality.votes import COLUMNS
from workspaces.kinds import kind_of
from workspaces.records import AnnotationStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from workspaces.records import Annotation, Task


def rewrites(annotations: Iterable[Annotation], tasks: Mapping[str, Task]) -> pd.DataFrame:
    """Return one row per submitted rewrite; ``krippendorff_alpha(table, text_distance)`` measures them.

    Args:
        annotations: the latest revision of every annotation; only submitted ones count.
        tasks: by id, at least those the submitted annotations name.

    Returns:
        The text columns of ``quality.votes``; ``question`` is the name of the rewrite question, ``item`` the ids
        of the messages shown, ascending and joined by ``|``, and ``value`` the text. If a person rewrote the same
        item in several tasks, the rewrite updated last counts.

    Raises:
        KeyError: a submitted annotation names a task that is not given.
    """
    submitted = [
        annotation
        for annotation in annotations
        if annotation.status is AnnotationStatus.SUBMITTED and tasks[annotation.task_id].reask_of is None
    ]
    submitted.sort(key=lambda annotation: (annotation.updated_at, annotation.id))
    rows = [
        (
            task.kind,
            kind.rewrite.name,
            kind.item(task.message_ids, task.conversation_ids),
            annotation.person_id,
            text,
            task.id,
        )
        for annotation in submitted
        for task in [tasks[annotation.task_id]]
        for kind in [kind_of(task.kind)]
        if kind.rewrite is not None and (text := kind.rewrite_in(annotation.values).strip())
    ]
    key = list(COLUMNS[:4])
    table = pd.DataFrame(rows, columns=list(COLUMNS), dtype="str")
    return table.drop_duplicates(key, keep="last").sort_values(key, ignore_index=True)
