"""Settles answers and bonuses in the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chatfeedback.steps.advance import ignore
from chatfeedback.steps.answers import without_own, without_own_checks
from chatfeedback.steps.rewrite_votes import read_votes
from chatfeedback.steps.rewrites import note_answers
from chatfeedback.steps.rules import keep_rules, use_rules
from reward_engine import Calendar, Terms, posted, settle
from reward_engine.overlap import beyond, crowded
from reward_engine.settlement import corrections, gone, grants, kept_places
from workspaces.chunks import in_chunks
from workspaces.kinds import kind_of
from workspaces.store.annotations import genuine_revisions
from workspaces.store.closings import closed_keys
from workspaces.store.confidences import latest_confidence
from workspaces.store.conversations import shared_logs
from workspaces.store.deletions import forgotten_people
from workspaces.store.latest_annotations import latest_annotations
from workspaces.store.members import accepted_after
from workspaces.store.own_answers import mark_own_answers, own_answers, second_answers
from workspaces.store.people import settings_history
from workspaces.store.rewrites import own_checks
from workspaces.store.tasks import all_tasks
from workspaces.store.who_answered import first_submissions
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from chatfeedback.steps.advance import Advance
    from reward_engine import RuleBook
    from reward_engine.claims import Grant
    from reward_engine.settlement import Due, Posted
    from workspaces.records import Conversation, Task
    from workspaces.workspace import Workspace

SETTLE_BATCH = 500
"""Corrections posted in one transaction."""


@dataclass(slots=True)
class Settled:
    """The number of corrections posted, the points credited and taken back, and the number of wallets concerned."""

    corrections: int = 0
    credited: int = 0
    taken_back: int = 0
    wallets: int = 0


def settle_answers(workspace: Workspace, *, advance: Advance = ignore) -> Settled:
    """Post what every answer earns beyond what was posted for it before, and the bonuses.

    Raises:
        ConfigurationError: the rates were changed without their version.
    """
    result = Settled()
    with workspace.exclusive():
        book = use_rules(workspace)
        workspace.collection.share_due(utc_now())
        with workspace.store.write() as connection:
            mark_own_answers(connection, utc_now())
            note_answers(connection)
        due = corrections_due(workspace, book)
        for batch in in_chunks(due, SETTLE_BATCH):
            with workspace.store.write() as connection:
                keep_rules(connection, book)
                settle(connection, batch, utc_now())
            advance(len(batch))
    result.corrections = len(due)
    result.credited = sum(correction.delta for correction in due if correction.delta > 0)
    result.taken_back = -sum(correction.delta for correction in due if correction.delta < 0)
    result.wallets = len({correction.person_id for correction in due})
    return result


def corrections_due(workspace: Workspace, book: RuleBook) -> list[Due]:
    """Return the corrections to post so that every balance equals what the work earned."""
    granted, so_far = grants_now(workspace, book)
    return corrections(granted, so_far)


def grants_now(
    workspace: Workspace, book: RuleBook
) -> tuple[list[Grant], dict[tuple[str, str, str], Posted]]:
    """Return what everybody's work earns now, with what waits until items are settled, and what was posted so far.

    A forgotten person keeps the points that they were paid, and with them the place within a task's overlap, although
    their texts are deleted: their balance is not corrected. Their choices still count for other people's bonuses.
    """
    with workspace.store.read() as connection:
        tasks = all_tasks(connection)
        annotations = latest_annotations(connection)
        calendar = Calendar(book, settings_history(connection))
        first_submitted = first_submissions(connection)
        shared = shared_logs(connection)
        own = own_answers(connection)
        judging, second = own_checks(connection, tasks), second_answers(connection)
        aside = judging | second
        counted, _ = without_own_checks(annotations, aside)
        counted, _ = without_own(counted, own, workspace.config.quality.own)
        votes = read_votes(connection, tasks, counted)
        closed = closed_keys(connection)
        so_far = posted(connection)
        forgotten = forgotten_people(connection)
        multipliers = {person: row.multiplier for person, row in latest_confidence(connection).items()}
        histories = [
            revision
            for revision in genuine_revisions(connection, crowded(tasks, annotations, book))
            if (revision.person_id, revision.task_id) not in aside
        ]
        accepted = accepted_after(connection)
    answered = [
        *((answer.task_id, answer.values) for answer in annotations),
        *((revision.task_id, revision.answers) for revision in histories),
    ]
    rewritten = {
        tasks[task_id].conversation_ids[0]
        for task_id, values in answered
        if kind_of(tasks[task_id].kind).rewrite_in(values)
    }
    # also held ones: a conversation that grew is held again
    conversations = workspace.collection.read(rewritten) if rewritten else {}  # it takes long to import

    def response_of(task: Task) -> str | None:
        return _response_text(task, conversations)

    terms = Terms(
        book=book,
        calendar=calendar,
        first_submitted=first_submitted,
        shared=shared,
        own=own,
        beyond=beyond(tasks, histories, book, response_of, accepted, kept_places(so_far, forgotten)),
        gone=gone(so_far, annotations),
        closed=closed,
        own_checks=judging,
        second=second,
        votes=votes,
    )
    granted = grants(tasks, annotations, so_far, multipliers, response_of, terms)
    return [grant for grant in granted if grant.claim.person_id not in forgotten], so_far


def _response_text(task: Task, conversations: dict[str, Conversation]) -> str | None:
    conversation = conversations.get(task.conversation_ids[0])
    return conversation.path_to(task.message_ids[0])[-1].content if conversation else None
