"""Deletes conversations and people's data from the store, the collection and the platforms, with a receipt.

One transaction marks the deletion: it adds the tombstones, removes the text of answers and lists the tasks to withdraw.
After it commits, no part of a conversation is shown, exported or ingested again. The remaining work (files, platforms,
free pages of the database, the receipt) resumes where it stopped if the process is killed.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from chatfeedback.steps.chats_that_wait import collect_named
from chatfeedback.steps.closing import close_full
from chatfeedback.steps.consent import no_conversation
from chatfeedback.steps.guided_forms import keep_boards
from chatfeedback.steps.plugin_posts import collect_posts, drop_unreadable_of
from chatfeedback.steps.receipts import half_written, receipt_of, receipts_by_conversation, write_receipt
from chatfeedback.steps.scattered import clear_scattered
from chatfeedback.steps.withdraw import masked, platforms_in_use, withdraw_from, withdraw_tasks, without_text
from chatfeedback.steps.written import PEOPLE, holding
from workspaces.errors import UsageError, WorkbenchError, together
from workspaces.files import remove_folder
from workspaces.records import SharingState
from workspaces.store.annotations import forget_times
from workspaces.store.consent import record_events, rename_conversations
from workspaces.store.conversations import entries_of, ids_given_by, ids_in, set_state
from workspaces.store.deletions import (
    Removed,
    complete_deletion,
    deletion_of,
    note_removed,
    open_deletion,
    open_deletions,
)
from workspaces.store.erasure import (
    CONVERSATION_ROWS,
    MESSAGE_ROWS,
    PERSON_ROWS,
    PERSON_ROWS_AT_ONCE,
    drop_unanswered,
    erase_groups,
    erase_imported_answers,
    erase_judgments,
    erase_rows,
    mask_answers,
    rename_evidence,
    rename_tasks,
)
from workspaces.store.identities import digests_of
from workspaces.store.own_answers import givers_of
from workspaces.store.rewrites import rename_rewrites, rewrites_by, rewrites_in, showing_rewrites
from workspaces.store.tasks import all_tasks
from workspaces.store.tombstones import bury, bury_judgments
from workspaces.store.who_answered import answers_given
from workspaces.store.withdrawals import begin_withdrawal
from workspaces.sync import sync
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import sqlalchemy as sa

    from chatfeedback.steps.receipts import Receipt
    from workspaces.platforms.base import Platform
    from workspaces.records import Conversation, GivenAnswer, Task
    from workspaces.workspace import Workspace


def delete_conversations(
    workspace: Workspace, conversation_ids: Sequence[str], *, by: str, reason: str | None = None
) -> list[Receipt]:
    """Delete conversations for good; return the receipt, and the receipts of conversations deleted before.

    Args:
        workspace: whose conversations.
        conversation_ids: those to delete; deleting one again finishes an interrupted deletion and changes nothing else.
        by: who asked: ``giver`` or ``lead``.
        reason: the reason that they stated, kept word for word.

    One that waits for the collection is moved there first.

    Raises:
        UsageError: there never was such a conversation.
        ConnectionFailedError: a platform cannot be reached. Everything is deleted here; the tasks on that platform are
            deleted when this runs again.
    """
    collect_named(workspace, conversation_ids)
    with workspace.exclusive():
        with workspace.store.read() as connection:
            entries = entries_of(connection, conversation_ids)
            before = receipts_by_conversation(workspace, connection, conversation_ids)
        if unknown := [name for name in conversation_ids if name not in entries and name not in before]:
            raise UsageError(no_conversation(unknown[0]))
        receipts = set(before.values())
        if new := [name for name in dict.fromkeys(conversation_ids) if name not in before]:
            receipts.add(_mark(workspace, new, person_id=None, by=by, reason=reason))
        _finish(workspace)
        return [receipt_of(workspace, receipt_id) for receipt_id in sorted(receipts)]


def forget_person(workspace: Workspace, person_id: str, *, by: str, reason: str | None = None) -> Receipt:
    """Delete a person's conversations, texts and identities; return the receipt.

    Their points stay in the ledger under a pseudonym that can no longer be linked to a person. Their choices on
    platforms stay, because other people were paid by comparison with them; free text is deleted. What they said in
    chat logs was never paid, and is deleted: the same log does not bring it back. A person who comes back gets a new
    pseudonym.

    Raises:
        ConnectionFailedError: a platform cannot be reached; the remaining work is done when this runs again.
    """
    collect_posts(workspace)
    drop_unreadable_of(workspace, [person_id])
    with workspace.exclusive():
        receipt_id = _mark_person(workspace, person_id, by=by, reason=reason)
        _finish(workspace)
        return receipt_of(workspace, receipt_id)


def forget_everywhere(
    workspace: Workspace, person_id: str, *, reason: str | None = None
) -> tuple[list[Receipt], WorkbenchError | None]:
    """Forget a person who asked for it, and the givers that the lead linked to them.

    All of them are marked before a platform is asked about one.

    Returns:
        The receipts, and what keeps some of it waiting, such as a platform that cannot be asked; None: nothing does.
    """
    failure: WorkbenchError | None = None
    collect_posts(workspace)
    with workspace.exclusive():
        with workspace.store.read() as connection:
            everybody = givers_of(connection, person_id)
        drop_unreadable_of(workspace, everybody)
        marked = [
            _mark_person(workspace, each, by="giver", reason=reason)
            for each in reversed(everybody)  # the person last, so that they can ask again after a crash
        ]
        try:
            _finish(workspace)
        except WorkbenchError as error:
            failure = error
        return [receipt_of(workspace, receipt_id) for receipt_id in marked], failure


def finish_requests(workspace: Workspace) -> int:
    """Finish interrupted requests; return how many deletions were completed.

    Raises:
        ConnectionFailedError: a platform still cannot be reached.
    """
    with workspace.exclusive():
        completed = _finish(workspace)
        withdraw_tasks(workspace)
    return completed


def _mark_person(workspace: Workspace, person_id: str, *, by: str, reason: str | None) -> str:
    """Delete of a person what one transaction can delete, unless that was done; return the receipt's id."""
    with workspace.store.read() as connection:
        begun = [each.receipt_id for each in open_deletions(connection) if each.person_id == person_id]
        conversation_ids = ids_given_by(connection, person_id)
    if begun:
        return begun[0]
    return _mark(workspace, conversation_ids, person_id=person_id, by=by, reason=reason)


