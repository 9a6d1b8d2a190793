"""The preference task with a strength: which of two responses is better, how much, and why.

Source: Wang et al. (2025), HelpSteer3-Preference, arXiv 2505.11475.
"""

from __future__ import annotations

from task_generators.candidates import GeneratedKind, each_pair
from workspaces.kinds import BOTH_BAD, ChatField, PaidPart, StrengthQuestion, TextQuestion, read_guidelines

KIND = GeneratedKind(
    name="preference_strength",
    title="Say how much better one answer is",
    responses=2,
    fields=(
        ChatField("conversation", "Conversation so far"),
        ChatField("answer_a", "Answer A", response=0),
        ChatField("answer_b", "Answer B", response=1),
    ),
    side_by_side=("answer_a", "answer_b"),
    questions=(
        StrengthQuestion(
            "strength",
            "Which answer is better, and how much?",
            "The one you would rather have received.",
            {
                "-3": "A is much better",
                "-2": "A is better",
                "-1": "A is slightly better",
                "0": "About the same",
                "1": "B is slightly better",
                "2": "B is better",
                "3": "B is much better",
                BOTH_BAD: "Both are bad",
            },
        ),
        TextQuestion(
            "strength_reason",
            "Why? (optional)",
            "A sentence or two on what decided it.",
            min_characters=20,
        ),
    ),
    parts=(
        PaidPart(
            "strength",
            ("strength",),
            points=4,
            offer="your choice",
            description="a choice between two answers, with its strength",
        ),
        PaidPart(
            "strength_reason",
            ("strength_reason",),
            points=2,
            offer="a reason",
            description="the optional reason of such a choice",
        ),
    ),
    guidelines=read_guidelines(__name__),
    find=each_pair,
)
