"""The check of a suggestion: a person's rewrite against the response that it replaces, without saying which is which.

Source: ChatFeedback, section 3, 'Provide feedback' (others give feedback on a Suggestion).
"""

from __future__ import annotations

from task_generators.candidates import GeneratedKind, each_rewrite
from workspaces.kinds import ChatField, ComparisonQuestion, PaidPart, read_guidelines
from workspaces.records import Preference

KIND = GeneratedKind(
    name="suggestion_check",
    title="Which answer is better?",
    responses=2,
    judges_rewrites=True,
    fields=(
        ChatField("conversation", "Conversation so far"),
        ChatField("answer_a", "Answer A", response=0),
        ChatField("answer_b", "Answer B", response=1),
    ),
    side_by_side=("answer_a", "answer_b"),
    questions=(
        ComparisonQuestion(
            "suggestion_check",
            "Which answer would you rather have received?",
            "One of them may differ from the other in a few words only.",
            {
                Preference.A.value: "A is better",
                Preference.TIE.value: "About the same",
                Preference.B.value: "B is better",
            },
        ),
    ),
    parts=(
        PaidPart(
            "suggestion_check",
            ("suggestion_check",),
            points=4,
            offer="your choice",
            description="a choice between a response and somebody's rewrite of it",
        ),
    ),
    guidelines=read_guidelines(__name__),
    find=each_rewrite,
)
