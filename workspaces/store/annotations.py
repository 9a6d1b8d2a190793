"""Annotations as revisions: each change of an answer on a platform adds a revision."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from workspaces.chunks import in_chunks
from workspaces.records import AnnotationStatus, stable_id
from workspaces.store.insert import insert_missing
from workspaces.store.members import is_outside
from workspaces.store.schema import UTCDateTime, metadata
from workspaces.store.tasks import placement

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime


annotation_revision = sa.Table(
    "annotation_revision",
    metadata,
    sa.Column("annotation_id", sa.String(24), primary_key=True),
    sa.Column("revision", sa.Integer, primary_key=True, comment="1, 2, ... in the order they were seen"),
    sa.Column("task_id", sa.String(24), sa.ForeignKey("task.task_id"), nullable=False, index=True),
    sa.Column("person_id", sa.String(24), nullable=False),
    sa.Column("platform", sa.String(32), nullable=False),
    sa.Column("response_id", sa.Text, nullable=False, comment="the platform's own id of the answer"),
    sa.Column("status", sa.String(16), nullable=False),
    # 'values' is a reserved word of SQL
    sa.Column("answers", sa.JSON, nullable=False),
    sa.Column("content_hash", sa.String(24), nullable=False),
    sa.Column("updated_at", UTCDateTime, nullable=False, comment="by the platform's clock"),
    sa.Column("synced_at", UTCDateTime, nullable=False),
    sa.Column("remote_id", sa.Text, comment="the platform's own id of the task it stood at"),
    sa.Column(
        "number",
        sa.Integer,
        unique=True,
        index=True,
        comment="1, 2, ... over all answers, as they came in",
    ),
    sa.Column("shown_first", sa.Text, comment="message id; null: by the task, or not known"),
    sa.Column("lead_time", sa.Float, comment="seconds, as the platform tells"),
    sa.Column(
        "served_at",
        UTCDateTime,
        comment="when the task was first shown to the person, by the platform's clock",
    ),
    sa.Column("made_at", UTCDateTime, comment="when the answer was made, by the platform's clock"),
    sa.Column(
        "task_made_at", UTCDateTime, comment="when the platform made the task's copy where it was given"
    ),
    sa.Index("ix_annotation_revision_person_id_updated_at", "person_id", "updated_at"),
)


@dataclass(frozen=True, slots=True)
class AnnotationRevision:
    """One revision of an annotation, numbered from 1.

    ``response_id`` is the platform's own id of the answer, ``remote_id`` that of the task where it stood (None: not
    known). ``updated_at`` is by the platform's clock, ``synced_at`` by ours, for people to read. ``answers`` maps
    questions to plain answers; ``content_hash`` is of them and the status. ``number`` is the position among all
    revisions in the order in which they came in; saving sets it. ``shown_first`` is the response that a log says was
    displayed first; on platforms the task decides the order. ``lead_time`` is how many seconds the answer took and
    ``served_at`` when the task was first shown to the person, where the platform tells; a deletion has neither.
    ``made_at`` is when the answer was made and ``task_made_at`` when the platform made the copy of the task where it
    was given, by the platform's clock; None where that is not known or an id is given once for all time.
    """

    annotation_id: str
    revision: int
    task_id: str
    person_id: str
    platform: str
    response_id: str
    status: AnnotationStatus
    answers: Mapping[str, str]
    content_hash: str
    updated_at: datetime
    synced_at: datetime
    remote_id: str | None = None
    number: int | None = None
    shown_first: str | None = None
    lead_time: float | None = None
    served_at: datetime | None = None
    made_at: datetime | None = None
    task_made_at: datetime | None = None


def save_revisions(connection: sa.Connection, revisions: Sequence[AnnotationRevision]) -> None:
    """Append revisions, numbered in this order after all that came in before."""
    if not revisions:
        return
    last = newest_number(connection)
    rows = [_row(revision) | {"number": last + place} for place, revision in enumerate(revisions, start=1)]
    connection.execute(sa.insert(annotation_revision), rows)


def newest_number(connection: sa.Connection) -> int:
    """Return the number of the revision that came in last; 0 before the first."""
    return connection.execute(sa.select(sa.func.max(annotation_revision.c.number))).scalar() or 0


def save_new_annotations(connection: sa.Connection, revisions: Sequence[AnnotationRevision]) -> int:
    """Append the revisions of annotations that are not known yet; return how many those are."""
    known: set[str] = set()
    for ids in in_chunks(revision.annotation_id for revision in revisions):
        query = sa.select(annotation_revision.c.annotation_id).where(
            annotation_revision.c.annotation_id.in_(ids)
        )
        known.update(connection.execute(query).scalars())
    new = [_row(revision) for revision in revisions if revision.annotation_id not in known]
    insert_missing(connection, annotation_revision, new)
    return len(new)


def add_revisions(connection: sa.Connection, revisions: Sequence[AnnotationRevision]) -> None:
    """Append revisions that did not come from a platform, and have no place in the order in which answers came in."""
    insert_missing(connection, annotation_revision, [_row(revision) for revision in revisions])


def latest_revisions(connection: sa.Connection, task_ids: Iterable[str]) -> dict[str, AnnotationRevision]:
    """Return the latest genuine revision of every annotation of these tasks, by annotation id."""
    return _latest(connection, annotation_revision.c.task_id, task_ids)


def latest_of(connection: sa.Connection, annotation_ids: Iterable[str]) -> dict[str, AnnotationRevision]:
    """Return the latest genuine revision of these annotations, as far as they are known, by annotation id."""
    return _latest(connection, annotation_revision.c.annotation_id, annotation_ids)


def _latest(
    connection: sa.Connection, column: sa.ColumnElement[str], names: Iterable[str]
) -> dict[str, AnnotationRevision]:
    return {
        revision.annotation_id: revision
        for chunk in in_chunks(names)
        for revision in _revisions(connection, latest_genuine(column.in_(chunk)))
    }


def latest_genuine(*which: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """Return a query of the latest genuine revision of each annotation that has one with the conditions ``which``."""
    if not which:  # in the order of an index, where the other query makes a table of all
        later = annotation_revision.alias("later")
        is_later = (later.c.annotation_id == annotation_revision.c.annotation_id) & (
            later.c.revision > annotation_revision.c.revision
        )
        return sa.select(annotation_revision).where(_genuine(), ~sa.exists().where(is_later, _genuine(later)))
    column = annotation_revision.c.annotation_id
    newest = (
        sa.select(column, sa.func.max(annotation_revision.c.revision).label("revision"))
        .where(_genuine(), *which)
        .group_by(column)
        .subquery()
    )
    return sa.select(annotation_revision).join(
        newest, (column == newest.c.annotation_id) & (annotation_revision.c.revision == newest.c.revision)
    )


def counts() -> sa.ColumnElement[bool]:
    """Return the condition that a revision is no stranger's, and not of a person whom the lead barred."""
    return ~is_outside(annotation_revision.c.person_id, annotation_revision.c.platform)


