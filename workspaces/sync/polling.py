"""Polls a platform for answers, and stores every change as a revision.

Each change is stored once: an answer with the content of its latest revision is not a change, whatever its time. An
answer that was deleted on the platform gets a revision too, so that its settlement can be reversed.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from workspaces.errors import WorkbenchError
from workspaces.records import AnnotationStatus, stable_id
from workspaces.store.annotations import (
    AnnotationRevision,
    content_hash,
    latest_revisions,
    save_revisions,
)
from workspaces.store.deletions import forgotten_people
from workspaces.store.tasks import containers, push_times, task_ids_in
from workspaces.sync.reading import Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from workspaces.platforms.base import Platform, RemoteAnswer
    from workspaces.store import Store


@dataclass(slots=True)
class Synced:
    """The result of a poll: how many answers were new, changed, deleted, and unchanged.

    ``strangers`` counts the answers to records that are not tasks of this workspace. ``failures`` says what could not
    be read, one line for each; all the rest was read.
    """

    new: int = 0
    changed: int = 0
    deleted: int = 0
    unchanged: int = 0
    strangers: int = 0
    failures: list[str] = field(default_factory=list)


def sync(
    store: Store,
    platform: Platform,
    clock: Callable[[], datetime],
    advance: Callable[[int], None] = lambda _: None,
) -> Synced:
    """Store every answer on a platform, page by page, each page in one transaction.

    A container, page or task that cannot be read keeps no other one from being read: it is one of the ``failures``.
    """
    result = Synced()
    with store.read() as connection:
        container_ids = containers(connection, platform.name)
    for container_id in container_ids:
        with store.read() as connection:
            placed = task_ids_in(connection, container_id, platform.name)
        seen: set[str] = set()
        reading = Reading(platform, container_id, placed)
        for page in reading:
            answers = [answer for answer in page if answer.task_id in placed]
            result.strangers += len(page) - len(answers)
            seen.update(annotation_id_of(platform.name, answer.response_id) for answer in answers)
            record_answers(store, platform.name, answers, clock(), result)
            advance(len(answers))
        result.failures += reading.failures
        readable = {task_id: remote for task_id, remote in placed.items() if task_id not in reading.unread}
        _record_deletions(store, platform, container_id, readable, seen, clock(), result)
    return result


def record_answers(
    store: Store, platform: str, answers: Sequence[RemoteAnswer], now: datetime, result: Synced
) -> None:
    """Store the new and changed ones of these answers in one transaction, and count all of them in ``result``.

    Answers of a person who asked to be forgotten are not changed any more.
    """
    with store.write() as connection:
        forgotten = forgotten_people(connection)
        known = latest_revisions(connection, sorted({answer.task_id for answer in answers}))
        revisions: dict[str, AnnotationRevision] = {}
        in_order = sorted(answers, key=lambda answer: answer.updated_at)
        newest = {answer.response_id: answer for answer in in_order}
        for answer in newest.values():  # a listing that changes while it is read may repeat answers
            annotation_id = annotation_id_of(platform, answer.response_id)
            revision = _revision(platform, annotation_id, answer, now)
            before = known.get(annotation_id)
            if before is not None and before.person_id in forgotten:
                result.unchanged += 1
                continue
            if before is None:
                result.new += 1
            elif _is_change(revision, before):
                revision = replace(revision, revision=before.revision + 1)
                result.changed += 1
            else:
                result.unchanged += 1
                continue
            revisions[annotation_id] = revision
        save_revisions(connection, list(revisions.values()))


def _record_deletions(
    store: Store,
    platform: Platform,
    container_id: str,
    placed: Mapping[str, str],
    seen: set[str],
    now: datetime,
    result: Synced,
) -> None:
    """Record the deletion of answers that the listing does not contain and that the platform does not return either.

    The platform is asked for each of them, because the pages of a changing listing can skip an answer. Answers from
    before a task was pushed again are not deletions: the workbench removed them itself (``withdrawals``).
    """
    with store.read() as connection:
        known = latest_revisions(connection, sorted(placed))
        since = push_times(connection, container_id, platform.name)
        forgotten = forgotten_people(connection)
    missing = {
        annotation_id: revision
        for annotation_id, revision in known.items()
        if revision.status is not AnnotationStatus.DELETED
        and annotation_id not in seen
        and revision.person_id not in forgotten
        and revision.synced_at >= since[revision.task_id]
    }
    for task_id in sorted({revision.task_id for revision in missing.values()}):
        try:
            answers = platform.answers_to(placed[task_id])
        except WorkbenchError as error:
            result.failures.append(f"{container_id}: {error}")
            continue
        present = {annotation_id_of(platform.name, answer.response_id) for answer in answers}
        deleted = [
            revision
            for annotation_id, revision in missing.items()
            if revision.task_id == task_id and annotation_id not in present
        ]
        with store.write() as connection:
            save_revisions(
                connection,
                [
                    replace(
                        revision,
                        revision=revision.revision + 1,
                        status=AnnotationStatus.DELETED,
                        answers={},
                        content_hash=content_hash(AnnotationStatus.DELETED, {}),
                        updated_at=now,
                        synced_at=now,
                    )
                    for revision in deleted
                ],
            )
        result.deleted += len(deleted)


def _is_change(revision: AnnotationRevision, before: AnnotationRevision) -> bool:
    """Return whether a revision is a change. It is not if its page was read before the stored revision was updated.

    An answer that was deleted and exists again is a change whatever its time, because the time of a deletion is that of
    our clock.
    """
    returned = before.status is AnnotationStatus.DELETED
    return revision.content_hash != before.content_hash and (
        returned or revision.updated_at >= before.updated_at
    )


def _revision(platform: str, annotation_id: str, answer: RemoteAnswer, now: datetime) -> AnnotationRevision:
    """Return an answer as a first revision of its annotation."""
    values = dict(sorted(answer.values.items()))
    return AnnotationRevision(
        annotation_id=annotation_id,
        revision=1,
        task_id=answer.task_id,
        person_id=answer.person_id,
        platform=platform,
        response_id=answer.response_id,
        status=answer.status,
        answers=values,
        content_hash=content_hash(answer.status, values),
        updated_at=answer.updated_at,
        synced_at=now,
    )


def annotation_id_of(platform: str, response_id: str) -> str:
    """Return the id under which an answer is stored."""
    return stable_id("annotation", platform, response_id)
