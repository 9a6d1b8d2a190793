"""The rules by which answers label a response as wanted or unwanted; the kinds of tasks declare them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workspaces.kinds import ChoiceQuestion, ScoreQuestion, all_kinds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from workspaces.kinds import Kind, LabelRule

YES, NO = "yes", "no"
"""The wanted and the unwanted answer to a score, such as a thumb."""


@dataclass(frozen=True, slots=True)
class LabelRules:
    """What the kinds that are installed, and open rubrics, declare (``workspaces.kinds.LabelRule``).

    ``questions`` decide labels, by name, in the order in which people answer them; a thumb is none of them, whether it
    came with a log or was given on a platform. ``asked`` are their rules, of each kind. ``scores`` decide a label, from
    logs and from platforms, as ``{question: {answer: YES or NO}}``.
    """

    questions: Mapping[str, ChoiceQuestion]
    asked: Sequence[Mapping[str, LabelRule]]
    scores: Mapping[str, Mapping[str, str]]

    def label_of(self, tags: Mapping[str, str | None]) -> bool | None:
        """Return the label that an answer to each question gives, or ``None`` where it is undecided.

        The label is ``False`` if the answer to any question makes a response unwanted (not helpful, toxic). Otherwise
        it is ``True`` if all questions of a kind that need a certain answer have that answer. Otherwise a thumb
        decides. Without a thumb the response is undecided: no answer is against it, and not enough answers are for it.
        """
        if any(tags.get(name) == rule.unwanted for rules in self.asked for name, rule in rules.items()):
            return False
        needed = [
            [tags.get(name) == rule.wanted for name, rule in rules.items() if rule.wanted is not None]
            for rules in self.asked
        ]
        if any(answers and all(answers) for answers in needed):
            return True
        score = next((tags[name] for name in self.scores if tags.get(name) is not None), None)
        return None if score is None else score == YES


def label_rules() -> LabelRules:
    """Return the rules that hold now; asked for once where there are many answers."""
    kinds = all_kinds().values()
    scores = {
        question.name: {rule.wanted: YES, rule.unwanted: NO}
        for kind in kinds
        for question in kind.questions
        if isinstance(question, ScoreQuestion) and (rule := question.label) is not None and rule.wanted
    }
    deciding = [
        {question.name: question for question in labelling(kind) if question.name not in scores}
        for kind in kinds
    ]
    return LabelRules(
        {name: question for questions in deciding for name, question in questions.items()},
        [
            {name: question.label for name, question in questions.items() if question.label is not None}
            for questions in deciding
        ],
        scores,
    )


def labelling(kind: Kind) -> list[ChoiceQuestion]:
    """Return the questions of a kind whose answers label a response."""
    return [
        question
        for question in kind.counted
        if isinstance(question, ChoiceQuestion) and question.label is not None
    ]
