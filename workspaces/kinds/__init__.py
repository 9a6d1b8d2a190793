"""Task kinds as data: their declaration, and the registry of the installed kinds."""

from workspaces.kinds.each_response import EachResponseQuestion, about_each
from workspaces.kinds.kind import ChatField, Kind, PaidPart, Question, read_guidelines
from workspaces.kinds.multiple import MultipleChoiceQuestion, joined
from workspaces.kinds.questions import (
    BOTH_BAD,
    FIRST,
    SECOND,
    TIE,
    ChoiceQuestion,
    ComparisonQuestion,
    Counted,
    LabelRule,
    Scale,
    ScoreQuestion,
    StandIn,
    TextQuestion,
    together,
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
    "ChatField",
    "ChoiceQuestion",
    "ComparisonQuestion",
    "Counted",
    "EachResponseQuestion",
    "Kind",
    "LabelRule",
    "MultipleChoiceQuestion",
    "PaidPart",
    "Question",
    "RankingQuestion",
    "Scale",
    "ScoreQuestion",
    "StandIn",
    "StrengthQuestion",
    "TextQuestion",
    "UnknownKindError",
    "about_each",
    "all_kinds",
    "asked_kinds",
    "joined",
    "kind_of",
    "paid_parts",
    "question_of",
    "read_guidelines",
    "registered",
    "together",
]
