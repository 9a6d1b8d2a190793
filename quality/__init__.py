"""How good the answers are: agreement, the true answer, each person's confidence. Functions from data to data."""

from quality.aggregation import (
    CAUTIOUS,
    UNSMOOTHED,
    BradleyTerry,
    ConfusionPrior,
    DawidSkene,
    DawidSkeneStream,
    Mace,
    bradley_terry,
    dawid_skene,
    dawid_skene_stream,
    mace,
    majority_vote,
    vote_distribution,
)
from quality.agreement import (
    Coefficient,
    UndefinedCoefficientError,
    agreement_by,
    brennan_prediger,
    cohen_kappa,
    conger_kappa,
    fleiss_kappa,
    gwet_ac1,
    gwet_ac2,
    krippendorff_alpha,
    percent_agreement,
    pooled_alpha,
    text_distance,
)
from quality.checks import gold_accuracy, self_consistency
from quality.confidence import annotator_confidence
from quality.posteriors import item_posteriors
from quality.report import Check, Confidence, PersonReport, QuestionReport, Report, build_report
from quality.rewrites import rewrites
from quality.votes import votes

__all__ = [
    "CAUTIOUS",
    "UNSMOOTHED",
    "BradleyTerry",
    "Check",
    "Coefficient",
    "Confidence",
    "ConfusionPrior",
    "DawidSkene",
    "DawidSkeneStream",
    "Mace",
    "PersonReport",
    "QuestionReport",
    "Report",
    "UndefinedCoefficientError",
    "agreement_by",
    "annotator_confidence",
    "bradley_terry",
    "brennan_prediger",
    "build_report",
    "cohen_kappa",
    "conger_kappa",
    "dawid_skene",
    "dawid_skene_stream",
    "fleiss_kappa",
    "gold_accuracy",
    "gwet_ac1",
    "gwet_ac2",
    "item_posteriors",
    "krippendorff_alpha",
    "mace",
    "majority_vote",
    "percent_agreement",
    "pooled_alpha",
    "rewrites",
    "self_consistency",
    "text_distance",
    "vote_distribution",
    "votes",
]
