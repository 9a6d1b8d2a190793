"""A choice about one of several responses that a task shows: its answers are votes on that response alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from workspaces.kinds.questions import ChoiceQuestion

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@dataclass(frozen=True, slots=True)
class EachResponseQuestion(ChoiceQuestion):
    """One of several options about the response at the place ``response`` (from 0) in the order of display.

    A task that shows fewer responses does not ask it. Its answers count as answers to ``counts_as`` about that
    response: people who saw the response at other places, or beside other responses, answered the same question.
    """

    response: int = 0
    counts_as: ChoiceQuestion | None = None

    @property
    def counted(self) -> tuple[ChoiceQuestion, ...]:
        """The question that its answers count for."""
        return (self.counts_as,) if self.counts_as is not None else ()

    def items(self, shown: Sequence[str], item: str) -> tuple[str, ...]:
        """Return its own response; nothing where the task shows no response at this place."""
        return (shown[self.response],) if self.response < len(shown) else ()

    def cast(self, answer: str, shown: Sequence[str], item: str) -> Iterator[tuple[str, str, str]]:
        """Yield the vote on its own response; none where the task shows no response at this place."""
        if self.counts_as is not None and self.response < len(shown):
            yield self.counts_as.name, shown[self.response], self.counts_as.vote(answer, ())


def about_each(question: ChoiceQuestion, most: int, title: str) -> tuple[EachResponseQuestion, ...]:
    """Return a question about each of at most ``most`` responses.

    Args:
        question: what is asked about a response; its description is written below the first one.
        most: how many responses a task shows at most.
        title: the title of each, with ``{number}`` for the number of the response, from 1.
    """
    return tuple(
        EachResponseQuestion(
            f"{question.name}_{place + 1}",
            title.format(number=place + 1),
            question.description if place == 0 else "",
            question.options,
            scale=question.scale,
            values=question.values,
            not_applicable=question.not_applicable,
            required=question.required,
            response=place,
            counts_as=replace(question, required=False),
        )
        for place in range(most)
    )
