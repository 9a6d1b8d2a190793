"""What work is worth: pure rules from the configuration to Compute Points.

Source: ChatFeedback, section 3, 'Provide feedback', 'Dynamic rewards' and 'Confidence score'.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

from workspaces.records import AnnotationStatus, Preference, Quality, Tag, TaskKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workspaces.config import RatesConfig
    from workspaces.records import Annotation, Significance

QUALITIES = "qualities"
SUGGESTION = "suggestion"
PREFERENCE = "preference"

MIN_SUGGESTION_CHARACTERS = 20

_TAGS = frozenset(tag.value for tag in Tag)
_QUALITIES = tuple(quality.value for quality in Quality)
_CHOICES = frozenset(choice.value for choice in Preference)


def quote(kind: TaskKind, significance: Significance, rates: RatesConfig) -> dict[str, int]:
    """Return the points promised for each paid part of a task: its base times the factor of its significance."""
    factor = rates.significance[significance]
    parts = {
        TaskKind.QUALITATIVE: {QUALITIES: rates.qualities, SUGGESTION: rates.suggestion},
        TaskKind.PREFERENCE: {PREFERENCE: rates.preference},
    }[kind]
    return {part: multiplied(base, factor) for part, base in parts.items()}


def earned(
    promised: Mapping[str, int], annotation: Annotation, response: str | None = None
) -> dict[str, int]:
    """Return what an answer earns of what was promised, before the person's confidence multiplier.

    The six tags earn together, when all are given. A suggestion earns when it has at least
    ``MIN_SUGGESTION_CHARACTERS`` and is not the response itself. Only a submitted answer earns.

    Args:
        promised: the task's quote.
        annotation: the answer.
        response: the text that a suggestion rewrites; None when it is no longer known.
    """
    if annotation.status is not AnnotationStatus.SUBMITTED:
        return dict.fromkeys(promised, 0)
    return {
        part: points if _done(part, annotation.values, response) else 0 for part, points in promised.items()
    }


def multiplied(points: int, multiplier: float) -> int:
    """Return points times a factor as it is written, such as 1.15, rounded half up."""
    if multiplier == 1.0:
        return points
    exact = points * Decimal(repr(float(multiplier)))  # the float 50 * 1.15 is a little less than 57.5
    return int(exact.to_integral_value(ROUND_HALF_UP))


def _done(part: str, values: Mapping[str, str], response: str | None) -> bool:
    if part == QUALITIES:
        return all(values.get(quality) in _TAGS for quality in _QUALITIES)
    if part == SUGGESTION:
        text = " ".join(values.get(SUGGESTION, "").split())
        unlike = text.casefold() != " ".join((response or "").split()).casefold()
        return len(text) >= MIN_SUGGESTION_CHARACTERS and unlike
    return part == PREFERENCE and values.get(PREFERENCE) in _CHOICES
