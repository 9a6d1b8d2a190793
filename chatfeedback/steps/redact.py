"""Redacts the collection again: a changed deny list or a new pattern reaches what is stored."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chatfeedback.steps.advance import ignore
from chatfeedback.steps.redaction_state import names_denied, note_redaction
from chatfeedback.steps.withdraw import withdraw_tasks
from chatfeedback.steps.written import Holding, holding
from task_generators.chat_logs.curation import redact_again, tag
from workspaces.privacy.redaction import PresidioRedactor, Redactor
from workspaces.store.counterparts import counterpart_rows, forget_replies, save_responses
from workspaces.store.requests import RequestState
from workspaces.store.tasks import all_tasks
from workspaces.store.withdrawals import begin_withdrawal

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa
    import sqlalchemy as sa

    from chatfeedback.steps.advance import Advance
    from workspaces.workspace import Workspace


@dataclass(frozen=True, slots=True)
class RedactedAgain:
    """What redacting again changed.

    ``redactions`` counts new placeholders by kind, ``withdrawn`` tasks that showed an old text, by platform. Exports
    and copies of people's own data keep the old texts: they are named.
    """

    conversations: tuple[str, ...]
    redactions: dict[str, int] = field(default_factory=dict)
    withdrawn: dict[str, int] = field(default_factory=dict)
    exports_to_make_again: tuple[str, ...] = ()
    copies_to_remove: tuple[str, ...] = ()
    published_to_replace: tuple[str, ...] = ()
    moved_or_removed: tuple[str, ...] = ()


def redactor_of(workspace: Workspace) -> Redactor:
    """Return the redactor that the section ``privacy`` of the configuration describes."""
    names = workspace.config.privacy.deny_names
    redactor = _redactor(workspace, names)
    if before := sorted(set(names_denied(workspace)).difference(names)):
        redactor.earlier = _redactor(workspace, [*names, *before])
    return redactor


def _redactor(workspace: Workspace, names: Sequence[str]) -> Redactor:
    privacy = workspace.config.privacy
    if privacy.presidio:
        return PresidioRedactor(names, privacy.default_region, privacy.presidio_model)
    return Redactor(names, privacy.default_region)


def redact_collection(workspace: Workspace, *, advance: Advance = ignore) -> RedactedAgain:
    """Redact every stored conversation by the present configuration and patterns.

    Tasks that show an old text are taken off their platforms, after their answers are saved; the next ``push`` puts
    them back with the new one. Doing it twice changes nothing more.

    Args:
        workspace: whose collection.
        advance: called with the number of conversations looked at.

    Raises:
        ConnectionFailedError: a platform that shows an old text cannot be reached. The collection is redacted; the
            next ``sync`` or ``push`` takes the tasks off that platform.
    """
    redactor, redactions = redactor_of(workspace), Counter[str]()

    def change(rows: pa.RecordBatch) -> tuple[pa.RecordBatch, list[bool]]:
        batch, changed = redact_again(rows, redactor)
        if not any(changed):
            return rows, changed
        for counts in batch.rows.column("redactions").drop_null().to_pylist():
            redactions.update(json.loads(counts))
        return tag(batch).rows.select(rows.schema.names), changed

    withdrawn = Counter[str]()

    def withdraw(connection: sa.Connection, conversation_ids: list[str]) -> None:
        changed = set(conversation_ids)
        tasks = [task.id for task in all_tasks(connection).values() if changed & set(task.conversation_ids)]
        withdrawn.update(begin_withdrawal(connection, tasks, forget=False))

    with workspace.exclusive():
        changed = workspace.collection.rewrite(change, withdraw, advance)
        _redact_counterparts(workspace, redactor)
        note_redaction(workspace)
        held = holding(workspace, changed, None) if changed else Holding()
        withdraw_tasks(workspace)
    named = map(tuple, (held.exports, held.copies, held.published, held.missing))
    return RedactedAgain(tuple(changed), dict(redactions), dict(withdrawn), *named)


def _redact_counterparts(workspace: Workspace, redactor: Redactor) -> None:
    """Redact the generated responses that are not in the collection yet, and forget replies that nobody could use."""
    with workspace.store.read() as connection:
        waiting = counterpart_rows(connection, [RequestState.RECEIVED])
    conversations = workspace.collection.get({row.conversation_id for row in waiting})
    responses: dict[str, str] = {}
    for row in waiting:
        conversation = conversations.get(row.conversation_id)  # None: it is private now
        path = [] if conversation is None else conversation.path_to(row.parent_id)
        texts = redactor.redact([*(message.content for message in path), row.response or ""]).texts
        responses[row.request_id] = texts[-1]
    with workspace.store.write() as connection:
        save_responses(connection, responses)
        forget_replies(connection)