def _mark(
    workspace: Workspace,
    conversation_ids: Sequence[str],
    *,
    person_id: str | None,
    by: str,
    reason: str | None,
) -> str:
    """Delete everything that one transaction can delete; return the receipt's id."""
    texts = workspace.collection.read(conversation_ids)
    earlier = workspace.collection.earlier_hashes(conversation_ids)
    held = holding(workspace, conversation_ids, person_id)
    receipt_id, now = secrets.token_hex(12), utc_now()
    with workspace.store.write() as connection:
        entries = entries_of(connection, conversation_ids)
        asked_by = {key: entry.giver_id or by if by == "giver" else by for key, entry in entries.items()}
        open_deletion(
            connection,
            receipt_id,
            person_id=person_id,
            asked_at=now,
            asked_by=person_id if person_id and by == "giver" else by,
            reason=reason,
        )
        record_events(connection, asked_by, SharingState.DELETED, now, reason)
        set_state(connection, list(entries), SharingState.DELETED, now)
        tombstones = workspace.tombstones
        bury(
            connection,
            receipt_id,
            {
                tombstones.hash_of_id(key): tombstones.hash_of_content(entry.content_hash)
                for key, entry in entries.items()
            }
            | {tombstones.hash_of_earlier(text): tombstones.hash_of_content(text) for text in earlier},
        )
        removed: Removed = {"collection": {"conversations": len(entries)}}
        removed["store"], removed["platforms"] = _erase(workspace, connection, texts, set(entries))
        if person_id is not None:
            at_once = erase_rows(connection, PERSON_ROWS_AT_ONCE, [person_id])
            removed["store"] = _sum(removed["store"], at_once)
            answers = _erase_imported(workspace, connection, receipt_id, person_id)
            if answers:
                about_theirs = removed["store"].get("imported_feedback", 0)
                removed["store"]["imported_feedback"] = about_theirs + answers
            removed["store"]["answers_without_text"] = mask_answers(
                connection, lambda _, values: without_text(values), person_id=person_id
            )
            for platform, count in _erase_rewrites(workspace, connection, person_id).items():
                removed["platforms"][platform] = removed["platforms"].get(platform, 0) + count
        removed["exports_to_make_again"], removed["copies_to_remove"] = held.exports, held.copies
        removed["published_to_replace"], removed["moved_or_removed"] = held.published, held.missing
        note_removed(connection, receipt_id, removed)
    return receipt_id


