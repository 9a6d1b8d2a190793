"""The response score: 1 to 5 for each response of a conversation, several in one task.

It is the ``response_rating`` with a scale in the place of the thumb. Steps of the scale have an order, and no distance.
"""

from __future__ import annotations

from task_generators.candidates import GeneratedKind
from task_generators.kinds.response_rating import MOST
from task_generators.whole_conversations import responses_together
from workspaces.kinds import ChatField, ChoiceQuestion, PaidPart, Scale, about_each, read_guidelines

SCORE = ChoiceQuestion(
    "response_score",
    "How good is this answer?",
    "1 is of no use, 3 will do, 5 could hardly be better, each at this point of the conversation.",
    {"1": "1 (bad)", "2": "2", "3": "3", "4": "4", "5": "5 (excellent)"},
    scale=Scale.ORDINAL,
)
"""What is asked about each response."""

_QUESTIONS = about_each(SCORE, MOST, "Answer {number}")

KIND = GeneratedKind(
    name="response_score",
    title="Score each answer",
    responses=MOST,
    fewest=1,
    fields=(ChatField("conversation", "The conversation; the answers to score have numbers", whole=True),),
    questions=_QUESTIONS,
    parts=tuple(
        PaidPart(
            question.name,
            (question.name,),
            points=1,
            offer="each answer that you score",
            description="1 to 5 for each answer of a conversation",
            rate="response_score",
        )
        for question in _QUESTIONS
    ),
    guidelines=read_guidelines(__name__),
    find=responses_together(MOST),
)
