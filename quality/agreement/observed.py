"""Observed agreement, without a correction for chance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from quality.agreement.interval import Statistic, interval_in_words, two_way_interval
from quality.agreement.overlap import NO_OVERLAP, Overlap
from quality.labels import CodedLabels
from workspaces.grammar import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable

    from numpy.typing import NDArray

    from quality.agreement.coefficient import Coefficient
    from quality.answer_table import AnswerTable
    from quality.labels import Mirror


def percent_agreement(
    table: AnswerTable,
    ignore: Collection[Hashable] = frozenset(),
    seed: int = 0,
    *,
    mirror: Mirror | None = None,
) -> Coefficient:
    """Return the share of agreeing pairs among all pairs of people who answered the same item.

    Pairs are pooled, so an item with five answers (ten pairs) weighs ten times an item with two. The share is
    not corrected for chance: on a question with one dominant answer it is high even if people guess.

    Args:
        table: columns ``item``, ``annotator``, ``value``; a missing value is a question not answered; the
            last row of an (item, annotator) counts.
        ignore: values whose pairs are left out: with ``{"tie"}``, pairs in which either answer is a tie.
        seed: seed of the resampling for the interval.
        mirror: for a comparison, as in ``krippendorff_alpha``: the interval then does not depend on which side is
            called first; the share never does.

    Returns:
        A share from 0 to 1; undefined if no pair is left.

    Source: the figure of Zheng et al. (2023), arXiv 2306.05685, table 5, for human judges.
    """
    labels = CodedLabels.of(table, ignore=ignore, mirror=mirror)
    left_out = f" where neither said {' or '.join(sorted(map(str, ignore)))}" if ignore else ""
    return measured(
        labels,
        _share_of_pairs,
        seed,
        lambda value, overlap: (
            f"Of {counted(overlap.n_pairs, 'pair')} of votes on the same item{left_out}, {value:.0%} are equal "
            "(not corrected for chance)"
        ),
        "percent agreement",
        floor=0.0,
    )


def measured(
    labels: CodedLabels,
    statistic: Statistic,
    seed: int,
    wording: Callable[[float, Overlap], str],
    name: str,
    *,
    floor: float = -1.0,
    standard_error: Callable[[float], float] | None = None,
    z: Callable[[float], float | None] | None = None,
    reason: str | None = None,
) -> Coefficient:
    """Return a statistic of count patterns as a coefficient, with its interval and sentence.

    Args:
        labels: the answers.
        statistic: the coefficient as a function of count patterns.
        seed: seed of the resampling for the interval.
        wording: returns the clause that explains a value; the interval is appended.
        name: name of the coefficient, for the sentence that says it is undefined.
        floor: the lowest possible value.
        standard_error: returns the standard error of a value.
        z: returns ``z`` of a value.
        reason: why the answers have no distance, for a coefficient with weights.
    """
    overlap = Overlap.of(labels)
    if overlap.n_pairs == 0:
        return overlap.coefficient(NO_OVERLAP)
    patterns = labels.patterns
    value = float(statistic(patterns.counts, patterns.weights[None, :])[0])
    if not np.isfinite(value):
        return overlap.undefined(labels, name, reason)
    low, high = two_way_interval(labels, statistic, value, seed, floor)
    sentence = f"{wording(value, overlap)}; {interval_in_words(low, high)}."
    return overlap.coefficient(
        sentence, value, low, high, standard_error and standard_error(value), z and z(value)
    )


def _share_of_pairs(counts: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    answers = counts.sum(axis=1)
    agreeing = (counts * (counts - 1)).sum(axis=1)
    return ratio(weights @ agreeing, weights @ (answers * (answers - 1)))


def ratio(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ``part / whole``; NaN where ``whole`` is 0."""
    ratio = np.full(len(whole), np.nan)
    np.divide(part, whole, out=ratio, where=whole > 0)
    return ratio
