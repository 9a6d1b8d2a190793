"""Seed feedback compared with people's answers: agreement, anchoring, judges on trial, and what significance predicts.

A seed is never counted as a person's answer.
"""

from quality.seed_feedback.agreement import Confusion, SeedAgreement, seed_agreement
from quality.seed_feedback.anchoring import ALL_QUESTIONS, Anchoring, anchoring
from quality.seed_feedback.prediction_powered import Rate, rate
from quality.seed_feedback.significance import Calibration, Level, significance_calibration
from quality.seed_feedback.tables import rewrite_table, seed_table, task_table
from quality.seed_feedback.trial import (
    JudgeRate,
    Said,
    agreement_by_week,
    blind_votes,
    calibration,
    judge_rates,
)

__all__ = [
    "ALL_QUESTIONS",
    "Anchoring",
    "Calibration",
    "Confusion",
    "JudgeRate",
    "Level",
    "Rate",
    "Said",
    "SeedAgreement",
    "agreement_by_week",
    "anchoring",
    "blind_votes",
    "calibration",
    "judge_rates",
    "rate",
    "rewrite_table",
    "seed_agreement",
    "seed_table",
    "significance_calibration",
    "task_table",
]
