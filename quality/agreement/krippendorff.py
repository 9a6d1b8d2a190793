"""Krippendorff's alpha: chance-corrected agreement for any number of people, with missing answers."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from quality.agreement.expected import summed_distance
from quality.agreement.interval import interval_in_words, two_way_interval
from quality.agreement.overlap import ENOUGH_ITEMS, NO_OVERLAP, Overlap
from quality.agreement.sampled import Distance, sampled_alpha
from quality.agreement.weights import check_order, without_distance
from quality.labels import CodedLabels, check_symmetric, margin
from quality.numbers import are_numbers, places, relative_differences
from workspaces.grammar import counted

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from numpy.typing import NDArray

    from quality.agreement.coefficient import Coefficient
    from quality.agreement.interval import Statistic
    from quality.answer_table import AnswerTable
    from quality.labels import Mirror

Level = Literal["nominal", "ordinal", "interval", "ratio"]
RELIABLE = 0.8
TENTATIVE = 0.667
_MAX_VALUES = 1000
_MAX_MEASURED = 200


def krippendorff_alpha(
    table: AnswerTable,
    level: Level | Distance = "nominal",
    order: Sequence[Hashable] | None = None,
    seed: int = 0,
    *,
    interval: bool = True,
    mirror: Mirror | None = None,
) -> Coefficient:
    """Return Krippendorff's alpha of a long table of answers, with a 95 % interval.

    Alpha compares the disagreement of people on the same item with the disagreement of any two answers: 1
    means that they always agree, 0 that they agree as often as if answers were assigned to items at random,
    below 0 that they disagree more than by chance. Items may have any number of answers; items with a single
    answer are skipped.

    Args:
        table: columns ``item``, ``annotator``, ``value``; a missing value is a question not answered; the
            last row of an (item, annotator) counts.
        level: level of measurement, which sets the distance of two values. ``nominal``: equal or not.
            ``ordinal``: ranks, by the number of answers that lie between. ``interval``: squared difference.
            ``ratio``: squared difference relative to the sum. Or a symmetric function of two values that
            returns their distance, 0 for equal ones: ``text_distance`` for rewrites.
        order: the values from lowest to highest; needed for ``ordinal`` unless the values are numbers or an ordered
            categorical.
        seed: seed of the resampling for the interval, and of the sample of pairs that is drawn where a
            function measures more than 200 distinct values: 20,000 pairs on the same item and as many of any
            answers.
        interval: if false, leave out the interval, which takes most of the time.
        mirror: for a comparison, what each value becomes when its two sides change places, as ``{"first": "second",
            "second": "first"}``. Expected disagreement is then that of answers on exchanged sides
            (``summed_distance``). Which of the two is called first changes nothing.

    Returns:
        The coefficient. Its value is ``None`` where no item has two answers, or where all compared answers
        are the same: without variation, agreement cannot be distinguished from a question with one possible
        answer. So it is where the distance of two answers is not a number. The interval is for other items and other
        people; it needs three people or more.

    Raises:
        UnorderedValuesError: ordinal alpha of words whose order is not given.
        ValueError: an unknown level, values that the level cannot measure, a mirror that does not fit the level, or
            more than 1000 distinct values.

    Source: Krippendorff (2011), Computing Krippendorff's Alpha-Reliability, section D.
    """
    if not callable(level) and level not in get_args(Level):
        raise ValueError(f"level is {level!r}; known are {', '.join(get_args(Level))}, or a function")
    labels = CodedLabels.of(table, order, mirror=mirror)
    overlap = Overlap.of(labels)
    if level == "ordinal":
        check_order(labels, "ordinal alpha", "order")
    if overlap.n_pairs == 0:
        return overlap.coefficient(NO_OVERLAP)
    if callable(level) and len(labels.values) > _MAX_MEASURED:
        if mirror is not None:
            raise ValueError("a comparison has few values: a sample of pairs is for texts")
        value, low, high = sampled_alpha(labels, level, seed, interval=interval)
        return _worded(value, low, high, overlap, labels)
    if len(labels.values) > _MAX_VALUES:
        raise ValueError(
            f"{counted(len(labels.values), 'distinct value')}; alpha here is for scales of {_MAX_VALUES} or fewer"
        )
    statistic: Statistic
    if level == "ordinal":
        check_symmetric(distances(range(len(labels.values)), "interval"), labels.mirror)
        statistic = partial(ordinal_alpha, mirror=labels.mirror)
    else:
        compared = overlap.compared_values(labels)
        if level in ("interval", "ratio") and (
            reason := without_distance([labels.values[it] for it in compared])
        ):
            return overlap.undefined(labels, "alpha", reason)
        distance = np.zeros((len(labels.values), len(labels.values)))
        # only values that are compared have a distance, so that others do not set the range
        distance[np.ix_(compared, compared)] = distances([labels.values[it] for it in compared], level)
        check_symmetric(distance, labels.mirror)
        statistic = partial(metric_alpha, distance=distance, mirror=labels.mirror)
    patterns = labels.patterns
    value = float(statistic(patterns.counts, patterns.weights[None, :])[0])
    low, high = None, None
    if interval and np.isfinite(value):
        low, high = two_way_interval(labels, statistic, value, seed)
    return _worded(value, low, high, overlap, labels)


def _worded(
    value: float, low: float | None, high: float | None, overlap: Overlap, labels: CodedLabels
) -> Coefficient:
    if not np.isfinite(value):
        return overlap.undefined(labels, "alpha")
    return overlap.coefficient(in_words(value, low, high, overlap), value, low, high)


def metric_alpha(
    counts: NDArray[np.float64],
    weights: NDArray[np.float64],
    *,
    distance: NDArray[np.float64],
    mirror: NDArray[np.integer] | None = None,
) -> NDArray[np.float64]:
    """Return alpha of each replicate for a distance (values x values) that does not depend on the data."""
    counts, weights, answers = _pairable(counts, weights)
    within = ((counts @ distance) * counts).sum(axis=1) / (answers - 1)
    totals = weights @ counts
    expected = summed_distance(totals, distance, mirror).sum(axis=1)
    return _one_minus_ratio(weights @ within, expected, totals.sum(axis=1))


def ordinal_alpha(
    counts: NDArray[np.float64],
    weights: NDArray[np.float64],
    *,
    mirror: NDArray[np.integer] | None = None,
) -> NDArray[np.float64]:
    """Return ordinal alpha of each replicate.

    The ordinal distance, the number of answers between two values with the ends counted half, is the
    difference of their mid-ranks; so pairwise sums reduce to sums of squares and no (replicates x values x
    values) array is needed.
    """
    counts, weights, answers = _pairable(counts, weights)
    totals = margin(weights @ counts, mirror)
    everyone = totals.sum(axis=1)
    ranks = totals.cumsum(axis=1) - totals / 2 - everyone[:, None] / 2
    squares = ranks**2
    within = answers[:, None] * (counts @ squares.T) - (counts @ ranks.T) ** 2
    observed = 2 * np.einsum("rp,pr->r", weights / (answers - 1), within)
    # with two sides the mean rank is 0, and an answer lies twice its rank from itself on the other side
    pairs = everyone if mirror is None else everyone - 1
    expected = 2 * (pairs * (totals * squares).sum(axis=1) - (totals * ranks).sum(axis=1) ** 2)
    varied = (totals > 0).sum(axis=1) > 1
    return _one_minus_ratio(observed, np.where(varied, expected, 0.0), everyone)


def _pairable(
    counts: NDArray[np.float64], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    answers = counts.sum(axis=1)
    several = answers >= 2
    return counts[several], weights[:, several], answers[several]


def _one_minus_ratio(
    observed: NDArray[np.float64], expected: NDArray[np.float64], answers: NDArray[np.float64]
) -> NDArray[np.float64]:
    ratio = np.full(len(observed), np.nan)
    np.divide(observed * (answers - 1), expected, out=ratio, where=expected > 0)
    return np.asarray(1 - ratio, dtype=np.float64)


def distances(values: Sequence[Hashable], level: Level | Distance) -> NDArray[np.float64]:
    """Return the distance of every two values, (values x values): squared at a level that does not depend on the
    data, in units of the range, or as a function returns it; NaN for a number that is not finite."""
    if callable(level):
        return np.array([[level(first, second) for second in values] for first in values], dtype=np.float64)
    if level == "nominal":
        return 1 - np.eye(len(values))
    if not are_numbers(values):
        raise ValueError(f"{level} alpha needs numbers, got {', '.join(map(repr, values[:5]))}")
    if level == "interval":
        scale = places(values)
        return np.asarray((scale[:, None] - scale[None, :]) ** 2, dtype=np.float64)
    if negative := [value for value in values if value < 0]:  # type: ignore[operator]
        raise ValueError(f"ratio alpha needs values of zero or more, got {min(negative)}")  # type: ignore[type-var]
    return relative_differences(values) ** 2


def in_words(value: float, low: float | None, high: float | None, overlap: Overlap) -> str:
    """Return the sentence that interprets alpha."""
    if overlap.n_items < ENOUGH_ITEMS and value > 0:
        verdict = f"Too few items to rely on, fewer than {ENOUGH_ITEMS}"
    elif value >= RELIABLE:
        verdict = "People agree: the answers can be relied on"
    elif value >= TENTATIVE:
        verdict = "People mostly agree: enough for tentative conclusions"
    elif value <= 0:
        verdict = "People agree no more than by chance"
    elif low is not None and low <= 0:
        verdict = "It is not clear that people agree more than by chance"
    else:
        verdict = "People agree more than by chance, but too little to rely on single answers"
    return (
        f"{verdict} (alpha {value:.2f}, {interval_in_words(low, high)}; compared are "
        f"{counted(overlap.n_labels, 'vote')} of {counted(overlap.n_annotators, 'voter')} on "
        f"{counted(overlap.n_items, 'item')}; 1 is full agreement, 0 is chance)."
    )
