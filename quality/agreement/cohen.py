"""Agreement corrected with each person's own marginals: Cohen's kappa for two people, Conger's for several."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from quality.agreement.interval import grouped, interval_in_words, interval_of
from quality.agreement.overlap import NO_OVERLAP, Overlap
from quality.agreement.weights import Weighting, weights_of, without_distance
from quality.labels import CodedLabels, margin

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from numpy.typing import NDArray

    from quality.agreement.coefficient import Coefficient
    from quality.answer_table import AnswerTable
    from quality.labels import Mirror

_NORMAL = 1.959963984540054
_NO_VARIANCE = 1e-20


def cohen_kappa(
    table: AnswerTable,
    weights: Weighting = "identity",
    values: Sequence[Hashable] | None = None,
    *,
    mirror: Mirror | None = None,
) -> Coefficient:
    """Return Cohen's kappa of two people: agreement beyond the chance agreement of their own marginals.

    Args:
        table: columns ``item``, ``annotator``, ``value``, with answers of two people; a missing value is a
            question not answered; the last row of an (item, annotator) counts. Items that only one of the two
            answered are left out.
        weights: ``identity`` counts equal answers only; ``linear``, ``quadratic`` and ``ordinal`` count near
            answers in part.
        values: every possible answer, lowest first. Without it, those that occur; weights then need numbers or an
            ordered categorical.
        mirror: for a comparison, what each value becomes when its two sides change places, as in
            ``krippendorff_alpha``: by chance both sides are then equally frequent for each of the two people.

    Returns:
        The coefficient with its asymptotic standard error and ``z`` against chance. ``low`` and ``high`` are
        for other items and *the same two people*: two people do not support conclusions about others. Undefined
        if no item has both answers, or both people always give one and the same answer.

    Raises:
        UnorderedValuesError: weights of words whose order is not given.
        ValueError: there are more than two people, an answer is not among ``values``, or the weights are unknown.

    Source: Cohen (1960), Educational and Psychological Measurement 20, and (1968), Psychological Bulletin 70;
    standard errors of Fleiss, Cohen and Everitt (1969), Psychological Bulletin 72.
    """
    labels = CodedLabels.of(table, values, mirror=mirror)
    if len(labels.annotators) > 2:
        raise ValueError(
            f"Cohen's kappa compares two people and the table has {len(labels.annotators)}: choose two, or "
            "use fleiss_kappa or conger_kappa"
        )
    overlap, agreement = Overlap.of(labels), weights_of(labels, weights)
    if overlap.n_pairs == 0:
        return overlap.coefficient(NO_OVERLAP)
    if weights != "identity" and (reason := without_distance(labels.values)):
        return overlap.undefined(labels, "Cohen's kappa", reason)
    shares = _confusion(labels) / overlap.n_items
    rows, columns = margin(shares.sum(axis=1), labels.mirror), margin(shares.sum(axis=0), labels.mirror)
    observed, chance = float((agreement * shares).sum()), float(rows @ agreement @ columns)
    if not chance < 1:
        return overlap.undefined(labels, "Cohen's kappa")
    value = (observed - chance) / (1 - chance)
    # The derivative of the chance agreement with respect to each cell's share.
    pull = (agreement @ columns)[:, None] + (rows @ agreement)[None, :]
    moved = (shares * (agreement - pull * (1 - value)) ** 2).sum() - (value - chance * (1 - value)) ** 2
    by_chance = (np.outer(rows, columns) * (agreement - pull) ** 2).sum() - chance**2
    error, null_error = (
        float(np.sqrt(max(variance, 0.0) / overlap.n_items)) / (1 - chance) for variance in (moved, by_chance)
    )
    varies = error**2 > _NO_VARIANCE
    low = max(value - _NORMAL * error, -1.0) if varies else None
    high = min(value + _NORMAL * error, 1.0) if varies else None
    between = (
        f"95 % interval {low:.2f} to {high:.2f} for other items and the same two people"
        if varies
        else ("no interval: too little variation to say how they would answer other items")
    )
    name = "Cohen's kappa" if weights == "identity" else f"Cohen's kappa with {weights} weights"
    sentence = f"{name} is {value:.2f}, where 1 is full agreement and 0 is chance; {between}."
    return overlap.coefficient(
        sentence, value, low, high, error, value / null_error if null_error > 0 else None
    )


def conger_kappa(
    table: AnswerTable,
    values: Sequence[Hashable] | None = None,
    seed: int = 0,
    *,
    mirror: Mirror | None = None,
) -> Coefficient:
    """Return Conger's kappa: Cohen's kappa for several people; chance is averaged over pairs of their marginals.

    Args:
        table: columns ``item``, ``annotator``, ``value``; a missing value is a question not answered; the
            last row of an (item, annotator) counts.
        values: every possible answer. Without it, those that occur.
        seed: seed of the assignment of people to the groups that are left out for the interval.
        mirror: for a comparison, as in ``cohen_kappa``.

    Returns:
        The coefficient with its standard error for other items. Undefined if no item has two answers or all
        answers are equal.

    Raises:
        ValueError: an answer is not among ``values``.

    Source: Conger (1980), Integration and generalization of kappas for multiple raters, Psychological
    Bulletin 88; missing answers and the standard error of Gwet (2014), Handbook of Inter-Rater Reliability,
    chapter 5.
    """
    labels = CodedLabels.of(table, values, mirror=mirror)
    overlap = Overlap.of(labels)
    if overlap.n_pairs == 0:
        return overlap.coefficient(NO_OVERLAP)
    value, error = _conger(labels)
    if not np.isfinite(value):
        return overlap.undefined(labels, "Conger's kappa")
    group = grouped(len(labels.annotators), np.random.default_rng(seed))[labels.annotator]
    people = np.array([_conger(labels.where(group != number))[0] for number in range(int(group.max()) + 1)])
    low, high = interval_of(value, people, error**2, len(labels.items))
    sentence = f"Conger's kappa is {value:.2f}, where 1 is full agreement and 0 is chance"
    return overlap.coefficient(f"{sentence}; {interval_in_words(low, high)}.", value, low, high, error)


def _confusion(labels: CodedLabels) -> NDArray[np.float64]:
    """Count the items by the first and the second person's answer, (values x values)."""
    size, n_items = len(labels.values), len(labels.items)
    answers = np.full((2, n_items), -1)
    answers[labels.annotator, labels.item] = labels.value
    first, second = answers[:, (answers >= 0).all(axis=0)]
    return np.bincount(first * size + second, minlength=size * size).reshape(size, size).astype(np.float64)


