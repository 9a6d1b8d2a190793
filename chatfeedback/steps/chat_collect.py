"""Moves what was chatted for points into the collection: held, redacted and curated like any chat log.

An exchange waits in the store from the moment its points were captured. It is appended first and closed then, so a run
that is killed appends nothing twice. What people chose between answers becomes feedback that is never paid.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa

from chatfeedback.steps.chat_continuations import continued
from chatfeedback.steps.chat_messages import SOURCE
from chatfeedback.steps.chat_seeds import seed_of
from chatfeedback.steps.redact import redactor_of
from chatfeedback.steps.redaction_state import check_redaction
from task_generators.chat_logs import keep_feedback
from task_generators.chat_logs.batches import Batch, batch_of
from task_generators.chat_logs.curation import clean, redact, tag
from task_generators.chat_logs.readers import Reading, feedback
from workspaces.collection.files import SCHEMA
from workspaces.records import CHAT, SharingState
from workspaces.store import consent
from workspaces.store.chat_exchanges import (
    COLLECTED,
    close_choices,
    close_exchanges,
    is_waiting,
    take_ratings,
    waiting_choices,
    waiting_exchanges,
)
from workspaces.store.conversations import entries_of
from workspaces.store.seed_feedback import save_seeds
from workspaces.workspace import LOCK_TIMEOUT_SECONDS, utc_now

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from workspaces.store.chat_exchanges import Choice, Exchange
    from workspaces.workspace import Workspace

AT_ONCE = 500
"""Exchanges appended at once."""

UNREADABLE, DUPLICATE, REFUSED = "unreadable", "duplicate", "refused"
REASON = "chatted here, and was told that it is recorded"
"""What the history of consent says of a chat."""


@dataclass(slots=True)
class CollectedChats:
    """What became of exchanges by outcome, and how many choices are feedback now.

    A ``duplicate`` exchange is one whose texts a stored conversation has already; one that is ``refused`` keeps its
    texts in the store. ``choices_without_chat`` are about answers that are not in the collection: they were deleted,
    refused, or duplicates.
    """

    outcomes: dict[str, int] = field(default_factory=dict)
    choices: int = 0
    choices_without_chat: int = 0


def collect_chats(workspace: Workspace, *, wait_seconds: float = LOCK_TIMEOUT_SECONDS) -> CollectedChats:
    """Move the exchanges that wait into the collection, then the choices; a second run moves nothing.

    Raises:
        WorkbenchError: another step held the workspace for longer than ``wait_seconds``.
    """
    collected = CollectedChats()
    with workspace.store.read() as connection:
        if not is_waiting(connection):
            return collected
    with workspace.exclusive(wait_seconds):
        check_redaction(workspace)
        with workspace.store.read() as connection:
            choices = waiting_choices(
                connection
            )  # first: the answers that they are about are waiting, or stored
        while True:
            with workspace.store.read() as connection:
                waiting = waiting_exchanges(connection, AT_ONCE)
            if not waiting:
                break
            outcomes = _close(workspace, waiting, _append(workspace, waiting))
            for outcome, count in Counter(outcomes.values()).items():
                collected.outcomes[outcome] = collected.outcomes.get(outcome, 0) + count
        collected.choices, collected.choices_without_chat = _keep(workspace, choices)
        workspace.collection.share_due(utc_now())
    return collected


def _append(workspace: Workspace, waiting: Sequence[Exchange]) -> dict[str, str]:
    """Append exchanges to the collection; return what became of each, by the id of its hold."""
    outcomes = {each.hold_id: UNREADABLE for each in waiting}
    readable = [each for each in waiting if each.messages is not None]
    if not readable:
        return outcomes
    readings = _readings(workspace, readable)
    cleaned = clean(Batch(batch_of(range(len(readings)), readings)))
    for omission in cleaned.omissions:
        outcomes[readable[omission.line].hold_id] = omission.kind
    if not cleaned.rows.num_rows:
        return outcomes
    rows = _licensed(workspace, tag(redact(cleaned, redactor_of(workspace))).rows)
    lines = rows.column("line").to_pylist()
    appended = workspace.collection.append_table(
        pa.Table.from_batches([rows]).select(SCHEMA.names),
        now=utc_now(),
        delay=timedelta(hours=workspace.config.consent.delay_hours),
        measure=lambda grown: tag(Batch(grown)).rows,
    )
    for position, line in enumerate(lines):
        outcomes[readable[line].hold_id] = REFUSED if position in appended.refused else COLLECTED
    for position in appended.deleted:
        outcomes[readable[lines[position]].hold_id] = "deleted"
    return outcomes


def _readings(workspace: Workspace, readable: Sequence[Exchange]) -> list[Reading]:
    """Return exchanges as readings, each continuing what is stored of its conversation, and the exchanges before it."""
    stored = workspace.collection.read({each.conversation_id for each in readable})
    known = {name: {it.id: it for it in conversation.messages} for name, conversation in stored.items()}
    readings = []
    for each in readable:
        messages = known.setdefault(each.conversation_id, {})
        conversation = continued(each, messages)
        for message in conversation.messages:
            messages.setdefault(message.id, message)
        readings.append(Reading(conversation))
    return readings


def _licensed(workspace: Workspace, rows: pa.RecordBatch) -> pa.RecordBatch:
    """Return rows with the licence that the lead declares for their source, if any."""
    declared = workspace.config.sources.get(SOURCE)
    if declared is None:
        return rows
    index = rows.schema.get_field_index("licence")
    return rows.set_column(
        index, rows.schema.field(index), pa.array([declared.licence] * rows.num_rows, pa.string())
    )


def _close(
    workspace: Workspace, waiting: Sequence[Exchange], appended: Mapping[str, str]
) -> Mapping[str, str]:
    """Note what became of exchanges, and of new conversations that their giver was told of the recording.

    Returns:
        What became of each, by the id of its hold.
    """
    now: datetime = utc_now()
    givers = {each.conversation_id: each.person_id for each in waiting}
    with workspace.store.write() as connection:
        there = entries_of(connection, sorted(givers))
        outcomes = dict(appended)
        by_outcome: dict[str, list[str]] = {}
        for each in waiting:
            if outcomes[each.hold_id] == COLLECTED and each.conversation_id not in there:
                outcomes[each.hold_id] = DUPLICATE
            by_outcome.setdefault(outcomes[each.hold_id], []).append(each.hold_id)
        told = {event.conversation_id for event in consent.events(connection, sorted(givers))}
        new = {name: givers[name] for name in sorted(there) if name not in told}
        consent.record_events(connection, new, SharingState.HELD, now, REASON)
        for outcome, hold_ids in by_outcome.items():
            ratings = take_ratings(connection, hold_ids)
            if outcome == COLLECTED:
                save_seeds(connection, [seed_of(*rated, now) for rated in ratings])
            close_exchanges(connection, hold_ids, outcome, now, keep_texts=outcome == REFUSED)
    return outcomes


def _keep(workspace: Workspace, choices: Sequence[Choice]) -> tuple[int, int]:
    """Make choices feedback; return how many were new, and how many are about answers that are not there."""
    if not choices:
        return 0, 0
    judged = [(each.conversation_id, feedback.from_json(each.judgment)) for each in choices]
    stored = workspace.collection.read({name for name, _ in judged})
    there = {(name, message.id) for name, conversation in stored.items() for message in conversation.messages}
    attached = [
        (name, judgments)
        for name, judgments in judged
        if all((name, it) in there for judgment in judgments for it in judgment.message_ids)
    ]
    kept = keep_feedback(workspace.store, attached, lambda person_id: person_id, utc_now(), origin=CHAT)
    with workspace.store.write() as connection:
        close_choices(connection, [each.choice_id for each in choices], utc_now())
    return kept.added, len(judged) - len(attached)
