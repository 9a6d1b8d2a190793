"""The qualitative task with reasons: the six qualities of one response, and in words why.

It asks for no rewrite: the ``suggestion`` task does.
"""

from __future__ import annotations

from task_generators.candidates import GeneratedKind, each_response
from task_generators.kinds.qualitative import QUALITIES
from workspaces.kinds import ChatField, PaidPart, TextQuestion, read_guidelines

KIND = GeneratedKind(
    name="qualitative_reasons",
    title="Rate a response and say why",
    fields=(
        ChatField("conversation", "Conversation so far"),
        ChatField("response", "Response to judge", response=0),
    ),
    questions=(
        *QUALITIES,
        TextQuestion(
            "tags_reason",
            "Why? (optional)",
            "A sentence or two on what decided your answers, the ones that others may not share first.",
            min_characters=20,
        ),
    ),
    parts=(
        PaidPart(
            "reasoned_qualities",
            tuple(question.name for question in QUALITIES),
            points=6,
            offer="the six tags",
            description="the six quality tags of a task that asks for reasons",
        ),
        PaidPart(
            "tags_reason",
            ("tags_reason",),
            points=2,
            offer="a reason",
            description="the optional reason of such tags",
        ),
    ),
    guidelines=read_guidelines(__name__),
    find=each_response,
)
