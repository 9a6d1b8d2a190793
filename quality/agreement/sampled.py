"""Krippendorff's alpha from a sample of pairs, for answers with many distinct values, such as texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from rapidfuzz.distance import Indel

from quality.agreement.interval import REPLICATES, grouped, interval_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from quality.labels import CodedLabels

Distance: TypeAlias = "Callable[[Any, Any], float]"

PAIRS = 20_000


def text_distance(first: str, second: str) -> float:
    """Return 1 - similarity of two texts: 0 for equal texts, 1 for texts without a common character.

    The similarity is the share of characters in their longest common subsequence. Source: ``rapidfuzz``, the
    ratio of the Indel distance.
    """
    return float(Indel.normalized_distance(first, second))


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Pairs of answers, ``answers`` (2 x pairs), and the distance of their values, ``distance`` (pairs,)."""

    answers: NDArray[np.int64]
    distance: NDArray[np.float64]

    @classmethod
    def of(cls, labels: CodedLabels, answers: NDArray[np.int64], distance: Distance) -> _Pairs:
        first, second = labels.value[answers]
        values = labels.values
        apart = (distance(values[i], values[j]) for i, j in zip(first.tolist(), second.tolist(), strict=True))
        return cls(answers, np.fromiter(apart, dtype=np.float64, count=len(first)))


def sampled_alpha(
    labels: CodedLabels, distance: Distance, seed: int, pairs: int = PAIRS, *, interval: bool = True
) -> tuple[float, float | None, float | None]:
    """Return alpha, low and high, for a distance that is too slow to compute for all pairs of answers.

    The observed disagreement is estimated on pairs of answers to the same item, the expected disagreement on
    pairs of any answers; each on all pairs if there are at most ``pairs``, otherwise on that many drawn at
    random. The interval is for other items and people, as in ``two_way_interval``, by reweighting the same
    pairs.

    Args:
        labels: the answers; at least one item has two.
        distance: symmetric distance of two values, 0 for equal ones.
        seed: seed of the sampling and the resampling.
        pairs: the largest number of pairs on the same item, and of pairs of any answers.
        interval: if false, ``low`` and ``high`` are ``None``.

    Returns:
        Alpha, NaN where the answers do not vary, and its 95 % interval.
    """
    rng = np.random.default_rng(seed)
    n_items = len(labels.items)
    per_item = np.bincount(labels.item, minlength=n_items)
    pairable = np.flatnonzero(per_item[labels.item] >= 2)
    pairable = pairable[np.argsort(labels.item[pairable], kind="stable")]
    within = _Pairs.of(labels, _within(labels, pairable, pairs, rng), distance)
    anywhere = _Pairs.of(labels, _anywhere(pairable, pairs, rng), distance)
    item = labels.item[within.answers[0]]
    enumerated = (per_item * (per_item - 1) // 2).sum() <= pairs
    base = 1.0 / (per_item[item] - 1) if enumerated else np.ones(len(item))
    value = _alpha(base, within, np.ones(len(anywhere.distance)), anywhere)
    if not interval or not np.isfinite(value):
        return value, None, None
    people = _without_people(labels, base, within, anywhere, per_item, rng)
    items = _other_items(labels, base, within, anywhere, rng)
    low, high = interval_of(value, people, float(np.nanvar(items, ddof=1)), n_items)
    return value, low, high


def _alpha(
    weight: NDArray[np.float64], within: _Pairs, weight_anywhere: NDArray[np.float64], anywhere: _Pairs
) -> float:
    total, total_anywhere = weight.sum(), weight_anywhere.sum()
    if not total or not total_anywhere:
        return float("nan")
    # Not a dot product: its threads are slow on a busy machine.
    expected = float((weight_anywhere * anywhere.distance).sum()) / total_anywhere
    observed = float((weight * within.distance).sum()) / total
    return float(1 - observed / expected) if expected > 0 else float("nan")


def _without_people(
    labels: CodedLabels,
    base: NDArray[np.float64],
    within: _Pairs,
    anywhere: _Pairs,
    per_item: NDArray[np.int64],
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    group = grouped(len(labels.annotators), rng)[labels.annotator]
    item = labels.item[within.answers[0]]
    groups = int(group.max()) + 1
    figures = np.empty(groups)
    for number in range(groups):
        rest = per_item - np.bincount(labels.item[group == number], minlength=len(per_item))
        # A pair has a larger weight where fewer answers are left on its item.
        heavier = (per_item[item] - 1) / np.maximum(rest[item] - 1, 1)
        kept = (group[within.answers] != number).all(axis=0)
        anywhere_kept = (group[anywhere.answers] != number).all(axis=0)
        figures[number] = _alpha(base * heavier * kept, within, anywhere_kept.astype(np.float64), anywhere)
    return figures


def _other_items(
    labels: CodedLabels,
    base: NDArray[np.float64],
    within: _Pairs,
    anywhere: _Pairs,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    n_items = len(labels.items)
    item, (first, second) = labels.item[within.answers[0]], labels.item[anywhere.answers]
    figures = np.empty(REPLICATES)
    for number in range(REPLICATES):
        often = np.bincount(rng.integers(0, n_items, n_items), minlength=n_items).astype(np.float64)
        together = np.where(first == second, often[first], often[first] * often[second])
        figures[number] = _alpha(base * often[item], within, together, anywhere)
    return figures


def _within(
    labels: CodedLabels, pairable: NDArray[np.intp], pairs: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return pairs of answers to the same item; sampled pairs weight an item by its answers, as alpha does."""
    item = labels.item[pairable]
    start = np.flatnonzero(np.r_[True, item[1:] != item[:-1]])
    size = np.diff(np.r_[start, len(item)])
    if (size * (size - 1) // 2).sum() <= pairs:
        places = [
            offset + np.stack(np.triu_indices(length, 1)) for offset, length in zip(start, size, strict=True)
        ]
        return np.asarray(pairable[np.concatenate(places, axis=1)])
    which = np.repeat(np.arange(len(start)), size)
    first = rng.integers(0, len(pairable), pairs)
    drawn = which[first]
    step = rng.integers(1, size[drawn])
    second = start[drawn] + (first - start[drawn] + step) % size[drawn]
    return np.asarray(pairable[np.stack([first, second])])


def _anywhere(pairable: NDArray[np.intp], pairs: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return pairs of any two answers: all of them, or a sample of ``pairs``."""
    number = len(pairable)
    if number * (number - 1) // 2 <= pairs:
        return np.asarray(pairable[np.stack(np.triu_indices(number, 1))])
    first = rng.integers(0, number, pairs)
    return np.asarray(pairable[np.stack([first, (first + rng.integers(1, number, pairs)) % number])])
