"""How fast are agreement, aggregation, confidence and the report?

Run: python -m bench.quality_speed [labels] (default 5,000,000; crowd-kit alone takes minutes at that size)

Alpha and Dawid-Skene against crowd-kit on the same table in the same run, with the largest difference of the
results; leave-one-out confidence over twice as many labels, with the memory it needs beyond its input; the
report over 1,000,000 answers. The tables have 5 labels an item, 3 classes and 1,000 people, in random order.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import pandas as pd
from crowdkit.aggregation import DawidSkene, MajorityVote
from crowdkit.metrics.data import alpha_krippendorff

from quality import (
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
    start, worked = time.perf_counter(), time.process_time()
    result = function()
    seconds, work = time.perf_counter() - start, time.process_time() - worked
    print(f"{what:45} {seconds:8.2f} s ({work:.2f} s of processor time)", flush=True)
    return seconds, result


def memory(line: str) -> float:
    """In MB, from what the kernel says of this process."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(row.split()[1]) / 1e3 for row in status.splitlines() if row.startswith(line))


def against_crowd_kit(table: pd.DataFrame) -> None:
    theirs = table.rename(columns={"item": "task", "annotator": "worker", "value": "label"})
    fast, alpha = timed("alpha", lambda: krippendorff_alpha(table, interval=False))
    timed("alpha with its interval", lambda: krippendorff_alpha(table))
    slow, reference = timed("alpha, crowd-kit", lambda: alpha_krippendorff(theirs))
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


def main(labels: int) -> None:
    krippendorff_alpha(answers(1000, seed=0))
    print(f"{labels:,} labels")
    confidence(answers(2 * labels, seed=2))
    against_crowd_kit(answers(labels, seed=1))
    report(votes(1_000_000))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5_000_000)
