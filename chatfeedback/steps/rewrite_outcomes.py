"""What votes said of rewrites, as training sets and counterparts take it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatfeedback.steps.rewrites import read_votes
from exports.verdicts import RewriteOutcomes
from reward_engine import RuleBook
from reward_engine.acceptance import Outcome
from workspaces.kinds import kind_of
from workspaces.records import AnnotationStatus
from workspaces.store.rules import all_rules
from workspaces.store.who_answered import first_submissions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import sqlalchemy as sa

    from workspaces.records import Annotation, Task


def rewrite_outcomes(
    connection: sa.Connection, tasks: Mapping[str, Task], counted: Sequence[Annotation]
) -> RewriteOutcomes:
    """Return what votes said of rewrites: those that people are asked about, or that votes alone accept.

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
    if not rewriting:
        return RewriteOutcomes()
    votes, book = read_votes(connection, tasks, counted), RuleBook(all_rules(connection))
    first_submitted = first_submissions(connection)
    of: dict[str, Outcome] = {}
    rewrites: dict[str, str] = {}
    for it in rewriting:
        moment = first_submitted.get((it.person_id, it.task_id), it.updated_at)
        outcome = votes.outcome(it, moment, book)
        rewrite_id = votes.rewrites.get((it.id, it.revision), "")
        if outcome is not None or rewrite_id in votes.tallies:
            rewrites[it.id] = rewrite_id
        if outcome is Outcome.ACCEPTED or (outcome is not None and rewrite_id not in of):
            of[rewrite_id] = outcome
    return RewriteOutcomes(of, rewrites)
