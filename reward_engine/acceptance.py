"""Which rewrites count as accepted: by the votes of other people between rewrite and response. Pure.

Source: ChatFeedback, section 3, 'Provide feedback' (a Suggestion is rated by other users).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from workspaces.kinds import all_kinds, kind_of
from workspaces.records import AnnotationStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from reward_engine.rules import RuleBook
    from workspaces.records import Annotation, Task


class Outcome(StrEnum):
    """What other people's votes said of a rewrite so far; ``UNDECIDED`` until enough of them voted."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Tally:
    """Votes between a rewrite and the response that it replaces: one of each person, none of a writer."""

    better: int = 0
    worse: int = 0
    ties: int = 0

    @property
    def voters(self) -> int:
        """How many people voted."""
        return self.better + self.worse + self.ties

    def outcome(self, needed: int) -> Outcome:
        """Return the outcome: accepted if ``needed`` people or more prefer the rewrite, and more than half of all.

        It is undecided while fewer than ``needed`` have voted.
        """
        if self.voters < needed:
            return Outcome.UNDECIDED
        accepted = self.better >= needed and 2 * self.better > self.voters
        return Outcome.ACCEPTED if accepted else Outcome.REJECTED


@dataclass(frozen=True, slots=True)
class RewriteVotes:
    """The rewrites, and the votes on them.

    ``rewrites`` maps (annotation, revision) to the id of the rewrite that it holds, ``tallies`` the rewrites that
    people are asked about to their votes. Work from ``since`` on is accepted by votes alone; None: nobody is asked
    about new rewrites.
    """

    rewrites: Mapping[tuple[str, int], str] = field(default_factory=dict)
    tallies: Mapping[str, Tally] = field(default_factory=dict)
    since: datetime | None = None

    def outcome(self, annotation: Annotation, moment: datetime, book: RuleBook) -> Outcome | None:
        """Return what the votes say of the rewrite in an answer; None where a stand-in decides.

        A stand-in decides of what was written before votes were asked for, until the votes are enough (``needed``).
        ``moment`` is when the answer was first submitted.
        """
        rewrite_id = self.rewrites.get((annotation.id, annotation.revision), "")
        outcome = self.tallies.get(rewrite_id, Tally()).outcome(needed(moment, book))
        is_new = self.since is not None and moment >= self.since
        return None if outcome is Outcome.UNDECIDED and not is_new else outcome


def needed(moment: datetime, book: RuleBook) -> int:
    """Return how many votes accept a rewrite that was first submitted at this moment, by the rules of then."""
    version = book.at(moment)
    return version.rates.bonuses.accepted_by if version is not None else 1


def tally(
    annotations: Iterable[Annotation], tasks: Mapping[str, Task], rewrite_ids: frozenset[str]
) -> dict[str, Tally]:
    """Return the votes on every rewrite that a task judges, also if nobody has voted yet.

    Args:
        annotations: those that count: no writer's about their own rewrite.
        tasks: by id.
        rewrite_ids: the ids of rewrites, by which a task's rewrite is told from the response.
    """
    kinds = {name for name, kind in all_kinds().items() if kind.judges_rewrites}
    judging = {
        name: (task, sides)
        for name, task in tasks.items()
        if task.kind in kinds
        and (sides := [side for side, message in enumerate(task.message_ids) if message in rewrite_ids])
    }
    votes: dict[str, dict[str, tuple[datetime, str, int | None]]] = {
        task.message_ids[side]: {} for task, sides in judging.values() for side in sides
    }
    for annotation in annotations:
        if annotation.task_id not in judging or annotation.status is not AnnotationStatus.SUBMITTED:
            continue
        task, sides = judging[annotation.task_id]
        comparison = kind_of(task.kind).comparison
        answer = annotation.values.get(comparison.name) if comparison is not None else None
        if task.reask_of is not None or comparison is None or not comparison.is_complete(answer):
            continue
        preferred = comparison.preferred(str(answer))
        for side in sides:
            seen = None if preferred is None else int(preferred == side)
            vote = (annotation.updated_at, annotation.id, seen)
            by_person = votes[task.message_ids[side]]
            before = by_person.get(annotation.person_id)
            if before is None or vote[:2] > before[:2]:
                by_person[annotation.person_id] = vote
    counts = {name: Counter(vote for *_, vote in by_person.values()) for name, by_person in votes.items()}
    return {name: Tally(count[1], count[0], count[None]) for name, count in counts.items()}
