"""crowd-kit, to compare with. Tests import it when they run: with nltk behind it, that takes a second."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from crowdkit.aggregation import MACE as CrowdKitMace  # noqa: N811
from crowdkit.aggregation import DawidSkene as CrowdKit
from crowdkit.aggregation import MajorityVote
from crowdkit.metrics.data import alpha_krippendorff

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd


__all__ = ["EvenMace", "PlainCrowdKit", "alpha_krippendorff", "for_crowd_kit", "recorded_votes"]


def for_crowd_kit(table: pd.DataFrame) -> pd.DataFrame:
    return table.dropna().rename(columns={"item": "task", "annotator": "worker", "value": "label"})


@contextmanager
def recorded_votes() -> Iterator[list[pd.DataFrame]]:
    """Give what crowd-kit's majority vote finds, with which its Dawid-Skene starts."""
    found: list[pd.DataFrame] = []
    original = MajorityVote.fit_predict_proba

    def recording(self: MajorityVote, data: pd.DataFrame) -> pd.DataFrame:
        probabilities = original(self, data)
        found.append(probabilities.copy())
        return probabilities

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MajorityVote, "fit_predict_proba", recording)
        yield found


class PlainCrowdKit(CrowdKit):
    """Leaves out the bound that decides nothing where the number of iterations is given, to save its time."""

    def _evidence_lower_bound(self, *_: object) -> float:
        return 0.0


class EvenMace(CrowdKitMace):
    """Starts from even parameters, as ours does before the random restarts."""

    def _initialize(self, n_workers: int, n_labels: int) -> None:
        super()._initialize(n_workers, n_labels)
        self.spamming_[:] = 0.5
        self.thetas_[:] = 1 / n_labels
