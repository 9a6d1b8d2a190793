"""Chance-corrected agreement averaged over items: Fleiss' kappa, Gwet's AC1 and AC2, Brennan-Prediger."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from quality.agreement.observed import measured, ratio
from quality.agreement.weights import Weighting, weights_of, without_distance
from quality.labels import CodedLabels, margin

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from numpy.typing import NDArray

    from quality.agreement.coefficient import Coefficient
    from quality.answer_table import AnswerTable
    from quality.labels import Mirror, Patterns

_SCALE = "where 1 is full agreement and 0 is chance"


def fleiss_kappa(table: AnswerTable, seed: int = 0, *, mirror: Mirror | None = None) -> Coefficient:
    """Return Fleiss' kappa: agreement beyond that of people who draw answers with their overall frequencies.

    Items may have different numbers of answers; an item with one answer enters the overall frequencies only.

    Args:
        table: columns ``item``, ``annotator``, ``value``; a missing value is a question not answered; the
            last row of an (item, annotator) counts.
        seed: seed of the resampling for the interval.
        mirror: for a comparison, what each value becomes when its two sides change places, as in
            ``krippendorff_alpha``: both sides are then equally frequent by chance.

    Returns:
        The coefficient, with the standard error for other items and, if every item has the same number of
        answers, ``z`` against chance. Undefined if no item has two answers or all answers are the same.

    Source: Fleiss (1971), Measuring nominal scale agreement among many raters, Psychological Bulletin 76; z
    of Fleiss, Nee and Landis (1979), ibid. 86; missing answers and the standard error of Gwet (2014),
    Handbook of Inter-Rater Reliability, chapter 5.
    """
    return _corrected(CodedLabels.of(table, mirror=mirror), "identity", "prevalence", "Fleiss' kappa", seed)


def gwet_ac1(
    table: AnswerTable,
    values: Sequence[Hashable] | None = None,
    seed: int = 0,
    *,
    mirror: Mirror | None = None,
) -> Coefficient:
    """Return Gwet's AC1, a chance-corrected agreement that stays high when one answer dominates.

    1 means that people always agree, 0 that they agree as often as by chance. Where nearly all answers are
    the same, alpha falls towards 0 or is undefined although people agree; AC1 stays near the percent
    agreement.

    Args:
        table: columns ``item``, ``annotator``, ``value``; a missing value is a question not answered; the
            last row of an (item, annotator) counts.
        values: every possible answer. Without it, those that occur.
        seed: seed of the resampling for the interval.
        mirror: for a comparison, what each value becomes when its two sides change places, as in
            ``krippendorff_alpha``: both sides are then equally frequent by chance.

    Returns:
        The coefficient, with the standard error for other items; 1 if all answers are one value; undefined
        if no item has two answers. Items with one answer enter the chance term, as in Gwet's own treatment of
        missing answers.

    Raises:
        ValueError: an answer is not among ``values``.

    Source: Gwet (2008), Computing inter-rater reliability and its variance in the presence of high
    agreement, British Journal of Mathematical and Statistical Psychology 61.
    """
    return _corrected(CodedLabels.of(table, values, mirror=mirror), "identity", "doubt", "Gwet's AC1", seed)


def gwet_ac2(
    table: AnswerTable,
    values: Sequence[Hashable] | None = None,
    weights: Weighting = "quadratic",
    seed: int = 0,
    *,
    mirror: Mirror | None = None,
) -> Coefficient:
    """Return Gwet's AC2: AC1 with weights, by which near values on a scale agree in part.

    Args:
        table: columns ``item``, ``annotator``, ``value``; a missing value is a question not answered; the
            last row of an (item, annotator) counts.
        values: every possible answer, lowest first. Without it, those that occur, if they are numbers or an ordered
            categorical.
        weights: ``linear``, ``quadratic``, ``ordinal``, or ``identity`` for AC1.
        seed: seed of the resampling for the interval.
        mirror: for a comparison, what each value becomes when its two sides change places, as in
            ``krippendorff_alpha``: both sides are then equally frequent by chance.

    Returns:
        The coefficient, as ``gwet_ac1`` returns it.

    Raises:
        UnorderedValuesError: weights of words whose order is not given.
        ValueError: an answer is not among ``values``, or the weights are unknown.

    Source: Gwet (2014), Handbook of Inter-Rater Reliability, chapter 5.
    """
    return _corrected(
        CodedLabels.of(table, values, mirror=mirror),
        weights,
        "doubt",
        f"Gwet's AC2 ({weights} weights)",
        seed,
    )


def brennan_prediger(
    table: AnswerTable,
    values: Sequence[Hashable] | None = None,
    weights: Weighting = "identity",
    seed: int = 0,
    *,
    mirror: Mirror | None = None,
) -> Coefficient:
    """Return the coefficient of Brennan and Prediger: chance is a uniform draw from all possible answers.

    Args:
        table: columns ``item``, ``annotator``, ``value``; a missing value is a question not answered; the
            last row of an (item, annotator) counts.
        values: every possible answer, lowest first; chance depends on how many there are. Without it, those
            that occur; weights then need numbers or an ordered categorical.
        weights: ``identity``, or ``linear``, ``quadratic``, ``ordinal`` on a scale.
        seed: seed of the resampling for the interval.
        mirror: for a comparison, what each value becomes when its two sides change places, as in
            ``krippendorff_alpha``: both sides are then equally frequent by chance.

    Returns:
        The coefficient, with the standard error for other items; undefined if no item has two answers or only
        one answer is possible.

    Raises:
        UnorderedValuesError: weights of words whose order is not given.
        ValueError: an answer is not among ``values``, or the weights are unknown.

    Source: Brennan and Prediger (1981), Coefficient kappa: some uses, misuses, and alternatives, Educational
    and Psychological Measurement 41; weights and the standard error of Gwet (2014), chapter 5.
    """
    return _corrected(
        CodedLabels.of(table, values, mirror=mirror),
        weights,
        "uniform",
        "Brennan and Prediger's coefficient",
        seed,
    )


@dataclass(frozen=True)
class _BeyondChance:
    """(observed - chance) / (1 - chance), as a statistic of count patterns.

    ``chance`` is the model of chance agreement: a draw with the overall frequencies of the answers
    (``prevalence``, Fleiss), a uniform draw where a person is in doubt (``doubt``, Gwet), or a uniform draw
    always (``uniform``, Brennan and Prediger).
    """

    agreement: NDArray[np.float64]
    mirror: NDArray[np.integer] | None
    chance: Literal["prevalence", "doubt", "uniform"]

    @cached_property
    def _spread(self) -> float:
        """The factor of Gwet's chance term: sum of agreement weights / (values * (values - 1)); 1 for one value."""
        size = len(self.agreement)
        return float(self.agreement.sum()) / (size * max(size - 1, 1))

    def __call__(self, counts: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the coefficient of every replicate."""
        several = counts.sum(axis=1) >= 2
        observed = ratio(
            weights[:, several] @ self.observed(counts[several]), weights[:, several].sum(axis=1)
        )
        expected = self.expected(self.prevalence(counts, weights))
        return ratio(observed - expected, 1 - expected)

    def observed(self, counts: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the share of agreeing pairs on an item of each pattern; each pattern has two or more answers."""
        answers = counts.sum(axis=1)
        agreeing = (counts * (counts @ self.agreement.T - 1)).sum(axis=1)
        return np.asarray(agreeing / (answers * (answers - 1)), dtype=np.float64)

    def prevalence(self, counts: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the share of each value on the average item, (replicates x values)."""
        shares = counts / counts.sum(axis=1, keepdims=True)
        return margin(weights @ shares / weights.sum(axis=1, keepdims=True), self.mirror)

    def expected(self, prevalence: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the chance agreement of every replicate."""
        if self.chance == "prevalence":
            return np.asarray(((prevalence @ self.agreement) * prevalence).sum(axis=1), dtype=np.float64)
        if self.chance == "doubt":
            return np.asarray(self._spread * (prevalence * (1 - prevalence)).sum(axis=1), dtype=np.float64)
        return np.full(len(prevalence), self.agreement.mean())

    def standard_error(self, patterns: Patterns, value: float) -> float:
        """Return the linearised standard error over items. Source: Gwet (2014), section 5.3."""
        counts, weights = patterns.counts, patterns.weights
        answers, n_items = counts.sum(axis=1), weights.sum()
        several = answers >= 2
        prevalence = self.prevalence(counts, weights[None, :])[0]
        chance = float(self.expected(prevalence[None, :])[0])
        influence = np.zeros(len(counts))
        influence[several] = (self.observed(counts[several]) - chance) * n_items / weights[several].sum()
        influence -= (
            2 * (1 - value) * (self._expected_on(counts / answers[:, None], prevalence, chance) - chance)
        )
        influence /= 1 - chance
        variance = (weights * (influence - value) ** 2).sum() / (n_items * max(n_items - 1, 1))
        return float(np.sqrt(variance))

    def _expected_on(
        self, shares: NDArray[np.float64], prevalence: NDArray[np.float64], chance: float
    ) -> NDArray[np.float64]:
        if self.chance == "prevalence":
            return np.asarray(shares @ (self.agreement @ prevalence), dtype=np.float64)
        if self.chance == "doubt":
            return np.asarray(self._spread * (shares @ (1 - prevalence)), dtype=np.float64)
        return np.full(len(shares), chance)


def _corrected(
    labels: CodedLabels,
    weighting: Weighting,
    chance: Literal["prevalence", "doubt", "uniform"],
    name: str,
    seed: int,
) -> Coefficient:
    statistic = _BeyondChance(weights_of(labels, weighting), labels.mirror, chance)
    return measured(
        labels,
        statistic,
        seed,
        lambda value, _: f"{name} is {value:.2f}, {_SCALE}",
        name,
        standard_error=lambda value: statistic.standard_error(labels.patterns, value),
        z=(lambda value: _fleiss_z(labels, value)) if chance == "prevalence" else None,
        reason=None if weighting == "identity" else without_distance(labels.values),
    )


def _fleiss_z(labels: CodedLabels, value: float) -> float | None:
    patterns = labels.patterns
    answers = patterns.counts.sum(axis=1)
    if answers.min() != answers.max():
        return None
    share = margin(patterns.weights @ patterns.counts, labels.mirror) / (patterns.weights @ answers)
    spread = share * (1 - share)
    variance = spread.sum() ** 2 - (spread * (1 - 2 * share)).sum()
    pairs = patterns.weights.sum() * answers[0] * (answers[0] - 1)
    return float(value / (np.sqrt(2 * variance / pairs) / spread.sum()))
