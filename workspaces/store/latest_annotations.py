"""Annotations as they stand: the latest genuine revision of each, read a few at a time."""

from __future__ import annotations

from sys import intern
from typing import TYPE_CHECKING, Any, NamedTuple

from workspaces.records import Annotation, AnnotationStatus
from workspaces.store.annotations import annotation_revision, counts, latest_genuine
from workspaces.store.members import is_outside
from workspaces.store.streams import as_given, json_of, stream_rows, time_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import sqlalchemy as sa

    from workspaces.store.members import MemberStatus


def latest_annotations(connection: sa.Connection, outside: MemberStatus | None = None) -> list[Annotation]:
    """Return the latest genuine revision of every annotation that counts, in a stable order (see ``counts``).

    With a status that is outside, ``STRANGER`` or ``BARRED``: of every annotation that does not count because its
    person has it.
    """
    return list(map(annotation_of, stream_annotations(connection, outside)))


def stream_annotations(
    connection: sa.Connection,
    outside: MemberStatus | None = None,
    *,
    of: sa.ColumnElement[bool] | None = None,
) -> Iterator[StoredAnnotation]:
    """Yield what ``latest_annotations`` returns as rows of the database, a few at a time in memory.

    ``of`` is a condition: only annotations are taken that have a revision with it.
    """
    columns = as_given(annotation_revision.c[name] for name in StoredAnnotation._fields)
    for row in stream_rows(connection, standing_annotations(columns, outside, of=of)):
        yield StoredAnnotation._make(row)


def standing_annotations(
    columns: Iterable[sa.ColumnElement[Any]],
    outside: MemberStatus | None = None,
    *,
    of: sa.ColumnElement[bool] | None = None,
) -> sa.Select[Any]:
    """Return the query of ``stream_annotations``, with these columns."""
    person, platform = annotation_revision.c.person_id, annotation_revision.c.platform
    which = counts() if outside is None else is_outside(person, platform, {outside})
    query = latest_genuine(*(() if of is None else (of,))).with_only_columns(*columns).where(which)
    return query.order_by(annotation_revision.c.annotation_id)


class StoredAnnotation(NamedTuple):
    """A row of the database, which is cheap to pass on (``annotation_of``)."""

    annotation_id: str
    task_id: str
    person_id: str
    platform: str
    status: str
    revision: int
    answers: Any
    updated_at: Any
    shown_first: str | None
    lead_time: float | None
    served_at: Any


def annotation_of(row: StoredAnnotation) -> Annotation:
    """Return a row as an annotation."""
    return Annotation(
        id=row[0],
        task_id=intern(row[1]),
        person_id=intern(row[2]),
        platform=intern(row[3]),
        status=_STATUSES[row[4]],
        revision=row[5],
        values=json_of(row[6]),
        updated_at=time_of(row[7]),
        shown_first=row[8],
        lead_time=row[9],
        served_at=None if row[10] is None else time_of(row[10]),
    )


_STATUSES = {status.value: status for status in AnnotationStatus}
