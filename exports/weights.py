"""What votes and pairs weigh: by people's confidence, by the posteriors of items, or all alike."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

UNMEASURED = 1.0
"""The weight of everybody as long as nobody was measured."""


class Weighting(StrEnum):
    """Where weights come from.

    ``CONFIDENCE``: a vote weighs its person's confidence. ``NONE``: every vote weighs 1. ``POSTERIOR``: a pair weighs
    the probability of its chosen side; what has no posterior weighs by confidence.
    """

    NONE = "none"
    CONFIDENCE = "confidence"
    POSTERIOR = "posterior"


@dataclass(frozen=True, slots=True)
class Weights:
    """Weights of people, 0 or more, and posteriors of comparisons.

    Attributes:
        people: confidence by person id, over all questions.
        by_question: confidence by person id and question.
        prior: the mean of the prior over all questions; None where nobody was measured.
        priors: the mean of the prior by question.
        posteriors: of comparisons, the probability of each class, by kind, question and item.
        weighting: what makes the weight of a pair or vote.
    """

    people: Mapping[str, float] = field(default_factory=dict)
    by_question: Mapping[tuple[str, str], float] = field(default_factory=dict)
    prior: float | None = None
    priors: Mapping[str, float] = field(default_factory=dict)
    posteriors: Mapping[tuple[str, str, str], Mapping[str, float]] = field(default_factory=dict)
    weighting: Weighting = Weighting.CONFIDENCE

    def of(self, person_id: str, question: str | None = None) -> float:
        """Return the weight of a person's answers to a question; ``None`` for answers to no question in particular.

        That is their confidence on the question, or else over all questions. A person who was not measured is
        expected to be like the people who were: their weight is the mean of the prior of the question, or else of
        that over all questions. Without any of these it is 1.
        """
        if self.weighting is Weighting.NONE:
            return UNMEASURED
        if question is not None and (person_id, question) in self.by_question:
            return self.by_question[person_id, question]
        if person_id in self.people:
            return self.people[person_id]
        if question is not None and question in self.priors:
            return self.priors[question]
        return UNMEASURED if self.prior is None else self.prior
