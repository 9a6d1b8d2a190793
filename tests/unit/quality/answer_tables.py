"""Tables of answers from publications and from simulated people."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

KRIPPENDORFF_2011 = (
    "1 2 3 3 2 1 4 1 2 . . .",
    "1 2 3 3 2 2 4 1 2 5 . 3",
    ". 3 3 3 2 3 4 2 2 5 1 .",
    "1 2 3 3 2 4 4 1 2 5 1 .",
)
FLEISS_1971 = (
    "444444 222555 233335 555555 222444 113333 333355 113334 114444 555555 144444 124444 222333 144444 "
    "224445 333335 111455 111112 224444 133555 555555 244444 224555 114444 144445 "
    "222224 111155 224444 133333 555555"
)


def by_annotator(*rows: str) -> pd.DataFrame:
    """One row of digits per person, one digit per item, ``.`` for a question not answered."""
    return pd.DataFrame(
        [
            (item, f"rater {number}", None if digit == "." else int(digit))
            for number, row in enumerate(rows)
            for item, digit in enumerate(row.replace(" ", ""))
        ],
        columns=["item", "annotator", "value"],
    )


def by_item(rows: str) -> pd.DataFrame:
    """One word of digits per item, one digit per person."""
    return pd.DataFrame(
        [(item, place, digit) for item, word in enumerate(rows.split()) for place, digit in enumerate(word)],
        columns=["item", "annotator", "value"],
    )


def simulated(
    accuracies: Sequence[float],
    n_items: int,
    answers: int,
    seed: int,
    shares: Sequence[float] = (0.5, 0.5),
) -> pd.DataFrame:
    """People who are right with their own probability and otherwise give another answer at random."""
    rng = np.random.default_rng(seed)
    accuracy = np.asarray(accuracies)
    truth = rng.choice(len(shares), p=shares, size=(n_items, 1))
    people = np.argsort(rng.random((n_items, len(accuracy))), axis=1)[:, :answers]
    wrong = (truth + rng.integers(1, len(shares), people.shape)) % len(shares)
    value = np.where(rng.random(people.shape) < accuracy[people], truth, wrong)
    item = np.repeat(np.arange(n_items), answers)
    return pd.DataFrame({"item": item, "annotator": people.ravel(), "value": value.ravel()})


def benchmark(name: str) -> ModuleType:
    """Load a file of the folder ``bench``, whose simulations serve here on a small scale."""
    path = Path(__file__).parents[3] / "bench" / f"{name}.py"
    specification = importlib.util.spec_from_file_location(f"benchmark_{name}", path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module
