"""What routing decides from: the people, what they had, the open tasks, and what is assigned already."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from task_generators.value import expected_value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from task_generators.routing.practice import Practice
    from task_generators.routing.reasons import Reason
    from workspaces.records import Significance, Task


@dataclass(frozen=True, slots=True)
class Rules:
    """What the lead sets.

    Args:
        ahead: how many tasks wait for one person at most.
        reserve: how many tasks stand on the platform beyond those that wait for somebody.
        per_day: how many tasks one person gets for a day at most; None: no bound.
        practice: how people qualify; None: everybody has.
    """

    ahead: int
    reserve: int = 0
    per_day: int | None = None
    practice: Practice | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """A task of the platform that wants answers.

    Args:
        task: of any kind.
        answers: how many people answered it, by what is stored and by what the platform says.
        uncertain: as ``value.uncertainty`` returns it.
        weights: of each significance, in its mix.
        placed: whether it stands on the platform.
        again: whether it asks the same person a second time; any other repetition is for others than the first.
        gold: whether its right answer is known; ``practice`` whether it is kept for those who practise.
        enough: how many answers are wanted whatever they say, of the audit slice; None: as many as the task takes.
    """

    task: Task
    answers: int
    uncertain: float
    weights: Mapping[Significance, float]
    placed: bool = True
    again: bool = False
    gold: bool = False
    practice: bool = False
    enough: int | None = None

    def places(self) -> int:
        """Return how many people may have answered it or have it open together.

        Where a task may close early so many are asked as it needs at least, and then one at a time. Of the audit slice
        no more are asked than are wanted.
        """
        if self.task.closed_at is not None:
            return 0
        least = self.task.least_answers
        if least is None:
            return min(self.task.overlap, self.enough or self.task.overlap)
        return min(self.task.overlap, max(least, self.answers + 1))

    def value(self, taken: int) -> float:
        """Return what one more answer is worth once ``taken`` people answered it or have it open."""
        return expected_value(self.task, self.uncertain, taken, self.weights)


@dataclass(frozen=True, slots=True)
class Worker:
    """A person who may be given tasks.

    Args:
        id: the pseudonym.
        mixes: those that the person's group works on.
        had: the tasks that they answered or skipped, on any platform, also where that does not count.
        answered: those that they answered, in the order in which the answers came in.
        drafts: the open tasks at which they saved something.
        own: the conversations that they gave, where these are not for them.
        rewrites: the tasks that show a rewrite of theirs.
        today: how many tasks they answered on the day of now.
        results: of their practice tasks; see ``Practice``.
        lapsed: the tasks that they were given and did not answer in time.
        away: whether they answered nothing since one lapsed.
        barred: why they are given nothing; None: nothing is against it.
    """

    id: str
    mixes: AbstractSet[str]
    had: AbstractSet[str] = frozenset()
    answered: Sequence[str] = ()
    drafts: AbstractSet[str] = frozenset()
    own: AbstractSet[str] = frozenset()
    rewrites: AbstractSet[str] = frozenset()
    today: int = 0
    results: Sequence[float] = ()
    lapsed: AbstractSet[str] = frozenset()
    away: bool = False
    barred: Reason | None = None


@dataclass(frozen=True, slots=True)
class Reservation:
    """A task that is assigned to a person and not answered; lower positions are served first.

    ``expired``: its time is over, that of a draft included. ``unseen``: it was never shown, and neither was anything
    else to that person for so long that somebody else may have it.
    """

    person_id: str
    task_id: str
    position: int
    expired: bool = False
    served: bool = False
    unseen: bool = False


@dataclass(frozen=True, slots=True)
class Board:
    """Everything at one moment, of one platform.

    Args:
        tasks: every task that was ever made for people, of any platform, by id, oldest first.
        offers: the open tasks of the platform, by id.
        workers: by id.
        reservations: what is assigned and not answered.
        copies: the group of each conversation that has near copies.
    """

    tasks: Mapping[str, Task]
    offers: Mapping[str, Offer]
    workers: Mapping[str, Worker]
    reservations: Sequence[Reservation] = ()
    copies: Mapping[str, str] = field(default_factory=dict)

    def placed(self) -> Board:
        """Return the board with the tasks that stand on the platform alone."""
        return replace(self, offers={name: offer for name, offer in self.offers.items() if offer.placed})
