"""Task kinds as data: their declaration, and the registry of the installed kinds."""

from workspaces.kinds.kind import ChatField, Kind, PaidPart, read_guidelines
from workspaces.kinds.questions import (
    BOTH_BAD,
    FIRST,
    SECOND,
    TIE,
    ChoiceQuestion,
    ComparisonQuestion,
    LabelRule,
    Question,
    Scale,
    ScoreQuestion,
    StandIn,
    TextQuestion,
)
from workspaces.kinds.registry import (
    UnknownKindError,
    all_kinds,
    asked_kinds,
    kind_of,
    paid_parts,
    question_of,
    registered,
)

__all__ = [
    "BOTH_BAD",
    "FIRST",
    "SECOND",
    "TIE",
    "ChatField",
    "ChoiceQuestion",
    "ComparisonQuestion",
    "Kind",
    "LabelRule",
    "PaidPart",
    "Question",
    "Scale",
    "ScoreQuestion",
    "StandIn",
    "TextQuestion",
    "UnknownKindError",
    "all_kinds",
    "asked_kinds",
    "kind_of",
    "paid_parts",
    "question_of",
    "read_guidelines",
    "registered",
]
