"""Settles answers: posts the difference between what they earn now and what was posted for them before.

An edit, a discard or a deletion corrects the balance. Settling twice, or half, or in another order comes to the
same balances.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from reward_engine.accounts import credit
from reward_engine.ledger import Posting, post
from reward_engine.rates import earned, multiplied
from workspaces.records import AnnotationStatus
from workspaces.store.insert import insert_rows
from workspaces.store.tables import settlement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from workspaces.records import Annotation, Task


@dataclass(frozen=True, slots=True)
class Posted:
    """What was posted so far for one part of one person's answer to one task."""

    points: int
    times: int
    multiplier: float


@dataclass(frozen=True, slots=True)
class Due:
    """One correction to post."""

    person_id: str
    task_id: str
    part: str
    delta: int
    multiplier: float
    annotation: Annotation
    posting: Posting


def posted(connection: sa.Connection) -> dict[tuple[str, str, str], Posted]:
    """Return what was posted so far, by (person, task, part)."""
    key = (settlement.c.person_id, settlement.c.task_id, settlement.c.part)
    query = sa.select(*key, settlement.c.delta, settlement.c.multiplier).order_by(settlement.c.sequence)
    found: dict[tuple[str, str, str], Posted] = {}
    for person_id, task_id, part, delta, multiplier in connection.execute(query):
        before = found.get((person_id, task_id, part), Posted(0, 0, multiplier))
        found[person_id, task_id, part] = Posted(before.points + delta, before.times + 1, before.multiplier)
    return found


def due(
    tasks: Mapping[str, Task],
    annotations: Iterable[Annotation],
    so_far: Mapping[tuple[str, str, str], Posted],
    multipliers: Mapping[str, float],
    response_of: Callable[[Task], str | None],
) -> list[Due]:
    """Return the corrections that bring every balance to what the answers earn. Pure.

    Where a person has answered one task several times (Label Studio allows it), the latest submitted answer
    counts. The multiplier that an answer was first paid with stays with it, so that a later drop in confidence
    never takes back points for old work.

    Args:
        tasks: every task, by id.
        annotations: the latest revision of every annotation.
        so_far: what was posted already.
        multipliers: each person's confidence multiplier now; 1 for who is not in it.
        response_of: the text that a task's suggestion would rewrite.
    """
    counted: dict[tuple[str, str], Annotation] = {}
    for annotation in annotations:
        key = (annotation.person_id, annotation.task_id)
        if key not in counted or _rank(annotation) > _rank(counted[key]):
            counted[key] = annotation
    corrections: list[Due] = []
    for (person_id, task_id), annotation in sorted(
        counted.items(), key=lambda item: (item[1].updated_at, item[0])
    ):
        task = tasks[task_id]
        response = response_of(task) if annotation.values.get("suggestion") else None
        for part, points in sorted(earned(task.quote, annotation, response).items()):
            before = so_far.get((person_id, task_id, part))
            multiplier = before.multiplier if before else multipliers.get(person_id, 1.0)
            delta = multiplied(points, multiplier) - (before.points if before else 0)
            if delta == 0:
                continue
            times = before.times if before else 0
            posting = Posting(
                key=f"settle/{person_id}/{task_id}/{part}/{times + 1}",
                entries=credit(person_id, delta),
                reason=_reason(task, part, annotation, delta, multiplier, first=before is None),
                rules_version=task.rules_version,
                event_at=annotation.updated_at,
            )
            corrections.append(Due(person_id, task_id, part, delta, multiplier, annotation, posting))
    return corrections


def settle(connection: sa.Connection, corrections: Sequence[Due], now: datetime) -> None:
    """Post corrections and remember what each was for, in the caller's transaction."""
    numbers = post(connection, [correction.posting for correction in corrections], now)
    rows = [
        (
            correction.person_id,
            correction.task_id,
            correction.part,
            number,
            correction.annotation.id,
            correction.annotation.revision,
            correction.multiplier,
            correction.delta,
        )
        for number, correction in zip(numbers, corrections, strict=True)
    ]
    insert_rows(connection, settlement, rows)


def _rank(annotation: Annotation) -> tuple[bool, datetime, str]:
    return (annotation.status is AnnotationStatus.SUBMITTED, annotation.updated_at, annotation.id)


def _reason(
    task: Task, part: str, annotation: Annotation, delta: int, multiplier: float, *, first: bool
) -> str:
    what = f"{part} of a {task.kind} task of {task.significance} significance"
    if first:
        factor = "" if multiplier == 1.0 else f", times {multiplier:.2f} for confidence"
        return f"{what}{factor}"
    return f"{what}: corrected, the answer is now {annotation.status} (revision {annotation.revision})"
