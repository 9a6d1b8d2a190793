"""Seed feedback compared with people's answers: agreement, anchoring, and what significance predicts.

A seed is never counted as a person's answer.
"""

from quality.seed_feedback.agreement import Confusion, SeedAgreement, seed_agreement
from quality.seed_feedback.anchoring import ALL_QUESTIONS, Anchoring, anchoring
from quality.seed_feedback.significance import Calibration, Level, significance_calibration
from quality.seed_feedback.tables import rewrite_table, seed_table, task_table

__all__ = [
    "ALL_QUESTIONS",
    "Anchoring",
    "Calibration",
    "Confusion",
    "Level",
    "SeedAgreement",
    "anchoring",
    "rewrite_table",
    "seed_agreement",
    "seed_table",
    "significance_calibration",
    "task_table",
]
