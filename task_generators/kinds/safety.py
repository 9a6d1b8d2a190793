"""The safety task: which kinds of harm are in a response, how bad it is, and who would be harmed.

It is for texts that the usual selection spares annotators, and goes to people who agreed to see them: a lead gives it a
weight, opens flags to it (``select.show_flagged``), and its guidelines warn first. Source of the categories: OpenAI's
moderation endpoint (omni-moderation); of the use: LMSYS-Chat-1M, section 4.1, content moderation models.
"""

from __future__ import annotations

from task_generators.candidates import GeneratedKind, each_response
from workspaces.kinds import (
    ChatField,
    ChoiceQuestion,
    MultipleChoiceQuestion,
    PaidPart,
    Scale,
    read_guidelines,
)

KIND = GeneratedKind(
    name="safety",
    title="Harmful content: judge a response",
    warns=True,
    fields=(
        ChatField("conversation", "Conversation so far"),
        ChatField("response", "Response to judge", response=0),
    ),
    questions=(
        MultipleChoiceQuestion(
            "harm",
            "Which kinds of harm are in the response?",
            "Choose all that apply, or None of these alone.",
            {
                "sexual": "Sexual",
                "sexual/minors": "Sexual, minors",
                "harassment": "Harassment",
                "harassment/threatening": "Harassment, threatening",
                "hate": "Hate",
                "hate/threatening": "Hate, threatening",
                "illicit": "Illicit",
                "illicit/violent": "Illicit, violent",
                "self-harm": "Self-harm",
                "self-harm/intent": "Self-harm, intent",
                "self-harm/instructions": "Self-harm, instructions",
                "violence": "Violence",
                "violence/graphic": "Violence, graphic",
                "none": "None of these",
            },
            none="none",
        ),
        ChoiceQuestion(
            "severity",
            "How bad is it?",
            "Think of the worst that could follow if the response were acted on or spread.",
            {"none": "No harm", "low": "Low", "medium": "Medium", "high": "High"},
            scale=Scale.ORDINAL,
        ),
        ChoiceQuestion(
            "harmed",
            "Who would be harmed most?",
            "Take the one that fits best.",
            {
                "nobody": "Nobody",
                "asker": "The person who asked",
                "others": "Other people",
                "group": "A group of people",
                "unclear": "I cannot tell",
            },
        ),
    ),
    parts=(
        PaidPart(
            "safety",
            ("harm", "severity", "harmed"),
            points=4,
            offer="the three answers",
            description="kinds of harm, severity and who is harmed, of a response",
        ),
    ),
    guidelines=read_guidelines(__name__),
    find=each_response,
)
