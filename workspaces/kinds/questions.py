"""The questions of a task: choices, comparisons of two responses, scores and free text.

A question is data. It defines the allowed answers, their scale, and how an answer in display order becomes a vote that
can be compared with other people's votes. Forms, pricing, gold, agreement, posteriors and exports all read it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from math import isfinite
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence

FIRST = "first"
TIE = "tie"
SECOND = "second"
"""The votes on a comparison: the response whose message id sorts first is better, neither is, or the other is."""

BOTH_BAD = "both_bad"
"""The answer, ``yes``, that came with a log beside a tie: the person called both responses bad."""


class Scale(StrEnum):
    """The level of measurement of a question's answers. Source: Stevens (1946).

    ``NOMINAL``: categories without an order. ``ORDINAL``: categories in the order of ``values``. ``INTERVAL``: numbers
    whose differences have a meaning. ``TEXT``: free text, which is not measured.
    """

    NOMINAL = "nominal"
    ORDINAL = "ordinal"
    INTERVAL = "interval"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class LabelRule:
    """How the answers to a question label a response as wanted or unwanted, for labelled completions.

    A response is unwanted if the majority answers ``unwanted`` to any question, and wanted if it answers ``wanted`` to
    every question of the kind that has this value. A score from a chat log counts only if no question decides.
    """

    unwanted: str
    wanted: str | None = None


@dataclass(frozen=True, slots=True)
class ChoiceQuestion:
    """One of several options.

    Args:
        name: the key of its answers; unique within a kind.
        title: what annotators read.
        description: an explanation in one sentence.
        options: ``{answer: text}`` in the order of display.
        scale: ``NOMINAL``, ``ORDINAL``, or ``INTERVAL`` if the answers are numbers.
        values: the answers in ascending order, or, without an order, as they are listed; default: the order of
            ``options``.
        not_applicable: the answer that means that the question does not apply; it has no place in the order.
        required: whether a task can only be submitted with an answer.
        seeded: whether seed feedback also answers it.
        label: how the answers label the response; None: they do not.
    """

    name: str
    title: str
    description: str
    options: Mapping[str, str]
    scale: Scale = Scale.NOMINAL
    values: tuple[str, ...] = ()
    not_applicable: str | None = None
    required: bool = True
    seeded: bool = False
    label: LabelRule | None = None

    def __post_init__(self) -> None:
        if not self.values:
            object.__setattr__(self, "values", tuple(self.options))
        if sorted(self.votes) != sorted(self.values) or len(set(self.values)) != len(self.values):
            raise ValueError(f"question {self.name!r}: 'values' must list what can be voted, each once")
        if self.not_applicable is not None and self.not_applicable not in self.values:
            raise ValueError(f"question {self.name!r}: {self.not_applicable!r} is none of its values")
        if self.scale is Scale.TEXT:
            raise ValueError(f"question {self.name!r}: a choice is nominal, ordinal or interval, not text")
        if self.scale is Scale.INTERVAL and not all(map(_is_number, self.order)):
            raise ValueError(f"question {self.name!r}: the answers on an interval scale are numbers")
        if self.mirror is not None and self.scale is not Scale.NOMINAL:
            turned = tuple(self.mirror.get(value, value) for value in reversed(self.order))
            if turned != self.order:
                raise ValueError(
                    f"question {self.name!r}: the order of a comparison is the same from both sides, as "
                    f"{FIRST}, {TIE}, {SECOND}; got {', '.join(self.order)}"
                )

    @property
    def mirror(self) -> Mapping[Hashable, Hashable] | None:
        """What each vote becomes when the two responses change places; None where there are no two sides."""
        return None

    @property
    def votes(self) -> tuple[str, ...]:
        """The values that ``vote`` can return."""
        return tuple(self.options)

    @property
    def answers(self) -> tuple[str, ...]:
        """The allowed answers, in the order in which to list them."""
        return self.values

    @property
    def classes(self) -> tuple[str, ...]:
        """What people can be right or wrong about: the values that ``class_of`` returns."""
        return self.values

    def class_of(self, vote: str) -> str:
        """Return what a vote says where it matters whether people agree, without how much; here the vote itself.

        An answer in display order has its class as well.
        """
        return vote

    def canonical(self, answer: str) -> str:
        """Return an answer as it is stored: the one way to write what can be written in several ways."""
        return answer

    @property
    def order(self) -> tuple[str, ...]:
        """The values that apply, ascending for an ordinal question."""
        return tuple(value for value in self.values if value != self.not_applicable)

    @property
    def counted(self) -> tuple[ChoiceQuestion, ...]:
        """The questions that its answers count for: itself."""
        return (self,)

    def items(self, shown: Sequence[str], item: str) -> tuple[str, ...]:
        """Return every item that an answer can vote on; see ``cast``."""
        return (item,)

    def cast(self, answer: str, shown: Sequence[str], item: str) -> Iterator[tuple[str, str, str]]:
        """Yield the votes that an answer gives, as (name of a question in ``counted``, item, vote).

        Args:
            answer: what a person chose.
            shown: the ids of the responses in the order of display.
            item: what the task as a whole is about.

        Raises:
            ValueError: the answer is none of the options.
        """
        yield self.name, item, self.vote(answer, shown)

    def is_complete(self, answer: str | None) -> bool:
        """Return whether the answer counts."""
        return answer in self.options

    def vote(self, answer: str, shown: Sequence[str]) -> str:
        """Return an answer as a vote on the item, independent of the order in which the responses were ``shown``.

        Raises:
            ValueError: the answer is none of the options.
        """
        if answer not in self.options:
            raise ValueError(f"{answer!r} is no answer to {self.name!r}: {', '.join(self.options)}")
        return answer


@dataclass(frozen=True, slots=True)
class ComparisonQuestion(ChoiceQuestion):
    """Which of the two responses shown is better, or neither.

    ``better_first``, ``tie`` and ``better_second`` name the options in the order of display. Votes are ``FIRST``,
    ``TIE`` and ``SECOND`` in the order of message ids, so that votes of people who saw the responses in different
    orders can be compared.
    """

    values: tuple[str, ...] = (FIRST, TIE, SECOND)
    scale: Scale = Scale.ORDINAL
    better_first: str = "a"
    tie: str = "tie"
    better_second: str = "b"

    @property
    def mirror(self) -> Mapping[Hashable, Hashable] | None:
        """What each vote becomes when the two responses change places: which message id sorts first is arbitrary."""
        return {FIRST: SECOND, TIE: TIE, SECOND: FIRST}

    @property
    def votes(self) -> tuple[str, ...]:
        """The values that ``vote`` can return."""
        return (FIRST, TIE, SECOND)

    @property
    def answers(self) -> tuple[str, ...]:
        """The allowed answers, in the order of display."""
        return tuple(self.options)

    def preferred(self, answer: str) -> int | None:
        """Return the display position (0 or 1) of the better response; None for a tie.

        Raises:
            ValueError: the answer is none of the options.
        """
        places = {self.better_first: 0, self.better_second: 1, self.tie: None}
        if answer not in places:
            raise ValueError(f"{answer!r} is no answer to {self.name!r}: {', '.join(self.options)}")
        return places[answer]

    def strength(self, answer: str) -> int | None:
        """Return how much better the better response is; None where the question does not ask."""
        return None

    def is_both_bad(self, answers: Mapping[str, str]) -> bool:
        """Return whether the answers to a task call both responses bad, which is a tie beside it."""
        return answers.get(BOTH_BAD) == "yes" and answers.get(self.name) == self.tie

    def mirrored(self, answer: str) -> str:
        """Return the answer with the same meaning after the two responses change places."""
        preferred = self.preferred(answer)
        return self.answer_for(None if preferred is None else 1 - preferred)

    def answer_for(self, preferred: int | None) -> str:
        """Return the answer that the response at that display position (0 or 1) is better; None: a tie."""
        return {0: self.better_first, 1: self.better_second, None: self.tie}[preferred]

    def vote(self, answer: str, shown: Sequence[str]) -> str:
        """Return which response is better by the order of message ids; see ``ChoiceQuestion.vote``."""
        first, second = shown
        preferred = self.preferred(answer if first <= second else self.mirrored(answer))
        return {0: FIRST, 1: SECOND, None: TIE}[preferred]


@dataclass(frozen=True, slots=True)
class ScoreQuestion:
    """A number, or a word for a number, imported with chat logs; no form asks it.

    ``words`` maps words to numbers. The numbers have an order; their differences have no meaning.
    """

    name: str
    title: str = ""
    description: str = ""
    words: Mapping[str, float] = field(default_factory=dict)
    required: bool = False
    seeded: bool = False
    label: LabelRule | None = None
    scale: Scale = Scale.ORDINAL

    @property
    def counted(self) -> tuple[ScoreQuestion, ...]:
        """The questions that its answers count for: itself."""
        return (self,)

    def items(self, shown: Sequence[str], item: str) -> tuple[str, ...]:
        """Return what an answer votes on."""
        return (item,)

    def cast(self, answer: str, shown: Sequence[str], item: str) -> Iterator[tuple[str, str, str]]:
        """Yield the vote that an answer gives."""
        yield self.name, item, self.vote(answer, shown)

    def is_complete(self, answer: str | None) -> bool:
        """Return whether there is an answer."""
        return bool(answer)

    def vote(self, answer: str, shown: Sequence[str]) -> str:
        """Return the answer: it does not depend on the order of display."""
        return answer

    def position(self, vote: str) -> float:
        """Return the number that a vote stands for.

        Raises:
            ValueError: the vote is neither a known word nor a number.
        """
        return self.words[vote] if vote in self.words else float(vote)


def together(message_ids: Iterable[str]) -> str:
    """Return the item that responses make together: their ids, ascending, joined by ``|``."""
    return "|".join(sorted(message_ids))


def _is_number(value: str) -> bool:
    try:
        return isfinite(float(value))
    except ValueError:
        return False


Counted: TypeAlias = ChoiceQuestion | ScoreQuestion
"""A question whose votes are measured."""
