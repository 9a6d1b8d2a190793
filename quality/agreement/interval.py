"""Confidence intervals of a coefficient of agreement for other items and other people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
from scipy import special

from quality.labels import Patterns

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from quality.labels import CodedLabels

REPLICATES = 1000
MAX_GROUPS = 50
_MIN_REPLICATES = 100
_DRAWS = 40_000_000
_NO_VARIANCE = 1e-20
_CHUNK = 2_000_000
_CELLS = 500_000
"""Groups times items that are processed together."""


class Statistic(Protocol):
    """A statistic computed from count patterns.

    Takes ``counts`` (patterns x values) and ``weights`` (replicates x patterns: the number of items of each
    pattern); returns one value per replicate, NaN where it is undefined.
    """

    def __call__(self, counts: NDArray[np.float64], weights: NDArray[np.float64], /) -> NDArray[np.float64]:
        """Return the value of every replicate."""
        ...


def two_way_interval(
    labels: CodedLabels, statistic: Statistic, value: float, seed: int, floor: float = -1.0
) -> tuple[float, float] | tuple[None, None]:
    """Return a 95 % interval for other items and other people from the same population.

    The variance is the sum of an item bootstrap over count patterns and a delete-group jackknife over
    annotators, less that of a jackknife over single answers, whose noise both contain; it is never below
    either of the first two. The item bootstrap alone is too narrow: 20 people on 1000 items have a standard
    error four times the bootstrap's, because each person's bias repeats on every item. The quantile is that of
    Student's t with Satterthwaite's degrees of freedom, which makes the interval wide for few people. Source:
    Cameron, Gelbach and Miller (2011), Robust inference with multiway clustering, Journal of Business & Economic
    Statistics 29.

    Args:
        labels: the answers.
        statistic: the coefficient as a function of count patterns.
        value: the coefficient on all answers; the centre of the interval.
        seed: seed of the bootstrap and of the assignment of people to groups.
        floor: the lowest possible value; 1 is the highest.

    Returns:
        Low and high. ``(None, None)`` where the coefficient is undefined without one of the people (always so
        with two of them) or does not change whichever people or items are left out (everybody agrees on
        everything): the answers then hold no information on how others would have answered.
    """
    rng = np.random.default_rng(seed)
    people = annotator_replicates(labels, statistic, rng)
    items = item_replicates(labels.patterns, statistic, rng)
    items = items[np.isfinite(items)]
    of_items = float(items.var(ddof=1)) if len(items) > 1 else np.nan
    of_answers = answer_variance(labels.patterns, statistic)
    return interval_of(value, people, of_items, len(labels.items), floor, of_answers)


def interval_of(
    value: float,
    people: NDArray[np.float64],
    of_items: float,
    n_items: int,
    floor: float = -1.0,
    of_answers: float = 0.0,
) -> tuple[float, float] | tuple[None, None]:
    """Return the interval described in ``two_way_interval``.

    Args:
        value: the coefficient.
        people: the coefficient without each group of people, shape (groups,).
        of_items: its variance over items.
        n_items: number of items.
        floor: the lowest possible value.
        of_answers: its variance over single answers, which the other two variances both contain; 0 makes the
            interval too wide rather than too narrow.
    """
    groups = len(people)
    if groups < 2 or not np.isfinite(people).all() or not np.isfinite(of_items):
        return None, None
    of_people = float((groups - 1) / groups * ((people - people.mean()) ** 2).sum())
    variance = max(of_people + of_items - of_answers, of_people, of_items)
    if variance < _NO_VARIANCE:
        return None, None
    freedom = variance**2 / (of_people**2 / (groups - 1) + of_items**2 / max(n_items - 1, 1))
    margin = float(special.stdtrit(freedom, 0.975)) * float(np.sqrt(variance))
    if not np.isfinite(margin):
        return None, None
    return max(float(value - margin), floor), min(float(value + margin), 1.0)


def interval_in_words(low: float | None, high: float | None) -> str:
    """Return the clause that describes an interval of ``two_way_interval``."""
    if low is None or high is None:
        return "no interval: too few people or too little variation to say how others would answer"
    return f"95 % interval {low:.2f} to {high:.2f} for other items and people"


def answer_variance(patterns: Patterns, statistic: Statistic) -> float:
    """Return the jackknife variance over single answers; 0 where there are too many patterns to compute it.

    The effect of leaving out an answer depends only on its value and its item's pattern.
    """
    counts, weights = patterns.counts, patterns.weights
    pattern, value = np.nonzero(counts)
    if len(pattern) * (len(weights) + len(pattern)) > _CHUNK:
        return 0.0
    kinds, often = np.arange(len(pattern)), weights[pattern] * counts[pattern, value]
    rest = counts[pattern]
    rest[kinds, value] -= 1
    left = rest.sum(axis=1) > 0
    replicates = np.hstack([np.tile(weights, (len(kinds), 1)), np.eye(len(kinds))[:, left]])
    replicates[kinds, pattern] -= 1
    figures = statistic(np.concatenate([counts, rest[left]]), replicates)
    total = often.sum()
    variance = float((total - 1) / total * (often * (figures - (often @ figures) / total) ** 2).sum())
    return variance if np.isfinite(variance) else 0.0


def item_replicates(
    patterns: Patterns, statistic: Statistic, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return the statistic on bootstrap resamples of the items, drawn as counts of patterns."""
    n_patterns, n_items = len(patterns.weights), int(patterns.weights.sum())
    replicates = int(np.clip(_DRAWS // max(n_patterns, 1), _MIN_REPLICATES, REPLICATES))
    step = int(np.clip(_CHUNK // max(n_patterns, 1), 1, replicates))
    shares = patterns.weights / n_items
    figures = [
        statistic(
            patterns.counts,
            rng.multinomial(n_items, shares, size=min(step, replicates - start)).astype(float),
        )
        for start in range(0, replicates, step)
    ]
    return np.concatenate(figures)


def grouped(n_annotators: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return the group number of each person, for a jackknife that leaves out one group at a time."""
    groups = min(n_annotators, MAX_GROUPS)
    return (rng.permutation(n_annotators) % groups).astype(np.uint8)


def annotator_replicates(
    labels: CodedLabels, statistic: Statistic, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return the statistic without each group of people; a group is one person for up to ``MAX_GROUPS`` people.

    Only the items that a group answered are counted again, so that all groups together cost one pass. Where there are
    few items, several groups are processed at a time, so that many small tables are fast too.
    """
    of_annotator = grouped(len(labels.annotators), rng)
    groups, group = int(of_annotator.max()) + 1, of_annotator[labels.annotator]
    by_group = np.argsort(group, kind="stable")
    bounds = np.concatenate([[0], np.cumsum(np.bincount(group, minlength=groups))])
    patterns, figures = labels.patterns, np.empty(groups)
    at_once = 1 if patterns.code is None else int(np.clip(_CELLS // max(len(labels.items), 1), 1, groups))
    for start in range(0, groups, at_once):
        end = min(start + at_once, groups)
        answers = by_group[bounds[start] : bounds[end]]
        item, value = labels.item[answers], labels.value[answers]
        if patterns.code is None:
            counts, weights = _without_by_count(patterns, item, value)
        else:
            counts, weights = _without_by_code(patterns, group[answers] - start, item, value, end - start)
        left = (counts.sum(axis=1) > 0) & (weights > 0).any(axis=0)
        figures[start:end] = statistic(counts[left], weights[:, left])
    return figures


def _without_by_code(
    patterns: Patterns,
    group: NDArray[np.integer],
    item: NDArray[np.integer],
    value: NDArray[np.integer],
    groups: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the counts of the patterns that remain without each group's answers, and their weights, (groups x
    patterns)."""
    assert patterns.code is not None
    n_items, n_patterns, n_values = len(patterns.code), len(patterns.weights), patterns.counts.shape[1]
    powers = float(patterns.base) ** np.arange(n_values)
    taken = np.bincount(group * np.int64(n_items) + item, powers[value], groups * n_items)
    touched = np.flatnonzero(taken)
    touched_group, touched_item = touched // n_items, touched % n_items
    rest = Patterns.of_codes(patterns.code[touched_item] - taken[touched], patterns.base, n_values)
    before = touched_group * n_patterns + patterns.of_item[touched_item]
    gone = np.bincount(before, minlength=groups * n_patterns)
    n_rest = len(rest.weights)
    come = np.bincount(touched_group * n_rest + rest.of_item, minlength=groups * n_rest)
    weights = np.hstack([patterns.weights - gone.reshape(groups, -1), come.reshape(groups, n_rest)])
    return np.concatenate([patterns.counts, rest.counts]), weights.astype(np.float64)


def _without_by_count(
    patterns: Patterns, item: NDArray[np.integer], value: NDArray[np.integer]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the same as ``_without_by_code`` for a single group, where patterns have no code."""
    n_values = patterns.counts.shape[1]
    touched, place = np.unique(item, return_inverse=True)
    taken = np.bincount(place * n_values + value, minlength=len(touched) * n_values)
    before = patterns.of_item[touched]
    rest = patterns.counts[before] - taken.reshape(-1, n_values)
    untouched = patterns.weights - np.bincount(before, minlength=len(patterns.weights))
    weights = np.concatenate([untouched, np.ones(len(rest))])
    return np.concatenate([patterns.counts, rest]), weights[None, :]
