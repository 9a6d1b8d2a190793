"""Next steps: sentences that tell the lead what to do first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quality.agreement.krippendorff import TENTATIVE
from quality.agreement.overlap import ENOUGH_ITEMS
from workspaces.grammar import counted, word_for
from workspaces.kinds import kind_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quality.report.people import PersonReport
    from quality.report.questions import QuestionReport

_SKEWED = 0.85
"""The share of agreeing pairs from which a low alpha is attributed to a rare answer, not to an unclear question."""


def next_steps(all_questions: Sequence[QuestionReport], people: Sequence[PersonReport]) -> tuple[str, ...]:
    """Return the next steps, the most urgent first: unclear questions, divergent people, questions with few items.

    Args:
        all_questions: reports of all questions; scores from chat logs are ignored.
        people: reports of the people whom the lead can talk to.

    Returns:
        At least one sentence, also if there are no answers or nothing is urgent.
    """
    questions = [question for question in all_questions if not kind_of(question.kind).is_scored]
    if not questions:
        return ("There are no submitted answers yet: push tasks, and sync once people have answered.",)
    thin = [question for question in questions if question.headline.n_items < ENOUGH_ITEMS]
    disputed = [
        (question.headline.value, question)
        for question in questions
        if question not in thin and question.headline.value is not None
        if question.headline.value < TENTATIVE
    ]
    disputed.sort(key=lambda pair: pair[0])
    unclear = [question for _, question in disputed if _equal_pairs(question) < _SKEWED]
    skewed = [question for _, question in disputed if _equal_pairs(question) >= _SKEWED]
    doubtful = sorted(
        (person for person in people if person.confidence.multiplier < 1),
        key=lambda person: person.confidence.multiplier,
    )
    steps = [_make_clearer(unclear)] if unclear else []
    steps += [_look_at(question) for question in skewed]
    steps += [_talk_to(person) for person in doubtful]
    if thin:
        steps.append(_collect(thin))
    return tuple(steps) or ("Nothing is urgent: people agree on every question.",)


def _make_clearer(unclear: Sequence[QuestionReport]) -> str:
    names = [f"'{question.question}'" for question in unclear]
    if len(unclear) == 1:
        what, details = names[0], f"people disagree{_where(unclear[0])} ({_alpha_of(unclear[0])})"
    else:
        what = counted(len(unclear), "question")
        each = [
            f"{name}{_where(question)} ({_alpha_of(question)})"
            for name, question in zip(names, unclear, strict=True)
        ]
        details = f"people disagree about {'; '.join(each)}"
    return (
        f"Make {what} clearer: {details}. Discuss a few disputed items together and write the outcome into the "
        "guidelines."
    )


def _where(question: QuestionReport) -> str:
    """Return on what people disagree most, with a comma before it; nothing where that is not known."""
    if "applicability" not in question.coefficients:
        return ""
    applies, answered = (question.coefficients[name].value for name in ("applicability", "answered"))
    if applies is None or answered is None:
        return ""
    return f", most of all on {'when it applies' if applies < answered else 'no against yes'}"


def _alpha_of(question: QuestionReport) -> str:
    alpha = question.headline
    return f"alpha {float(alpha):.2f} on {counted(alpha.n_items, 'item')}"


def _look_at(question: QuestionReport) -> str:
    return (
        f"Look at the items of '{question.question}' on which people differ: nearly all answers are the "
        f"same ({_equal_pairs(question):.0%} of pairs are equal), but on the rare other answer they do not "
        f"(alpha {float(question.headline):.2f})."
    )


def _equal_pairs(question: QuestionReport) -> float:
    return float(question.coefficients["percent_agreement"])


def _talk_to(person: PersonReport) -> str:
    confidence = person.confidence
    return (
        f"Talk to {person.person}: {confidence.n_divergent:.0f} of "
        f"{counted(confidence.n_compared, 'vote')} {word_for(confidence.n_compared, 'goes', 'go')} against "
        f"the others' majority (confidence {confidence.value:.2f}, rewards at {confidence.multiplier:.0%}). "
        "It may be a misread guideline or a view worth hearing."
    )


def _collect(thin: list[QuestionReport]) -> str:
    names = ", ".join(f"'{question.question}' ({question.headline.n_items})" for question in thin)
    return (
        f"Have more items answered by two or more people: so far fewer than {ENOUGH_ITEMS} are, on {names}, "
        "too few to judge agreement."
    )
