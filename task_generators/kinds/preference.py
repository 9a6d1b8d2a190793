"""The preference task: compares two responses to one prompt; the answer is A, tie or B."""

from __future__ import annotations

from task_generators.candidates import GeneratedKind, each_pair
from workspaces.kinds import ChatField, ComparisonQuestion, PaidPart, read_guidelines
from workspaces.records import Preference

KIND = GeneratedKind(
    name="preference",
    title="Choose between two answers",
    responses=2,
    fields=(
        ChatField("conversation", "Conversation so far"),
        ChatField("answer_a", "Answer A", response=0),
        ChatField("answer_b", "Answer B", response=1),
    ),
    side_by_side=("answer_a", "answer_b"),
    questions=(
        ComparisonQuestion(
            "preference",
            "Which answer is better?",
            "The one you would rather have received.",
            {
                Preference.A.value: "A is better",
                Preference.TIE.value: "About the same",
                Preference.B.value: "B is better",
            },
        ),
    ),
    parts=(
        PaidPart(
            "preference",
            ("preference",),
            points=4,
            offer="your choice",
            description="a choice between two answers",
        ),
    ),
    guidelines=read_guidelines(__name__),
    weight=1.0,
    find=each_pair,
)
