"""Measure adaptive overlap against a fixed one, and the audit slice, on simulated people with known truths.

    uv run python bench/overlap.py            # 10 seeds of each setting
    uv run python bench/overlap.py 40

People answer tasks of one question. ``fixed 5`` has five answers to each; the adaptive runs close a task by
``quality.closing.settled`` on the posteriors of ``quality.posteriors``, computed anew after each round of answers, as
``report`` and ``push`` do, and ask most for what ``task_generators.value`` puts first. Printed are the share of right
posteriors, the answers asked for, and Krippendorff's alpha: the true one (everybody answers every item), that of the
audit slice, and that of all answers of an adaptive run, which is biased.
"""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from statistics import mean
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from quality.agreement.krippendorff import krippendorff_alpha
from quality.closing import settled
from quality.posteriors import item_posteriors
from task_generators.allotment import unit
from task_generators.value import expected_value, uncertainty
from workspaces.records import Significance, Task, stable_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

KIND, QUESTION = "preference", "preference"
VALUES = ("first", "tie", "second")
WEIGHTS = {Significance.LOW: 1.0, Significance.MEDIUM: 2.0, Significance.HIGH: 3.0}
FIXED = 5
AUDIT = 0.05


@dataclass(frozen=True)
class Setting:
    """A crowd: ``skill`` are the bounds of people's shares of right answers; ``hard`` that of items that mislead."""

    name: str
    people: int
    items: int
    skill: tuple[float, float]
    hard: float


SETTINGS = (
    Setting("careful", 40, 1000, (0.75, 0.95), 0.05),
    Setting("mixed", 40, 1000, (0.55, 0.9), 0.1),
    Setting("poor", 40, 1000, (0.45, 0.8), 0.15),
)


@dataclass(frozen=True)
class World:
    """``answers`` holds what each person would say of each item (items x people); tasks are in the order of items."""

    tasks: list[Task]
    truth: NDArray[np.int64]
    answers: NDArray[np.int64]
    order: NDArray[np.int64]

    @classmethod
    def drawn(cls, setting: Setting, seed: int, overlap: int, least: int | None, audit: float) -> World:
        rng = np.random.default_rng(seed)
        truth = rng.choice(3, setting.items, p=[0.42, 0.16, 0.42])
        skill = rng.uniform(*setting.skill, setting.people)
        right = np.tile(skill, (setting.items, 1))
        hard = rng.random(setting.items) < setting.hard
        right[hard] = 0.4
        wrong = (truth[:, None] + rng.integers(1, 3, right.shape)) % 3
        answers = np.where(rng.random(right.shape) < right, truth[:, None], wrong)
        order = rng.permuted(np.tile(np.arange(setting.people), (setting.items, 1)), axis=1)
        levels = list(Significance)
        tasks = []
        for number in range(setting.items):
            task_id = stable_id("bench", str(seed), str(number))
            stays = least is None or unit(f"audit {task_id}") < audit
            tasks.append(
                Task(
                    id=task_id,
                    kind=KIND,
                    message_ids=(f"m{number:05}x", f"m{number:05}y"),
                    conversation_ids=("c", "c"),
                    significance=levels[number % 3],
                    quote={},
                    rules_version="1",
                    platform="argilla",
                    overlap=FIXED if stays else overlap,
                    created_at=datetime(2026, 1, 1, tzinfo=UTC),
                    least_answers=None if stays else least,
                )
            )
        return cls(tasks, truth, answers, order)

    def votes(self, asked: Mapping[str, int]) -> pd.DataFrame:
        """Return the first answers to each task, as many as were asked."""
        rows = [
            (
                KIND,
                QUESTION,
                "|".join(task.message_ids),
                f"p{person}",
                VALUES[self.answers[number, person]],
                task.id,
            )
            for number, task in enumerate(self.tasks)
            for person in self.order[number, : asked[task.id]]
        ]
        return pd.DataFrame(rows, columns=["kind", "question", "item", "annotator", "value", "task_id"])

    def accuracy(self, votes: pd.DataFrame) -> float:
        """Return the share of tasks whose most probable value is right."""
        best = {each.item: each.value for each in item_posteriors(votes)}
        return mean(
            best["|".join(task.message_ids)] == VALUES[self.truth[number]]
            for number, task in enumerate(self.tasks)
        )


