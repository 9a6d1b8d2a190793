"""Stores the feedback that came with chat logs, as tasks that were answered elsewhere: never pushed, never paid.

Every id is computed from content alone, so the same log again, or in another order, adds nothing.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, replace
from operator import methodcaller
from typing import TYPE_CHECKING, TypeAlias

from workspaces.records import (
    ANONYMOUS,
    IMPORTED,
    AnnotationStatus,
    Significance,
    Task,
    stable_id,
)
from workspaces.store.annotations import (
    AnnotationRevision,
    add_revisions,
    latest_revisions,
    save_new_annotations,
)
from workspaces.store.conversations import content_hashes
from workspaces.store.tasks import save_tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    import sqlalchemy as sa

    from task_generators.chat_logs.readers import Feedback
    from workspaces.store import Store

Attached: TypeAlias = "tuple[str, tuple[Feedback, ...]] | tuple[str, tuple[Feedback, ...], str]"
"""A conversation's id, and the feedback that came with it; and the id in the log, where the text had an id before."""

PERSON_ID_CHARACTERS = 24


@dataclass(frozen=True, slots=True)
class Kept:
    """How many judgments were new, and how many were not stored because their rater asked to be forgotten."""

    added: int = 0
    forgotten: int = 0


def keep_feedback(
    store: Store,
    attached: Sequence[Attached],
    person_id_of: Callable[[str], str],
    now: datetime,
    meet: Callable[[Iterable[str]], None] = lambda _: None,
    met: Counter[str] | None = None,
    forgotten: Callable[[Sequence[tuple[str, str]]], Sequence[bool]] = lambda judgments: (
        [False] * len(judgments)
    ),
    origin: str = IMPORTED,
) -> Kept:
    """Store feedback that is not stored yet, in one transaction; return how many judgments that are.

    Feedback on a conversation that is not in the collection is ignored.

    A rater without a name is one person for each conversation or, in a format with one rater a row, for each row.
    The *n*-th of several equal judgments of a file is that of its *n*-th rater, whatever the order of the rows: the
    file again adds nothing, and equal rows count as often as they stand in one file.

    Args:
        store: where the feedback is stored.
        attached: conversations, and the feedback that came with each.
        person_id_of: maps the name that a log gives a person to a pseudonym.
        now: this moment, for feedback without a time of its own.
        meet: receives the names that ``person_id_of`` will be called with, to look them up together.
        met: counts the equal judgments met so far, for a file that is stored in several calls.
        forgotten: tells of each (name of a rater, task id) whether a deletion removed this judgment.
        origin: the rules version of the tasks: whether the feedback came with a log, or from our own chat.
    """
    met = Counter() if met is None else met
    with store.read() as connection:
        stored = content_hashes(connection, [each[0] for each in attached])
    present = [each for each in attached if each[0] in stored]
    named = sorted(
        {
            (judgment.rater, _task_id(judgment.sorted_by_message()))
            for _, feedback, *_ in present
            for judgment in feedback
            if judgment.rater
        }
    )
    removed = {key for key, is_removed in zip(named, forgotten(named), strict=True) if is_removed}
    meet(dict.fromkeys(rater for rater, task_id in named if (rater, task_id) not in removed))
    tasks: dict[str, Task] = {}
    revisions: dict[str, AnnotationRevision] = {}
    n_forgotten = 0
    for conversation_id, feedback, *in_log in present:
        answered = []
        for judgment in map(methodcaller("sorted_by_message"), feedback):
            task = _task(conversation_id, judgment, now, origin)
            if (judgment.rater, task.id) in removed:
                n_forgotten += 1
                continue
            person_id = (
                ANONYMOUS + stable_id("a person without a name", *(in_log or [conversation_id]))[:12]
                if judgment.rater is None
                else person_id_of(judgment.rater)
            )
            answered.append((judgment, _answer(task, judgment, person_id, now, met)))
            tasks[task.id] = task
        revisions |= {revision.annotation_id: revision for revision in _with_raters(answered)}
    if not revisions:
        return Kept(0, n_forgotten)
    with store.write() as connection:
        save_tasks(connection, list(tasks.values()))
        return Kept(save_new_annotations(connection, list(revisions.values())), n_forgotten)


