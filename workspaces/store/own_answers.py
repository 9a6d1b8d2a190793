"""Own answers: answers to tasks about conversations that the same person gave, and the links that tell it.

Links also tell that two accounts are one human's, whose second answer to a task counts for nothing.

An e-mail address is one person on every platform and in the logs. Whoever is named otherwise in the logs is linked by
the lead. A mark stays when the conversation is deleted; feedback that came with a log is its giver's by nature and is
not marked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from workspaces.chunks import in_chunks
from workspaces.records import IMPORTED, AnnotationStatus
from workspaces.store.annotations import annotation_revision, counts, latest_genuine
from workspaces.store.conversations import conversation
from workspaces.store.insert import insert_missing
from workspaces.store.schema import UTCDateTime, metadata
from workspaces.store.tasks import task

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime

giver_link = sa.Table(
    "giver_link",
    metadata,
    sa.Column("person_id", sa.String(24), primary_key=True, comment="who answers on a platform"),
    sa.Column("giver_id", sa.String(24), primary_key=True, comment="the same human, as the logs name them"),
    sa.Column("linked_at", UTCDateTime, nullable=False),
)

own_answer = sa.Table(
    "own_answer",
    metadata,
    sa.Column("person_id", sa.String(24), primary_key=True),
    sa.Column("task_id", sa.String(24), primary_key=True),
    sa.Column("giver_id", sa.String(24), nullable=False, comment="the person, or a giver linked to them"),
    sa.Column("marked_at", UTCDateTime, nullable=False),
)


def save_link(connection: sa.Connection, person_id: str, giver_id: str, now: datetime) -> None:
    """Record that a person is the giver of conversations, and mark what they answered about these."""
    insert_missing(connection, giver_link, [{"person_id": person_id, "giver_id": giver_id, "linked_at": now}])
    mark_own_answers(connection, now)


def delete_link(connection: sa.Connection, person_id: str, giver_id: str) -> bool:
    """Delete a link and the marks that follow from it; return whether there was one."""
    link, mark = giver_link.c, own_answer.c
    linked = sa.delete(giver_link).where(link.person_id == person_id, link.giver_id == giver_id)
    connection.execute(sa.delete(own_answer).where(mark.person_id == person_id, mark.giver_id == giver_id))
    return bool(connection.execute(linked).rowcount)


def mark_own_answers(connection: sa.Connection, now: datetime) -> None:
    """Mark the answers that are own and are not marked yet."""
    rows = [
        {"person_id": person_id, "task_id": task_id, "giver_id": giver_id, "marked_at": now}
        for (person_id, task_id), giver_id in _found(connection).items()
    ]
    insert_missing(connection, own_answer, rows)


def own_answers(connection: sa.Connection) -> frozenset[tuple[str, str]]:
    """Return the own answers as (person, task): those that are marked, and those that would be marked now."""
    marked = connection.execute(sa.select(own_answer.c.person_id, own_answer.c.task_id))
    return frozenset({*map(tuple, marked), *_found(connection)})


def given_by(connection: sa.Connection, conversation_ids: Iterable[str]) -> set[str]:
    """Return who gave any of these conversations: the givers, and the people who are linked to them."""
    columns = conversation.c
    givers: set[str] = set()
    for chunk in in_chunks(conversation_ids):
        query = sa.select(columns.giver_id).where(
            columns.conversation_id.in_(chunk), columns.giver_id.is_not(None)
        )
        givers.update(connection.execute(query).scalars())
    linked = sa.select(giver_link.c.person_id).where(giver_link.c.giver_id.in_(sorted(givers)))
    return givers | set(connection.execute(linked).scalars())


def givers_of(connection: sa.Connection, person_id: str) -> list[str]:
    """Return under which ids a person gave conversations: their own, and the givers linked to them."""
    query = sa.select(giver_link.c.giver_id).where(giver_link.c.person_id == person_id)
    return [person_id, *sorted(connection.execute(query).scalars())]


def same_people(connection: sa.Connection) -> dict[str, frozenset[str]]:
    """Return all ids of the same human, for each id that a link names, directly or by others."""
    return _together(_links(connection))


def same_annotators(connection: sa.Connection) -> dict[str, frozenset[str]]:
    """Return what ``same_people`` does of those who answer, by links of such ids with each other.

    Two who are linked with one name in the logs, as one that colleagues share, are two.
    """
    links, answers = _links(connection), annotation_revision.c
    answering: set[str] = set()
    for ids in in_chunks({each for pair in links for each in pair}):
        found = sa.select(answers.person_id).where(answers.person_id.in_(ids), answers.platform != IMPORTED)
        answering.update(connection.execute(found.distinct()).scalars())
    return _together(pair for pair in links if answering.issuperset(pair))


def _links(connection: sa.Connection) -> list[tuple[str, str]]:
    links = connection.execute(sa.select(giver_link.c.person_id, giver_link.c.giver_id))
    return [(person_id, giver_id) for person_id, giver_id in links]


def _together(links: Iterable[tuple[str, str]]) -> dict[str, frozenset[str]]:
    same: dict[str, frozenset[str]] = {}
    for pair in links:
        together = frozenset(pair).union(*(same.get(each, ()) for each in pair))
        same.update(dict.fromkeys(together, together))
    return same


def second_answers(connection: sa.Connection) -> frozenset[tuple[str, str]]:
    """Return the (person, task) that another id of the same human answered before, as answers came in.

    One human has one vote on a task, and is paid for it once. What the first withdraws makes room for the next.
    """
    same, at = same_annotators(connection), annotation_revision.c
    submitted = (at.platform != IMPORTED) & (at.status == AnnotationStatus.SUBMITTED.value)
    who: dict[tuple[str, frozenset[str]], set[str]] = {}
    for ids in in_chunks(same):
        theirs = sa.select(at.person_id, at.task_id).where(at.person_id.in_(ids), submitted)
        for person_id, task_id in connection.execute(theirs):
            who.setdefault((task_id, same[person_id]), set()).add(person_id)
    given: dict[tuple[str, frozenset[str]], list[tuple[int, str]]] = {}
    for task_ids in in_chunks(sorted({task_id for (task_id, _), people in who.items() if len(people) > 1})):
        answers = at.task_id.in_(task_ids) & (at.platform != IMPORTED) & counts()
        first = sa.select(at.annotation_id, sa.func.min(at.number)).where(answers, submitted)
        since = {name: number or 0 for name, number in connection.execute(first.group_by(at.annotation_id))}
        for row in connection.execute(latest_genuine(answers)):
            if row.status == AnnotationStatus.SUBMITTED.value and row.person_id in same:
                place = (since[row.annotation_id], row.person_id)
                given.setdefault((row.task_id, same[row.person_id]), []).append(place)
    return frozenset(
        (person_id, task_id)
        for (task_id, _), places in given.items()
        for _, person_id in places
        if person_id != min(places)[1]
    )


def own_conversations(connection: sa.Connection, people: Collection[str]) -> dict[str, set[str]]:
    """Return the conversations that each of these people gave, under their own id or as a giver linked to them."""
    people_of: dict[str, set[str]] = {person_id: {person_id} for person_id in people}
    for person_id, giver_id in connection.execute(sa.select(giver_link.c.person_id, giver_link.c.giver_id)):
        if person_id in people_of:
            people_of.setdefault(giver_id, set()).add(person_id)
    own: dict[str, set[str]] = {}
    for conversation_id, giver_id in _givers(connection, people_of).items():
        for person_id in people_of[giver_id] & set(people):
            own.setdefault(person_id, set()).add(conversation_id)
    return own


def _found(connection: sa.Connection) -> dict[tuple[str, str], str]:
    """Return the giver by (person, task) of the answers whose conversations are still in the register."""
    if not connection.execute(
        sa.select(sa.exists().where(conversation.c.giver_id.is_not(None)))
    ).scalar_one():
        return {}
    answered = annotation_revision.c
    people = set(
        connection.execute(
            sa.select(answered.person_id).where(answered.platform != IMPORTED).distinct()
        ).scalars()
    )
    person_of: dict[str, set[str]] = {person_id: {person_id} for person_id in people}
    for person_id, giver_id in connection.execute(sa.select(giver_link.c.person_id, giver_link.c.giver_id)):
        if person_id in people:
            person_of.setdefault(giver_id, set()).add(person_id)
    giver_of = _givers(connection, person_of)
    givers = {person_id for giver_id in set(giver_of.values()) for person_id in person_of[giver_id]}
    found: dict[tuple[str, str], str] = {}
    for chunk in in_chunks(sorted(givers)):
        query = (
            sa.select(answered.person_id, task.c.task_id, task.c.conversation_ids)
            .join(task, task.c.task_id == answered.task_id)
            .where(answered.person_id.in_(chunk), answered.platform != IMPORTED)
        )
        for person_id, task_id, conversation_ids in connection.execute(query):
            for conversation_id in conversation_ids:
                giver_id = giver_of.get(conversation_id)
                if giver_id is not None and person_id in person_of[giver_id]:
                    found[person_id, task_id] = giver_id
    return found


def _givers(connection: sa.Connection, giver_ids: Iterable[str]) -> dict[str, str]:
    givers: dict[str, str] = {}
    for chunk in in_chunks(giver_ids):
        query = sa.select(conversation.c.conversation_id, conversation.c.giver_id)
        rows = connection.execute(query.where(conversation.c.giver_id.in_(chunk)))
        givers.update((row.conversation_id, row.giver_id) for row in rows)
    return givers
