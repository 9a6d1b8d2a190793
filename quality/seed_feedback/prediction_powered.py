"""Prediction-powered estimates: the rate of a quality from a human sample and the seeds of all responses.

The seeds of all responses say how often a judge gives an answer; the responses that people answered too say how far
off the judge is. Together they give people's rate, without bias however wrong the judge is, and with a shorter
interval the better it is (PPI++; with a power of 0 it is the human sample alone).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAST_ITEMS = 5
"""The least responses that people answered in a stratum; smaller strata are taken together."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A rate and its 95 % interval, for other responses and other people; both from 0 to 1.

    ``power`` is the weight of the judge's answers (lambda of PPI++): 0 is the human sample alone, 1 trusts the judge
    most. ``standard_error`` is that for other responses and the same people. ``n_items`` responses were answered by
    ``n_people`` people, and ``n_predicted`` more have the judge's answer alone.
    """

    value: float
    low: float
    high: float
    power: float
    standard_error: float
    n_items: int
    n_people: int
    n_predicted: int


def rate(sample: pd.DataFrame, others: pd.DataFrame, power: float | None = None) -> Rate | None:
    """Estimate the share of people's answers that have a property, such as saying yes.

    Args:
        sample: one row for each answer of a person: ``item``, ``annotator``, ``value`` (1 if it has the property, else
            0), ``predicted`` (the same of the judge's answer to the item), ``stratum``.
        others: one row for each further item with the judge's answer: ``predicted``, ``stratum``.
        power: the weight of the judge's answers, from 0 to 1; None: the one with the least variance.

    Returns:
        The rate over all items of both tables; None without a sample. Within a stratum, the sample is taken to be drawn
        at random. The interval has two-way clusters (items and people); for rates near 0 or 1 its middle moves towards
        a half, as if four more items had been seen.

    Source: Angelopoulos, Duchi and Zrnic (2023), PPI++; Fisch et al. (2024) for strata; Cameron, Gelbach and Miller
    (2011) for two-way clusters; Agresti and Coull (1998).
    """
    if sample.empty:
        return None
    items = _Items.of(sample, others)
    used = items.best_power() if power is None else power
    value, variance, influence = items.estimate(used)
    of_people = _of_people(sample, items, influence)
    n, n_people = len(items.truth), sample["annotator"].nunique()
    human = float((influence**2).sum()) * n / max(n - 1, 1)
    centre, reach = _moved(value, human + variance + of_people, used, n)
    freedom = n_people - 1 if of_people else n - 1
    reach *= float(stats.t.ppf(0.975, max(freedom, 1)))
    low, high = (float(np.clip(end, 0, 1)) for end in (centre - reach, centre + reach))
    value = float(np.clip(value, 0, 1))
    error = float(np.sqrt(human + variance))
    return Rate(value, min(low, value), max(high, value), used, error, n, n_people, len(others))


@dataclass(frozen=True, slots=True)
class _Items:
    """The items that people answered: their answers' mean and the judge's, by stratum; and the judge's of the others.

    ``share`` is the share of all items in each stratum.
    """

    names: pd.Index
    truth: NDArray[np.float64]
    predicted: NDArray[np.float64]
    stratum: NDArray[np.integer]
    other: NDArray[np.float64]
    other_stratum: NDArray[np.integer]
    share: NDArray[np.float64]

    @classmethod
    def of(cls, sample: pd.DataFrame, others: pd.DataFrame) -> _Items:
        by_item = sample.groupby("item", sort=True).agg(
            truth=("value", "mean"), predicted=("predicted", "first"), stratum=("stratum", "first")
        )
        strata = _strata(by_item["stratum"], others["stratum"])
        codes = by_item["stratum"].map(strata).to_numpy(np.int64)
        other_codes = others["stratum"].map(strata).to_numpy(np.int64)
        sizes = np.bincount(np.concatenate([codes, other_codes]), minlength=max(strata.values()) + 1)
        return cls(
            by_item.index,
            by_item["truth"].to_numpy(np.float64),
            by_item["predicted"].to_numpy(np.float64),
            codes,
            others["predicted"].to_numpy(np.float64),
            other_codes,
            sizes / sizes.sum(),
        )

    def best_power(self) -> float:
        """Return the power with the least variance, between 0 and 1; 0 where the judge always says the same."""
        if not len(self.other):
            return 0.0
        together = spread = 0.0
        for number, share in enumerate(self.share):
            mine, theirs = self.stratum == number, self.other_stratum == number
            n, more = int(mine.sum()), int(theirs.sum())
            if n < 2 or not more:
                continue
            every = np.concatenate([self.predicted[mine], self.other[theirs]])
            together += share**2 / n * float(np.cov(self.truth[mine], self.predicted[mine])[0, 1])
            spread += share**2 * (1 / n + 1 / more) * float(every.var(ddof=1))
        return float(np.clip(together / spread, 0, 1)) if spread > 0 else 0.0

    def estimate(self, power: float) -> tuple[float, float, NDArray[np.float64]]:
        """Return the rate, the variance from the judge's answers to other items, and each item's influence."""
        value = variance = 0.0
        influence = np.zeros(len(self.truth))
        for number, share in enumerate(self.share):
            mine, theirs = self.stratum == number, self.other_stratum == number
            if not mine.any():
                continue
            used = power if theirs.any() else 0.0
            error = self.truth[mine] - used * self.predicted[mine]
            value += share * (
                float(error.mean()) + (used * float(self.other[theirs].mean()) if used else 0.0)
            )
            if used and theirs.sum() > 1:
                variance += share**2 * used**2 * float(self.other[theirs].var(ddof=1)) / int(theirs.sum())
            influence[mine] = share * (error - error.mean()) / int(mine.sum())
        return value, variance, influence


def _strata(sampled: pd.Series, others: pd.Series) -> dict[object, int]:
    """Number the strata; those with too few sampled items are one, together with the largest if that is too few."""
    counts = sampled.value_counts()
    names = sorted({*sampled.unique(), *others.unique()}, key=str)
    large = [name for name in names if counts.get(name, 0) >= LEAST_ITEMS]
    small = [name for name in names if name not in large]
    numbers = {name: number for number, name in enumerate(large)}
    if small:
        alone = sum(counts.get(name, 0) for name in small) >= LEAST_ITEMS or not large
        most = len(large) if alone else max(large, key=lambda name: counts[name])
        numbers |= dict.fromkeys(small, most if alone else numbers[most])
    return numbers


def _of_people(sample: pd.DataFrame, items: _Items, influence: NDArray[np.float64]) -> float:
    """Return how much of the variance comes from which people answered: two-way clusters, without that of items."""
    if sample["annotator"].nunique() < 2:
        return 0.0
    place = items.names.get_indexer(pd.Index(sample["item"]))
    often = np.bincount(place, minlength=len(influence))
    # an answer's part of its item's influence: the item's, shared out, and what the answer adds to the item's mean
    own = sample["value"].to_numpy(np.float64) - items.truth[place]
    weight = (
        items.share[items.stratum] / np.bincount(items.stratum, minlength=len(items.share))[items.stratum]
    )
    part = (influence[place] + weight[place] * own) / often[place]
    person = pd.factorize(sample["annotator"])[0]
    by_person = np.bincount(person, part)
    n = len(by_person)
    return max(0.0, float((by_person**2).sum()) * n / (n - 1) - float((part**2).sum()))


def _moved(value: float, variance: float, power: float, n: int) -> tuple[float, float]:
    """Return the middle of the interval and its standard error, with one item of each pair of answers added."""
    added = np.array([0.0, 1.0, -power, 1 - power]) + power / 2
    centre = (n * value + added.sum()) / (n + len(added))
    squares = n**2 * variance + float(((added - centre) ** 2).sum())
    return centre, float(np.sqrt(squares)) / (n + len(added))
