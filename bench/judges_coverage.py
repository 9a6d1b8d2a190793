"""Do the intervals of prediction-powered rates hold the truth when responses and people are new?

Run: python -m bench.judges_coverage [simulations of each setting, 400 by default]

Responses have a true answer, hard ones are judged worse by all. People differ in accuracy and lean their own way; a
judge gives its answer to every response, and a random part of each of two strata is answered by people. The truth is
the share of yes that all people would give to all responses.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
import pandas as pd

from quality.seed_feedback.prediction_powered import rate


@dataclass(frozen=True)
class Setting:
    """``prevalence`` of yes, ``items`` answered by people out of ``pool``, by ``overlap`` of ``people`` each."""

    prevalence: float
    items: int
    overlap: int
    people: int
    judge: float
    pool: int = 3000


SETTINGS = [
    Setting(0.5, 60, 3, 15, 0.85),
    Setting(0.5, 300, 3, 30, 0.85),
    Setting(0.7, 150, 2, 20, 0.6),
    Setting(0.7, 600, 3, 60, 0.95),
    Setting(0.1, 100, 3, 20, 0.9),
    Setting(0.1, 400, 1, 40, 0.9),
    Setting(0.03, 200, 3, 25, 0.95),
    Setting(0.3, 80, 1, 10, 0.85),
]


def world(rng: np.random.Generator, setting: Setting) -> tuple[pd.DataFrame, pd.DataFrame, float]:
    """Return the human sample, the judge's answers to all other responses, and the truth."""
    stratum = (rng.random(setting.pool) < 0.3).astype(int)
    chance = np.clip(setting.prevalence * np.where(stratum, 1.4, 0.83), 0, 1)
    true = rng.random(setting.pool) < chance
    judged = np.where(rng.random(setting.pool) < setting.judge, true, ~true).astype(float)
    # strata are sampled unevenly, as the mix does with significance
    weight = np.where(stratum, 3.0, 1.0)
    picked = rng.choice(setting.pool, setting.items, replace=False, p=weight / weight.sum())
    accuracy = rng.beta(12, 2, setting.people)
    rows = []
    for item in picked:
        for person in rng.choice(setting.people, setting.overlap, replace=False):
            right = rng.random() < accuracy[person]
            rows.append((item, person, float(true[item] == right), judged[item], stratum[item]))
    sample = pd.DataFrame(rows, columns=["item", "annotator", "value", "predicted", "stratum"])
    left = np.ones(setting.pool, dtype=bool)
    left[picked] = False
    others = pd.DataFrame({"predicted": judged[left], "stratum": stratum[left]})
    mean_accuracy = 12 / 14
    of_all = 0.3 * np.clip(setting.prevalence * 1.4, 0, 1) + 0.7 * setting.prevalence * 0.83
    return sample, others, float(of_all * mean_accuracy + (1 - of_all) * (1 - mean_accuracy))


def coverage(setting: Setting, simulations: int, seed: int = 0) -> tuple[float, float, float]:
    """Return how often the human-only and the prediction-powered interval hold the truth, and the ratio of lengths."""
    rng = np.random.default_rng(seed)
    held = np.zeros((simulations, 2))
    length = np.zeros((simulations, 2))
    for number in range(simulations):
        sample, others, truth = world(rng, setting)
        for column, power in enumerate((0.0, None)):
            found = rate(sample, others, power)
            assert found is not None
            held[number, column] = found.low <= truth <= found.high
            length[number, column] = found.high - found.low
    human, powered = held.mean(axis=0)
    return float(human), float(powered), float(length[:, 1].mean() / length[:, 0].mean())


def main(simulations: int) -> None:
    """Print the coverage of each setting."""
    print("setting | human sample alone, prediction-powered | length of the interval, of human alone")
    for setting in SETTINGS:
        human, powered, ratio = coverage(setting, simulations)
        print(f"{setting} | {human:.3f} {powered:.3f} | {ratio:.2f}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 400)