def _sum(counts: Mapping[str, int], more: Mapping[str, int]) -> dict[str, int]:
    return {**counts, **{name: counts.get(name, 0) + count for name, count in more.items()}}


def _erase_rewrites(workspace: Workspace, connection: sa.Connection, person_id: str) -> dict[str, int]:
    """Erase what is left of a person's rewrites once their text is gone; return the tasks to withdraw, by platform.

    Tasks that show them are taken off their platforms, unless somebody else wrote the same text. What people answered
    there stays, as they were paid for it.
    """
    theirs = rewrites_by(connection, person_id)
    tasks = [
        task for task in showing_rewrites(all_tasks(connection).values()) if theirs & set(task.message_ids)
    ]
    erase_judgments(connection, tasks, theirs)
    stand_in = workspace.tombstones.stand_in
    rename_evidence(connection, theirs, stand_in)
    rename_tasks(connection, tasks, theirs, (), stand_in)
    rename_rewrites(connection, theirs, stand_in)
    ids = [task.id for task in tasks]
    platforms = begin_withdrawal(connection, ids, forget=True)
    drop_unanswered(connection, ids)
    return platforms


def _erase_imported(workspace: Workspace, connection: sa.Connection, receipt_id: str, person_id: str) -> int:
    """Delete what a person said in chat logs, and add a tombstone for each identity and task; return how much."""
    task_ids, answers = erase_imported_answers(connection, person_id)
    bury_judgments(
        connection,
        receipt_id,
        (
            workspace.tombstones.hash_of_judgment(identity, task_id)
            for identity in digests_of(connection, person_id)
            for task_id in task_ids
        ),
    )
    return answers


def _erase(
    workspace: Workspace,
    connection: sa.Connection,
    texts: Mapping[str, Conversation],
    conversations: set[str],
) -> tuple[dict[str, int], dict[str, int]]:
    """Erase conversations from the tables; return counts of deleted rows, and of tasks to withdraw by platform."""
    messages = {
        message.id: message.content for conversation in texts.values() for message in conversation.messages
    }
    tasks = [task for task in all_tasks(connection).values() if conversations & set(task.conversation_ids)]
    ids = [task.id for task in tasks]
    responses = {task.id: _response(task, messages) for task in tasks}
    counts = erase_rows(connection, MESSAGE_ROWS, sorted(messages))
    counts |= erase_rows(connection, CONVERSATION_ROWS, sorted(conversations))
    erase_groups(connection, sorted(conversations))
    counts |= erase_judgments(connection, tasks)
    stand_in = workspace.tombstones.stand_in
    rename_evidence(connection, {*messages, *conversations}, stand_in)
    rewrites = rewrites_in(connection, ids)
    rename_tasks(connection, tasks, messages.keys() | rewrites, conversations, stand_in)
    rename_rewrites(connection, rewrites, stand_in)
    rename_conversations(connection, {key: stand_in(key) for key in sorted(conversations)})
    counts["tasks"] = len(tasks)
    counts["answers_without_text"] = mask_answers(
        connection, lambda task_id, values: masked(values, responses[task_id]), task_ids=ids
    )
    platforms = begin_withdrawal(connection, ids, forget=True)
    drop_unanswered(connection, ids)
    return counts, platforms


def _response(task: Task, messages: Mapping[str, str]) -> str | None:
    return messages.get(task.message_ids[0])


