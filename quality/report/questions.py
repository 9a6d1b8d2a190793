"""The agreement of people on each question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from quality.agreement.chance import gwet_ac1
from quality.agreement.krippendorff import krippendorff_alpha
from quality.agreement.observed import percent_agreement
from quality.agreement.own_level import own_level_alpha
from quality.labels import CodedLabels
from workspaces.kinds import (
    BOTH_BAD,
    FIRST,
    SECOND,
    TIE,
    ChoiceQuestion,
    ComparisonQuestion,
    RankingQuestion,
    Scale,
    ScoreQuestion,
    question_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from quality.agreement.coefficient import Coefficient

_HEADLINES = ("ordinal", "interval", "three_way", "answered", "nominal")


@dataclass(frozen=True, slots=True)
class QuestionReport:
    """Agreement on one question.

    ``coefficients`` depends on the question's scale. Nominal: ``nominal`` (alpha), ``percent_agreement``, ``ac1``.
    Ordinal or interval: alpha at that level under its name (``ordinal``, ``interval``) before these. A comparison has
    also ``percent_without_ties`` (pairs in which neither answer is a tie), and one with a strength ``sides`` (ordinal
    alpha of the side alone). A question that may not apply has
    ``applicability`` (alpha of whether it applies) and ``answered`` (alpha at its own level among answers that it
    applies) instead of these alphas, and if it is nominal ``three_way`` (alpha of all values, including not
    applicable). A score from a chat log: ``ordinal``, ``percent_agreement``.

    With ``audited`` the coefficients are those of the audit slice alone, the tasks that never close early: on the
    others the answers that agree come to an end sooner. The votes, items and voters are all.
    """

    kind: str
    question: str
    n_votes: int
    n_items: int
    n_voters: int
    coefficients: Mapping[str, Coefficient]
    audited: bool = False

    @property
    def headline(self) -> Coefficient:
        """The alpha that the report shows first."""
        return next(self.coefficients[name] for name in _HEADLINES if name in self.coefficients)


def question_report(
    kind: str, name: str, table: pd.DataFrame, audit: pd.DataFrame | None = None
) -> QuestionReport:
    """Return the agreement on one question.

    Args:
        kind: kind of the tasks.
        name: name of the question.
        table: the votes on it; columns ``item``, ``annotator``, ``value``.
        audit: those on tasks that never close early, on which agreement is measured; None: on all.

    Raises:
        ValueError: the question is free text, which has no votes.
    """
    question = question_of(kind, name)
    measured = table if audit is None else audit
    if isinstance(question, ScoreQuestion):
        coefficients = _score_coefficients(question, measured)
    elif isinstance(question, ChoiceQuestion):
        coefficients = _choice_coefficients(question, measured)
    else:
        raise ValueError(f"{name!r} of {kind} tasks is free text: it has no votes")
    labels = CodedLabels.of(table)
    return QuestionReport(
        kind,
        name,
        len(labels.value),
        len(labels.items),
        len(labels.annotators),
        coefficients,
        audited=audit is not None,
    )


def _score_coefficients(question: ScoreQuestion, table: pd.DataFrame) -> dict[str, Coefficient]:
    compared = table[table.duplicated("item", keep=False)]
    order = sorted(compared["value"].unique(), key=lambda value: question.position(str(value)))
    return {
        "ordinal": krippendorff_alpha(compared, "ordinal", order),
        "percent_agreement": percent_agreement(compared),
    }


def _choice_coefficients(question: ChoiceQuestion, table: pd.DataFrame) -> dict[str, Coefficient]:
    coefficients: dict[str, Coefficient] = {}
    is_nominal, mirror = question.scale is Scale.NOMINAL, question.mirror
    if question.not_applicable is not None:
        applies = table["value"] != question.not_applicable
        applicability = np.where(applies, "answered", question.not_applicable)
        coefficients["applicability"] = krippendorff_alpha(table.assign(value=applicability))
        answered = table.assign(value=table["value"].where(applies))
        coefficients["answered"] = own_level_alpha(answered, question)
        if is_nominal:
            coefficients["three_way"] = krippendorff_alpha(table, mirror=mirror)
    else:
        if not is_nominal:
            coefficients[question.scale.value] = own_level_alpha(table, question)
        coefficients["nominal"] = krippendorff_alpha(table, mirror=mirror)
    coefficients["percent_agreement"] = percent_agreement(table, mirror=mirror)
    if isinstance(question, ComparisonQuestion | RankingQuestion):
        sides = table.assign(value=table["value"].map({it: question.class_of(it) for it in question.votes}))
        if question.classes != question.values:
            sided = sides[sides["value"] != BOTH_BAD]
            coefficients["sides"] = krippendorff_alpha(sided, "ordinal", (FIRST, TIE, SECOND), mirror=mirror)
        coefficients["percent_without_ties"] = percent_agreement(sides, ignore={TIE, BOTH_BAD}, mirror=mirror)
    return coefficients | {"ac1": gwet_ac1(table, question.values, mirror=mirror)}
