"""What screening says of a person: a reason and the evidence, for somebody to look at."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_EXAMPLES = 10
"""Item ids shown as examples in one piece of evidence."""


class Reason(StrEnum):
    """Why somebody should look at a person's answers."""

    GUESSING = "guessing"
    STRAIGHT_LINING = "straight_lining"
    CO_AGREEING = "co_agreeing"
    REPEATED_TEXT = "repeated_text"


@dataclass(frozen=True, slots=True)
class Finding:
    """One person, by pseudonym, one reason, its evidence (figures and item ids) and how many answers it rests on."""

    person: str
    reason: Reason
    evidence: Mapping[str, float | list[str]]
    weight: int
