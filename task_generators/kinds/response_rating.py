"""The response rating: a thumb for each response of a conversation, several in one task.

The forms ask for a thumb on every response of a task: what people may leave out they leave out where it is hard, and
agreement on the rest would be too high. An answer that a platform takes without some of them counts, and is paid, for
what it rates. Source: ShareLM, section 4.4: a thumb for each response.
"""

from __future__ import annotations

from task_generators.candidates import GeneratedKind
from task_generators.whole_conversations import responses_together
from workspaces.kinds import ChatField, ChoiceQuestion, LabelRule, PaidPart, about_each, read_guidelines

MOST = 10
"""Responses in one task; those of a longer conversation are in several."""

THUMB = ChoiceQuestion(
    "thumb",
    "Is this answer good?",
    "Would you have been content with it at this point of the conversation?",
    {"up": "Thumb up", "down": "Thumb down"},
    values=("down", "up"),
    label=LabelRule(wanted="up", unwanted="down"),
)
"""What is asked about each response; the same word as for thumbs that come with chat logs."""

_QUESTIONS = about_each(THUMB, MOST, "Answer {number}")

KIND = GeneratedKind(
    name="response_rating",
    title="Rate each answer",
    responses=MOST,
    fewest=1,
    fields=(ChatField("conversation", "The conversation; the answers to rate have numbers", whole=True),),
    questions=_QUESTIONS,
    parts=tuple(
        PaidPart(
            question.name,
            (question.name,),
            points=1,
            offer="each answer that you rate",
            description="a thumb for each answer of a conversation",
            rate="response_rating",
        )
        for question in _QUESTIONS
    ),
    guidelines=read_guidelines(__name__),
    find=responses_together(MOST),
)
