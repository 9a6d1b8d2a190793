"""Task kinds as data: their declaration, and the registry of the installed kinds."""

from workspaces.kinds.kind import ChatField, Kind, PaidPart, read_guidelines
from workspaces.kinds.questions import (
    BOTH_BAD,
    FIRST,
    SECOND,
    TIE,
    Acceptance,
    ChoiceQuestion,
    ComparisonQuestion,
    LabelRule,
    Question,
    Scale,
    ScoreQuestion,
    TextQuestion,
)
from workspaces.kinds.ranking import RankingQuestion
from workspaces.kinds.registry import (
    UnknownKindError,
    all_kinds,
    asked_kinds,
    kind_of,
    paid_parts,
    question_of,
    registered,
)
from workspaces.kinds.strength import StrengthQuestion

__all__ = [
    "BOTH_BAD",
    "FIRST",
    "SECOND",
    "TIE",
    "Acceptance",
    "ChatField",
    "ChoiceQuestion",
    "ComparisonQuestion",
    "Kind",
    "LabelRule",
    "PaidPart",
    "Question",
    "RankingQuestion",
    "Scale",
    "ScoreQuestion",
    "StrengthQuestion",
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
