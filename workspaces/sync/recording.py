"""Stores what answers on a platform prove, as revisions, and what they do not prove, as disputes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from workspaces.records import stable_id
from workspaces.store.annotations import (
    AnnotationRevision,
    append_revisions,
    content_hash,
    deleted,
    first_read,
    latest_of,
    save_revisions,
    was_read,
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
from workspaces.store.flags import FlagStatus
from workspaces.store.members import meet
from workspaces.sync.evidence import News, is_same_answer, judge, stands_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    import sqlalchemy as sa

    from workspaces.platforms.base import RemoteAnswer
    from workspaces.records import PlacedTask
    from workspaces.store import Store

GONE = (DisputeReason.DELETED, DisputeReason.LOST)
"""What is said of an answer that is missing and stands nevertheless."""


@dataclass(slots=True)
class Synced:
    """The result of a poll: how many annotations were new, changed, deleted, and unchanged, drafts included.

    ``answers`` counts the answers of this platform that are in force afterwards; ``held_answers`` those that wait
    because nobody invited or accepted the ``strangers``, whenever they were read. ``disputed`` counts the answers of
    which the platform says what is not believed (``workspaces.store.disputes``), ``not_ours`` those to records that are
    not tasks of this workspace. ``lost`` counts those that are missing because the server was restored from an older
    copy, or the account of their author was deleted: they stand. ``failures`` says what could not be read, one line for
    each; all the rest was read.
    """

    new: int = 0
    changed: int = 0
    deleted: int = 0
    unchanged: int = 0
    disputed: int = 0
    not_ours: int = 0
    lost: int = 0
    answers: int = field(default=0, compare=False)
    held_answers: int = 0
    strangers: int = 0
    failures: list[str] = field(default_factory=list)


class Recorded(NamedTuple):
    """``ids`` under which answers are stored, or would be. ``earlier`` is what stands of those that are told with an
    earlier time, differ from it and were never read: they changed nothing.
    """

    ids: set[str]
    earlier: list[AnnotationRevision]


def record_answers(
    store: Store,
    platform: str,
    answers: Sequence[RemoteAnswer],
    placed: Mapping[str, PlacedTask],
    now: datetime,
    result: Synced,
    *,
    hold_strangers: bool = True,
    covered: int = 0,
) -> Recorded:
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
        covered: the answers were asked for one by one, from a server that had the revisions up to this number: what
            differs from those is said since, whatever its time, unless it was read before, or comes from an older copy.
    """
    in_order = sorted(answers, key=lambda answer: (answer.updated_at, answer.response_id))
    with store.write() as connection:
        forgotten = forgotten_people(connection)
        names = names_of(connection, platform, in_order)
        newest = dict(zip(names, in_order, strict=True))
        known = latest_of(connection, newest)
        first: list[AnnotationRevision] = []
        further: list[AnnotationRevision] = []
        disputes: list[Dispute] = []
        earlier: list[AnnotationRevision] = []
        old: set[str] = set()
        gone = disputes_of(connection, GONE, newest)
        lost = {(it.annotation_id, it.standing) for it in gone if it.reason is DisputeReason.LOST}
        for annotation_id, answer in newest.items():
            before = known.get(annotation_id)
            place = placed.get(answer.remote_id)
            task_id = place.task_id if place is not None and stands_at(answer, place) else None
            if before is not None and before.person_id in forgotten:
                result.unchanged += 1
                continue
            content = content_hash(answer.status, answer.values)
            judged = judge(answer, task_id, content, before)
            if (
                judged is News.EARLIER
                and before is not None
                and (annotation_id, before.revision) not in lost
                and not was_read(connection, annotation_id, content, answer.updated_at)
            ):
                if (before.number or 0) <= covered:
                    judged = News.CHANGED
                else:
                    earlier.append(before)
            match judged:
                case News.NOT_OURS:
                    result.not_ours += 1
                case News.NOTHING:
                    result.unchanged += 1
                case News.EARLIER:
                    result.unchanged += 1
                    old.add(annotation_id)
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
        there = [it for it in gone if it.reason is DisputeReason.DELETED or it.annotation_id not in old]
        withdraw_disputes(connection, [it.dispute_id for it in there])
    return Recorded(set(newest), earlier)


def record_deletions(
    store: Store, missing: Sequence[AnnotationRevision], now: datetime, result: Synced, *, proven: bool
) -> None:
    """Record that answers are gone from their platform: as deletions, or as disputes where that proves nothing."""
    with store.write() as connection:
        if proven:
            append_revisions(connection, [deleted(revision, now) for revision in missing])
            result.deleted += len(missing)
            return
        save_disputes(connection, [_gone(DisputeReason.DELETED, revision, now) for revision in missing])
        result.disputed += len(missing)


def record_losses(store: Store, missing: Sequence[AnnotationRevision], now: datetime, result: Synced) -> None:
    """Record that answers are not in the copy from which their platform was restored,
    or went with an account: they stand.
    """
    with store.write() as connection:
        lost = (_gone(DisputeReason.LOST, revision, now) for revision in missing)
        decided = [replace(each, status=FlagStatus.DISMISSED, reviewed_at=now) for each in lost]
        save_disputes(connection, decided)
    result.lost += len(missing)


def disputed_deletions(connection: sa.Connection, known: Iterable[AnnotationRevision]) -> dict[str, Dispute]:
    """Return what was recorded of these very revisions as gone, decided disputes included, by annotation id."""
    standing = {revision.annotation_id: revision.revision for revision in known}
    return {
        each.annotation_id: each
        for each in disputes_of(connection, GONE, standing)
        if each.standing == standing[each.annotation_id]
    }


def annotation_id_of(platform: str, response_id: str, made_at: datetime | None = None) -> str:
    """Return the id under which an answer is stored; ``made_at`` where the platform may give its number again."""
    when = () if made_at is None else (made_at.isoformat(),)
    return stable_id("annotation", platform, response_id, *when)


def names_of(connection: sa.Connection, platform: str, answers: Sequence[RemoteAnswer]) -> list[str]:
    """Return the ids under which these answers are stored, or would be.

    Answers that were read before the times of their making were kept have ids without one, and keep them.
    """
    by_number = {
        annotation_id_of(platform, answer.response_id) for answer in answers if answer.made_at is not None
    }
    before, first = latest_of(connection, by_number), first_read(connection, by_number)

    def name(answer: RemoteAnswer) -> str:
        number = annotation_id_of(platform, answer.response_id)
        if number in before and is_same_answer(answer, before[number], first[number]):
            return number
        return annotation_id_of(platform, answer.response_id, answer.made_at)

    return [name(answer) for answer in answers]


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
        made_at=answer.made_at,
        task_made_at=answer.task_made_at,
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


def _gone(reason: DisputeReason, revision: AnnotationRevision, now: datetime) -> Dispute:
    return Dispute(
        dispute_id=dispute_id(reason, revision.annotation_id, revision.revision, None),
        reason=reason,
        annotation_id=revision.annotation_id,
        standing=revision.revision,
        platform=revision.platform,
        response_id=revision.response_id,
        task_id=revision.task_id,
        person_id=revision.person_id,
        by_person=None,
        created_at=now,
    )
