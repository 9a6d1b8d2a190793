"""The suggestion task: write a better version of one response, started from the response.

Source: ChatFeedback, section 3, 'Provide feedback' (a Suggestion).
"""

from __future__ import annotations

from task_generators.candidates import GeneratedKind, each_response
from workspaces.kinds import ChatField, PaidPart, TextQuestion, read_guidelines

MIN_CHANGE = 0.05
"""Of a response's characters, the share that a rewrite has to change."""

KIND = GeneratedKind(
    name="suggestion",
    title="Write a better response",
    fields=(
        ChatField("conversation", "Conversation so far"),
        ChatField("response", "Response to improve", response=0),
    ),
    questions=(
        TextQuestion(
            "rewrite",
            "Your better response",
            "In full, as the model should have answered.",
            required=True,
            min_characters=20,
            rewrites=True,
            min_change=MIN_CHANGE,
            prefilled=True,
        ),
    ),
    parts=(
        PaidPart(
            "rewrite",
            ("rewrite",),
            points=12,
            offer="a better response",
            description="the better response of a suggestion task",
        ),
    ),
    guidelines=read_guidelines(__name__),
    find=each_response,
)
