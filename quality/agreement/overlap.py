"""Counts of the items that two or more people answered, on which agreement is measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from quality.agreement.coefficient import Coefficient

if TYPE_CHECKING:
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
        """Return a coefficient measured on this overlap; without a value it is undefined."""
        counts = self.n_items, self.n_annotators, self.n_labels, self.n_pairs
        return Coefficient(value, low, high, *counts, sentence, standard_error, z)

    def without_variation(self, labels: CodedLabels, name: str) -> Coefficient:
        """Return the undefined coefficient of answers that are all the same."""
        shared = labels.patterns.counts[labels.patterns.counts.sum(axis=1) >= 2].sum(axis=0)
        only = labels.values[int(shared.argmax())]
        return self.coefficient(
            f"All {self.n_labels} answers on the {self.n_items} items with two or more are {only!s}: "
            f"people agree on 100 % (Gwet's AC1 is 1.00), but {name} is undefined because nothing varies; it "
            "takes items on which another answer is right.",
        )
