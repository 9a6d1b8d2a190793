"""A screening finding: a person, a reason and the evidence, for the lead to review."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

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
    """One person (a pseudonym), one reason, its evidence (figures and item ids) and the number of answers behind it."""

    person: str
    reason: FlagReason
    evidence: Mapping[str, float | list[str]]
    weight: int


_SHOWN = {
    FlagReason.GUESSING: "agrees with the others in {agree_with_others:.0%} of {answers} answers; the crowd in "
    "{crowd_agrees:.0%}",
    FlagReason.STRAIGHT_LINING: "gives the same answer in {same_answer:.0%} of {answers}; agrees with the others in "
    "{agree_with_others:.0%}, the crowd in {crowd_agrees:.0%}",
    FlagReason.CO_AGREEING: "agrees in {agreement:.0%} of {shared_answers} answers with {with}; "
    "{expected:.0%} were to be expected",
    FlagReason.SEED_FOLLOWING: "sides with the seed of {judge} in {sides_with_seed:.0%} of {against_the_seed} answers "
    "on which the others are against it; {expected:.0%} were to be expected",
    FlagReason.TOO_FAST: "takes {seconds:.0f} seconds in the median of {answers} answers; others take "
    "{usual_seconds:.0f} for texts of that length",
    FlagReason.REPEATED_TEXT: "{repeated} of {rewrites} texts are the same for different responses",
}


def in_words(reason: str, evidence: Mapping[str, object]) -> str:
    """Return the evidence of a finding as one clause, without the example items."""
    joined = {key: ", ".join(value) if isinstance(value, list) else value for key, value in evidence.items()}
    return _SHOWN[FlagReason(reason)].format_map(joined)
