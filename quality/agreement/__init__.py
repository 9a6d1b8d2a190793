"""How far people give the same answers."""

from quality.agreement.coefficient import Coefficient, UndefinedCoefficientError
from quality.agreement.krippendorff import krippendorff_alpha
from quality.agreement.observed import gwet_ac1, percent_agreement

__all__ = ["Coefficient", "UndefinedCoefficientError", "gwet_ac1", "krippendorff_alpha", "percent_agreement"]
