"""Polls a platform for answers and keeps every change as a revision.

Everything enters once: an answer that says the same as its latest revision is no news, whatever its time. Answers
that were deleted on the platform get a revision of their own, so that they can be settled back.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from workspaces.records import AnnotationStatus, stable_id
from workspaces.store.annotations import (
    AnnotationRevision,
    content_hash,
    latest_revisions,
    save_revisions,
)
from workspaces.store.deletions import forgotten_people
from workspaces.store.tasks import containers, push_times, task_ids_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from workspaces.platforms.base import Platform, RemoteAnswer
    from workspaces.store import Store


@dataclass(slots=True)
class Synced:
    """What a poll found: new answers, changed ones, deleted ones, and those we had already.

    ``strangers`` counts answers to records that are no tasks of ours.
    """

    new: int = 0
    changed: int = 0
    deleted: int = 0
    unchanged: int = 0
    strangers: int = 0


def sync(
    store: Store,
    platform: Platform,
    clock: Callable[[], datetime],
    advance: Callable[[int], None] = lambda _: None,
) -> Synced:
    """Bring every answer on a platform into the store, a page at a time, each page in one transaction.

    Raises:
        ConnectionFailedError: the platform stopped answering; what was read until then is kept.
    """
    result = Synced()
    with store.read() as connection:
        container_ids = containers(connection, platform.name)
    for container_id in container_ids:
        with store.read() as connection:
            placed = task_ids_in(connection, container_id, platform.name)
        seen: set[str] = set()
        for page in platform.pull(container_id):
            ours = [answer for answer in page if answer.task_id in placed]
            result.strangers += len(page) - len(ours)
            seen.update(annotation_id_of(platform.name, answer.response_id) for answer in ours)
            record_answers(store, platform.name, ours, clock(), result)
            advance(len(ours))
        _record_deletions(store, platform, container_id, placed, seen, clock(), result)
    return result


def record_answers(
    store: Store, platform: str, answers: Sequence[RemoteAnswer], now: datetime, result: Synced
) -> None:
    """Keep what these answers say beyond what is known, in one transaction, and count it in ``result``.

    Answers of somebody who asked to be forgotten stay as they were left then.
    """
    with store.write() as connection:
        forgotten = forgotten_people(connection)
        known = latest_revisions(connection, sorted({answer.task_id for answer in answers}))
        revisions: dict[str, AnnotationRevision] = {}
        in_order = sorted(answers, key=lambda answer: answer.updated_at)
        newest = {answer.response_id: answer for answer in in_order}
        for answer in newest.values():  # a listing that shifts while it is read repeats answers
            annotation_id = annotation_id_of(platform, answer.response_id)
            revision = _revision(platform, annotation_id, answer, now)
            before = known.get(annotation_id)
            if before is not None and before.person_id in forgotten:
                result.unchanged += 1
                continue
            if before is None:
                result.new += 1
            elif _is_news(revision, before):
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
    """Ask again for each answer that the listing did not show: pages of a changing list can skip one.

    Answers from before a task was put there again are not missed: we took them off ourselves (``withdrawals``).
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
        present = {
            annotation_id_of(platform.name, answer.response_id)
            for answer in platform.answers_to(placed[task_id])
        }
        gone = [
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
                    for revision in gone
                ],
            )
        result.deleted += len(gone)


def _is_news(revision: AnnotationRevision, before: AnnotationRevision) -> bool:
    """Return whether a revision says something new. A page read long ago may be older than what is stored.

    An answer that was deleted and exists again is news whatever its time: the deletion has our clock's time.
    """
    returned = before.status is AnnotationStatus.DELETED
    return revision.content_hash != before.content_hash and (
        returned or revision.updated_at >= before.updated_at
    )


def _revision(platform: str, annotation_id: str, answer: RemoteAnswer, now: datetime) -> AnnotationRevision:
    """Return an answer as the first revision of its annotation."""
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
    """Return the id under which an answer is kept."""
    return stable_id("annotation", platform, response_id)
