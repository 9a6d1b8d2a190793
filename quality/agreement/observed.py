"""Agreement as it is seen, and Gwet's AC1, which stays defined where alpha does not."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from quality.agreement.interval import Statistic, interval_in_words, two_way_interval
from quality.agreement.overlap import NO_OVERLAP, Overlap
from quality.labels import Labels

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from quality.agreement.coefficient import Coefficient


def percent_agreement(
    table: pd.DataFrame, ignore: Collection[Hashable] = frozenset(), seed: int = 0
) -> Coefficient:
    """Return the share of agreeing pairs among all pairs of people who answered the same item.

    Pairs are pooled, so an item with five answers (ten pairs) weighs ten times one with two. Nothing is
    corrected for chance: on a question where nearly all say the same the share is high whatever people do.

    Args:
        table: columns ``item``, ``annotator``, ``value``; a missing value is a question not answered; the
            last row of an (item, annotator) counts.
        ignore: values whose pairs are left out: with ``{"tie"}``, pairs in which either said tie.
        seed: fixes the resampling behind the interval.

    Returns:
        A share from 0 to 1; undefined if no pair is left.

    Source: the figure of Zheng et al. (2023), arXiv 2306.05685, Table 5, for human judges.
    """
    labels = Labels.of(table, ignore=ignore)
    left_out = f" where neither said {' or '.join(sorted(map(str, ignore)))}" if ignore else ""
    return _measured(
        labels,
        _share_of_pairs,
        seed,
        lambda value, overlap: (
            f"Of {overlap.n_pairs} pairs of people on the same item{left_out}, {value:.0%} gave the same "
            "answer (not corrected for chance)"
        ),
        floor=0.0,
    )


def gwet_ac1(table: pd.DataFrame, values: Sequence[Hashable] | None = None, seed: int = 0) -> Coefficient:
    """Return Gwet's AC1, a chance-corrected agreement that does not collapse when one answer dominates.

    1 means people always agree, 0 that they agree as often as chance would have it. Where nearly all
    answers are the same, alpha falls towards 0 or is undefined although people agree; AC1 stays near the
    percent agreement.

    Args:
        table: columns ``item``, ``annotator``, ``value``; a missing value is a question not answered; the
            last row of an (item, annotator) counts.
        values: every possible answer. Without it, those that occur.
        seed: fixes the resampling behind the interval.

    Returns:
        The coefficient; 1 if all answers are one value; undefined if no item has two answers. The items
        with one answer enter the chance term, as in Gwet's own treatment of missing answers.

    Raises:
        ValueError: an answer is not among ``values``.

    Source: Gwet (2008), Computing inter-rater reliability and its variance in the presence of high
    agreement, British Journal of Mathematical and Statistical Psychology 61.
    """
    labels = Labels.of(table, values)
    return _measured(
        labels,
        partial(_ac1, n_values=len(labels.values)),
        seed,
        lambda value, _: f"Gwet's AC1 is {value:.2f}, where 1 is full agreement and 0 is chance",
    )


def _measured(
    labels: Labels,
    statistic: Statistic,
    seed: int,
    wording: Callable[[float, Overlap], str],
    floor: float = -1.0,
) -> Coefficient:
    overlap = Overlap.of(labels)
    if overlap.n_pairs == 0:
        return overlap.coefficient(NO_OVERLAP)
    patterns = labels.patterns
    value = float(statistic(patterns.counts, patterns.weights[None, :])[0])
    low, high = two_way_interval(labels, statistic, value, seed, floor)
    sentence = f"{wording(value, overlap)}; {interval_in_words(low, high)}."
    return overlap.coefficient(sentence, value, low, high)


def _share_of_pairs(counts: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    answers = counts.sum(axis=1)
    agreeing = (counts * (counts - 1)).sum(axis=1)
    return _ratio(weights @ agreeing, weights @ (answers * (answers - 1)))


def _ac1(counts: NDArray[np.float64], weights: NDArray[np.float64], *, n_values: int) -> NDArray[np.float64]:
    answers = counts.sum(axis=1)
    several = answers >= 2
    some, many = counts[several], answers[several]
    agreeing = (some * (some - 1)).sum(axis=1) / (many * (many - 1))
    observed = _ratio(weights[:, several] @ agreeing, weights[:, several].sum(axis=1))
    prevalence = weights @ (counts / answers[:, None]) / weights.sum(axis=1)[:, None]
    # With one value the numerator is 0 however many values there could have been.
    chance = (prevalence * (1 - prevalence)).sum(axis=1) / max(n_values - 1, 1)
    return np.asarray((observed - chance) / (1 - chance), dtype=np.float64)


def _ratio(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    ratio = np.full(len(whole), np.nan)
    np.divide(part, whole, out=ratio, where=whole > 0)
    return ratio
