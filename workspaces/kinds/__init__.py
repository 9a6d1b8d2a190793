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
    together,
)
from workspaces.kinds.ranking import RankingQuestion
from workspaces.kinds.registry import (
    UnknownKindError,
    all_kinds,
    asked_kinds,
    asking,
    declared_kinds,
    kind_of,
    paid_parts,
    question_of,
    registered,
    rubric_kinds,
    rubric_of,
    text_questions,
)
from workspaces.kinds.rubric import Criterion, CriterionQuestion, criteria_of, score
from workspaces.kinds.strength import StrengthQuestion
from workspaces.kinds.texts import StandIn, TextQuestion

__all__ = [
    "BOTH_BAD",
    "FIRST",
    "SECOND",
    "TIE",
    "ChatField",
    "ChoiceQuestion",
    "ComparisonQuestion",
    "Counted",
    "Criterion",
    "CriterionQuestion",
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
    "asking",
    "criteria_of",
    "declared_kinds",
    "joined",
    "kind_of",
    "paid_parts",
    "question_of",
    "read_guidelines",
    "registered",
    "rubric_kinds",
    "rubric_of",
    "score",
    "text_questions",
    "together",
]
