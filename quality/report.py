"""What a project lead should know about the answers so far, and do first."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from quality.agreement.chance import gwet_ac1
from quality.agreement.krippendorff import TENTATIVE, krippendorff_alpha
from quality.agreement.observed import percent_agreement
from quality.confidence import annotator_confidence
from quality.controls.shares import gold_accuracy, self_consistency
from quality.labels import CodedLabels
from quality.votes import without_scores
from workspaces.kinds import (
    TIE,
    ChoiceQuestion,
    ComparisonQuestion,
    Scale,
    ScoreQuestion,
    kind_of,
    question_of,
)
from workspaces.records import ANONYMOUS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    import pandas as pd
    from pydantic import JsonValue

    from quality.agreement.coefficient import Coefficient

ENOUGH_ITEMS = 20
_SKEWED = 0.85
_HEADLINES = ("ordinal", "three_way", "answered", "nominal")


@dataclass(frozen=True, slots=True)
class QuestionReport:
    """Agreement on one question.

    ``coefficients`` are those of the question's scale. Nominal: ``nominal`` (alpha), ``percent_agreement``, ``ac1``;
    ordinal: ``ordinal`` (alpha in the declared order) before these; a comparison also ``percent_without_ties`` (pairs
    in which neither said tie). A question that may not apply: ``applicability`` (alpha: does it apply at all) and
    ``answered`` (alpha at its own level among those who say it does) in place of these alphas, and of a nominal one
    ``three_way`` (alpha of all values, not applicable among them). A score that came with a log: ``ordinal``,
    ``percent_agreement``.
    """

    kind: str
    question: str
    n_answers: int
    n_items: int
    n_annotators: int
    coefficients: Mapping[str, Coefficient]

    @property
    def headline(self) -> Coefficient:
        """The alpha that tells first whether the question is clear."""
        return next(self.coefficients[name] for name in _HEADLINES if name in self.coefficients)


@dataclass(frozen=True, slots=True)
class Check:
    """Answers of a person that can be checked: one row of ``gold_accuracy`` or ``self_consistency``.

    ``n_matching`` of ``n_items`` are right, or the same both times; ``value``, from ``low`` to ``high``, is their
    share, shrunk towards that of all people.
    """

    value: float
    low: float
    high: float
    n_items: int
    n_matching: int


@dataclass(frozen=True, slots=True)
class Confidence:
    """One row of ``annotator_confidence``; and the person's checks, ``None`` where they had none."""

    value: float
    low: float
    high: float
    n_answers: int
    n_divergent: float
    multiplier: float
    gold_accuracy: Check | None = None
    self_consistency: Check | None = None


@dataclass(frozen=True, slots=True)
class PersonReport:
    """One person, by pseudonym: ``n_answers`` given, confidence over all questions and on each."""

    person: str
    n_answers: int
    confidence: Confidence
    by_question: Mapping[str, Confidence]


@dataclass(frozen=True, slots=True)
class Report:
    """Everything about the answers so far; ``next_steps`` are sentences, the most urgent first."""

    n_answers: int
    n_items: int
    n_people: int
    questions: tuple[QuestionReport, ...]
    people: tuple[PersonReport, ...]
    next_steps: tuple[str, ...]

    def to_dict(self) -> dict[str, JsonValue]:
        """Return plain data for JSON; an undefined coefficient has ``null`` for its value."""
        return asdict(self)


def build_report(
    votes: pd.DataFrame,
    absent: Collection[str] = (),
    gold: pd.DataFrame | None = None,
    repeats: pd.DataFrame | None = None,
) -> Report:
    """Judge a table of votes.

    Args:
        votes: as ``quality.votes`` returns it: columns ``kind``, ``question``, ``item``, ``annotator``,
            ``value``. People are pseudonyms and stay so.
        absent: people who only answered elsewhere, in a chat log: nobody can talk to them.
        gold: answers to gold tasks, as ``gold_table`` returns them; ``None`` where there are none.
        repeats: answers given twice, as ``repeat_table`` returns them; ``None`` where there are none.

    Returns:
        Questions and people in ascending order. Holds with no answers, one person or one item: what cannot
        be said is an undefined coefficient with its reason.
    """
    answered = votes[votes["value"].notna()]
    questions = tuple(
        _question(str(kind), str(question), table)
        for (kind, question), table in answered.groupby(["kind", "question"], sort=True)
    )
    # a score has no majority to diverge from, and who has no name answered in one conversation alone
    people = _people(
        without_scores(answered[~answered["annotator"].str.startswith(ANONYMOUS)]),
        _Checks(_by_question(gold), _by_question(repeats)),
    )
    return Report(
        n_answers=sum(question.n_answers for question in questions),
        n_items=len(answered.drop_duplicates(["kind", "item"])),
        n_people=answered["annotator"].nunique(),
        questions=questions,
        people=people,
        next_steps=_next_steps(questions, [each for each in people if each.person not in absent]),
    )


