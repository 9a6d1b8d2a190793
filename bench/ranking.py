"""How long does a ranking of models with style control take, and what does it find?

Run: python -m bench.ranking [votes] (default 1,000,000, of 100 models by 20,000 people)
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from quality import STYLE, control_style, rank_models

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

EFFECTS = {"length": 0.25, "headers": 0.024, "lists": 0.031, "bold": 0.019, "code": 0.05}
"""In log odds for each standard deviation, as the arena reports them (Li et al. 2024); that of code is assumed."""


def votes(
    number: int, *, models: int = 100, people: int = 20_000, seed: int = 0
) -> tuple[pd.DataFrame, NDArray[np.float64], NDArray[np.float64]]:
    """Return votes between models of which some write more and others less, the strengths, and the effects."""
    rng = np.random.default_rng(seed)
    strength, wordy = rng.normal(0, 0.7, models), rng.normal(0, 0.5, models)
    one = rng.integers(0, models, number)
    other = (one + rng.integers(1, models, number)) % models
    columns: dict[str, object] = {}
    odds = strength[one] - strength[other]
    for name in STYLE:
        usual = 800 if name == "length" else 3
        sides = [
            rng.poisson(usual * np.exp(wordy[side] + rng.normal(0, 0.6, number))) for side in (one, other)
        ]
        columns |= {f"first_{name}": sides[0], f"second_{name}": sides[1]}
        difference = (sides[0] - sides[1]) / (sides[0] + sides[1] + 1)
        odds = odds + EFFECTS[name] * difference / np.sqrt((difference**2).mean())
    better = 1 / (1 + np.exp(-odds))
    tie = 0.4 * np.minimum(
        better, 1 - better
    )  # half a tie is a win, so that the odds are what they should be
    tied, first = rng.random(number) < tie, rng.random(number) < (better - tie / 2) / (1 - tie)
    names = np.array([f"model-{place:03d}" for place in range(models)])
    persons = np.array([f"p{place:05d}" for place in range(people)])
    table = pd.DataFrame(
        {
            "first": names[one],
            "second": names[other],
            "value": np.where(tied, "tie", np.where(first, "first", "second")),
            "item": np.arange(number),
            "annotator": persons[rng.integers(0, people, number)],
            **columns,
        }
    )
    return table, strength, np.array(list(EFFECTS.values()))


def timed(what: str, function: Callable[[], object]) -> None:
    start, worked = time.perf_counter(), time.process_time()
    function()
    seconds, work = time.perf_counter() - start, time.process_time() - worked
    print(f"{what:58} {seconds:6.2f} s ({work:.2f} s of processor time)", flush=True)


def main(number: int) -> None:
    table, strength, effects = votes(number)
    control_style(table.iloc[:1000])
    print(f"{number:,} votes")
    timed("ranking with ties and bootstrap intervals", lambda: rank_models(table))
    timed("ranking without and with style control, with intervals", lambda: control_style(table))
    found = control_style(table)
    truth = pd.Series(strength - strength.mean(), sorted(found.scores.index))[found.scores.index]
    for column, low, high in (("plain", "plain_low", "plain_high"), ("score", "low", "high")):
        inside = (found.scores[low] <= truth) & (truth <= found.scores[high])
        away = float(np.abs(found.scores[column] - truth).mean())
        print(f"{column}: {inside.mean():.0%} of intervals hold the strength, mean distance {away:.3f}")
    print(found.style.assign(true=effects).drop(columns="reason").round(3))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
