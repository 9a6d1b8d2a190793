"""Polls a platform for answers, and stores every change as a revision.

Each change is stored once: an answer with the content of its latest revision is not a change, whatever its time. An
answer that its author deleted on the platform gets a revision too, so that its settlement can be reversed.

No clock of ours decides anything: changes are told apart by the platform's own times, and an answer that is missing by
where it stood.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from workspaces.errors import WorkbenchError
from workspaces.records import AnnotationStatus
from workspaces.store.annotations import latest_revisions
from workspaces.store.deletions import forgotten_people
from workspaces.store.flags import FlagStatus
from workspaces.store.standing import standing
from workspaces.store.tasks import containers, task_ids_in
from workspaces.sync.reading import Reading
from workspaces.sync.recording import (
    Synced,
    annotation_id_of,
    disputed_deletions,
    record_answers,
    record_deletions,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from workspaces.platforms.base import Platform
    from workspaces.store import Store
    from workspaces.store.annotations import AnnotationRevision


def sync(
    store: Store,
    platform: Platform,
    clock: Callable[[], datetime],
    advance: Callable[[int], None] = lambda _: None,
    *,
    hold_strangers: bool = True,
) -> Synced:
    """Store every answer on a platform, page by page, each page in one transaction.

    A container, page or task that cannot be read keeps no other one from being read: it is one of the ``failures``.
    With ``hold_strangers`` the answers of people whom nobody invited count for nothing until they are accepted.
    """
    result = Synced()
    with store.read() as connection:
        container_ids = containers(connection, platform.name)
    for container_id in container_ids:
        with store.read() as connection:
            remote_ids = task_ids_in(connection, container_id, platform.name)
        placed = {remote_id: task_id for task_id, remote_id in remote_ids.items()}
        seen: set[str] = set()
        reading = Reading(platform, container_id, remote_ids)
        for page in reading:
            seen.update(annotation_id_of(platform.name, answer.response_id) for answer in page)
            record_answers(store, platform.name, page, placed, clock(), result, hold_strangers=hold_strangers)
            advance(sum(answer.remote_id in placed for answer in page))
        result.failures += reading.failures
        readable = {
            task_id: remote for task_id, remote in remote_ids.items() if task_id not in reading.unread
        }
        _look_for_missing(store, platform, container_id, readable, seen, clock(), result)
    with store.read() as connection:
        stands = standing(connection)
    result.answers = stands.by_platform()[platform.name]
    result.held_answers = sum(name == platform.name for _, name, _ in stands.held)
    result.strangers = sum(name == platform.name for _, name in stands.strangers)
    return result


def _look_for_missing(
    store: Store,
    platform: Platform,
    container_id: str,
    remote_ids: Mapping[str, str],
    seen: set[str],
    now: datetime,
    result: Synced,
) -> None:
    """Record that answers are gone that the listing does not contain and that the platform does not return either.

    The platform is asked for each of them, because the pages of a changing listing can skip an answer. Answers from
    before a task was pushed again stood at another place: the workbench removed them itself (``withdrawals``).
    """
    with store.read() as connection:
        known = latest_revisions(connection, sorted(remote_ids))
        forgotten = forgotten_people(connection)
        missing: dict[str, list[AnnotationRevision]] = {}
        for annotation_id, revision in known.items():
            if (
                revision.status is not AnnotationStatus.DELETED
                and annotation_id not in seen
                and revision.person_id not in forgotten
                and revision.remote_id == remote_ids[revision.task_id]
            ):
                missing.setdefault(revision.task_id, []).append(revision)
        disputed = disputed_deletions(
            connection, [each for revisions in missing.values() for each in revisions]
        )
    result.disputed += sum(each.status is FlagStatus.OPEN for each in disputed.values())
    proven: bool | None = None
    for task_id, revisions in sorted(missing.items()):
        unexplained = [revision for revision in revisions if revision.annotation_id not in disputed]
        if not unexplained:
            continue
        try:
            answers = platform.answers_to(remote_ids[task_id])
            proven = platform.only_authors_delete() if proven is None else proven
        except WorkbenchError as error:
            result.failures.append(f"{container_id}: {error}")
            continue
        present = {annotation_id_of(platform.name, answer.response_id) for answer in answers}
        gone = [revision for revision in unexplained if revision.annotation_id not in present]
        record_deletions(store, gone, now, result, proven=proven)
