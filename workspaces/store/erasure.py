"""Takes what belongs to a deleted conversation or a forgotten person out of the store.

What others were paid for stays countable: an answered task keeps its quote, and its answers keep their choices,
but ids of the conversation are replaced and free text goes. The ledger never held either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from workspaces.store.annotations import content_hash
from workspaces.store.consent import chunks
from workspaces.store.tables import (
    annotation_revision,
    consent_event,
    placement,
    push_begun,
    seed_feedback,
    settlement,
    task,
    withdrawal,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from workspaces.records import Task

    MaskOf = Callable[[str, Mapping[str, str]], dict[str, str]]
    """From a task's id and the values of an answer to the values that may stay."""

MESSAGE_ROWS: tuple[tuple[sa.Table, str], ...] = ((seed_feedback, "message_id"),)
"""Tables whose rows go with a message, and the column that names it."""

CONVERSATION_ROWS: tuple[tuple[sa.Table, str], ...] = ()
"""Tables, beside ``conversation``, whose rows go with a conversation, and the column that names it."""

PERSON_ROWS: tuple[tuple[sa.Table, str], ...] = ()
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
