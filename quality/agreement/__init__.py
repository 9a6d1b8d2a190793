"""Coefficients of agreement between annotators."""

from quality.agreement.by import agreement_by
from quality.agreement.chance import brennan_prediger, fleiss_kappa, gwet_ac1, gwet_ac2
from quality.agreement.coefficient import Coefficient, UndefinedCoefficientError
from quality.agreement.cohen import cohen_kappa, conger_kappa
from quality.agreement.krippendorff import krippendorff_alpha
from quality.agreement.observed import percent_agreement
from quality.agreement.pooled import pooled_alpha
from quality.agreement.sampled import text_distance

__all__ = [
    "Coefficient",
    "UndefinedCoefficientError",
    "agreement_by",
    "brennan_prediger",
    "cohen_kappa",
    "conger_kappa",
    "fleiss_kappa",
    "gwet_ac1",
    "gwet_ac2",
    "krippendorff_alpha",
    "percent_agreement",
    "pooled_alpha",
    "text_distance",
]
