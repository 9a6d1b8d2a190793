"""The judgments that an export rests on, as its card counts them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Act(StrEnum):
    """What a person did when they judged.

    They compared, ranked, rewrote, tagged, checked against a rubric, judged harm, scored, or gave a thumb.
    """

    COMPARISON = "comparison"
    RANKING = "ranking"
    REWRITE = "rewrite"
    TAGS = "tags"
    CHECK = "check"
    HARM = "harm"
    SCORE = "score"
    THUMB = "thumb"


@dataclass(frozen=True, slots=True)
class Judgment:
    """One answer of one person; ``from_log`` is true of an answer that came with a chat log."""

    annotation_id: str
    person_id: str
    act: Act
    from_log: bool
