"""Does our weighting, and our routing, make better models from the same number of answers?

    PYTHONPATH=. uv run python -m bench.training --torch PYTHON [--seeds 10] [--world drawn]

PYTHON is an interpreter that has torch: the tests marked ``trl`` make one (docs/training/trl.md). Crowds answer
comparisons of known truth; everybody's choice gets surer with the difference of rewards, by a slope of their own, and a
share of the people are spammers who throw a coin. What models are trained on comes out of the pipeline itself: votes,
report, confidence, posteriors, closing, routing, and the columns of an export. The same number of answers gives

- ``majority``: 3 people a pair, the rows of an export, all alike;
- ``weight``, ``margin``: the same rows, the loss weighted with this column (``margin`` as in ``reward``);
- ``votes``: the same rows, weighted with the share of votes for less that against (``strength``), of whoever they are;
- ``posterior``: the same answers, the posterior of each pair as a soft label;
- ``routed``: the policy of ``chatfeedback route`` and closing by posterior, in the same forms;
- ``practice``: the same where people qualify first, the answers to practice tasks taken off the budget;
- ``once``: one person a pair, three times as many pairs, all alike.

Prints the held-out accuracy of small reward models, and the difference to ``majority`` of the same seed with the 95 %
interval of its mean (Student's t over seeds). Needs MT-bench in CHATFEEDBACK_SHARED for its second half.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from bench.training import worlds
from bench.training.crowd import PRACTICE, Collecting, Labels, People, World, fixed, routed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from numpy.typing import NDArray

SPAMMERS = (0.0, 0.2)
OVERLAP, POOL = 3, 2.5
"""People a pair where the overlap is fixed, and answers for each pair that routing has to choose from."""

DRAWN, MT_BENCH = (1500, 20), (800, 15)
"""Answers and people."""


def arms(
    world: World, seed: int, spammers: float, budget: int, count: int, wanted: argparse.Namespace
) -> Iterator[tuple[str, Labels]]:
    """Yield the training sets by the name of the arm; all come from the same people."""

    def people() -> tuple[People, np.random.Generator]:
        rng = np.random.default_rng([seed, round(100 * spammers)])
        return People.drawn(rng, count, spammers), rng

    def ways(collecting: Collecting, prefix: str) -> Iterator[tuple[str, Labels]]:
        for name, labels in collecting.training_sets().items():
            yield f"{prefix}{name}", labels

    yield from ways(fixed(world, *people(), budget, wanted.overlap), "")
    if wanted.fixed:
        return
    pool = round(budget / POOL)
    yield from ways(routed(world, *people(), budget, pool, None), "routed ")
    yield from ways(routed(world, *people(), budget, pool, PRACTICE), "practice ")
    yield "once", fixed(world, *people(), budget, 1).training_sets()["majority"]


def all_sets(wanted: argparse.Namespace, shared: Path | None) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {}
    sizes = (wanted.answers or DRAWN[0], DRAWN[1])
    for seed in range(wanted.seeds):
        rng = np.random.default_rng(seed)
        made = {"drawn": (worlds.drawn(rng, sizes[0]), sizes)}
        if shared is not None:
            made["MT-bench"] = (worlds.mt_bench(rng, shared / "data" / "mt_bench"), MT_BENCH)
        for kind, (world, (budget, count)) in made.items():
            if wanted.world not in (None, kind):
                continue
            where = f"{kind}/{seed}"
            for part in ("features", "reward", "held_out"):
                arrays[f"{where}/{part}"] = getattr(world, part)
            for spammers in wanted.spammers:
                for arm, labels in arms(world, seed, spammers, budget, count, wanted):
                    name = f"{where}/{spammers:.0%} spammers/{arm}"
                    arrays[f"{name}/pairs"] = np.array(labels.pairs)
                    arrays[f"{name}/target"] = np.array(labels.target)
                    arrays[f"{name}/weight"] = np.array(labels.weight)
                    arrays[f"{name}/right"] = _share_right(world, labels)
    return arrays


def _share_right(world: World, labels: Labels) -> NDArray[Any]:
    """Return the share of the labels that name the better response."""
    gain = world.reward[np.array(labels.pairs)] @ np.array([1, -1])
    return np.array(np.mean((np.array(labels.target) > 0.5) == (gain > 0)))


def interval(values: NDArray[Any]) -> tuple[float, float]:
    """Return the mean and half the width of its 95 % interval."""
    return float(values.mean()), float(stats.t.ppf(0.975, len(values) - 1) * stats.sem(values))


def report(arrays: dict[str, NDArray[Any]], accuracies: dict[str, float]) -> None:
    by_crowd: dict[str, dict[str, dict[int, str]]] = defaultdict(lambda: defaultdict(dict))
    for name in accuracies:
        kind, seed, spammers, arm = name.split("/")
        by_crowd[f"{kind}, {spammers}"][arm][int(seed)] = name
    for crowd, found in by_crowd.items():
        print(f"\n{crowd}: accuracy in points, beside majority; pairs, and the share of labels that is right")
        points = {
            arm: np.array([100 * accuracies[names[seed]] for seed in sorted(names)])
            for arm, names in found.items()
        }
        for arm, names in found.items():
            mean, half = interval(points[arm])
            gain, about = interval(points[arm] - points["majority"])
            pairs = np.mean([len(arrays[f"{name}/target"]) for name in names.values()])
            right = np.mean([arrays[f"{name}/right"] for name in names.values()])
            verdict = (
                "" if arm == "majority" else ("better" if gain > about else "worse" if -gain > about else "-")
            )
            print(
                f"  {arm:20} {mean:5.1f} ± {half:3.1f}   {gain:+5.2f} ± {about:4.2f} {verdict:7}"
                f" {pairs:5.0f} pairs {right:.3f}"
            )
        for prefix in (arm.removesuffix("votes") for arm in points if arm.endswith("votes")):
            gain, about = interval(points[f"{prefix}margin"] - points[f"{prefix}votes"])
            print(f"  {prefix}margin beside {prefix}votes: {gain:+5.2f} ± {about:4.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--torch", required=True, metavar="PYTHON")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--world", choices=("drawn", "MT-bench"), help="this one alone")
    parser.add_argument("--spammers", type=float, nargs="+", default=SPAMMERS, help="shares of the people")
    parser.add_argument("--overlap", type=int, default=OVERLAP, help="people a pair where that is fixed")
    parser.add_argument("--answers", type=int, help="about drawn features, in place of 1,500")
    parser.add_argument(
        "--fixed", action="store_true", help="without routing, practice and one person a pair"
    )
    wanted = parser.parse_args()
    shared = os.environ.get("CHATFEEDBACK_SHARED")
    if shared is None and wanted.world == "MT-bench":
        parser.error("set CHATFEEDBACK_SHARED to the folder that holds data/mt_bench")
    start = time.process_time()
    arrays = all_sets(wanted, Path(shared) if shared else None)
    print(f"crowds, pipeline and routing: {time.process_time() - start:.0f} s of processor", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        sets, result = Path(folder) / "sets.npz", Path(folder) / "result.json"
        np.savez(sets, allow_pickle=False, **arrays)
        script = Path(__file__).with_name("reward_models.py")
        subprocess.run([wanted.torch, script, sets, result], check=True)
        report(arrays, json.loads(result.read_text("utf-8")))
    used = os.times()
    print(
        f"\n{used.user + used.system + used.children_user + used.children_system:.0f} s of processor in all"
    )


if __name__ == "__main__":
    main()
