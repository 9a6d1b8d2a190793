"""The weight of a person's votes: how far they agree with others, or what is expected of somebody not measured."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

UNMEASURED = 1.0
"""The weight of everybody as long as nobody was measured."""


@dataclass(frozen=True, slots=True)
class Weights:
    """Weights of people, 0 or more.

    Attributes:
        people: confidence by person id, over all questions.
        by_question: confidence by person id and question.
        prior: the mean of the prior over all questions; None where nobody was measured.
        priors: the mean of the prior by question.
    """

    people: Mapping[str, float] = field(default_factory=dict)
    by_question: Mapping[tuple[str, str], float] = field(default_factory=dict)
    prior: float | None = None
    priors: Mapping[str, float] = field(default_factory=dict)

    def of(self, person_id: str, question: str | None = None) -> float:
        """Return the weight of a person's answers to a question; ``None`` for answers to no question in particular.

        That is their confidence on the question, or else over all questions. A person who was not measured is
        expected to be like the people who were: their weight is the mean of the prior of the question, or else of
        that over all questions. Without any of these it is 1.
        """
        if question is not None and (person_id, question) in self.by_question:
            return self.by_question[person_id, question]
        if person_id in self.people:
            return self.people[person_id]
        if question is not None and question in self.priors:
            return self.priors[question]
        return UNMEASURED if self.prior is None else self.prior