def _conger(labels: CodedLabels) -> tuple[float, float]:
    """Return the coefficient and its standard error; NaN where undefined."""
    patterns, n_people, n_items = labels.patterns, len(labels.annotators), len(labels.items)
    answers = patterns.counts.sum(axis=1)
    several = answers >= 2
    if n_people < 2 or not several.any():
        return float("nan"), float("nan")
    pairs = np.maximum(answers * (answers - 1), 1)
    observed_on = (patterns.counts * (patterns.counts - 1)).sum(axis=1) / pairs
    shared = patterns.weights[several].sum()
    observed = float((patterns.weights * observed_on)[several].sum() / shared)
    size = len(labels.values)
    cell = labels.annotator * np.int64(size) + labels.value
    counts = np.bincount(cell, minlength=n_people * size).reshape(n_people, size).astype(np.float64)
    habit = margin(counts, labels.mirror) / counts.sum(axis=1, keepdims=True)
    everybody = habit.sum(axis=0)
    chance = float((everybody**2).sum() - (habit**2).sum()) / (n_people * (n_people - 1))
    if chance == 1:
        return float("nan"), float("nan")
    value = (observed - chance) / (1 - chance)
    # The influence of one answer on the chance agreement: the others' marginals less the person's own mean.
    others = everybody - habit
    mean = (habit * others).sum(axis=1)
    moved = (n_items / counts.sum(axis=1))[labels.annotator] * (
        others[labels.annotator, labels.value] - mean[labels.annotator]
    )
    chance_on = np.bincount(labels.item, weights=moved, minlength=n_items) + mean.sum()
    chance_on /= n_people * (n_people - 1)
    influence = ((observed_on - chance * several) * n_items / shared)[patterns.of_item]
    influence = (influence - 2 * (1 - value) * (chance_on - chance)) / (1 - chance)
    variance = ((influence - value) ** 2).sum() / (n_items * max(n_items - 1, 1))
    return value, float(np.sqrt(variance))
