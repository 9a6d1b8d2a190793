"""Takes what belongs to a deleted conversation or a forgotten person out of the store.

What others were paid for stays countable: an answered task keeps its quote, and its answers keep their choices,
but ids of the conversation are replaced and free text goes. The ledger never held either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from workspaces.records import ANONYMOUS, IMPORTED
from workspaces.store import near_duplicates
from workspaces.store.annotations import content_hash
from workspaces.store.consent import chunks
from workspaces.store.tables import (
    annotation_revision,
    challenge,
    confidence,
    consent_event,
    conversation_topic,
    flag,
    gold,
    item_posterior,
    moderation,
    person_settings,
    placement,
    push_begun,
    seed_feedback,
    settlement,
    task,
    topic,
    withdrawal,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from workspaces.records import Task

    MaskOf = Callable[[str, Mapping[str, str]], dict[str, str]]
    """From a task's id and the values of an answer to the values that may stay."""

MESSAGE_ROWS: tuple[tuple[sa.Table, str], ...] = ((seed_feedback, "message_id"),)
"""Tables whose rows go with a message, and the column that names it."""

CONVERSATION_ROWS: tuple[tuple[sa.Table, str], ...] = (
    (moderation, "conversation_id"),
    (challenge, "conversation_id"),
    (conversation_topic, "conversation_id"),
)
"""Tables, beside ``conversation``, whose rows go with a conversation, and the column that names it."""

PERSON_ROWS: tuple[tuple[sa.Table, str], ...] = (
    (person_settings, "person_id"),
    (flag, "person_id"),
)
"""Tables whose rows go with a person, and the column that names them; beside ``person``, which goes last."""


def erase_rows(
    connection: sa.Connection, tables: Sequence[tuple[sa.Table, str]], names: Sequence[str]
) -> dict[str, int]:
    """Delete the rows of ``tables`` that belong to ``names``; return how many, by table."""
    counts: dict[str, int] = {}
    for table, column in tables:
        for some in chunks(names):
            done = connection.execute(sa.delete(table).where(table.c[column].in_(some)))
            if done.rowcount:
                counts[table.name] = counts.get(table.name, 0) + done.rowcount
    return counts


def erase_groups(connection: sa.Connection, conversation_ids: Sequence[str]) -> None:
    """Take conversations out of their groups of near duplicates, and drop topics that are left without any."""
    near_duplicates.forget(connection, conversation_ids)
    empty = (
        ~sa.select(conversation_topic.c.number).where(conversation_topic.c.number == topic.c.number).exists()
    )
    connection.execute(sa.delete(topic).where(empty))


def erase_judgments(connection: sa.Connection, tasks: Sequence[Task]) -> dict[str, int]:
    """Delete what is concluded from answers to these tasks, and what came with their chat log; return how many.

    Feedback that was imported was never paid, so nothing has to stay of it: neither the answer nor what was said
    of people without a name, whose ids stand for their conversation.
    """
    counts = erase_rows(connection, ((gold, "task_id"),), [it.id for it in tasks])
    items = sorted({name for it in tasks for name in ("|".join(sorted(it.message_ids)), it.message_ids[0])})
    counts |= erase_rows(connection, ((item_posterior, "item"),), items)
    imported = [it.id for it in tasks if it.platform == IMPORTED]
    people: set[str] = set()
    for ids in chunks(imported):
        query = sa.select(annotation_revision.c.person_id).where(annotation_revision.c.task_id.in_(ids))
        people.update(connection.execute(query).scalars())
    nameless = sorted(it for it in people if it.startswith(ANONYMOUS))
    gone = erase_rows(connection, ((annotation_revision, "task_id"),), imported)
    erase_rows(connection, ((confidence, "person_id"), (flag, "person_id")), nameless)
    return counts | ({"imported_feedback": sum(gone.values())} if gone else {})


def rename_evidence(
    connection: sa.Connection, names: Collection[str], stand_in: Callable[[str], str]
) -> None:
    """Replace ids of deleted messages in the evidence of flags, where items are message ids joined by '|'."""

    def renamed(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: renamed(each) for key, each in value.items()}
        if isinstance(value, list):
            return [renamed(each) for each in value]
        if isinstance(value, str):
            return "|".join(stand_in(each) if each in names else each for each in value.split("|"))
        return value

    for row in connection.execute(sa.select(flag.c.flag_id, flag.c.evidence)).all():
        if (evidence := renamed(row.evidence)) != row.evidence:
            chosen = sa.update(flag).where(flag.c.flag_id == row.flag_id)
            connection.execute(chosen.values(evidence=evidence))


def rename_tasks(
    connection: sa.Connection,
    tasks: Sequence[Task],
    messages: Collection[str],
    conversations: Collection[str],
    stand_in: Callable[[str], str],
) -> None:
    """Replace the ids of deleted messages and conversations in these tasks by what ``stand_in`` makes of them."""
    for one in tasks:
        values = {
            "message_ids": [stand_in(it) if it in messages else it for it in one.message_ids],
            "conversation_ids": [stand_in(it) if it in conversations else it for it in one.conversation_ids],
        }
        connection.execute(sa.update(task).where(task.c.task_id == one.id).values(**values))


def rename_events(connection: sa.Connection, names: Mapping[str, str]) -> None:
    """Replace conversation ids in the history of consent."""
    for old, new in names.items():
        chosen = sa.update(consent_event).where(consent_event.c.conversation_id == old)
        connection.execute(chosen.values(conversation_id=new))


def drop_unanswered(connection: sa.Connection, task_ids: Sequence[str]) -> int:
    """Delete those of the tasks that nobody answered and that stand on no platform; return how many."""
    gone = 0
    for ids in chunks(task_ids):
        used = (
            sa.select(table.c.task_id).where(table.c.task_id == task.c.task_id).exists()
            for table in (annotation_revision, settlement, placement, push_begun, withdrawal)
        )
        statement = sa.delete(task).where(task.c.task_id.in_(ids), *(~each for each in used))
        gone += connection.execute(statement).rowcount
    return gone


def mask_answers(
    connection: sa.Connection, mask: MaskOf, *, task_ids: Sequence[str] = (), person_id: str | None = None
) -> int:
    """Change what answers say, in all their revisions; return how many revisions changed.

    Args:
        connection: inside a writing transaction.
        mask: what may stay of an answer.
        task_ids: the answers to these tasks.
        person_id: and those of this person.
    """
    found: list[sa.Row[Any]] = []
    query = sa.select(annotation_revision)
    for ids in chunks(task_ids):
        found += connection.execute(query.where(annotation_revision.c.task_id.in_(ids))).all()
    if person_id is not None:
        found += connection.execute(query.where(annotation_revision.c.person_id == person_id)).all()
    changed = 0
    for row in found:
        values = mask(row.task_id, row.answers)
        if values == row.answers:
            continue
        changed += 1
        connection.execute(
            sa.update(annotation_revision)
            .where(
                annotation_revision.c.annotation_id == row.annotation_id,
                annotation_revision.c.revision == row.revision,
            )
            .values(answers=values, content_hash=content_hash(row.status, values))
        )
    return changed
