"""Who answered what, and when: the people and tasks of annotations, and a person's answers."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from workspaces.chunks import in_chunks
from workspaces.records import IMPORTED, AnnotationStatus, GivenAnswer
from workspaces.store.annotations import annotation_revision, latest_genuine, latest_revisions
from workspaces.store.moments import newest, not_before
from workspaces.store.schema import UTCDateTime
from workspaces.store.tasks import placement

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

AHEAD = timedelta(days=1)
"""By so much the clock of a platform may be ahead of ours."""


def people_who_answered(connection: sa.Connection, task_ids: Iterable[str]) -> set[str]:
    """Return the people who answered any of these tasks."""
    people: set[str] = set()
    for ids in in_chunks(task_ids):
        query = sa.select(annotation_revision.c.person_id).where(annotation_revision.c.task_id.in_(ids))
        people.update(connection.execute(query).scalars())
    return people


def answered_tasks(connection: sa.Connection) -> set[str]:
    """Return the tasks to which anybody ever wrote anything, drafts and what was deleted included."""
    return set(connection.execute(sa.select(annotation_revision.c.task_id).distinct()).scalars())


def tasks_done_by(connection: sa.Connection, person_id: str) -> set[str]:
    """Return the tasks to which a person ever submitted or deleted an answer, or which they passed by."""
    query = sa.select(annotation_revision.c.task_id).distinct()
    query = query.where(
        annotation_revision.c.person_id == person_id,
        annotation_revision.c.status != AnnotationStatus.DRAFT.value,
    )
    return set(connection.execute(query).scalars())


def placed_tasks_of(connection: sa.Connection, people: Iterable[str], platform: str) -> list[str]:
    """Return the tasks that stand on a platform and to which any of these people ever submitted an answer there."""
    revision = annotation_revision.c
    found: set[str] = set()
    for some in in_chunks(people):
        query = (
            sa.select(revision.task_id)
            .join(placement, placement.c.task_id == revision.task_id)
            .where(
                revision.person_id.in_(some),
                revision.platform == platform,
                revision.status == AnnotationStatus.SUBMITTED.value,
            )
        )
        found.update(connection.execute(query.distinct()).scalars())
    return sorted(found)


def tasks_answered_by(connection: sa.Connection, platform: str, person_id: str) -> set[str]:
    """Return the tasks that a person submitted an answer to, on a platform."""
    rows = connection.execute(_of_person(platform, person_id, AnnotationStatus.SUBMITTED))
    return {row.task_id for row in rows}


def imported_people(connection: sa.Connection) -> set[str]:
    """Return the people whose answers all came with chat logs, and none from a platform."""
    person, platform = annotation_revision.c.person_id, annotation_revision.c.platform
    query = sa.select(person).group_by(person)
    query = query.having(sa.func.min(platform) == IMPORTED, sa.func.max(platform) == IMPORTED)
    return set(connection.execute(query).scalars())


def imported_answers_of(
    connection: sa.Connection, person_id: str, task_ids: Iterable[str]
) -> dict[str, Mapping[str, str]]:
    """Return what a person says now, in judgments that came with chat logs or beside them, by task."""
    return {
        revision.task_id: revision.answers
        for revision in latest_revisions(connection, task_ids).values()
        if revision.person_id == person_id
        and revision.platform == IMPORTED
        and revision.status is AnnotationStatus.SUBMITTED
    }


def answers_given(connection: sa.Connection, platform: str, person_id: str) -> list[GivenAnswer]:
    """Return a person's answers on a platform, as they are found again there."""
    revision = annotation_revision.c
    query = (
        sa.select(
            revision.response_id,
            sa.func.max(revision.made_at, type_=UTCDateTime),
            sa.func.min(revision.updated_at, type_=UTCDateTime),
        )
        .where(revision.person_id == person_id, revision.platform == platform)
        .group_by(revision.annotation_id, revision.response_id)
        .order_by(revision.response_id, revision.annotation_id)
    )
    return [GivenAnswer(*row) for row in connection.execute(query)]


def drafts_given(connection: sa.Connection, platform: str, person_id: str) -> list[GivenAnswer]:
    """Return what a person saved on a platform and did not submit, as it is found again there."""
    rows = connection.execute(_of_person(platform, person_id, AnnotationStatus.DRAFT)).all()
    drafts = {row.response_id for row in rows}
    return [it for it in answers_given(connection, platform, person_id) if it.response_id in drafts]


def first_submissions(
    connection: sa.Connection, person_id: str | None = None
) -> dict[tuple[str, str], datetime]:
    """Return when each person first submitted an answer to each task, by (person, task), by the platform's clock.

    Edits, withdrawals and further answers to the task do not change it: an answer has the time of its first submitted
    revision, also where the platform's clock was set back before the next one. With a ``person_id`` only theirs are
    read.
    """
    at = annotation_revision.c
    query = (
        sa.select(at.person_id, at.task_id, sa.func.min(at.updated_at, type_=UTCDateTime))
        .where(is_first_submitted(annotation_revision))
        .group_by(at.person_id, at.task_id)
    )
    if person_id is not None:
        query = query.where(at.person_id == person_id)
    return {(person, task_id): at for person, task_id, at in connection.execute(query)}


def after_work(connection: sa.Connection, now: datetime, person_id: str | None = None) -> datetime:
    """Return ``now``, or the moment after the newest work that was read, if that is later by its platform's clock.

    With a ``person_id`` only theirs is looked at. A clock that is ahead by more than ``AHEAD`` is wrong, and not
    waited for.
    """
    at = annotation_revision.c
    which = [
        at.platform != IMPORTED,
        at.status == AnnotationStatus.SUBMITTED.value,
        at.updated_at <= now + AHEAD,
    ]
    if person_id is not None:
        which.append(at.person_id == person_id)
    return not_before(now, newest(connection, at.updated_at, *which))


def is_first_submitted(of: sa.FromClause) -> sa.ColumnElement[bool]:
    """Return the condition that a revision is the first of its annotation that was submitted."""
    before, submitted = annotation_revision.alias(), AnnotationStatus.SUBMITTED.value
    earlier = sa.exists().where(
        before.c.annotation_id == of.c.annotation_id,
        before.c.revision < of.c.revision,
        before.c.status == submitted,
    )
    return (of.c.status == submitted) & ((of.c.revision == 1) | ~earlier)  # most are the first


def _of_person(platform: str, person_id: str, status: AnnotationStatus) -> sa.Select[Any]:
    at = annotation_revision.c
    return latest_genuine().where(
        at.person_id == person_id, at.platform == platform, at.status == status.value
    )
