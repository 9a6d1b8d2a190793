"""Qualification: a person works on tasks with known answers first, and gets others once enough of these are right."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class Stage(StrEnum):
    """How far a person is."""

    PRACTISING = "practising"
    QUALIFIED = "qualified"
    FAILED = "not qualified"


@dataclass(frozen=True, slots=True)
class Practice:
    """The lead's rule: ``correct`` is the share of right answers, 0 to 1, over the first ``items`` tasks or more.

    Who has fewer right after ``items`` tasks goes on, up to ``most`` of them.
    """

    items: int
    correct: float
    most: int

    def stage(self, results: Sequence[float]) -> Stage:
        """Return the stage of a person.

        It is decided by what came first: who has qualified stays so, whatever they answer later.

        Args:
            results: the share of right answers in each practice task, 0 to 1, in the order in which they came in.
        """
        for count in range(self.items, min(self.most, len(results)) + 1):
            if sum(results[:count]) >= self.correct * count - 1e-9:
                return Stage.QUALIFIED
        return Stage.FAILED if len(results) >= self.most else Stage.PRACTISING

    def room(self, results: Sequence[float]) -> int:
        """Return how many practice tasks a person may have open, by what they answered."""
        if self.stage(results) is not Stage.PRACTISING:
            return 0
        return (self.items if len(results) < self.items else self.most) - len(results)
