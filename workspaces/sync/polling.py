"""Polls a platform for answers and keeps every change as a revision.

Everything enters once: an answer that says what its latest revision says is no news, whatever its time. Answers
that are gone from the platform get a revision of their own, so that they can be settled back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workspaces.records import AnnotationStatus, stable_id
from workspaces.store.annotations import content_hash, latest_rows, save_revisions
from workspaces.store.consent import forgotten_people
from workspaces.store.tasks import containers, push_times, task_ids_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    import sqlalchemy as sa

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
        known = latest_rows(connection, sorted({answer.task_id for answer in answers}))
        rows: dict[str, dict[str, Any]] = {}
        newest = {answer.response_id: answer for answer in sorted(answers, key=lambda it: it.updated_at)}
        for answer in newest.values():  # a listing that shifts while it is read repeats answers
            annotation_id = annotation_id_of(platform, answer.response_id)
            row = _row(platform, annotation_id, answer, now)
            before = known.get(annotation_id)
            if before is not None and before.person_id in forgotten:
                result.unchanged += 1
                continue
            if before is None:
                result.new += 1
            elif _is_news(row, before):
                row["revision"] = before.revision + 1
                result.changed += 1
            else:
                result.unchanged += 1
                continue
            rows[annotation_id] = row
        save_revisions(connection, list(rows.values()))


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
        known = latest_rows(connection, sorted(placed))
        since = push_times(connection, container_id, platform.name)
        forgotten = forgotten_people(connection)
    missing = {
        annotation_id: row
        for annotation_id, row in known.items()
        if row.status != AnnotationStatus.DELETED
        and annotation_id not in seen
        and row.person_id not in forgotten
        and row.synced_at >= since[row.task_id]
    }
    for task_id in sorted({row.task_id for row in missing.values()}):
        there = {
            annotation_id_of(platform.name, answer.response_id)
            for answer in platform.answers_to(placed[task_id])
        }
        gone = [
            row
            for annotation_id, row in missing.items()
            if row.task_id == task_id and annotation_id not in there
        ]
        with store.write() as connection:
            save_revisions(
                connection,
                [
                    dict(row._mapping)
                    | {
                        "revision": row.revision + 1,
                        "status": AnnotationStatus.DELETED.value,
                        "answers": {},
                        "content_hash": content_hash(AnnotationStatus.DELETED, {}),
                        "updated_at": now,
                        "synced_at": now,
                    }
                    for row in gone
                ],
            )
        result.deleted += len(gone)


def _is_news(row: Mapping[str, Any], before: sa.Row[Any]) -> bool:
    """Tell whether a row says something new. A page read long ago may be older than what we have.

    An answer that was gone and is there again is news whatever its time: the deletion carries our clock's time.
    """
    returned = before.status == AnnotationStatus.DELETED
    return bool(
        row["content_hash"] != before.content_hash and (returned or row["updated_at"] >= before.updated_at)
    )


def _row(platform: str, annotation_id: str, answer: RemoteAnswer, now: datetime) -> dict[str, Any]:
    values = dict(sorted(answer.values.items()))
    return {
        "annotation_id": annotation_id,
        "revision": 1,
        "task_id": answer.task_id,
        "person_id": answer.person_id,
        "platform": platform,
        "response_id": answer.response_id,
        "status": answer.status.value,
        "answers": values,
        "content_hash": content_hash(answer.status, values),
        "updated_at": answer.updated_at,
        "synced_at": now,
    }


def annotation_id_of(platform: str, response_id: str) -> str:
    """Return the id under which an answer is kept."""
    return stable_id("annotation", platform, response_id)
