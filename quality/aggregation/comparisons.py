"""Comparisons of models, as integer codes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from quality.answer_table import as_frame
from quality.labels import codes_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

_OUTCOMES = ("first", "second", "tie")
_COLUMNS = ("first", "second", "value")


@dataclass(frozen=True, slots=True)
class Comparisons:
    """Comparisons as integer codes.

    ``model_a`` and ``model_b`` (pairs,) are the models of each pair that was compared, indexes of ``names``.
    ``pair`` and ``outcome`` (0: ``model_a`` won, 1: ``model_b`` won, 2: tie) have one entry per comparison.
    ``groups`` has one array for each factor, items and people: the cluster of each comparison. ``table`` holds the
    comparisons, and ``turned`` tells which of them name ``model_b`` first.
    """

    names: pd.Index
    model_a: NDArray[np.int64]
    model_b: NDArray[np.int64]
    pair: NDArray[np.int64]
    outcome: NDArray[np.int64]
    groups: tuple[NDArray[np.integer], ...]
    table: pd.DataFrame
    turned: NDArray[np.bool_]

    @classmethod
    def of(cls, table: pd.DataFrame) -> Comparisons:
        """Read a table with columns ``first``, ``second``, ``value``; see ``bradley_terry``."""
        table = as_frame(table, _COLUMNS)
        table = table.dropna(subset=[name for name in (*_COLUMNS, "item", "annotator") if name in table])
        outcome = pd.Index(_OUTCOMES).get_indexer(pd.Index(table["value"]))
        if strange := table["value"].to_numpy()[outcome < 0].tolist():
            raise ValueError(f"{strange[0]!r} is not one of {', '.join(_OUTCOMES)}")
        codes, names = codes_of(pd.concat([table["first"], table["second"]], ignore_index=True))
        rank = names.argsort()
        first, second = np.argsort(rank)[codes].reshape(2, -1)
        if (first == second).any():
            itself = names[codes[int((first == second).argmax())]]
            raise ValueError(f"{itself!r} is compared with itself")
        met, pair = np.unique(
            np.minimum(first, second) * len(names) + np.maximum(first, second), return_inverse=True
        )
        swapped = (first > second) & (outcome < 2)
        factors = [codes_of(table[name])[0] for name in ("item", "annotator") if name in table]
        return cls(
            names[rank].rename("name"),
            met // max(len(names), 1),
            met % max(len(names), 1),
            pair,
            np.where(swapped, 1 - outcome, outcome),
            tuple(factors or [np.arange(len(table))]),
            table,
            first > second,
        )

    def outcomes(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the weighted number of each outcome of each pair, (pairs x outcomes)."""
        cell = self.pair * 3 + self.outcome
        counted = np.bincount(cell, weights=weights, minlength=len(self.model_a) * 3)
        return np.asarray(counted, dtype=np.float64).reshape(-1, 3)

    def weights(self, rng: np.random.Generator) -> NDArray[np.float64]:
        """Resample the clusters of each factor with replacement; return how often each comparison was drawn."""
        weights = np.ones(len(self.pair))
        for group in self.groups:
            number = int(group.max()) + 1
            weights *= np.bincount(rng.integers(0, number, number), minlength=number)[group]
        return weights
