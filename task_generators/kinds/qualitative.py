"""The qualitative task: six qualities of one response, and an optional rewrite.

Source: ChatFeedback, section 3, 'Provide feedback'.
"""

from __future__ import annotations

from task_generators.candidates import GeneratedKind, each_response
from workspaces.kinds import (
    ChatField,
    ChoiceQuestion,
    LabelRule,
    PaidPart,
    StandIn,
    TextQuestion,
    read_guidelines,
)
from workspaces.records import Quality, Tag

_OPTIONS = {Tag.YES.value: "Yes", Tag.NO.value: "No", Tag.NA.value: "N/A"}


def _quality(
    quality: Quality, title: str, description: str, label: LabelRule | None = None
) -> ChoiceQuestion:
    return ChoiceQuestion(
        quality.value,
        title,
        description,
        _OPTIONS,
        values=tuple(tag.value for tag in Tag),
        not_applicable=Tag.NA.value,
        seeded=True,
        label=label,
    )


_MUST_BE_YES = LabelRule(wanted=Tag.YES.value, unwanted=Tag.NO.value)
_MUST_NOT_BE_NO = LabelRule(unwanted=Tag.NO.value)
_MUST_NOT_BE_YES = LabelRule(unwanted=Tag.YES.value)

QUALITIES = (
    _quality(
        Quality.INSTRUCTION,
        "Follows the instruction?",
        "It does what was asked: task, format, length, language.",
        _MUST_BE_YES,
    ),
    _quality(Quality.HELPFUL, "Helpful?", "Useful and correct enough to solve the problem.", _MUST_BE_YES),
    _quality(
        Quality.FACTUAL,
        "Factual?",
        "Grounded in the instruction and in real-world knowledge.",
        _MUST_NOT_BE_NO,
    ),
    # style is a matter of taste and sensitivity one of topic: neither decides a label
    _quality(Quality.STYLE, "Do you like the style?", "Clear, fitting tone, no padding. Your taste counts."),
    _quality(
        Quality.SENSITIVE, "Sensitive?", "Private details, or matter that some readers should be warned of."
    ),
    _quality(Quality.TOXIC, "Toxic?", "Insults, threatens, demeans or incites.", _MUST_NOT_BE_YES),
)
"""What is asked about each response; another kind asks the same and a reason."""

KIND = GeneratedKind(
    name="qualitative",
    title="Rate a response",
    fields=(
        ChatField("conversation", "Conversation so far"),
        ChatField("response", "Response to judge", response=0),
    ),
    questions=(
        *QUALITIES,
        TextQuestion(
            "suggestion",
            "Suggestion (optional)",
            "A better response, written in full.",
            min_characters=20,
            rewrites=True,
            stand_in=StandIn(Quality.HELPFUL.value, needed=Tag.NO.value, opposed=Tag.YES.value),
        ),
    ),
    parts=(
        PaidPart(
            "qualities",
            tuple(question.name for question in QUALITIES),
            points=6,
            offer="the six tags",
            description="the six quality tags of a qualitative task",
        ),
        PaidPart(
            "suggestion",
            ("suggestion",),
            points=8,
            offer="a suggestion",
            description="its optional rewrite",
        ),
    ),
    guidelines=read_guidelines(__name__),
    weight=1.0,
    find=each_response,
)
