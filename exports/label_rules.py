"""The rules by which answers label a response as wanted or unwanted; the kinds of tasks declare them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workspaces.kinds import ChoiceQuestion, ScoreQuestion, all_kinds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workspaces.kinds import Kind

YES, NO = "yes", "no"
"""The wanted and the unwanted answer to a score, such as a thumb."""


def deciding_questions() -> dict[str, ChoiceQuestion]:
    """Return the questions that decide labels, by name, in the order in which people answer them.

    A thumb is none of them, whether it came with a log or was given on a platform: see ``label_of``.
    """
    return {
        question.name: question
        for kind in all_kinds().values()
        for question in labelling(kind)
        if question.name not in scores()
    }


def labelling(kind: Kind) -> list[ChoiceQuestion]:
    """Return the questions of a kind whose answers label a response."""
    return [
        question
        for question in kind.counted
        if isinstance(question, ChoiceQuestion) and question.label is not None
    ]


def label_of(tags: Mapping[str, str | None]) -> bool | None:
    """Return the label that an answer to each question gives, or ``None`` where it is undecided.

    The label is ``False`` if the answer to any question makes a response unwanted (not helpful, toxic). Otherwise it
    is ``True`` if all questions of a kind that need a certain answer have that answer. Otherwise a thumb decides.
    Without a thumb the response is undecided: no answer is against it, and not enough answers are for it. The kinds
    declare these answers (``workspaces.kinds.LabelRule``).
    """
    scored = scores()
    asked = [
        {
            question.name: question.label
            for question in labelling(kind)
            if question.label is not None and question.name not in scored
        }
        for kind in all_kinds().values()
    ]
    if any(tags.get(name) == rule.unwanted for rules in asked for name, rule in rules.items()):
        return False
    needed = [
        [tags.get(name) == rule.wanted for name, rule in rules.items() if rule.wanted is not None]
        for rules in asked
    ]
    if any(answers and all(answers) for answers in needed):
        return True
    score = next((tags[name] for name in scored if tags.get(name) is not None), None)
    return None if score is None else score == YES


def scores() -> dict[str, dict[str, str]]:
    """Return the scores that decide a label, from logs and from platforms, as ``{question: {answer: YES or NO}}``."""
    return {
        question.name: {rule.wanted: YES, rule.unwanted: NO}
        for kind in all_kinds().values()
        for question in kind.questions
        if isinstance(question, ScoreQuestion) and (rule := question.label) is not None and rule.wanted
    }
