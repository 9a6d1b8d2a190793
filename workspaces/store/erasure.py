"""Erases the data of a deleted conversation or a forgotten person from the store.

Paid work of other people can still be counted: an answered task keeps its quote, and its answers keep their choices,
but ids of the conversation are replaced and free text is removed. The ledger never held either.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import sqlalchemy as sa

from workspaces.chunks import in_chunks
from workspaces.kinds import together
from workspaces.records import ANONYMOUS, IMPORTED
from workspaces.store import near_duplicates
from workspaces.store.adjudications import adjudication
from workspaces.store.annotations import annotation_revision, replace_answers, revisions_by, revisions_to
from workspaces.store.challenges import challenge
from workspaces.store.chat_exchanges import chat_choice, chat_exchange, chat_private
from workspaces.store.chat_keys import chat_key
from workspaces.store.confidences import confidence
from workspaces.store.counterparts import counterpart
from workspaces.store.disputes import dispute
from workspaces.store.embeddings import prompt_embedding
from workspaces.store.flags import flag, rewrite_evidence
from workspaces.store.gold import gold
from workspaces.store.groups import person_group
from workspaces.store.label_requests import label_request
from workspaces.store.lead_messages import lead_message
from workspaces.store.moderations import moderation
from workspaces.store.own_answers import giver_link
from workspaces.store.people import person_settings
from workspaces.store.posteriors import item_posterior
from workspaces.store.rejections import rejection
from workspaces.store.seed_feedback import seed_feedback
from workspaces.store.seed_requests import seed_request
from workspaces.store.settlements import settlement
from workspaces.store.takebacks import takeback
from workspaces.store.tasks import placement, replace_content_ids, task, tasks_of
from workspaces.store.topics import conversation_topic, drop_empty_topics
from workspaces.store.web_sessions import sign_in_link, web_session
from workspaces.store.who_answered import people_who_answered
from workspaces.store.withdrawals import push_begun, withdrawal

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from pydantic import JsonValue

    from workspaces.records import Task

    MaskOf = Callable[[str, Mapping[str, str]], Mapping[str, str]]
    """Takes a task's id and the values of an answer; returns the values that may stay."""

MESSAGE_ROWS: tuple[tuple[sa.Table, str], ...] = ((seed_feedback, "message_id"),)
"""Tables whose rows are deleted with a message, and the column that names it."""

LABEL_ROWS: tuple[tuple[sa.Table, str], ...] = (
    (moderation, "conversation_id"),
    (challenge, "conversation_id"),
    (conversation_topic, "conversation_id"),
    (prompt_embedding, "conversation_id"),
    (seed_request, "conversation_id"),
    (label_request, "conversation_id"),
)
"""The tables among ``CONVERSATION_ROWS`` that were computed from the texts of a conversation."""

CONVERSATION_ROWS: tuple[tuple[sa.Table, str], ...] = (
    *LABEL_ROWS,
    (counterpart, "conversation_id"),
    (chat_exchange, "conversation_id"),
    (chat_choice, "conversation_id"),
)
"""Tables other than ``conversation`` whose rows are deleted with a conversation, and the column that names it."""

PROMPT_ROWS: tuple[tuple[sa.Table, str], ...] = (
    (challenge, "conversation_id"),
    (conversation_topic, "conversation_id"),
    (prompt_embedding, "conversation_id"),
    (label_request, "conversation_id"),
)
"""The tables among ``CONVERSATION_ROWS`` that describe the first prompt of a conversation."""

PERSON_ROWS_AT_ONCE: tuple[tuple[sa.Table, str], ...] = (
    (person_settings, "person_id"),
    (flag, "person_id"),
    (person_group, "person_id"),
    (lead_message, "person_id"),
    (web_session, "person_id"),
    (sign_in_link, "person_id"),
    (chat_key, "person_id"),
    (chat_exchange, "person_id"),
    (chat_private, "person_id"),
    (chat_choice, "person_id"),
)
"""The tables among ``PERSON_ROWS`` that no platform is asked about: what a person may do here, and what they said."""

PERSON_ROWS: tuple[tuple[sa.Table, str], ...] = (
    *PERSON_ROWS_AT_ONCE,
    (dispute, "person_id"),
    (giver_link, "person_id"),
    (giver_link, "giver_id"),
    (takeback, "person_id"),
)
"""Tables other than ``person`` whose rows are deleted with a person, and the column that names them."""


def erase_rows(
    connection: sa.Connection, tables: Sequence[tuple[sa.Table, str]], names: Collection[str]
) -> dict[str, int]:
    """Delete the rows of ``tables`` that belong to ``names``; return how many, by table."""
    counts: dict[str, int] = {}
    for table, column in tables:
        for chunk in in_chunks(names):
            deleted = connection.execute(sa.delete(table).where(table.c[column].in_(chunk))).rowcount
            if deleted:
                counts[table.name] = counts.get(table.name, 0) + deleted
    return counts


def forget_prompts(connection: sa.Connection, conversation_ids: Collection[str]) -> None:
    """Delete the labels of first prompts of conversations whose first prompt has changed."""
    erase_rows(connection, PROMPT_ROWS, conversation_ids)


def forget_labels(connection: sa.Connection, conversation_ids: Collection[str]) -> None:
    """Delete what was computed and asked about texts that are there no more."""
    near_duplicates.forget(connection, conversation_ids)
    erase_rows(connection, LABEL_ROWS, conversation_ids)


def erase_groups(connection: sa.Connection, conversation_ids: Collection[str]) -> None:
    """Take conversations out of their groups of near duplicates, and delete topics that are left empty."""
    near_duplicates.forget(connection, conversation_ids)
    drop_empty_topics(connection)


