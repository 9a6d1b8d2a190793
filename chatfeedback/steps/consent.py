"""Publishes conversations or keeps them private at a giver's request, and reads the history of requests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chatfeedback.steps.chats_that_wait import collect_given, collect_named
from chatfeedback.steps.receipts import receipts_by_conversation
from chatfeedback.steps.withdraw import withdraw_tasks
from workspaces.errors import UsageError, WorkbenchError
from workspaces.records import SharingState
from workspaces.store import consent, conversations
from workspaces.store.deletions import deletion_of
from workspaces.store.tasks import all_tasks
from workspaces.store.tombstones import receipts_of
from workspaces.store.withdrawals import begin_withdrawal
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from workspaces.workspace import Workspace

DONE = {SharingState.SHARED: "published", SharingState.PRIVATE: "kept private"}


@dataclass(frozen=True, slots=True)
class Changed:
    """The result of a request: conversations whose state changed, those already in that state, and tasks withdrawn."""

    changed: int
    unchanged: int
    withdrawn: dict[str, int]


@dataclass(frozen=True, slots=True)
class Event:
    """One request. ``asked_by`` is the giver's pseudonym, ``giver`` if it is unknown, or ``lead``."""

    conversation_id: str
    state: SharingState
    at: datetime
    asked_by: str
    reason: str | None


def change_sharing(
    workspace: Workspace,
    conversation_ids: Sequence[str],
    state: SharingState,
    *,
    by: str,
    reason: str | None = None,
) -> Changed:
    """Publish conversations now (``SHARED``) or keep them private (``PRIVATE``); a giver may change their mind.

    Either all of them change or none. Tasks of private conversations are taken off the platforms; answers to them stay
    in the store and are not exported. A chat that waits for the collection is moved there first.

    Args:
        workspace: whose conversations.
        conversation_ids: the conversations; those that are in the state already stay as they are.
        state: the requested state.
        by: who asked: ``giver`` or ``lead``.
        reason: the reason that they stated.

    Raises:
        UsageError: a conversation is unknown, or was deleted.
        ConnectionFailedError: a platform that has tasks of the conversations cannot be reached. The conversations are
            private here; the next ``sync``, ``push`` or ``consent finish`` takes the tasks off that platform.
    """
    collect_named(workspace, conversation_ids)
    now = utc_now()
    with workspace.exclusive():
        with workspace.store.write() as connection:
            entries = conversations.entries_of(connection, conversation_ids)
            for conversation_id in conversation_ids:
                entry = entries.get(conversation_id)
                if entry is None or entry.state is SharingState.DELETED:
                    raise UsageError(_why_not(workspace, conversation_id, state))
            new = {key: entry.giver_id or by for key, entry in entries.items() if entry.state is not state}
            conversations.set_state(connection, list(new), state, now)
            asked_by = new if by == "giver" else dict.fromkeys(new, by)
            consent.record_events(connection, asked_by, state, now, reason)
            withdrawn: dict[str, int] = {}
            if state is SharingState.PRIVATE and new:
                tasks = [
                    task.id
                    for task in all_tasks(connection).values()
                    if not new.keys().isdisjoint(task.conversation_ids)
                ]
                withdrawn = begin_withdrawal(connection, tasks, forget=False)
        if state is SharingState.PRIVATE:
            try:
                withdraw_tasks(workspace)
            except WorkbenchError as error:
                advice = "private here; their tasks go from there with the next 'chatfeedback sync'"
                error.args = (f"{error}; {advice}", *error.args[1:])
                raise
    return Changed(len(new), len(entries) - len(new), withdrawn)


def requested_conversations(
    workspace: Workspace, conversation_ids: Sequence[str], giver_id: str | None
) -> list[str]:
    """Return the conversations that a request names, by their ids here or in a log, or by their giver.

    Raises:
        UsageError: the request has both ids and a giver, or the giver has no conversations.
    """
    if conversation_ids and giver_id is not None:
        raise UsageError(
            "name conversations by their ids, or all of one person with --giver PERSON: not both"
        )
    if giver_id is None:
        return list(dict.fromkeys(ids_here(workspace, conversation_ids)))
    collect_given(workspace, giver_id)
    with workspace.store.read() as connection:
        ids = conversations.ids_given_by(connection, giver_id)
    if not ids:
        raise UsageError(f"{giver_id} has no conversation in the collection")
    return ids


def ids_here(workspace: Workspace, names: Sequence[str]) -> list[str]:
    """Return the ids that conversations have here which a log calls so: keyed ids, where such stand for its own."""
    keyed = {name: workspace.pseudonyms.keyed_id(name) for name in names}
    known = workspace.collection.known({*keyed, *keyed.values()})
    return [keyed[name] if name not in known and keyed[name] in known else name for name in names]


def history(workspace: Workspace, conversation_ids: Sequence[str]) -> list[Event]:
    """Return the requests about these conversations, also about deleted ones, or about all; oldest first.

    Raises:
        UsageError: there is and was no such conversation.
    """
    collect_named(workspace, conversation_ids)
    asked = ids_here(workspace, conversation_ids)
    names = [name for key in asked for name in (key, workspace.tombstones.stand_in(key))]
    with workspace.store.read() as connection:
        events = consent.events(connection, names or None)
        known = conversations.entries_of(connection, asked)
        deleted = receipts_by_conversation(workspace, connection, asked)
    told = {*known, *deleted, *(event.conversation_id for event in events)}
    if unknown := [name for name, here in zip(conversation_ids, asked, strict=True) if here not in told]:
        raise UsageError(no_conversation(unknown[0]))
    return [
        Event(event.conversation_id, event.state, event.at, event.asked_by, event.reason) for event in events
    ]


def no_conversation(conversation_id: str) -> str:
    """Return what is said of an id that nothing has."""
    return f"the collection has no conversation {conversation_id!r}: 'chatfeedback collection search TEXT' finds ids"


def _why_not(workspace: Workspace, conversation_id: str, state: SharingState) -> str:
    digest = workspace.tombstones.hash_of_id(conversation_id)
    with workspace.store.read() as connection:
        receipt_id = receipts_of(connection, [digest]).get(digest)
        if receipt_id is None:
            return no_conversation(conversation_id)
        asked_at = deletion_of(connection, receipt_id).asked_at
    return f"{conversation_id!r} was deleted on {asked_at:%Y-%m-%d} (receipt {receipt_id}) and cannot be {DONE[state]}"
