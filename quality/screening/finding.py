"""What screening says of a person: a reason and the evidence, for somebody to look at."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_EXAMPLES = 10
"""Item ids shown as examples in one piece of evidence."""


class FlagReason(StrEnum):
    """Why somebody should look at a person's answers."""

    GUESSING = "guessing"
    STRAIGHT_LINING = "straight_lining"
    CO_AGREEING = "co_agreeing"
    REPEATED_TEXT = "repeated_text"


@dataclass(frozen=True, slots=True)
class Finding:
    """One person, by pseudonym, one reason, its evidence (figures and item ids) and how many answers it rests on."""

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
    FlagReason.REPEATED_TEXT: "{repeated} of {rewrites} rewrites are the same text for different responses",
}


def in_words(reason: str, evidence: Mapping[str, object]) -> str:
    """Return a finding's evidence as one clause, without its example items."""
    joined = {key: ", ".join(it) if isinstance(it, list) else it for key, it in evidence.items()}
    return _SHOWN[FlagReason(reason)].format_map(joined)
