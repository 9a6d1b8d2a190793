"""The conversation rating: a thumb about a whole conversation, and why in one line.

Source: ShareLM, section 4.4: the plug-in asks for a thumb about the conversation as a whole.
"""

from __future__ import annotations

from task_generators.candidates import GeneratedKind
from task_generators.whole_conversations import each_conversation
from workspaces.kinds import ChatField, ChoiceQuestion, PaidPart, TextQuestion, read_guidelines

KIND = GeneratedKind(
    name="conversation_rating",
    title="Rate a conversation",
    of_conversation=True,
    fields=(ChatField("conversation", "The whole conversation", whole=True),),
    questions=(
        ChoiceQuestion(
            "conversation_thumb",
            "Did this conversation go well?",
            "Think of the person: did they get what they came for?",
            {"up": "Thumb up", "down": "Thumb down"},
            values=("down", "up"),
        ),
        TextQuestion(
            "conversation_reason",
            "Why? (optional)",
            "One line: what decided it.",
            min_characters=10,
        ),
    ),
    parts=(
        PaidPart(
            "conversation_thumb",
            ("conversation_thumb",),
            points=2,
            offer="your thumb",
            description="a thumb about a whole conversation",
        ),
        PaidPart(
            "conversation_reason",
            ("conversation_reason",),
            points=1,
            offer="a line that says why",
            description="its optional line that says why",
        ),
    ),
    guidelines=read_guidelines(__name__),
    find=each_conversation,
)
