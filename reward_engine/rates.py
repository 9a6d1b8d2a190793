"""The worth of work: pure functions from the configured rates to Compute Points.

Source: ChatFeedback, section 3, 'Provide feedback', 'Dynamic rewards' and 'Confidence score'.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

from workspaces.kinds import kind_of
from workspaces.records import AnnotationStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workspaces.config import RatesConfig
    from workspaces.records import Annotation, Significance


def quote(
    kind: str, significance: Significance, rates: RatesConfig, responses: int | None = None
) -> dict[str, int]:
    """Return the points promised for each paid part of a task: its base times the factor of the task's significance.

    ``responses`` is how many responses the task shows; None: as many as a task of the kind shows at most.
    """
    factor, asked = rates.significance[significance], kind_of(kind)
    parts = (asked if responses is None else asked.showing(responses)).parts
    return {part.name: multiplied(rates.points(part.rate_key), factor) for part in parts}


def earned(
    kind: str,
    promised: Mapping[str, int],
    annotation: Annotation,
    response: str | None = None,
    responses: int | None = None,
) -> dict[str, int]:
    """Return the points of the quote that an answer earns, before the person's confidence multiplier.

    A part earns its points if all its questions are answered in full. The kind defines what that means for each
    question: a rewrite needs a minimum length and must differ from the response. Only a submitted answer earns.

    Args:
        kind: the kind of the task.
        promised: the quote of the task.
        annotation: the answer.
        response: the text that a rewrite replaces; None if it is no longer known.
        responses: how many responses the task shows; None: as many as the kind does at least.
    """
    if annotation.status is not AnnotationStatus.SUBMITTED:
        return dict.fromkeys(promised, 0)
    declared = kind_of(kind)
    return {
        part: points if declared.is_done(part, annotation.values, response, responses) else 0
        for part, points in promised.items()
    }


def multiplied(points: int, multiplier: float) -> int:
    """Return points times the decimal that the factor is written as, such as 1.15, rounded half up."""
    if multiplier == 1.0:
        return points
    exact = points * Decimal(repr(float(multiplier)))  # the float 50 * 1.15 is a little less than 57.5
    return int(exact.to_integral_value(ROUND_HALF_UP))
