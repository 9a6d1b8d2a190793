"""Rewrites as messages that tasks and exports show, and which tasks may show them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from chatfeedback.steps.rewrite_votes import may_be_shown, read_standing
from workspaces.kinds import kind_of
from workspaces.records import Message, Role
from workspaces.store.rewrites import (
    all_showing_rewrites,
    note_rewrites,
    record_judging,
    showing_rewrites,
)
from workspaces.store.withdrawals import begin_withdrawal

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    import sqlalchemy as sa

    from workspaces.privacy.redaction import Redactor
    from workspaces.records import Conversation, Task
    from workspaces.store.rewrites import Rewrite
    from workspaces.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Rewrites:
    """The rewrites that stand, by conversation, and the redactor for what their writers typed into them.

    ``accepted`` are the ids of those that other people's votes accept.
    """

    by_conversation: Mapping[str, Sequence[Rewrite]]
    redactor: Redactor
    accepted: frozenset[str] = frozenset()

    @property
    def ids(self) -> frozenset[str]:
        """The ids of all of them."""
        return frozenset(it.id for some in self.by_conversation.values() for it in some)

    @property
    def accepted_of(self) -> frozenset[str]:
        """The ids of the responses that accepted ones replace."""
        some = (it for each in self.by_conversation.values() for it in each)
        return frozenset(it.message_id for it in some if it.id in self.accepted)

    def shown(self, conversation: Conversation, *, accepted: bool = False) -> Conversation:
        """Return a conversation with its rewrites as alternative answers, each beside the response that it replaces.

        A rewrite is redacted as a part of its conversation. One that would earn nothing, because it changes too little
        or is too short, is no answer, and neither is one whose response is not there. ``accepted``: with accepted ones
        alone.
        """
        added = [
            message
            for rewrite in self.by_conversation.get(conversation.id, ())
            if (not accepted or rewrite.id in self.accepted)
            and (message := self._message(rewrite, conversation)) is not None
        ]
        return replace(conversation, messages=(*conversation.messages, *added)) if added else conversation

    def all_shown(self, conversations: Mapping[str, Conversation]) -> dict[str, Conversation]:
        """Return conversations by id, each as ``shown`` returns it."""
        return {name: self.shown(conversation) for name, conversation in conversations.items()}

    def _message(self, rewrite: Rewrite, conversation: Conversation) -> Message | None:
        response = next((it for it in conversation.messages if it.id == rewrite.message_id), None)
        question = kind_of(rewrite.kind).rewrite
        if response is None or question is None:
            return None
        before = [it.content for it in conversation.path_to(response.id)]
        text = self.redactor.redact([*before, rewrite.text]).texts[-1]
        if not question.is_complete(text, response.content):
            return None
        return Message(
            id=rewrite.id,
            parent_id=response.parent_id,
            role=Role.ASSISTANT,
            content=text,
            attachments=response.attachments,
            rewrite_of=response.id,
        )


def read_rewrites(
    workspace: Workspace, connection: sa.Connection, own: Collection[tuple[str, str]] | None = None
) -> Rewrites:
    """Return the rewrites that stand, as ``read_standing`` does; those alone that have an id (``note_rewrites``)."""
    from chatfeedback.steps.redact import redactor_of  # settlement and figures need no redactor

    standing, accepted = read_standing(connection, workspace.config.quality.own, own)
    by_conversation: dict[str, list[Rewrite]] = {}
    for rewrite in standing:
        by_conversation.setdefault(rewrite.conversation_id, []).append(rewrite)
    return Rewrites(by_conversation, redactor_of(workspace), accepted)


def note_judging(connection: sa.Connection, kinds: Iterable[str], now: datetime | None) -> None:
    """Note the rewrites that tasks of these kinds judge, and since when they do; None: they are only looked at."""
    judging = {name for name in kinds if kind_of(name).judges_rewrites}
    if now is not None:
        record_judging(connection, judging, now)
    if judging:
        note_rewrites(connection)


def note_answers(connection: sa.Connection) -> None:
    """Note the rewrites in answers, if any task shows rewrites: nobody judges their own."""
    if all_showing_rewrites(connection):
        note_rewrites(connection)


def moot(tasks: Iterable[Task], rewrites: Rewrites) -> list[Task]:
    """Return the tasks that show a rewrite which is not for them any more.

    Its writer changed it, it is gone, or, where it is compared with other responses, votes accept it no more.
    """
    standing = rewrites.ids
    return [task for task in showing_rewrites(tasks) if not may_be_shown(task, standing, rewrites.accepted)]


def withdraw_moot(connection: sa.Connection, tasks: Iterable[Task], rewrites: Rewrites) -> None:
    """Mark moot tasks to be taken off their platforms, in the caller's transaction; answers to them stay."""
    begin_withdrawal(connection, [task.id for task in moot(tasks, rewrites)], forget=False)
