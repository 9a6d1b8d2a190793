"""Stores what answers on a platform prove, as revisions, and what they do not prove, as disputes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from workspaces.records import stable_id
from workspaces.store.annotations import (
    AnnotationRevision,
    append_revisions,
    content_hash,
    deleted,
    latest_of,
    save_revisions,
)
from workspaces.store.deletions import forgotten_people
from workspaces.store.disputes import (
    Dispute,
    DisputeReason,
    dispute_id,
    disputes_of,
    save_disputes,
    withdraw_disputes,
)
from workspaces.store.members import meet
from workspaces.sync.evidence import News, judge

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    import sqlalchemy as sa

    from workspaces.platforms.base import RemoteAnswer
    from workspaces.store import Store


@dataclass(slots=True)
class Synced:
    """The result of a poll: how many annotations were new, changed, deleted, and unchanged, drafts included.

    ``answers`` counts the answers of this platform that are in force afterwards; ``held_answers`` those that wait
    because nobody invited or accepted the ``strangers``, whenever they were read. ``disputed`` counts the answers of
    which the platform says what is not believed (``workspaces.store.disputes``), ``not_ours`` those to records that are
    not tasks of this workspace. ``failures`` says what could not be read, one line for each; all the rest was read.
    """

    new: int = 0
    changed: int = 0
    deleted: int = 0
    unchanged: int = 0
    disputed: int = 0
    not_ours: int = 0
    answers: int = field(default=0, compare=False)
    held_answers: int = 0
    strangers: int = 0
    failures: list[str] = field(default_factory=list)


def record_answers(
    store: Store,
    platform: str,
    answers: Sequence[RemoteAnswer],
    placed: Mapping[str, str],
    now: datetime,
    result: Synced,
    *,
    hold_strangers: bool = True,
) -> None:
    """Store the new and changed ones of these answers in one transaction, and count all of them in ``result``.

    Answers of a person who asked to be forgotten are not changed any more.

    Args:
        store: where they are stored.
        platform: its name.
        answers: as the platform tells them; a listing that changes while it is read may repeat some.
        placed: our tasks by the platform's own id of the task.
        now: for people to read.
        result: is added to.
        hold_strangers: whether the answers of people whom nobody invited count for nothing until they are accepted.
    """
    in_order = sorted(answers, key=lambda answer: (answer.updated_at, answer.response_id))
    newest = {annotation_id_of(platform, answer.response_id): answer for answer in in_order}
    with store.write() as connection:
        forgotten = forgotten_people(connection)
        known = latest_of(connection, newest)
        first: list[AnnotationRevision] = []
        further: list[AnnotationRevision] = []
        disputes: list[Dispute] = []
        for annotation_id, answer in newest.items():
            before = known.get(annotation_id)
            task_id = placed.get(answer.remote_id)
            if before is not None and before.person_id in forgotten:
                result.unchanged += 1
                continue
            content = content_hash(answer.status, answer.values)
            judged = judge(answer, task_id, content, before)
            match judged:
                case News.NOT_OURS:
                    result.not_ours += 1
                case News.NOTHING:
                    result.unchanged += 1
                case DisputeReason():
                    result.disputed += 1
                    disputes.append(_dispute(platform, annotation_id, answer, task_id, judged, before, now))
                case _:
                    assert task_id is not None
                    revision = _revision(platform, annotation_id, answer, task_id, content, now)
                    (first if before is None else further).append(revision)
        result.new += len(first)
        result.changed += len(further)
        people = {revision.person_id for revision in (*first, *further)}
        meet(connection, people, platform, now, hold=hold_strangers)
        save_revisions(connection, first)
        append_revisions(connection, further)
        save_disputes(connection, disputes)
        _withdraw_deletions(connection, newest)


def record_deletions(
    store: Store, missing: Sequence[AnnotationRevision], now: datetime, result: Synced, *, proven: bool
) -> None:
    """Record that answers are gone from their platform: as deletions, or as disputes where that proves nothing."""
    with store.write() as connection:
        if proven:
            append_revisions(connection, [deleted(revision, now) for revision in missing])
            result.deleted += len(missing)
            return
        save_disputes(connection, [_deletion(revision, now) for revision in missing])
        result.disputed += len(missing)


def disputed_deletions(connection: sa.Connection, known: Iterable[AnnotationRevision]) -> dict[str, Dispute]:
    """Return the disputes about the deletion of these very revisions, decided ones included, by annotation id."""
    standing = {revision.annotation_id: revision.revision for revision in known}
    return {
        each.annotation_id: each
        for each in disputes_of(connection, DisputeReason.DELETED, standing)
        if each.standing == standing[each.annotation_id]
    }


def annotation_id_of(platform: str, response_id: str) -> str:
    """Return the id under which an answer is stored."""
    return stable_id("annotation", platform, response_id)


def _withdraw_deletions(connection: sa.Connection, present: Iterable[str]) -> None:
    found = disputes_of(connection, DisputeReason.DELETED, present)
    withdraw_disputes(connection, [each.dispute_id for each in found])


def _revision(
    platform: str, annotation_id: str, answer: RemoteAnswer, task_id: str, content: str, now: datetime
) -> AnnotationRevision:
    """Return an answer as a first revision of its annotation."""
    return AnnotationRevision(
        annotation_id=annotation_id,
        revision=1,
        task_id=task_id,
        person_id=answer.person_id,
        platform=platform,
        response_id=answer.response_id,
        status=answer.status,
        answers=dict(sorted(answer.values.items())),
        content_hash=content,
        updated_at=answer.updated_at,
        synced_at=now,
        remote_id=answer.remote_id,
        lead_time=answer.lead_time,
        served_at=answer.served_at,
    )


def _dispute(
    platform: str,
    annotation_id: str,
    answer: RemoteAnswer,
    task_id: str | None,
    reason: DisputeReason,
    before: AnnotationRevision | None,
    now: datetime,
) -> Dispute:
    standing = before.revision if before else 0
    return Dispute(
        dispute_id=dispute_id(reason, annotation_id, standing, answer.editor_id),
        reason=reason,
        annotation_id=annotation_id,
        standing=standing,
        platform=platform,
        response_id=answer.response_id,
        task_id=before.task_id if before else task_id,
        person_id=before.person_id if before else answer.person_id,
        by_person=answer.editor_id,
        created_at=now,
    )


def _deletion(revision: AnnotationRevision, now: datetime) -> Dispute:
    return Dispute(
        dispute_id=dispute_id(DisputeReason.DELETED, revision.annotation_id, revision.revision, None),
        reason=DisputeReason.DELETED,
        annotation_id=revision.annotation_id,
        standing=revision.revision,
        platform=revision.platform,
        response_id=revision.response_id,
        task_id=revision.task_id,
        person_id=revision.person_id,
        by_person=None,
        created_at=now,
    )
