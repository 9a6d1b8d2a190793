"""The judgments that an export rests on, as its card counts them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


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


class Judgment(Protocol):
    """One answer of one person; ``from_log`` is true of an answer that came with a chat log."""

    @property
    def annotation_id(self) -> str: ...  # noqa: D102
    @property
    def person_id(self) -> str: ...  # noqa: D102
    @property
    def act(self) -> Act: ...  # noqa: D102
    @property
    def from_log(self) -> bool: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Judged:
    """A judgment that says no more."""

    annotation_id: str
    person_id: str
    act: Act
    from_log: bool
