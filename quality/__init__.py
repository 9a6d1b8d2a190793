"""How good the answers are: agreement, majority, each person's confidence. Functions from data to data."""

from quality.aggregation import majority_vote, vote_distribution
from quality.agreement import (
    Coefficient,
    UndefinedCoefficientError,
    gwet_ac1,
    krippendorff_alpha,
    percent_agreement,
)
from quality.confidence import annotator_confidence
from quality.report import Confidence, PersonReport, QuestionReport, Report, build_report
from quality.votes import votes

__all__ = [
    "Coefficient",
    "Confidence",
    "PersonReport",
    "QuestionReport",
    "Report",
    "UndefinedCoefficientError",
    "annotator_confidence",
    "build_report",
    "gwet_ac1",
    "krippendorff_alpha",
    "majority_vote",
    "percent_agreement",
    "vote_distribution",
    "votes",
]
