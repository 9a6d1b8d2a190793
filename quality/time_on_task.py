"""Time on task: how long each answer took, as far as platforms tell. Nobody is paid less for being quick.

Label Studio keeps how long a page was open (``lead_time``). Elsewhere the time since a person's previous answer, or
since the task was first shown to them, is an upper bound.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pandas as pd

from workspaces.records import IMPORTED, AnnotationStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from workspaces.records import Annotation, Task

BATCH_SECONDS = 1.0
"""Answers that follow each other faster were sent together: they share the time since the one before."""

BREAK_SECONDS = 1800.0
"""A longer time since the previous answer is a break and tells nothing."""

COLUMNS = ("person", "platform", "kind", "task_id", "seconds", "is_bound", "characters")


def time_table(
    annotations: Iterable[Annotation],
    tasks: Mapping[str, Task],
    first_submitted: Mapping[tuple[str, str], datetime],
    characters: Mapping[str, int],
) -> pd.DataFrame:
    """Return one row for each submitted answer whose time is known: the columns ``COLUMNS``.

    Args:
        annotations: the latest revision of every annotation.
        tasks: by id.
        first_submitted: when a person first submitted an answer to a task, by (person, task).
        characters: the length of each message, by id.

    Returns:
        ``seconds`` is over 0; where ``is_bound``, the answer took at most so long. ``characters`` is the length of the
        responses that the task shows, 0 where it is not known.
    """
    submitted = [
        answer
        for answer in annotations
        if answer.status is AnnotationStatus.SUBMITTED and answer.platform != IMPORTED
    ]
    bounds = dict(_bounds(submitted, first_submitted))
    rows = []
    for answer in submitted:
        seconds = answer.lead_time if answer.lead_time is not None else bounds.get(answer.id)
        if seconds is None or seconds <= 0:
            continue
        task = tasks[answer.task_id]
        length = sum(characters.get(name, 0) for name in task.message_ids)
        is_bound = answer.lead_time is None
        rows.append((answer.person_id, answer.platform, task.kind, task.id, seconds, is_bound, length))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def medians(times: pd.DataFrame) -> pd.DataFrame:
    """Return the median time of each person and kind of task.

    Columns ``person``, ``kind``, ``answers``, ``seconds`` (the median), ``is_bound`` (whether an upper bound is
    among what it is taken of: then it is one, too); people with the lowest medians first.
    """
    grouped = times.groupby(["person", "kind"], as_index=False).agg(
        answers=("seconds", "size"), seconds=("seconds", "median"), is_bound=("is_bound", "any")
    )
    return grouped.sort_values(["seconds", "person", "kind"], ignore_index=True)


def _bounds(
    submitted: Sequence[Annotation], first_submitted: Mapping[tuple[str, str], datetime]
) -> Iterator[tuple[str, float]]:
    """Yield upper bounds of the time of answers, by annotation id, platform by platform."""
    by_person: dict[tuple[str, str], list[tuple[datetime, Annotation]]] = {}
    for answer in submitted:
        at = first_submitted.get((answer.person_id, answer.task_id), answer.updated_at)
        by_person.setdefault((answer.person_id, answer.platform), []).append((at, answer))
    for answers in by_person.values():
        answers.sort(key=lambda it: (it[0], it[1].id))
        previous: datetime | None = None
        for batch in _batches(answers):
            at = batch[-1][0]
            served = [answer.served_at for _, answer in batch if answer.served_at is not None]
            starts = [it for it in (previous, min(served, default=None)) if it is not None and it <= at]
            if starts and (seconds := (at - max(starts)).total_seconds()) <= BREAK_SECONDS:
                for _, answer in batch:
                    yield answer.id, seconds / len(batch)
            previous = at


def _batches(
    answers: Sequence[tuple[datetime, Annotation]],
) -> Iterator[list[tuple[datetime, Annotation]]]:
    batch = list(answers[:1])
    for (before, _), following in pairwise(answers):
        if (following[0] - before).total_seconds() >= BATCH_SECONDS:
            yield batch
            batch = []
        batch.append(following)
    yield batch
