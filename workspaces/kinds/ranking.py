"""Rankings: several responses to one prompt in order, ties allowed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING

from workspaces.grammar import counted
from workspaces.kinds.questions import FIRST, SECOND, TIE, ChoiceQuestion, Scale, together

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Mapping, Sequence

BETTER, EQUAL = ">", "="


@dataclass(frozen=True, slots=True)
class RankingQuestion(ChoiceQuestion):
    """The order of the responses shown, the best first; responses may share a place.

    ``options`` names the responses in the order of display: ``{"a": "Answer A", ...}``. An answer is one line, as
    ``b > a = c``; responses of one place are in the order of display. A form that shows fewer responses than there are
    options asks for the first ones, at least ``least``.

    Its votes are comparisons of each two responses, ``FIRST``, ``TIE`` and ``SECOND`` in the order of message ids, as
    those of a ``ComparisonQuestion``.
    """

    values: tuple[str, ...] = (FIRST, TIE, SECOND)
    scale: Scale = Scale.ORDINAL
    least: int = 2

    @property
    def mirror(self) -> Mapping[Hashable, Hashable] | None:
        """What each vote becomes when its two responses change places."""
        return {FIRST: SECOND, TIE: TIE, SECOND: FIRST}

    @property
    def votes(self) -> tuple[str, ...]:
        """The values that ``comparisons`` can yield."""
        return (FIRST, TIE, SECOND)

    @property
    def answers(self) -> tuple[str, ...]:
        """Examples of answers: there are 13 to 3 responses, 75 to 4 and 541 to 5."""
        names = list(self.options)
        return (
            f" {BETTER} ".join(names),
            f" {BETTER} ".join((f"{names[1]} {EQUAL} {names[0]}", *names[2:])),
            f" {EQUAL} ".join(names),
        )

    def showing(self, responses: int) -> RankingQuestion:
        """Return the question about that many responses."""
        return replace(self, options=dict(list(self.options.items())[:responses]), least=responses)

    def answer_of(self, places: Mapping[str, int]) -> str:
        """Return the answer that puts each option on its place; a smaller number is better, gaps mean nothing."""
        return ranking_text({option: places[option] for option in self.options if option in places})

    def places_of(self, answer: str) -> dict[str, int]:
        """Return the place of each option in an answer, 1 for the best; the next place after a tie is the next number.

        Raises:
            ValueError: the answer is no ranking of the options.
        """
        places: dict[str, int] = {}
        for place, group in enumerate(answer.split(BETTER), start=1):
            for word in group.split(EQUAL):
                option = word.strip()
                if option not in self.options or option in places:
                    raise ValueError(
                        f"{answer!r} is no answer to {self.name!r}: such as {' or '.join(map(repr, self.answers))}"
                    )
                places[option] = place
        return {option: places[option] for option in self.options if option in places}

    def canonical(self, answer: str) -> str:
        """Return an answer as ``answer_of`` writes it; one that is no ranking stays as it is."""
        try:
            return self.answer_of(self.places_of(answer))
        except ValueError:
            return answer

    def is_complete(self, answer: str | None) -> bool:
        """Return whether the answer ranks every response that is shown, as far as the question knows how many."""
        try:
            ranked = self.places_of(answer or "")
        except ValueError:
            return False
        return len(ranked) >= self.least and list(ranked) == list(self.options)[: len(ranked)]

    def items(self, shown: Sequence[str], item: str) -> tuple[str, ...]:
        """Return each two responses."""
        return tuple(together(pair) for pair in combinations(shown, 2))

    def cast(self, answer: str, shown: Sequence[str], item: str) -> Iterator[tuple[str, str, str]]:
        """Yield a vote on each two responses; nothing where some are not ranked, which a platform may allow."""
        if self.showing(len(shown)).is_complete(answer):
            for (left, right), vote in self.comparisons(answer, shown):
                yield self.name, together((shown[left], shown[right])), vote

    def comparisons(self, answer: str, shown: Sequence[str]) -> Iterator[tuple[tuple[int, int], str]]:
        """Yield the display positions of each two responses, and the vote between them.

        Args:
            answer: the answer to a task.
            shown: the message ids of the responses, in the order of display.

        Raises:
            ValueError: the answer is no ranking of these responses.
        """
        question = self.showing(len(shown))
        if not question.is_complete(answer):
            raise ValueError(
                f"{answer!r} is no answer to {self.name!r} about {counted(len(shown), 'response')}: such as "
                f"{' or '.join(map(repr, question.answers))}"
            )
        place = list(question.places_of(answer).values())
        for left, right in combinations(range(len(shown)), 2):
            first, second = (left, right) if shown[left] <= shown[right] else (right, left)
            yield (
                (left, right),
                TIE if place[left] == place[right] else FIRST if place[first] < place[second] else SECOND,
            )


def ranking_text(places: Mapping[str, int]) -> str:
    """Return a ranking as one line, as ``b > a = c``; options of one place stand in the order of ``places``."""
    by_place: dict[int, list[str]] = {}
    for option, place in places.items():
        by_place.setdefault(place, []).append(option)
    return f" {BETTER} ".join(f" {EQUAL} ".join(by_place[place]) for place in sorted(by_place))
