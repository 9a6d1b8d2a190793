"""A choice of several options at once: each option is a question of its own that is answered yes or no.

Agreement is measured option by option, on two nominal categories, so that a report says which category people see
alike and which they do not. One figure for whole sets needs a distance between sets and hides that. Source: Passonneau
(2006), Measuring agreement on set-valued items (MASI); Krippendorff (2011) for the nominal distance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workspaces.kinds.questions import ChoiceQuestion, LabelRule, Scale

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

YES, NO = "yes", "no"
"""The votes on one option: it was chosen, or it was not."""

_COMMA = ","


def joined(options: Iterable[str]) -> str:
    """Return chosen options as one answer: the same for the same options, in whatever order they were chosen."""
    return _COMMA.join(sorted(set(options)))


@dataclass(frozen=True, slots=True)
class MultipleChoiceQuestion:
    """Any number of several options, at least one. An answer is the chosen options, sorted and joined by commas.

    Args:
        name: the key of its answers; unique within a kind.
        title: what annotators read.
        description: an explanation in one sentence.
        options: ``{option: text}`` in the order of display; no option holds a comma.
        none: the option that says that none of the others applies. It excludes them: chosen beside another one, the
            answer contradicts itself, counts for nothing and earns nothing.
        required: whether a task can only be submitted with an answer.
    """

    name: str
    title: str
    description: str
    options: Mapping[str, str]
    none: str | None = None
    required: bool = True
    seeded: bool = False
    label: LabelRule | None = None
    scale: Scale = Scale.NOMINAL

    def __post_init__(self) -> None:
        if any(_COMMA in option or option != option.strip() for option in self.options):
            raise ValueError(
                f"question {self.name!r}: an option holds no comma and begins and ends with no space"
            )
        if self.none is not None and self.none not in self.options:
            raise ValueError(f"question {self.name!r}: {self.none!r} is none of its options")

    @property
    def counted(self) -> tuple[ChoiceQuestion, ...]:
        """The questions that its answers count for: one for each option but ``none``, answered yes or no."""
        return tuple(
            ChoiceQuestion(
                self.name_of(option), f"{self.title} {text}", "", {YES: "Yes", NO: "No"}, values=(NO, YES),
                required=False,
            )
            for option, text in self.options.items()
            if option != self.none
        )  # fmt: skip

    @property
    def answers(self) -> tuple[str, ...]:
        """The options, in the order in which to list them."""
        return tuple(self.options)

    def name_of(self, option: str) -> str:
        """Return the name of the question that an option is."""
        return f"{self.name}: {option}"

    def chosen(self, answer: str | None) -> frozenset[str]:
        """Return the options of an answer; empty if it is none, or contradicts itself."""
        options = frozenset(option.strip() for option in (answer or "").split(_COMMA))
        if not options <= self.options.keys() or (self.none in options and len(options) > 1):
            return frozenset()
        return options

    def class_of(self, answer: str) -> str:
        """Return what an answer says where it matters whether people agree: the answer itself."""
        return answer

    def is_complete(self, answer: str | None) -> bool:
        """Return whether the answer counts."""
        return bool(self.chosen(answer))

    def canonical(self, answer: str) -> str:
        """Return an answer as it is stored; one that does not count as it is."""
        return joined(self.chosen(answer)) or answer

    def items(self, shown: Sequence[str], item: str) -> tuple[str, ...]:
        """Return what an answer votes on."""
        return (item,)

    def cast(self, answer: str, shown: Sequence[str], item: str) -> Iterator[tuple[str, str, str]]:
        """Yield a vote on every option but ``none``; nothing for an answer that does not count."""
        if chosen := self.chosen(answer):
            for option in self.options:
                if option != self.none:
                    yield self.name_of(option), item, YES if option in chosen else NO