def _finish(workspace: Workspace) -> int:
    """Finish every open deletion, in this order: files, free pages, platforms, identities, receipts."""
    clear_scattered(workspace)
    with workspace.store.read() as connection:
        later_ids = [
            (deletion, ids_given_by(connection, deletion.person_id))
            for deletion in open_deletions(connection)
            if deletion.person_id
        ]
    for deletion, conversation_ids in later_ids:
        if conversation_ids:  # ingested while a platform was out of reach
            _mark(workspace, conversation_ids, person_id=None, by=deletion.asked_by, reason=deletion.reason)
    with workspace.store.read() as connection:
        deletions = open_deletions(connection)
        marked = ids_in(connection, SharingState.DELETED)
    if not deletions:
        return 0
    workspace.collection.remove(marked)
    _clear_copies(workspace)
    for deletion in deletions:
        if deletion.person_id is not None:
            workspace.demographics.withdraw(deletion.person_id)
    workspace.store.purge()
    try:
        withdraw_tasks(workspace)
        for deletion in deletions:
            if deletion.person_id is not None:
                _leave_platforms(workspace, deletion.receipt_id, deletion.person_id)
        if any(deletion.person_id is not None for deletion in deletions):
            keep_boards(workspace)  # they carry people's names
    except WorkbenchError as error:
        names = ", ".join(deletion.receipt_id for deletion in deletions)
        advice = f"deleted here; for the rest of receipt {names} run 'chatfeedback consent finish' later"
        error.args = (f"{error}; {advice}", *error.args[1:])
        raise
    for deletion in deletions:
        now = utc_now()
        write_receipt(workspace, deletion.receipt_id, now)  # first: a run killed here does both again
        with workspace.store.write() as connection:
            complete_deletion(connection, deletion.receipt_id, now)
    return len(deletions)


def _leave_platforms(workspace: Workspace, receipt_id: str, person_id: str) -> None:
    """Remove a person's answers from the platforms, and their account from servers that this workspace manages."""
    closed: dict[str, str] = {}
    failed: list[WorkbenchError] = []
    for name in platforms_in_use(workspace):
        try:
            with workspace.platform(name) as platform:
                # first, so that answers given since the last sync are removed, too
                sync(workspace.store, platform, utc_now, is_account_of=workspace.pseudonyms.is_account_of)
                close_full(workspace, name)  # before they are offered to anybody else
                withdraw_from(workspace, platform)
                platform.remove_answers(_answers_given(workspace, platform, person_id))
                closed[name] = _close_account(workspace, platform, person_id)
        except WorkbenchError as error:
            failed.append(error)
    if failed:
        raise together(failed)
    with workspace.store.write() as connection:
        masks = mask_answers(connection, lambda _, values: without_text(values), person_id=person_id)
        forget_times(connection, person_id)
        counts = erase_rows(connection, PERSON_ROWS, [person_id])
        identities = workspace.pseudonyms.forget(connection, person_id)
        if counts or identities:  # a second run has nothing left to count
            removed = deletion_of(connection, receipt_id).removed
            removed["store"] = _sum(removed["store"], {**counts, "identities": identities})
            removed["store"]["answers_without_text"] += masks
            removed["accounts"] = closed
            note_removed(connection, receipt_id, removed)
    workspace.store.purge()


def _answers_given(workspace: Workspace, platform: Platform, person_id: str) -> list[GivenAnswer]:
    with workspace.store.read() as connection:
        return answers_given(connection, platform.name, person_id)


def _close_account(workspace: Workspace, platform: Platform, person_id: str) -> str:
    def is_theirs(account: str) -> bool:
        return workspace.pseudonyms.find(account, (platform.name,)) == person_id

    if platform.name not in workspace.servers():
        return "left to whoever runs that server"
    return "deleted" if platform.close_account(is_theirs) else "none there"


def _clear_copies(workspace: Workspace) -> None:
    """Remove derived files that may hold deleted data; all of them can be made again on request.

    These are people's copies of their own data, the page and tables of the report, which hold ids and pseudonyms, and
    files that killed runs left of either or of a receipt.
    """
    remove_folder(workspace.reports)
    for copy in (*(workspace.path / PEOPLE).glob("*.zip*"), *half_written(workspace)):
        copy.unlink()
