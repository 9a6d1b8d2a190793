"""Rewrites as messages that tasks and exports show, and what other people's votes said of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from chatfeedback.steps.answers import without_own, without_own_checks
from reward_engine.acceptance import RewriteVotes, Tally, tally
from workspaces.config.people import OwnLogs
from workspaces.kinds import kind_of
from workspaces.records import AnnotationStatus, Message, Role
from workspaces.store.annotations import latest_annotations
from workspaces.store.own_answers import own_answers
from workspaces.store.rewrites import (
    all_checks,
    checks,
    judged_since,
    note_rewrites,
    own_checks,
    record_judging,
    rewrite_ids,
    standing_rewrites,
)
from workspaces.store.tasks import all_tasks
from workspaces.store.withdrawals import begin_withdrawal

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    import sqlalchemy as sa

    from workspaces.privacy.redaction import Redactor
    from workspaces.records import Annotation, Conversation, Task
    from workspaces.store.rewrites import Rewrite
    from workspaces.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Rewrites:
    """The rewrites that stand, by conversation, and the redactor for what their writers typed into them."""

    by_conversation: Mapping[str, Sequence[Rewrite]]
    redactor: Redactor

    @property
    def ids(self) -> frozenset[str]:
        """The ids of all of them."""
        return frozenset(it.id for some in self.by_conversation.values() for it in some)

    def shown(self, conversation: Conversation) -> Conversation:
        """Return a conversation with its rewrites as alternative answers, each beside the response that it replaces.

        A rewrite is redacted as a part of its conversation. One that would earn nothing, because it changes too little
        or is too short, is no answer, and neither is one whose response is not there.
        """
        added = [
            message
            for rewrite in self.by_conversation.get(conversation.id, ())
            if (message := self._message(rewrite, conversation)) is not None
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
    """Return the rewrites that stand; those alone that have an id (``note_rewrites``).

    What a giver rewrites of their own conversation is in no figure and no pair, unless ``quality.own`` allows it.
    ``own`` are the own answers, where they are known already.
    """
    from chatfeedback.steps.redact import redactor_of  # settlement and figures need no redactor

    by_conversation: dict[str, list[Rewrite]] = {}
    given = workspace.config.quality.own is not OwnLogs.ALLOWED
    if own is None or not given:
        own = own_answers(connection) if given else frozenset()
    for rewrite in standing_rewrites(connection, own):
        by_conversation.setdefault(rewrite.conversation_id, []).append(rewrite)
    return Rewrites(by_conversation, redactor_of(workspace))


def read_votes(
    connection: sa.Connection, tasks: Mapping[str, Task], counted: Iterable[Annotation]
) -> RewriteVotes:
    """Return the votes on rewrites; ``counted`` are the annotations that count in figures."""
    names = rewrite_ids(connection)
    if not names:
        return RewriteVotes(since=judged_since(connection))
    return RewriteVotes(names, tally(counted, tasks, frozenset(names.values())), judged_since(connection))


@dataclass(frozen=True, slots=True)
class JudgedRewrites:
    """The votes on each rewrite that people are asked about, and how many answers are of writers about their own."""

    tallies: Sequence[Tally]
    own_answers: int


def judged_rewrites(workspace: Workspace) -> JudgedRewrites:
    """Return what is known of the rewrites that stand and that people are asked about."""
    with workspace.store.read() as connection:
        tasks, annotations = all_tasks(connection), latest_annotations(connection)
        counted, own = without_own_checks(annotations, own_checks(connection, tasks))
        counted, _ = without_own(counted, own_answers(connection), workspace.config.quality.own)
        tallies = read_votes(connection, tasks, counted).tallies
        standing = sorted(it.id for it in standing_rewrites(connection))
    submitted = [it for it in own if it.status is AnnotationStatus.SUBMITTED]
    return JudgedRewrites([tallies[name] for name in standing if name in tallies], len(submitted))


def note_judging(connection: sa.Connection, kinds: Iterable[str], now: datetime | None) -> None:
    """Note the rewrites that tasks of these kinds judge, and since when they do; None: they are only looked at."""
    judging = {name for name in kinds if kind_of(name).judges_rewrites}
    if now is not None:
        record_judging(connection, judging, now)
    if judging:
        note_rewrites(connection)


def note_answers(connection: sa.Connection) -> None:
    """Note the rewrites in answers, if any task judges rewrites: nobody judges their own."""
    if all_checks(connection):
        note_rewrites(connection)


def moot(tasks: Iterable[Task], rewrites: Rewrites) -> list[Task]:
    """Return the tasks that judge a rewrite that stands no more: its writer changed it, or it is gone."""
    standing = rewrites.ids
    return [task for task in checks(tasks) if standing.isdisjoint(task.message_ids)]


def withdraw_moot(connection: sa.Connection, tasks: Iterable[Task], rewrites: Rewrites) -> None:
    """Mark moot tasks to be taken off their platforms, in the caller's transaction; answers to them stay."""
    begin_withdrawal(connection, [task.id for task in moot(tasks, rewrites)], forget=False)