def _question(kind: str, name: str, table: pd.DataFrame) -> QuestionReport:
    question = question_of(kind, name)
    if isinstance(question, ScoreQuestion):
        coefficients = _score_coefficients(question, table)
    elif isinstance(question, ChoiceQuestion):
        coefficients = _choice_coefficients(question, table)
    else:
        raise ValueError(f"{name!r} of {kind} tasks is free text: it has no votes")
    labels = CodedLabels.of(table)
    return QuestionReport(
        kind, name, len(labels.value), len(labels.items), len(labels.annotators), coefficients
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
    is_ordinal = question.scale is Scale.ORDINAL
    if question.not_applicable is not None:
        applies = table["value"] != question.not_applicable
        applicability = np.where(applies, "answered", question.not_applicable)
        coefficients["applicability"] = krippendorff_alpha(table.assign(value=applicability))
        answered = table.assign(value=table["value"].where(applies))
        coefficients["answered"] = _alpha(question, answered)
        if not is_ordinal:
            coefficients["three_way"] = krippendorff_alpha(table)
    else:
        if is_ordinal:
            coefficients["ordinal"] = _alpha(question, table)
        coefficients["nominal"] = krippendorff_alpha(table)
    coefficients["percent_agreement"] = percent_agreement(table)
    if isinstance(question, ComparisonQuestion):
        coefficients["percent_without_ties"] = percent_agreement(table, ignore={TIE})
    return coefficients | {"ac1": gwet_ac1(table, question.values)}


def _alpha(question: ChoiceQuestion, table: pd.DataFrame) -> Coefficient:
    """Return alpha at the question's own level of measurement."""
    if question.scale is Scale.ORDINAL:
        return krippendorff_alpha(table, "ordinal", question.order)
    return krippendorff_alpha(table)


@dataclass(frozen=True, slots=True)
class _Checks:
    """Answers that can be checked, by question; ``None`` stands for all questions together."""

    gold: Mapping[str | None, pd.DataFrame]
    repeats: Mapping[str | None, pd.DataFrame]

    def of(self, question: str | None) -> tuple[dict[str, Check], dict[str, Check]]:
        """Return each person's gold accuracy and self-consistency."""
        return (
            _checked(gold_accuracy, self.gold.get(question)),
            _checked(self_consistency, self.repeats.get(question)),
        )


def _by_question(table: pd.DataFrame | None) -> dict[str | None, pd.DataFrame]:
    if table is None or table.empty:
        return {}
    parts: dict[str | None, pd.DataFrame] = {str(name): part for name, part in table.groupby("question")}
    return parts | {None: table}


def _checked(check: Callable[[pd.DataFrame], pd.DataFrame], table: pd.DataFrame | None) -> dict[str, Check]:
    if table is None:
        return {}
    return {
        str(person): Check(float(value), float(low), float(high), int(n_items), int(n_matching))
        for person, value, low, high, n_items, n_matching in check(table).itertuples(index=False)
    }


def _people(answered: pd.DataFrame, checks: _Checks) -> tuple[PersonReport, ...]:
    if answered.empty:
        return ()
    by_question = {
        str(question): _confidences(table, *checks.of(str(question)))
        for question, table in answered.groupby("question", sort=True)
    }
    given = answered.drop_duplicates(["kind", "question", "item", "annotator"])["annotator"].value_counts()
    return tuple(
        PersonReport(
            person,
            int(given[person]),
            confidence,
            {question: of[person] for question, of in by_question.items() if person in of},
        )
        for person, confidence in _confidences(answered, *checks.of(None)).items()
    )


def _confidences(
    table: pd.DataFrame, gold: Mapping[str, Check], repeats: Mapping[str, Check]
) -> dict[str, Confidence]:
    rows = annotator_confidence(table)
    return {
        str(person): Confidence(
            float(value),
            float(low),
            float(high),
            int(n_answers),
            float(n_divergent),
            float(multiplier),
            gold.get(person),
            repeats.get(person),
        )
        for person, value, low, high, n_answers, n_divergent, multiplier in rows.itertuples(index=False)
    }


def _next_steps(all_questions: Sequence[QuestionReport], people: Sequence[PersonReport]) -> tuple[str, ...]:
    questions = [question for question in all_questions if not kind_of(question.kind).is_scored]
    if not questions:
        return ("There are no submitted answers yet: push tasks, and sync once people have answered.",)
    thin = [question for question in questions if question.headline.n_items < ENOUGH_ITEMS]
    unclear = [
        (question.headline.value, question)
        for question in questions
        if question not in thin and question.headline.value is not None
        if question.headline.value < TENTATIVE
    ]
    unclear.sort(key=lambda pair: pair[0])
    doubtful = sorted(
        (person for person in people if person.confidence.multiplier < 1),
        key=lambda person: person.confidence.multiplier,
    )
    steps = [_talk_about(question) for _, question in unclear]
    steps += [_talk_to(person) for person in doubtful]
    if thin:
        steps.append(_collect(thin))
    return tuple(steps) or ("Nothing is urgent: people agree on every question.",)


def _talk_about(question: QuestionReport) -> str:
    alpha, percent = question.headline, question.coefficients["percent_agreement"]
    if float(percent) >= _SKEWED:
        return (
            f"Look at the items of '{question.question}' on which people differ: nearly all answers are the "
            f"same ({float(percent):.0%} of pairs agree), but on the rare other answer they do not "
            f"(alpha {float(alpha):.2f})."
        )
    where = ""
    if "applicability" in question.coefficients:
        applies = question.coefficients["applicability"].value
        answered = question.coefficients["answered"].value
        if applies is not None and answered is not None:
            where = f", most of all on {'when it applies' if applies < answered else 'no against yes'}"
    return (
        f"Make '{question.question}' clearer: people disagree{where} (alpha {float(alpha):.2f} on "
        f"{alpha.n_items} items). Discuss a few disputed items together and write the outcome into the "
        "guidelines."
    )


def _talk_to(person: PersonReport) -> str:
    confidence = person.confidence
    return (
        f"Talk to {person.person}: {confidence.n_divergent:.0f} of {confidence.n_answers} answers go against "
        f"the others' majority (confidence {confidence.value:.2f}, rewards at {confidence.multiplier:.0%}). "
        "It may be a misread guideline or a view worth hearing."
    )


def _collect(thin: list[QuestionReport]) -> str:
    names = ", ".join(f"'{question.question}' ({question.headline.n_items})" for question in thin)
    return (
        f"Have more items answered by two or more people: fewer than {ENOUGH_ITEMS} are so far on {names}, "
        "too few to judge agreement."
    )
