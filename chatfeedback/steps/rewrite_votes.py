"""What other people's votes said of rewrites, and which of them they accepted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chatfeedback.steps.answers import without_own, without_own_checks
from reward_engine import RuleBook
from reward_engine.acceptance import Outcome, RewriteVotes, Tally, needed, tally
from workspaces.config.people import OwnLogs
from workspaces.kinds import kind_of
from workspaces.records import AnnotationStatus, SharingState
from workspaces.store.conversations import those_in
from workspaces.store.latest_annotations import latest_annotations
from workspaces.store.own_answers import own_answers, second_answers
from workspaces.store.rewrites import (
    answers_about_rewrites,
    compares_rewrites,
    for_nothing,
    judged_since,
    own_checks,
    rewrite_ids,
    showing_rewrites,
    standing_rewrites,
)
from workspaces.store.rules import all_rules
from workspaces.store.tasks import all_tasks, tasks_of
from workspaces.store.who_answered import first_submissions

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    import sqlalchemy as sa

    from workspaces.records import Annotation, Task
    from workspaces.store.rewrites import Rewrite
    from workspaces.workspace import Workspace


def read_votes(
    connection: sa.Connection, tasks: Mapping[str, Task], counted: Iterable[Annotation]
) -> RewriteVotes:
    """Return the votes on rewrites; ``counted`` are the annotations that count in figures."""
    names = rewrite_ids(connection)
    if not names:
        return RewriteVotes(since=judged_since(connection))
    return RewriteVotes(names, tally(counted, tasks, frozenset(names.values())), judged_since(connection))


def outcomes_of(
    connection: sa.Connection, tasks: Mapping[str, Task], counted: Sequence[Annotation]
) -> tuple[dict[str, Outcome], dict[str, str], dict[str, int]]:
    """Return what votes said of each rewrite, which annotations hold which of them, and how many votes accept each.

    Args:
        connection: to the store.
        tasks: by id.
        counted: the annotations that count in figures.
    """
    rewriting = [
        it
        for it in counted
        if it.status is AnnotationStatus.SUBMITTED and kind_of(tasks[it.task_id].kind).rewrite_in(it.values)
    ]
    of: dict[str, Outcome] = {}
    rewrites: dict[str, str] = {}
    least: dict[str, int] = {}
    if not rewriting:
        return of, rewrites, least
    votes, book = read_votes(connection, tasks, counted), RuleBook(all_rules(connection))
    first_submitted = first_submissions(connection)
    for it in rewriting:
        moment = first_submitted.get((it.person_id, it.task_id), it.updated_at)
        outcome = votes.outcome(it, moment, book)
        rewrite_id = votes.rewrites.get((it.id, it.revision), "")
        if outcome is not None or rewrite_id in votes.tallies:
            rewrites[it.id] = rewrite_id
            votes_needed = needed(moment, book)
            least[rewrite_id] = min(votes_needed, least.get(rewrite_id, votes_needed))
        if outcome is Outcome.ACCEPTED or (outcome is not None and rewrite_id not in of):
            of[rewrite_id] = outcome
    return of, rewrites, least


def accepted_rewrites(connection: sa.Connection, rule: OwnLogs) -> frozenset[str]:
    """Return the rewrites that other people's votes accept today; ``rule``: of answers about one's own conversation."""
    annotations = answers_about_rewrites(connection)
    tasks = tasks_of(connection, sorted({it.task_id for it in annotations}))
    judged, _ = without_own_checks(annotations, for_nothing(connection, tasks))
    counted, _ = without_own(judged, own_answers(connection), rule) if judged else ([], [])
    of, *_ = outcomes_of(connection, tasks, counted)
    return frozenset(name for name, outcome in of.items() if outcome is Outcome.ACCEPTED)


def may_be_shown(task: Task, standing: Collection[str], accepted: Collection[str]) -> bool:
    """Return whether the rewrites that a task shows are still there for it.

    A task that judges a rewrite shows one that stands; any other one shows rewrites that were accepted.
    """
    if kind_of(task.kind).judges_rewrites:
        return any(name in standing for name in task.message_ids)
    return all(name in accepted for name in task.rewrites if name in task.message_ids)


def read_standing(
    connection: sa.Connection, rule: OwnLogs, own: Collection[tuple[str, str]] | None = None
) -> tuple[list[Rewrite], frozenset[str]]:
    """Return the rewrites that stand, and the ids of those among them that votes accept.

    What a giver rewrites of their own conversation is in no figure and no pair, unless ``rule`` allows it. ``own`` are
    the own answers, where they are known already.
    """
    if rule is OwnLogs.ALLOWED:
        own = frozenset()
    elif own is None:
        own = own_answers(connection)
    standing = standing_rewrites(connection, own)
    accepted = accepted_rewrites(connection, rule) if standing else frozenset()
    return standing, accepted & {it.id for it in standing}


def moot_tasks(connection: sa.Connection, tasks: Iterable[Task], rule: OwnLogs) -> frozenset[str]:
    """Return the ids of the tasks among these that show a rewrite which is not for them any more.

    Its writer changed it, it is gone, or, where it is compared with other responses, votes accept it no more.
    """
    showing = showing_rewrites(tasks)
    if not showing:
        return frozenset()
    standing, accepted = read_standing(connection, rule)
    names = {it.id for it in standing}
    return frozenset(task.id for task in showing if not may_be_shown(task, names, accepted))


@dataclass(frozen=True, slots=True)
class JudgedRewrites:
    """The votes on each rewrite that people are asked about, and how many answers are of writers about their own.

    ``accepted`` counts those in shared conversations that votes accept, ``comparing`` the tasks that ever compared one
    with other responses than the one that it replaces, and ``comparisons`` the answers to these.
    """

    tallies: Sequence[Tally]
    own_answers: int
    accepted: int
    comparing: int
    comparisons: int


def judged_rewrites(workspace: Workspace) -> JudgedRewrites:
    """Return what is known of the rewrites that stand and that people are asked about."""
    rule = workspace.config.quality.own
    with workspace.store.read() as connection:
        tasks, annotations = all_tasks(connection), latest_annotations(connection)
        counted, own = without_own_checks(annotations, own_checks(connection, tasks))
        counted, _ = without_own_checks(counted, second_answers(connection))
        counted, _ = without_own(counted, own_answers(connection), rule)
        tallies = read_votes(connection, tasks, counted).tallies
        standing = {it.id: it.conversation_id for it in standing_rewrites(connection)}
        shared = those_in(connection, set(standing.values()), {SharingState.SHARED})
        accepted = accepted_rewrites(connection, rule)
    comparing = {task.id for task in tasks.values() if compares_rewrites(task)}
    return JudgedRewrites(
        tallies=[tallies[name] for name in standing if name in tallies],
        own_answers=sum(it.status is AnnotationStatus.SUBMITTED for it in own),
        accepted=sum(name in accepted and about in shared for name, about in standing.items()),
        comparing=len(comparing),
        comparisons=sum(
            it.status is AnnotationStatus.SUBMITTED and it.task_id in comparing for it in counted
        ),
    )
