"""Stores the feedback that came with chat logs, as tasks that were answered elsewhere: never pushed, never paid.

Every id is computed from content alone, so the same log again, or in another order, adds nothing.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypeAlias

from workspaces.records import (
    ANONYMOUS,
    IMPORTED,
    AnnotationStatus,
    Significance,
    Task,
    stable_id,
)
from workspaces.store.annotations import AnnotationRevision, save_new_annotations
from workspaces.store.conversations import content_hashes
from workspaces.store.tasks import save_tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from task_generators.chat_logs.readers import Feedback
    from workspaces.store import Store

Attached: TypeAlias = "tuple[str, tuple[Feedback, ...]]"
"""A conversation's id, and the feedback that came with it."""


def keep_feedback(
    store: Store,
    attached: Sequence[Attached],
    person_id_of: Callable[[str], str],
    now: datetime,
    meet: Callable[[Iterable[str]], None] = lambda _: None,
) -> int:
    """Store feedback that is not stored yet, in one transaction; return how many judgements that are.

    Feedback on a conversation that is not in the collection (its text is stored under another id) is ignored.
    Unnamed raters of one conversation count as one person, those of another conversation as another.

    Args:
        store: where the feedback is stored.
        attached: conversations, and the feedback that came with each.
        person_id_of: maps the name that a log gives a person to a pseudonym.
        now: this moment, for feedback without a time of its own.
        meet: receives the names that ``person_id_of`` will be called with, to look them up together.
    """
    meet(
        dict.fromkeys(
            judgement.rater for _, feedback in attached for judgement in feedback if judgement.rater
        )
    )
    with store.read() as connection:
        stored = content_hashes(connection, [conversation_id for conversation_id, _ in attached])
    tasks: dict[str, Task] = {}
    revisions: dict[str, AnnotationRevision] = {}
    for conversation_id, feedback in attached:
        for judgement in feedback if conversation_id in stored else ():
            task, revision = _answered_task(conversation_id, judgement, person_id_of, now)
            tasks[task.id] = task
            revisions[revision.annotation_id] = revision
    if not revisions:
        return 0
    with store.write() as connection:
        save_tasks(connection, list(tasks.values()))
        return save_new_annotations(connection, list(revisions.values()))


def _answered_task(
    conversation_id: str, judgement: Feedback, person_id_of: Callable[[str], str], now: datetime
) -> tuple[Task, AnnotationRevision]:
    """Return the task of a judgement and the annotation that answers it.

    The task shows two responses in the order of their ids: people who saw them in another order answer the same
    task.
    """
    feedback = judgement.sorted_by_message()
    shown = feedback.message_ids
    values = dict(feedback.values)
    if feedback.rater is None:
        person_id = ANONYMOUS + stable_id("a person without a name", conversation_id)[:12]
    else:
        person_id = person_id_of(feedback.rater)
    task = Task(
        id=stable_id(IMPORTED, feedback.kind, *shown),
        kind=feedback.kind,
        message_ids=shown,
        conversation_ids=(conversation_id,) * len(shown),
        significance=Significance.MEDIUM,
        quote={},
        rules_version=IMPORTED,
        platform=IMPORTED,
        overlap=1,
        created_at=now,
    )
    answers_json = json.dumps(values, sort_keys=True)
    annotation_id = stable_id(IMPORTED, task.id, person_id, answers_json, str(feedback.at))
    revision = AnnotationRevision(
        annotation_id=annotation_id,
        revision=1,
        task_id=task.id,
        person_id=person_id,
        platform=IMPORTED,
        response_id=annotation_id,
        status=AnnotationStatus.SUBMITTED,
        answers=values,
        content_hash=stable_id(answers_json),
        updated_at=feedback.at or now,
        synced_at=now,
    )
    return task, revision
