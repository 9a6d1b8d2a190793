"""Leave-one-out prediction of an answer to an item from everybody else's answers to the item."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize_scalar

from quality.labels import CodedLabels, margin

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from quality.labels import Mirror

_LOG_STRENGTH = (-6.0, 8.0)


@dataclass(frozen=True, slots=True)
class Predictive:
    """The answers to one question that can be compared, with the leave-one-out prediction of each.

    ``person``, ``item``, ``value`` and ``rest`` have one entry per answer: indexes of ``people``, ``items``,
    ``values`` and of the rows of ``probability``, which is (distinct counts of the others' answers x values).
    """

    people: pd.Index
    items: pd.Index
    values: tuple[object, ...]
    person: NDArray[np.integer]
    item: NDArray[np.integer]
    value: NDArray[np.integer]
    rest: NDArray[np.integer]
    probability: NDArray[np.float64]
    mirror: NDArray[np.integer] | None

    @classmethod
    def of(cls, table: pd.DataFrame, mirror: Mirror | None = None) -> Predictive:
        """Predict the answers to one question.

        The model: an item's answers are draws with the item's own probabilities, which have a Dirichlet distribution
        around the overall shares. The probability of an answer, given the others' ``counts`` of it, is then (counts +
        strength * share) / (others + strength); if the others are tied, the probabilities differ by the shares only.
        The strength maximises the leave-one-out likelihood of the answers.

        Args:
            table: columns ``item``, ``annotator``, ``value``; the last row of an (item, annotator) counts.
            mirror: for a comparison, what each value becomes when the two sides change places; both sides then have
                the same overall share.
        """
        labels = CodedLabels.of(table, mirror=mirror)
        patterns = labels.patterns
        n_values = len(labels.values)
        own = np.tile(np.arange(n_values), len(patterns.counts))
        rest = np.repeat(patterns.counts, n_values, axis=0)
        times = (patterns.counts * patterns.weights[:, None]).reshape(-1)
        rest[np.arange(len(own)), own] -= 1
        used = (times > 0) & (rest.sum(axis=1) > 0)
        ways, way = np.unique(rest[used], axis=0, return_inverse=True) if used.any() else (rest[:0], own[:0])
        share = margin(np.bincount(labels.value, minlength=n_values).astype(np.float64) + 0.5, labels.mirror)
        share /= share.sum()
        strength = _strength(ways[way.reshape(-1)], own[used], times[used], share)
        probability = (ways + strength * share) / (ways.sum(axis=1, keepdims=True) + strength)
        way_of = np.full(len(own), -1)
        way_of[used] = way.reshape(-1)
        answer = way_of[patterns.of_item[labels.item] * n_values + labels.value] if len(own) else labels.item
        kept = answer >= 0
        return cls(
            people=labels.annotators,
            items=labels.items,
            values=labels.values,
            person=labels.annotator[kept],
            item=labels.item[kept],
            value=labels.value[kept],
            rest=answer[kept],
            probability=probability,
            mirror=labels.mirror,
        )


def _strength(
    rest: NDArray[np.float64], own: NDArray[np.int64], times: NDArray[np.float64], share: NDArray[np.float64]
) -> float:
    if not len(own):
        return 1.0
    same, others, prior = rest[np.arange(len(own)), own], rest.sum(axis=1), share[own]

    def surprise(log_strength: float) -> float:
        strength = np.exp(log_strength)
        return -float(times @ np.log((same + strength * prior) / (others + strength)))

    return float(np.exp(minimize_scalar(surprise, bounds=_LOG_STRENGTH, method="bounded").x))