def append_revisions(connection: sa.Connection, revisions: Sequence[AnnotationRevision]) -> None:
    """Append revisions of known annotations, each with the next number of its annotation."""
    column = annotation_revision.c.annotation_id
    last: dict[str, int] = {}
    for chunk in in_chunks(revision.annotation_id for revision in revisions):
        query = sa.select(column, sa.func.max(annotation_revision.c.revision)).where(column.in_(chunk))
        last.update((name, revision) for name, revision in connection.execute(query.group_by(column)))
    save_revisions(
        connection,
        [replace(revision, revision=last[revision.annotation_id] + 1) for revision in revisions],
    )


def deleted(revision: AnnotationRevision, now: datetime) -> AnnotationRevision:
    """Return the revision that says that an answer is deleted."""
    return replace(
        revision,
        status=AnnotationStatus.DELETED,
        answers={},
        content_hash=content_hash(AnnotationStatus.DELETED, {}),
        updated_at=now,
        synced_at=now,
        lead_time=None,
        served_at=None,
    )


def delete_standing(connection: sa.Connection, annotation_id: str, standing: int, now: datetime) -> None:
    """Delete an answer, if this revision of it is the latest genuine one."""
    revision = latest_of(connection, [annotation_id]).get(annotation_id)
    if revision is not None and revision.revision == standing:
        append_revisions(connection, [deleted(revision, now)])


def revisions_to(connection: sa.Connection, task_ids: Iterable[str]) -> list[AnnotationRevision]:
    """Return all revisions of the answers to these tasks."""
    query = sa.select(annotation_revision)
    return [
        revision
        for ids in in_chunks(task_ids)
        for revision in _revisions(connection, query.where(annotation_revision.c.task_id.in_(ids)))
    ]


def genuine_revisions(connection: sa.Connection, task_ids: Iterable[str]) -> list[AnnotationRevision]:
    """Return all genuine revisions of the answers to these tasks that count."""
    query = sa.select(annotation_revision).where(_genuine(), counts())
    return [
        revision
        for ids in in_chunks(task_ids)
        for revision in _revisions(connection, query.where(annotation_revision.c.task_id.in_(ids)))
    ]


def revisions_by(connection: sa.Connection, person_id: str) -> list[AnnotationRevision]:
    """Return all revisions of a person's answers, by annotation and revision."""
    query = (
        sa.select(annotation_revision)
        .where(annotation_revision.c.person_id == person_id)
        .order_by(annotation_revision.c.annotation_id, annotation_revision.c.revision)
    )
    return _revisions(connection, query)


def replace_answers(
    connection: sa.Connection, revision: AnnotationRevision, answers: Mapping[str, str]
) -> None:
    """Replace the answers of a revision, and its content hash."""
    connection.execute(
        sa.update(annotation_revision)
        .where(
            annotation_revision.c.annotation_id == revision.annotation_id,
            annotation_revision.c.revision == revision.revision,
        )
        .values(answers=dict(answers), content_hash=content_hash(revision.status, answers))
    )


