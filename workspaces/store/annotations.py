"""Annotations as revisions: what a platform said of an answer, each time it said something new."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from workspaces.records import Annotation, AnnotationStatus
from workspaces.store.tables import annotation_revision

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_latest = (
    sa.select(annotation_revision.c.annotation_id, sa.func.max(annotation_revision.c.revision).label("revision"))
    .group_by(annotation_revision.c.annotation_id)
    .subquery()
)
_latest_revisions = sa.select(annotation_revision).join(
    _latest,
    (annotation_revision.c.annotation_id == _latest.c.annotation_id)
    & (annotation_revision.c.revision == _latest.c.revision),
)


def save_revisions(connection: sa.Connection, revisions: Sequence[Mapping[str, Any]]) -> None:
    """Append revisions (rows of ``annotation_revision``)."""
    if revisions:
        connection.execute(sa.insert(annotation_revision), list(revisions))


def latest_hashes(connection: sa.Connection, task_ids: Sequence[str]) -> dict[str, sa.Row[Any]]:
    """Return the latest revision's row of every annotation of these tasks, by annotation id."""
    query = _latest_revisions.where(annotation_revision.c.task_id.in_(list(task_ids)))
    return {row.annotation_id: row for row in connection.execute(query)}


def latest_annotations(connection: sa.Connection) -> list[Annotation]:
    """Return the latest revision of every annotation, in a stable order."""
    query = _latest_revisions.order_by(annotation_revision.c.annotation_id)
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
