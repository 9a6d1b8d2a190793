"""Rewrites: which revision of an answer holds which better response, and since when a workspace has them judged.

The text of a rewrite stays in the answer that it was written in. What is stored here is its id, which depends on the
response and on the text when it was first seen. So tasks that judge a rewrite can name it, its writers stay known after
the text is erased, and redaction of the text does not make another rewrite of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from workspaces.chunks import in_chunks
from workspaces.kinds import all_kinds
from workspaces.records import AnnotationStatus, shown_hash, stable_id
from workspaces.store.annotations import annotation_revision, counts, latest_genuine
from workspaces.store.insert import insert_missing, upsert
from workspaces.store.latest_annotations import annotation_of, stream_annotations
from workspaces.store.own_answers import same_people, second_answers
from workspaces.store.schema import UTCDateTime, metadata
from workspaces.store.tasks import task, tasks_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from datetime import datetime

    from workspaces.records import Annotation, Task

rewrite = sa.Table(
    "rewrite",
    metadata,
    sa.Column("annotation_id", sa.String(24), primary_key=True),
    sa.Column("revision", sa.Integer, primary_key=True),
    sa.Column("rewrite_id", sa.String(24), nullable=False, index=True),
    sa.Column(
        "looks",
        sa.String(24),
        index=True,
        comment="hash of what its text looks like; empty: it is erased; null: not noted yet",
    ),
)

rewrites_judged = sa.Table(
    "rewrites_judged",
    metadata,
    sa.Column("kind", sa.String(32), primary_key=True, comment="of the tasks that judge rewrites"),
    sa.Column("since", UTCDateTime, nullable=False, comment="later rewrites are accepted by its votes alone"),
)


@dataclass(frozen=True, slots=True)
class Rewrite:
    """A rewrite that stands: somebody's newest answer holds it. Two people who wrote the same text wrote one rewrite.

    ``kind`` is that of the task in which ``text`` was written, and ``message_id`` the response that it replaces.
    """

    id: str
    kind: str
    message_id: str
    conversation_id: str
    text: str
    writers: frozenset[str]


def rewrite_id_of(message_id: str, text: str) -> str:
    """Return the id of a rewrite of a response."""
    return stable_id("rewrite", message_id, text.strip())


def note_rewrites(connection: sa.Connection) -> None:
    """Give an id to each rewrite in an answer that has none yet, in every revision, and note what it looks like.

    One with an id of another text was erased: what stands in its place looks like every other.
    """
    at = annotation_revision.c
    for kind in all_kinds().values():
        if kind.rewrite is None:
            continue
        text = at.answers[kind.rewrite.name].as_string()
        query = (
            sa.select(at.annotation_id, at.revision, task.c.message_ids, text, rewrite.c.rewrite_id)
            .join(task, task.c.task_id == at.task_id)
            .outerjoin(rewrite, _same_revision())
            .where(task.c.kind == kind.name, text != "", rewrite.c.looks.is_(None))
        )
        rows = [
            {
                "annotation_id": name,
                "revision": revision,
                "rewrite_id": rewrite_id,
                "looks": shown_hash(said) if before in (None, rewrite_id) else "",
            }
            for name, revision, messages, said, before in connection.execute(query)
            if said.strip() and (rewrite_id := rewrite_id_of(messages[0], said))
        ]
        for some in in_chunks(rows):
            upsert(connection, rewrite, some, update=("looks",))


def rewrite_ids(connection: sa.Connection) -> dict[tuple[str, int], str]:
    """Return the rewrite that each revision of an answer holds, by (annotation, revision)."""
    rows = connection.execute(sa.select(rewrite.c.annotation_id, rewrite.c.revision, rewrite.c.rewrite_id))
    return {(row.annotation_id, row.revision): row.rewrite_id for row in rows}


def standing_rewrites(
    connection: sa.Connection, aside: Collection[tuple[str, str]] = frozenset()
) -> list[Rewrite]:
    """Return the rewrites that stand, by id: those that newest submitted answers hold, as far as answers count.

    An answer to a task asked a second time has none, and neither has one that is set ``aside``, as (person, task).
    """
    if not connection.execute(sa.select(sa.exists(sa.select(rewrite.c.rewrite_id)))).scalar_one():
        return []
    newest = latest_genuine(annotation_revision.c.annotation_id.in_(sa.select(rewrite.c.annotation_id)))
    at = annotation_revision.c
    query = (
        newest.add_columns(rewrite.c.rewrite_id, task.c.kind, task.c.message_ids, task.c.conversation_ids)
        .join(rewrite, _same_revision())
        .join(task, task.c.task_id == at.task_id)
        .where(counts(), at.status == AnnotationStatus.SUBMITTED.value, task.c.reask_of.is_(None))
        .order_by(rewrite.c.rewrite_id, at.annotation_id)
    )
    kinds = all_kinds()
    standing: dict[str, Rewrite] = {}
    for row in connection.execute(query):
        text = kinds[row.kind].rewrite_in(row.answers) if row.kind in kinds else ""
        if not text.strip() or (row.person_id, row.task_id) in aside:
            continue
        before = standing.get(row.rewrite_id)
        standing[row.rewrite_id] = Rewrite(
            id=row.rewrite_id,
            kind=row.kind if before is None else before.kind,
            message_id=row.message_ids[0],
            conversation_id=row.conversation_ids[0],
            text=text.strip() if before is None else before.text,
            writers=frozenset({row.person_id, *(before.writers if before else ())}),
        )
    return list(standing.values())


def writers_of(connection: sa.Connection, rewrite_ids: Iterable[str]) -> dict[str, frozenset[str]]:
    """Return everybody who ever wrote each of these rewrites, also where the text is erased.

    Whoever wrote a text that looks the same, of any response, wrote it, too.
    """
    names, at = sorted(set(rewrite_ids)), rewrite.c
    looks: dict[str, set[str]] = {}
    for some in in_chunks(names):
        query = sa.select(at.looks, at.rewrite_id).where(at.rewrite_id.in_(some), at.looks > "")
        for look, name in connection.execute(query.distinct()):
            looks.setdefault(look, set()).add(name)
    writers: dict[str, set[str]] = {}
    for column, keys in ((at.rewrite_id, {name: {name} for name in names}), (at.looks, looks)):
        for some in in_chunks(sorted(keys)):
            query = sa.select(column, annotation_revision.c.person_id).join(
                annotation_revision, _same_revision()
            )
            for key, person_id in connection.execute(query.where(column.in_(some)).distinct()):
                for name in keys[key]:
                    writers.setdefault(name, set()).add(person_id)
    return {name: frozenset(people) for name, people in writers.items()}


def showing_rewrites(tasks: Iterable[Task]) -> list[Task]:
    """Return the tasks among these that show a rewrite: they judge it, or compare it with other responses."""
    kinds = _judging_kinds()
    return [each for each in tasks if each.rewrites or each.kind in kinds]


def compares_rewrites(shown: Task) -> bool:
    """Return whether a task compares a rewrite with other responses than the one that it replaces."""
    return bool(shown.rewrites) and shown.kind not in _judging_kinds()


def all_showing_rewrites(connection: sa.Connection) -> list[Task]:
    """Return every task that shows a rewrite."""
    query = sa.select(task.c.task_id).where(task.c.kind.in_(_judging_kinds()) | _marked())
    return list(tasks_of(connection, connection.execute(query).scalars().all()).values())


def answers_about_rewrites(connection: sa.Connection) -> list[Annotation]:
    """Return the annotations that count among those that hold or held a rewrite, and those of tasks that judge one."""
    at = annotation_revision.c
    holding = at.annotation_id.in_(sa.select(rewrite.c.annotation_id))
    judging = at.task_id.in_(sa.select(task.c.task_id).where(task.c.kind.in_(_judging_kinds())))
    return list(map(annotation_of, stream_annotations(connection, of=holding | judging)))


def rewrites_shown(shown: Task) -> frozenset[str]:
    """Return the ids among which those of the rewrites are whose text a task shows."""
    return frozenset((*shown.message_ids, *shown.rewrites))


def _marked() -> sa.ColumnElement[bool]:
    return task.c.rewrites.is_not(sa.null())


def _judging_kinds() -> list[str]:
    return [name for name, kind in all_kinds().items() if kind.judges_rewrites]


def rewrites_in(connection: sa.Connection, task_ids: Iterable[str]) -> set[str]:
    """Return the rewrites that answers to these tasks hold or held."""
    found: set[str] = set()
    for some in in_chunks(task_ids):
        found.update(connection.execute(_held_by(annotation_revision.c.task_id.in_(some))).scalars())
    return found


def rewrites_by(connection: sa.Connection, person_id: str) -> set[str]:
    """Return the rewrites that a person wrote and nobody else did."""
    by = annotation_revision.c.person_id
    theirs = set(connection.execute(_held_by(by == person_id)).scalars())
    for some in in_chunks(sorted(theirs)):
        others = _held_by((by != person_id) & rewrite.c.rewrite_id.in_(some))
        theirs.difference_update(connection.execute(others).scalars())
    return theirs


def _held_by(whose: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """Return a query of the rewrites that revisions of answers with the condition ``whose`` hold."""
    held = sa.select(rewrite.c.rewrite_id).join(annotation_revision, _same_revision())
    return held.where(whose).distinct()


def _same_revision() -> sa.ColumnElement[bool]:
    at = annotation_revision.c
    return (rewrite.c.annotation_id == at.annotation_id) & (rewrite.c.revision == at.revision)


def rename_rewrites(connection: sa.Connection, names: Iterable[str], stand_in: Callable[[str], str]) -> None:
    """Replace ids of rewrites whose text is erased, which tell of the text, by their ``stand_in``, and forget its look.

    Of tasks, the marks alone: what they show is renamed with them.
    """
    column, renamed = rewrite.c.rewrite_id, {name: stand_in(name) for name in sorted(names)}
    for name, other in renamed.items():
        renaming = sa.update(rewrite).where(column == name)
        connection.execute(renaming.values(rewrite_id=other, looks=""))
    marks = sa.select(task.c.task_id, task.c.rewrites).where(_marked())
    for task_id, shown in connection.execute(marks).all() if renamed else ():
        if not renamed.keys().isdisjoint(shown):
            after = [renamed.get(name, name) for name in shown]
            connection.execute(sa.update(task).where(task.c.task_id == task_id).values(rewrites=after))


def own_checks(connection: sa.Connection, tasks: Mapping[str, Task]) -> frozenset[tuple[str, str]]:
    """Return the (person, task) whose task shows a rewrite of that person, answered or not.

    Whoever the lead linked with the writer is the same person.
    """
    showing = showing_rewrites(tasks.values())
    writers = writers_of(connection, {name for each in showing for name in rewrites_shown(each)})
    same = same_people(connection) if writers else {}
    return frozenset(
        (person_id, each.id)
        for each in showing
        for name in rewrites_shown(each)
        for writer in writers.get(name, ())
        for person_id in same.get(writer, (writer,))
    )


def for_nothing(connection: sa.Connection, tasks: Mapping[str, Task]) -> frozenset[tuple[str, str]]:
    """Return the (person, task) whose answers count for nothing: own checks, and second answers of one human."""
    return own_checks(connection, tasks) | second_answers(connection)


def record_judging(connection: sa.Connection, kinds: Collection[str], now: datetime) -> None:
    """Record that rewrites are judged by tasks of these kinds, from now on or since earlier, and by no others."""
    table = rewrites_judged
    connection.execute(sa.delete(table).where(table.c.kind.not_in(sorted(kinds))))
    insert_missing(connection, table, [{"kind": kind, "since": now} for kind in sorted(kinds)])


def judged_since(connection: sa.Connection) -> datetime | None:
    """Return from when on rewrites are accepted by votes alone; None where nobody is asked about rewrites."""
    since: datetime | None = connection.execute(
        sa.select(sa.func.min(rewrites_judged.c.since, type_=UTCDateTime))
    ).scalar()
    return since