def forget_times(connection: sa.Connection, person_id: str) -> int:
    """Delete how long a person's answers took and when tasks were shown to them; return how many revisions changed."""
    revision = annotation_revision.c
    known = revision.lead_time.is_not(None) | revision.served_at.is_not(None)
    forgotten = sa.update(annotation_revision).where(revision.person_id == person_id, known)
    return connection.execute(forgotten.values(lead_time=None, served_at=None)).rowcount


def was_read(connection: sa.Connection, annotation_id: str, content: str, updated_at: datetime) -> bool:
    """Return whether an annotation has a revision with this content hash and this time of the platform."""
    at = annotation_revision.c
    it = (at.annotation_id == annotation_id) & (at.content_hash == content) & (at.updated_at == updated_at)
    return connection.execute(sa.select(at.revision).where(it).limit(1)).first() is not None


def first_read(connection: sa.Connection, annotation_ids: Iterable[str]) -> dict[str, datetime]:
    """Return the platform's time of the first revision of each of these annotations, as far as they are known."""
    column = annotation_revision.c.annotation_id
    query = sa.select(column, annotation_revision.c.updated_at).where(annotation_revision.c.revision == 1)
    return {
        name: at
        for ids in in_chunks(annotation_ids)
        for name, at in connection.execute(query.where(column.in_(ids)))
    }


def newest_numbers(connection: sa.Connection) -> dict[str, int]:
    """Return the number of the revision of each person's answers that came in last."""
    at = annotation_revision.c
    query = (
        sa.select(at.person_id, sa.func.max(at.number)).where(at.number.is_not(None)).group_by(at.person_id)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def newest_number_of(connection: sa.Connection, task_ids: Iterable[str]) -> int:
    """Return the number of the revision of these tasks that came in last; 0 before the first."""
    query = sa.select(sa.func.max(annotation_revision.c.number))
    newest = (
        connection.execute(query.where(annotation_revision.c.task_id.in_(ids))).scalar()
        for ids in in_chunks(task_ids)
    )
    return max((number or 0 for number in newest), default=0)


def newest_change(connection: sa.Connection, platform: str, container_id: str) -> datetime | None:
    """Return when the answer changed that changed last among those to tasks of a container, by the platform's clock.

    Deletions do not count: their time is ours.
    """
    revision = annotation_revision.c
    query = (
        sa.select(sa.func.max(revision.updated_at, type_=UTCDateTime))
        .join(placement, placement.c.task_id == revision.task_id)
        .where(
            placement.c.container_id == container_id,
            revision.platform == platform,
            revision.status != AnnotationStatus.DELETED.value,
        )
    )
    return connection.execute(query).scalar()


def content_hash(status: str, values: Mapping[str, str]) -> str:
    """Return a hash of the status and values of an answer; an equal hash means that nothing changed."""
    return stable_id(status, json.dumps(dict(values), sort_keys=True))


def _genuine(of: sa.FromClause = annotation_revision) -> sa.ColumnElement[bool]:
    """Return the condition that a revision names the person and the task of the annotation's first one.

    Whose answer it is, and to which task, never changes once it is known.
    """
    first = annotation_revision.alias()
    differs = sa.exists().where(
        first.c.annotation_id == of.c.annotation_id,
        first.c.revision == 1,
        (first.c.person_id != of.c.person_id) | (first.c.task_id != of.c.task_id),
    )
    return (of.c.revision == 1) | ~differs  # most are the first: nothing is looked up


def _row(revision: AnnotationRevision) -> dict[str, object]:
    return {
        "annotation_id": revision.annotation_id,
        "revision": revision.revision,
        "task_id": revision.task_id,
        "person_id": revision.person_id,
        "platform": revision.platform,
        "response_id": revision.response_id,
        "status": revision.status.value,
        "answers": dict(revision.answers),
        "content_hash": revision.content_hash,
        "updated_at": revision.updated_at,
        "synced_at": revision.synced_at,
        "shown_first": revision.shown_first,
        "lead_time": revision.lead_time,
        "served_at": revision.served_at,
        "made_at": revision.made_at,
        "task_made_at": revision.task_made_at,
        "remote_id": revision.remote_id,
        "number": revision.number,
    }


def _revisions(connection: sa.Connection, query: sa.Executable) -> list[AnnotationRevision]:
    return [
        AnnotationRevision(
            annotation_id=row.annotation_id,
            revision=row.revision,
            task_id=row.task_id,
            person_id=row.person_id,
            platform=row.platform,
            response_id=row.response_id,
            status=AnnotationStatus(row.status),
            answers=row.answers,
            content_hash=row.content_hash,
            updated_at=row.updated_at,
            synced_at=row.synced_at,
            shown_first=row.shown_first,
            lead_time=row.lead_time,
            served_at=row.served_at,
            made_at=row.made_at,
            task_made_at=row.task_made_at,
            remote_id=row.remote_id,
            number=row.number,
        )
        for row in connection.execute(query)
    ]
