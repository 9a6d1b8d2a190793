"""Comparisons with a strength: how much better one of two responses is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workspaces.kinds.questions import BOTH_BAD, FIRST, SECOND, TIE, ComparisonQuestion

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence


@dataclass(frozen=True, slots=True)
class StrengthQuestion(ComparisonQuestion):
    """Which of the two responses shown is better, and how much, from -3 to 3.

    The options are whole numbers in words, symmetric around 0: below 0 the response shown first is better, above 0 the
    other one, and 0 is a tie. ``BOTH_BAD`` may stand beside them; it has no place in their order. Votes are the same
    numbers in the order of message ids.

    Source: Wang et al. (2025), HelpSteer3-Preference, arXiv 2505.11475.
    """

    values: tuple[str, ...] = ()
    not_applicable: str | None = BOTH_BAD

    def __post_init__(self) -> None:
        if BOTH_BAD not in self.options:
            object.__setattr__(self, "not_applicable", None)
        ComparisonQuestion.__post_init__(self)

    @property
    def mirror(self) -> Mapping[Hashable, Hashable] | None:
        """What each vote, and each of the ``classes``, becomes when the two responses change places."""
        return {
            FIRST: SECOND,
            SECOND: FIRST,
            **{option: _turned(option) for option in self.options if option != BOTH_BAD},
        }

    @property
    def votes(self) -> tuple[str, ...]:
        """The values that ``vote`` can return."""
        return tuple(self.options)

    @property
    def classes(self) -> tuple[str, ...]:
        """What people can agree on whatever their strength: which side, neither, or that both are bad."""
        return (FIRST, TIE, SECOND, *((BOTH_BAD,) if BOTH_BAD in self.options else ()))

    def class_of(self, vote: str) -> str:
        """Return the side that a vote prefers, a tie, or that both are bad."""
        if vote == BOTH_BAD:
            return vote
        strength = int(vote)
        return TIE if strength == 0 else FIRST if strength < 0 else SECOND

    def preferred(self, answer: str) -> int | None:
        """Return the display position (0 or 1) of the better response; None for a tie, and where both are bad.

        Raises:
            ValueError: the answer is none of the options.
        """
        return {FIRST: 0, SECOND: 1}.get(self.class_of(self._known(answer)))

    def strength(self, answer: str) -> int | None:
        """Return how much better the better response is, from 0 for a tie; None where both are bad."""
        return None if answer == BOTH_BAD else abs(int(self._known(answer)))

    def is_both_bad(self, answers: Mapping[str, str]) -> bool:
        """Return whether the answers to a task call both responses bad."""
        return answers.get(self.name) == BOTH_BAD

    def mirrored(self, answer: str) -> str:
        """Return the answer with the same meaning after the two responses change places."""
        return answer if self._known(answer) == BOTH_BAD else _turned(answer)

    def answer_for(self, preferred: int | None) -> str:
        """Return the mildest answer that the response at that display position is better; None: a tie."""
        better = [
            option for option in self.options if option != BOTH_BAD and self.preferred(option) == preferred
        ]
        return min(better, key=lambda option: abs(int(option)))

    def vote(self, answer: str, shown: Sequence[str]) -> str:
        """Return the strength by the order of message ids; see ``ChoiceQuestion.vote``."""
        first, second = shown
        return self._known(answer) if first <= second else self.mirrored(answer)

    def _known(self, answer: str) -> str:
        if answer not in self.options:
            raise ValueError(f"{answer!r} is no answer to {self.name!r}: {', '.join(self.options)}")
        return answer


def _turned(option: str) -> str:
    return str(-int(option))
