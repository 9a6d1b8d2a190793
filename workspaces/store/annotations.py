"""Annotations as revisions: what a platform said of an answer, each time it said something new."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from workspaces.records import IMPORTED, Annotation, AnnotationStatus, stable_id
from workspaces.store.tables import UTCDateTime, annotation_revision

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

ID_CHUNK = 500
"""Ids in one IN clause; SQLite takes 32,766 parameters, PostgreSQL 65,535."""


def save_revisions(connection: sa.Connection, revisions: Sequence[Mapping[str, Any]]) -> None:
    """Append revisions (rows of ``annotation_revision``)."""
    if revisions:
        connection.execute(sa.insert(annotation_revision), list(revisions))


def latest_rows(connection: sa.Connection, task_ids: Sequence[str]) -> dict[str, sa.Row[Any]]:
    """Return the latest revision's row of every annotation of these tasks, by annotation id."""
    found: dict[str, sa.Row[Any]] = {}
    for start in range(0, len(task_ids), ID_CHUNK):
        ids = task_ids[start : start + ID_CHUNK]
        newest = (
            sa.select(
                annotation_revision.c.annotation_id,
                sa.func.max(annotation_revision.c.revision).label("revision"),
            )
            .where(annotation_revision.c.task_id.in_(ids))
            .group_by(annotation_revision.c.annotation_id)
            .subquery()
        )
        found.update((row.annotation_id, row) for row in connection.execute(_rows_of(newest)))
    return found


def latest_annotations(connection: sa.Connection) -> list[Annotation]:
    """Return the latest revision of every annotation, in a stable order."""
    newest = (
        sa.select(
            annotation_revision.c.annotation_id, sa.func.max(annotation_revision.c.revision).label("revision")
        )
        .group_by(annotation_revision.c.annotation_id)
        .subquery()
    )
    query = _rows_of(newest).order_by(annotation_revision.c.annotation_id)
    return [
        Annotation(
            id=row.annotation_id,
            task_id=row.task_id,
            person_id=row.person_id,
            platform=row.platform,
            status=AnnotationStatus(row.status),
            revision=row.revision,
            values=row.answers,
            updated_at=row.updated_at,
        )
        for row in connection.execute(query)
    ]


def first_submissions(connection: sa.Connection) -> dict[tuple[str, str], datetime]:
    """Return when each person first submitted an answer to each task, by (person, task), by the platform's clock.

    It never moves to a later time: edits, withdrawals and further answers to the task leave it as it is.
    """
    query = (
        sa.select(
            annotation_revision.c.person_id,
            annotation_revision.c.task_id,
            sa.func.min(annotation_revision.c.updated_at, type_=UTCDateTime),
        )
        .where(annotation_revision.c.status == AnnotationStatus.SUBMITTED.value)
        .group_by(annotation_revision.c.person_id, annotation_revision.c.task_id)
    )
    return {(person_id, task_id): at for person_id, task_id, at in connection.execute(query)}


def content_hash(status: str, values: Mapping[str, str]) -> str:
    """Return a hash of what an answer says; the same hash is no news."""
    return stable_id(status, json.dumps(dict(values), sort_keys=True))


def _rows_of(newest: sa.Subquery) -> sa.Select[Any]:
    return sa.select(annotation_revision).join(
        newest,
        (annotation_revision.c.annotation_id == newest.c.annotation_id)
        & (annotation_revision.c.revision == newest.c.revision),
    )


def imported_people(connection: sa.Connection) -> set[str]:
    """Return the people who answered in chat logs alone, and on no platform."""
    person, platform = annotation_revision.c.person_id, annotation_revision.c.platform
    query = sa.select(person).group_by(person)
    query = query.having(sa.func.min(platform) == IMPORTED, sa.func.max(platform) == IMPORTED)
    return set(connection.execute(query).scalars())