def fixed(world: World, overlap: int = FIXED) -> pd.DataFrame:
    return world.votes(dict.fromkeys((task.id for task in world.tasks), overlap))


def adaptive(world: World, sure: float, budget: int | None = None) -> pd.DataFrame:
    """Ask in rounds, each half of the open tasks at most, those of the highest value first, until none is open."""
    asked = Counter({task.id: task.least_answers or task.overlap for task in world.tasks})
    tasks = {task.id: task for task in world.tasks}
    while True:
        votes = world.votes(asked)
        known = list(item_posteriors(votes))
        for task_id in settled(tasks.values(), known, lambda _task: sure):
            tasks[task_id] = replace(tasks[task_id], closed_at=datetime(2026, 1, 2, tzinfo=UTC))
        of = {each.item: each for each in known}
        left = [task for task in tasks.values() if task.closed_at is None and asked[task.id] < task.overlap]
        if not left or (budget is not None and asked.total() >= budget):
            return votes
        worth = {
            task.id: expected_value(
                task, uncertainty(task, [of["|".join(task.message_ids)]]), asked[task.id], WEIGHTS
            )
            for task in left
        }
        left.sort(key=lambda task: (-worth[task.id], task.id))
        room = len(left) if budget is None else budget - asked.total()
        for task in left[: max(1, min(room, (len(left) + 1) // 2))]:
            asked[task.id] += 1


def alpha(votes: pd.DataFrame) -> tuple[float, float, float]:
    """Return Krippendorff's alpha and its interval."""
    found = krippendorff_alpha(votes[["item", "annotator", "value"]])
    return float(found), found.low or 0.0, found.high or 0.0


def runs(setting: Setting, seeds: int, most: int, sure: float) -> Iterator[dict[str, float]]:
    for seed in range(seeds):
        same = World.drawn(setting, seed, FIXED, None, 0.0)
        five = fixed(same)
        world = World.drawn(setting, seed, most, 2, AUDIT)
        votes = adaptive(world, sure)
        stays = {task.id for task in world.tasks if task.least_answers is None}
        true, _, _ = alpha(fixed(same, setting.people))
        audit, low, high = alpha(votes[votes["task_id"].isin(stays)])
        yield {
            "fixed": same.accuracy(five),
            "adaptive": world.accuracy(votes),
            "answers": len(votes) / len(five),
            "true": true,
            "audit": audit,
            "inside": low <= true <= high,
            "all": alpha(votes)[0],
        }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("seeds", type=int, nargs="?", default=10)
    seeds = parser.parse_args().seeds
    print("setting  most sure | right: fixed 5, adaptive | answers | alpha: true, audit (true inside), all")
    for setting in SETTINGS:
        for most, sure in ((9, 0.9), (9, 0.95), (7, 0.98)):
            found = pd.DataFrame(runs(setting, seeds, most, sure))
            at = found.mean()
            error = float(np.std(found["audit"] - found["true"], ddof=1) / len(found) ** 0.5)
            print(
                f"{setting.name:8} {most:4} {sure:.2f} | {at['fixed']:.4f} {at['adaptive']:.4f} "
                f"({at['adaptive'] - at['fixed']:+.4f}) | {at['answers'] - 1:+.0%} | {at['true']:.3f} "
                f"{at['audit']:.3f} ({at['audit'] - at['true']:+.3f}, s.e. {error:.3f}; "
                f"{int(found['inside'].sum())} of {seeds}) {at['all']:.3f}"
            )


if __name__ == "__main__":
    main()
