"""Counts of the items that two or more people answered, on which agreement is measured."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING

import numpy as np

from quality.agreement.coefficient import Coefficient
from quality.labels import margin

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from quality.labels import CodedLabels

ENOUGH_ITEMS = 20
"""The smallest number of items with two or more answers on which the report judges or shows agreement."""

NO_OVERLAP = "No item has answers of two people, so agreement cannot be measured yet."


@dataclass(frozen=True, slots=True)
class Overlap:
    """Counts over the items with two or more answers; ``n_pairs`` counts pairs of people on the same item."""

    n_items: int
    n_annotators: int
    n_labels: int
    n_pairs: int

    @classmethod
    def of(cls, labels: CodedLabels) -> Overlap:
        """Count the answers of ``labels`` that can be compared with another person's."""
        patterns = labels.patterns
        n_items, answers = patterns.weights.astype(np.int64), patterns.counts.sum(axis=1).astype(np.int64)
        compared = labels.annotator
        if (answers < 2).any():
            compared = compared[(answers >= 2)[patterns.of_item[labels.item]]]
        people = np.bincount(compared)
        return cls(
            n_items=int(n_items[answers >= 2].sum()),
            n_annotators=int((people > 0).sum()),
            n_labels=int((n_items * answers)[answers >= 2].sum()),
            n_pairs=int((n_items * (answers * (answers - 1) // 2)).sum()),
        )

    def coefficient(
        self,
        sentence: str,
        value: float | None = None,
        low: float | None = None,
        high: float | None = None,
        standard_error: float | None = None,
        z: float | None = None,
    ) -> Coefficient:
        """Return a coefficient measured on this overlap; without a value it is undefined.

        The value is finite; an interval, a standard error or z that is not is left out.
        """
        counts = self.n_items, self.n_annotators, self.n_labels, self.n_pairs
        if low is None or high is None or not (isfinite(low) and isfinite(high)):
            low = high = None
        return Coefficient(value, low, high, *counts, sentence, _finite(standard_error), _finite(z))

    def undefined(self, labels: CodedLabels, name: str, reason: str | None = None) -> Coefficient:
        """Return the undefined coefficient of these answers, with the reason.

        It is only said that everybody agrees where all answers that can be compared are one and the same.

        Args:
            labels: the answers.
            name: name of the coefficient.
            reason: a clause that follows 'because'; without it, the reason is found in the answers.
        """
        if self.n_pairs == 0:
            return self.coefficient(NO_OVERLAP)
        compared = self.compared_values(labels)
        if len(compared) == 1:
            only = labels.values[int(compared[0])]
            return self.coefficient(
                f"All votes ({self.n_labels:,}) on items with two or more ({self.n_items:,}) are {only!s}: "
                f"people agree on 100 % (Gwet's AC1 is 1.00), but {name} is undefined because nothing varies; it "
                "takes items on which another answer is right.",
            )
        why = reason or "the distances of the answers are too small, too large or not numbers at all"
        return self.coefficient(f"{name[:1].upper()}{name[1:]} is undefined because {why}.")

    def compared_values(self, labels: CodedLabels) -> NDArray[np.intp]:
        """Return the places of the values that are given on items with two or more answers, or mirror one of them."""
        counts = labels.patterns.counts
        return np.flatnonzero(margin(counts[counts.sum(axis=1) >= 2].sum(axis=0), labels.mirror))


def _finite(figure: float | None) -> float | None:
    return figure if figure is not None and isfinite(figure) else None