def keep_judgment(
    connection: sa.Connection, conversation_id: str, judgment: Feedback, person_id: str, now: datetime
) -> None:
    """Store what a giver says of their own chat beside what came with it; it replaces what they said before.

    Args:
        connection: a writing transaction.
        conversation_id: the conversation.
        judgment: its values are empty where the giver takes back what they said.
        person_id: the giver.
        now: the time of the judgment.
    """
    task = _task(conversation_id, judgment, now, IMPORTED)
    of_task = latest_revisions(connection, [task.id]).values()
    before = sorted(
        (each for each in of_task if each.person_id == person_id), key=lambda each: each.annotation_id
    )
    if not before:
        if judgment.values:
            save_tasks(connection, [task])
            save_new_annotations(connection, [_answer(task, judgment, person_id, now, Counter())])
        return
    said = AnnotationStatus.SUBMITTED if judgment.values else AnnotationStatus.DELETED
    changed = [
        replace(
            each,
            revision=each.revision + 1,
            status=said if place == 0 else AnnotationStatus.DELETED,
            answers=dict(judgment.values),
            content_hash=stable_id(said, json.dumps(dict(judgment.values), sort_keys=True)),
            updated_at=max(now, each.updated_at),
            synced_at=now,
            number=None,
        )
        for place, each in enumerate(before)
    ]
    add_revisions(connection, changed)


def imported_task_id(kind: str, message_ids: Sequence[str]) -> str:
    """Return the id of the task that feedback of a chat log on these messages answers; they are in ascending order."""
    return stable_id(IMPORTED, kind, *message_ids)


def _task_id(judgment: Feedback) -> str:
    return imported_task_id(judgment.kind, judgment.message_ids)


def _task(conversation_id: str, judgment: Feedback, now: datetime, origin: str) -> Task:
    """Return the task of a judgment.

    It shows two responses in the order of their ids: people who saw them in another order answer the same task.
    """
    shown = judgment.message_ids
    return Task(
        id=_task_id(judgment),
        kind=judgment.kind,
        message_ids=shown,
        conversation_ids=(conversation_id,) * len(shown),
        significance=Significance.MEDIUM,
        quote={},
        rules_version=origin,
        platform=IMPORTED,
        overlap=1,
        created_at=now,
    )


def _answer(
    task: Task, judgment: Feedback, person_id: str, now: datetime, met: Counter[str]
) -> AnnotationRevision:
    """Return the annotation of a judgment; with one rater a row, the next equal one is another annotation."""
    values = dict(judgment.values)
    answers_json = json.dumps(values, sort_keys=True)
    content = (IMPORTED, task.id, person_id, answers_json, str(judgment.at))
    annotation_id = stable_id(*content)
    if judgment.one_per_row:
        met[annotation_id] += 1
        if met[annotation_id] > 1:
            annotation_id = stable_id(*content, str(met[annotation_id]))
    return AnnotationRevision(
        annotation_id=annotation_id,
        revision=1,
        task_id=task.id,
        person_id=person_id,
        platform=IMPORTED,
        response_id=annotation_id,
        status=AnnotationStatus.SUBMITTED,
        answers=values,
        content_hash=stable_id(answers_json),
        updated_at=judgment.at or now,
        synced_at=now,
        shown_first=judgment.shown_first,
    )


def _with_raters(answered: Sequence[tuple[Feedback, AnnotationRevision]]) -> Iterator[AnnotationRevision]:
    """Yield the annotations of a row; where each row has its rater, under a pseudonym of the row.

    Several judgments of one task in a row are by as many raters. A pseudonym is made of the annotations' ids.
    """
    raters: dict[int, list[AnnotationRevision]] = {}
    places: Counter[str] = Counter()
    for judgment, revision in answered:
        if judgment.one_per_row:
            raters.setdefault(places[revision.task_id], []).append(revision)
            places[revision.task_id] += 1
        else:
            yield revision
    for revisions in raters.values():
        first = min(revision.annotation_id for revision in revisions)
        for revision in revisions:
            yield replace(revision, person_id=f"{ANONYMOUS}{first}"[:PERSON_ID_CHARACTERS])
