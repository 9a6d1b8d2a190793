"""Rubrics: criteria that a lead writes, each of which a response meets or not.

Each rubric is a task kind of its own, made of the one declared kind that is ``by_rubric``; so forms, pay, votes,
agreement and posteriors see questions like any others. Its criteria never change once tasks ask about them, so that an
answer says by the name of its task's kind what it answers.

Source of weights and score: Arora et al. (2025), HealthBench, arXiv 2505.08775, section 2.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from workspaces.kinds.kind import PaidPart
from workspaces.kinds.questions import ChoiceQuestion

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from workspaces.kinds.kind import Kind

MET, NOT_MET, NOT_APPLICABLE = "met", "not_met", "na"

_OPTIONS = {MET: "Met", NOT_MET: "Not met", NOT_APPLICABLE: "Does not apply"}

KindT = TypeVar("KindT", bound="Kind")


@dataclass(frozen=True, slots=True)
class Criterion:
    """A criterion and how much it counts: below 0 for what a response must not do, never 0."""

    text: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class CriterionQuestion(ChoiceQuestion):
    """Whether a response meets a criterion, does not, or the criterion does not apply to it."""

    weight: float = 1.0


def kind_name(declared: Kind, rubric: str) -> str:
    """Return the name of the kind that a rubric makes."""
    return f"{declared.name}_{rubric}"


def rubric_kind(declared: KindT, name: str, criteria: Sequence[Criterion]) -> KindT:
    """Return the kind that asks about the criteria of a rubric.

    Args:
        declared: the kind whose questions are those of a rubric.
        name: of the rubric, unique in a workspace.
        criteria: one or more; annotators do not see the weights.
    """
    (part,) = declared.parts
    questions = tuple(
        CriterionQuestion(
            f"{kind_name(declared, name)}_{number}",
            criterion.text,
            "",
            _OPTIONS,
            values=(NOT_MET, MET, NOT_APPLICABLE),
            not_applicable=NOT_APPLICABLE,
            weight=criterion.weight,
        )
        for number, criterion in enumerate(criteria, start=1)
    )
    return replace(
        declared,
        name=kind_name(declared, name),
        title=f"{declared.title}: {name.replace('_', ' ')}",
        questions=questions,
        parts=tuple(
            PaidPart(it.name, (it.name,), part.points, part.offer, part.description, part.rate_key)
            for it in questions
        ),
    )


def criteria_of(kind: Kind) -> tuple[CriterionQuestion, ...]:
    """Return the questions of a kind that are criteria of a rubric, in order."""
    return tuple(question for question in kind.questions if isinstance(question, CriterionQuestion))


def score(criteria: Sequence[CriterionQuestion], answers: Mapping[str, str]) -> float | None:
    """Return how far a response meets a rubric, 0 to 1.

    It is the sum of the weights of the criteria that are met, out of the sum of the positive weights that apply, and at
    least 0. None: no criterion with a positive weight applies.

    Args:
        criteria: of the rubric.
        answers: an answer by question name; a criterion without one does not count.
    """
    applies = [it for it in criteria if answers.get(it.name) in (MET, NOT_MET)]
    most = sum(it.weight for it in applies if it.weight > 0)
    met = sum(it.weight for it in applies if answers[it.name] == MET)
    return max(0.0, met / most) if most else None
