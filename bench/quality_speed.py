"""How fast are agreement, aggregation, confidence and the report?

Run: python -m bench.quality_speed [labels ...] (default 1,000,000 and 5,000,000; crowd-kit alone takes minutes)

Alpha and Dawid-Skene against crowd-kit on the same table in the same run, with the largest difference of the results;
alpha against the package krippendorff too, from counts and, where it fits into memory, from the matrix of people and
items that the package documents. Ratios are of processor time, which other work on the machine changes least.
Leave-one-out confidence over twice as many labels, with the memory it needs beyond its input; the report over 1,000,000
answers. The tables have 5 labels an item, 3 classes and 1,000 people, in random order.
"""

from __future__ import annotations

import functools
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import krippendorff
import numpy as np
import pandas as pd
from crowdkit.aggregation import DawidSkene, MajorityVote
from crowdkit.metrics.data import alpha_krippendorff

from quality import (
    NEAR_VOTES,
    POOLED,
    UNSMOOTHED,
    annotator_confidence,
    build_report,
    dawid_skene,
    item_posteriors,
    krippendorff_alpha,
    majority_vote,
)

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")
ITERATIONS = 20
PEOPLE = 1000
LARGEST_MATRIX = 1_000_000


def answers(labels: int, seed: int, values: int = 3) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    items = labels // 5
    accuracy, truth = rng.beta(16, 4, PEOPLE), rng.integers(0, values, (items, 1))
    step = rng.integers(1, PEOPLE // 5, (items, 1))
    who = (rng.integers(0, PEOPLE, (items, 1)) + step * np.arange(5)) % PEOPLE
    right = rng.random(who.shape) < accuracy[who]
    value = np.where(right, truth, (truth + rng.integers(1, values, who.shape)) % values)
    order = rng.permutation(items * 5)
    columns = {"item": np.repeat(np.arange(items), 5), "annotator": who.ravel(), "value": value.ravel()}
    return pd.DataFrame({name: column[order] for name, column in columns.items()})


def votes(answers_: int) -> pd.DataFrame:
    """As ``quality.votes`` returns them: six qualities of one response, in text."""
    parts = []
    for number, question in enumerate(["instruction", "helpful", "factual", "style", "sensitive", "toxic"]):
        part = answers(answers_ // 6, seed=number).sort_values(["item", "annotator"], ignore_index=True)
        parts.append(
            pd.DataFrame(
                {
                    "kind": "qualitative",
                    "question": question,
                    "item": part["item"].map("m{:023d}".format),
                    "annotator": part["annotator"].map("p{:023d}".format),
                    "value": part["value"].map(dict(enumerate(["no", "yes", "na"]))),
                    "task_id": part["item"].map("t{:023d}".format),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def timed(what: str, function: Callable[[], Result]) -> tuple[float, Result]:
    """Return the processor time of a call, in seconds, and its result."""
    start, worked = time.perf_counter(), time.process_time()
    result = function()
    seconds, work = time.perf_counter() - start, time.process_time() - worked
    print(f"{what:45} {seconds:8.2f} s ({work:.2f} s of processor time)", flush=True)
    return work, result


def memory(line: str) -> float:
    """In MB, from what the kernel says of this process."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(row.split()[1]) / 1e3 for row in status.splitlines() if row.startswith(line))


def from_counts(table: pd.DataFrame) -> float:
    """Return alpha by the package krippendorff."""
    counts = table.groupby(["item", "value"]).size().unstack(fill_value=0)
    return float(krippendorff.alpha(value_counts=counts.to_numpy(), level_of_measurement="nominal"))


def from_matrix(table: pd.DataFrame) -> float:
    """Return alpha by the package krippendorff from people x items, NaN where there is no answer."""
    matrix = np.full((PEOPLE, table["item"].max() + 1), np.nan)
    matrix[table["annotator"], table["item"]] = table["value"]
    return float(krippendorff.alpha(reliability_data=matrix, level_of_measurement="nominal"))


def against_crowd_kit(table: pd.DataFrame) -> None:
    theirs = table.rename(columns={"item": "task", "annotator": "worker", "value": "label"})
    fast, alpha = timed("alpha", lambda: krippendorff_alpha(table, interval=False))
    timed("alpha with its interval", lambda: krippendorff_alpha(table))
    slow, reference = timed("alpha, crowd-kit", lambda: alpha_krippendorff(theirs))
    print(f"  {slow / fast:.0f} times as fast; difference {abs(float(alpha) - reference):.1e}")
    packages = {"counts": from_counts} | ({"its matrix": from_matrix} if len(table) <= LARGEST_MATRIX else {})
    for name, package in packages.items():
        slow, reference = timed(f"alpha, krippendorff, from {name}", functools.partial(package, table))
        print(f"  {slow / fast:.0f} times as fast; difference {abs(float(alpha) - reference):.1e}")

    fast, model = timed(
        f"Dawid-Skene, {ITERATIONS} iterations",
        lambda: dawid_skene(table, prior=UNSMOOTHED, iterations=ITERATIONS, tolerance=0),
    )
    slow, probabilities = timed(
        f"Dawid-Skene, {ITERATIONS} iterations, crowd-kit",
        lambda: DawidSkene(n_iter=ITERATIONS, tol=-np.inf).fit_predict_proba(theirs),
    )
    expected = probabilities.loc[model.posteriors.index, model.posteriors.columns]
    difference = np.abs(model.posteriors.to_numpy() - expected.to_numpy()).max()
    print(f"  {slow / fast:.0f} times as fast; difference {difference:.1e}")
    for name, prior in (("pooled, the default", POOLED), ("near the votes", NEAR_VOTES)):
        fast, model = timed(
            f"Dawid-Skene, {name}, {ITERATIONS} iterations",
            functools.partial(dawid_skene, table, prior=prior, iterations=ITERATIONS, tolerance=0),
        )
        print(f"  {slow / fast:.0f} times as fast as crowd-kit's")
    _, model = timed("Dawid-Skene, the default, until it settles", lambda: dawid_skene(table))
    print(f"  {model.iterations} iterations")

    fast, _ = timed("majority", lambda: majority_vote(table))
    slow, _ = timed("majority, crowd-kit", lambda: MajorityVote().fit_predict(theirs))
    print(f"  {slow / fast:.0f} times as fast")


def confidence(table: pd.DataFrame) -> None:
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    before = memory("VmRSS")
    timed(f"confidence over {len(table):,} labels", lambda: annotator_confidence(table))
    print(
        f"  {memory('VmHWM') - before:.0f} MB beyond the input of {table.memory_usage().sum() / 1e6:.0f} MB"
    )


def report(given: pd.DataFrame) -> None:
    timed(f"report over {len(given):,} answers", lambda: build_report(given))
    timed("posteriors of its items", lambda: list(item_posteriors(given)))


def main(sizes: list[int]) -> None:
    krippendorff_alpha(answers(1000, seed=0))
    for labels in sizes:
        print(f"{labels:,} labels")
        against_crowd_kit(answers(labels, seed=1))
    confidence(answers(2 * sizes[-1], seed=2))
    report(votes(1_000_000))


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or [1_000_000, 5_000_000])
