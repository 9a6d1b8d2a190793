"""A screening finding: a person, a reason and the evidence, for the lead to review."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from workspaces.grammar import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_EXAMPLES = 10
"""The most item ids given as examples in the evidence of a finding."""


class FlagReason(StrEnum):
    """The reason why a person's answers should be reviewed."""

    GUESSING = "guessing"
    STRAIGHT_LINING = "straight_lining"
    CO_AGREEING = "co_agreeing"
    SEED_FOLLOWING = "seed_following"
    REPEATED_TEXT = "repeated_text"
    TOO_FAST = "too_fast"


@dataclass(frozen=True, slots=True)
class Finding:
    """One person (a pseudonym), one reason, its evidence (figures, item ids), how much it rests on (``unit_of``)."""

    person: str
    reason: FlagReason
    evidence: Mapping[str, float | list[str]]
    weight: int


_SHOWN = {
    FlagReason.GUESSING: "agrees with the others in {agree_with_others:.0%} of {answers_counted}; the crowd in "
    "{crowd_agrees:.0%}",
    FlagReason.STRAIGHT_LINING: "gives the same answer in {same_answer:.0%} of {answers_counted}; agrees with the "
    "others in {agree_with_others:.0%}, the crowd in {crowd_agrees:.0%}",
    FlagReason.CO_AGREEING: "agrees in {agreement:.0%} of {shared_answers_counted} with {with}; "
    "{expected:.0%} were to be expected",
    FlagReason.SEED_FOLLOWING: "sides with the seed of {judge} in {sides_with_seed:.0%} of {against_the_seed_counted} "
    "on which the others are against it; {expected:.0%} were to be expected",
    FlagReason.TOO_FAST: "takes {seconds:.0f} seconds in the median of {answers_counted}; others take "
    "{usual_seconds:.0f} for texts of that length",
    FlagReason.REPEATED_TEXT: "the same text for different responses in {repeated} of {rewrites_counted}",
}


_UNITS = {FlagReason.TOO_FAST: "answer", FlagReason.REPEATED_TEXT: "text"}


class _Unknown:
    """A figure that the evidence lacks, in any format."""

    def __format__(self, spec: str) -> str:
        return "unknown"


class _Figures(dict[str, object]):
    """Figures by name; one that is not there is told as unknown."""

    def __missing__(self, name: str) -> _Unknown:
        return _Unknown()


def in_words(reason: str, evidence: Mapping[str, object]) -> str:
    """Return the evidence of a finding as one clause, without the example items; what it lacks is ``unknown``.

    Evidence that was stored by another version can lack figures.
    """
    figures = {
        key: ", ".join(map(str, value)) if isinstance(value, list) else value
        for key, value in evidence.items()
        if value is not None
    }
    said = {
        f"{key}_counted": counted(round(value), unit_of(reason))
        for key, value in evidence.items()
        if isinstance(value, int | float)
    }
    return _SHOWN[FlagReason(reason)].format_map(_Figures(figures | said))


def unit_of(reason: str) -> str:
    """Return what the figures of a finding count, in the singular: votes, unless it is about whole answers or texts."""
    return _UNITS.get(FlagReason(reason), "vote")