def erase_judgments(
    connection: sa.Connection, tasks: Sequence[Task], about: AbstractSet[str] | None = None
) -> dict[str, int]:
    """Delete gold, posteriors and decisions of these tasks, and feedback imported with their chat log; return how many.

    Of posteriors and decisions those alone that are ``about`` one of these messages; None: all of these tasks.

    Imported feedback was never paid, so none of it has to stay: neither the answers, nor the confidence and flags of
    people without a name, whose ids contain the id of their conversation.
    """
    counts = erase_rows(connection, ((gold, "task_id"),), [task.id for task in tasks])
    items = sorted(
        item
        for item in {item for task in tasks for item in _items(task)}
        if about is None or not about.isdisjoint(item.split("|"))
    )
    counts |= erase_rows(connection, ((item_posterior, "item"), (adjudication, "item")), items)
    imported = [task.id for task in tasks if task.platform == IMPORTED]
    people = people_who_answered(connection, imported)
    nameless = sorted(person_id for person_id in people if person_id.startswith(ANONYMOUS))
    deleted = erase_rows(connection, ((annotation_revision, "task_id"),), imported)
    erase_rows(connection, ((confidence, "person_id"), (flag, "person_id")), nameless)
    return counts | ({"imported_feedback": sum(deleted.values())} if deleted else {})


def _items(task: Task) -> set[str]:
    """Return what votes on a task can be about, whatever its kind: responses, one, two or all, or a conversation."""
    shown = task.message_ids
    groups = [shown, *((each,) for each in shown), *combinations(shown, 2)]
    return {*map(together, groups), *task.conversation_ids}


def erase_imported_answers(connection: sa.Connection, person_id: str) -> tuple[list[str], int]:
    """Delete what a person said in chat logs; return the tasks that it was about, and how many answers it was.

    The posteriors of these tasks are deleted until the next report computes them. Figures about the person go as
    well, if they never worked on a platform.
    """
    revisions = revisions_by(connection, person_id)
    imported = sorted({revision.task_id for revision in revisions if revision.platform == IMPORTED})
    answers = len({revision.annotation_id for revision in revisions if revision.platform == IMPORTED})
    if not imported:
        return [], 0
    items = [item for each in tasks_of(connection, imported).values() for item in _items(each)]
    erase_rows(connection, ((item_posterior, "item"),), sorted(set(items)))
    for chunk in in_chunks(imported):
        connection.execute(
            sa.delete(annotation_revision).where(
                annotation_revision.c.person_id == person_id,
                annotation_revision.c.platform == IMPORTED,
                annotation_revision.c.task_id.in_(chunk),
            )
        )
    if all(revision.platform == IMPORTED for revision in revisions):
        erase_rows(connection, ((confidence, "person_id"), (flag, "person_id")), [person_id])
    drop_unanswered(connection, imported)
    return imported, answers


def rename_evidence(
    connection: sa.Connection, names: Collection[str], stand_in: Callable[[str], str]
) -> None:
    """Replace ids of deleted messages in the evidence of flags, where items are message ids joined by '|'."""

    def renamed(value: JsonValue) -> JsonValue:
        if isinstance(value, dict):
            return {key: renamed(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [renamed(inner) for inner in value]
        if isinstance(value, str):
            return "|".join(stand_in(name) if name in names else name for name in value.split("|"))
        return value

    rewrite_evidence(connection, renamed)


def rename_tasks(
    connection: sa.Connection,
    tasks: Iterable[Task],
    messages: Collection[str],
    conversations: Collection[str],
    stand_in: Callable[[str], str],
) -> None:
    """Replace the ids of deleted messages and conversations in these tasks by their ``stand_in``."""
    for renamed in tasks:
        replace_content_ids(
            connection,
            renamed.id,
            [stand_in(name) if name in messages else name for name in renamed.message_ids],
            [stand_in(name) if name in conversations else name for name in renamed.conversation_ids],
        )


def drop_unanswered(connection: sa.Connection, task_ids: Iterable[str]) -> int:
    """Delete the tasks among these that have no answer and no placement; return how many."""
    deleted = 0
    for ids in in_chunks(task_ids):
        used = (
            sa.select(table.c.task_id).where(table.c.task_id == task.c.task_id).exists()
            for table in (annotation_revision, settlement, placement, push_begun, withdrawal)
        )
        statement = sa.delete(task).where(task.c.task_id.in_(ids), *(~is_used for is_used in used))
        deleted += connection.execute(statement).rowcount
        left = sa.select(task.c.task_id)
        for table in (takeback, rejection):
            gone = table.c.task_id.in_(ids) & table.c.task_id.not_in(left.where(task.c.task_id.in_(ids)))
            connection.execute(sa.delete(table).where(gone))
    return deleted


def mask_answers(
    connection: sa.Connection, mask: MaskOf, *, task_ids: Iterable[str] = (), person_id: str | None = None
) -> int:
    """Mask the values of answers in all their revisions; return how many revisions changed.

    Args:
        connection: a writing transaction.
        mask: returns the values of an answer that may stay.
        task_ids: mask the answers to these tasks.
        person_id: mask also the answers of this person.
    """
    revisions = revisions_to(connection, task_ids)
    if person_id is not None:
        revisions += revisions_by(connection, person_id)
    changed = 0
    for revision in revisions:
        answers = mask(revision.task_id, revision.answers)
        if answers == revision.answers:
            continue
        changed += 1
        replace_answers(connection, revision, answers)
    return changed
