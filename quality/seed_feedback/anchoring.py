"""Anchoring: whether seeing the seed changes people's answers, from randomly assigned shown and blind tasks."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING

from quality.votes import on_seeded
from workspaces.kinds import all_kinds

if TYPE_CHECKING:
    import pandas as pd

ALL_QUESTIONS = "all questions"
NOTHING_SHOWN = (
    "No answered task shows seed feedback, so nobody can have been swayed by it; 'mix.show_seed' in "
    "chatfeedback.yaml shows it with a part of the tasks."
)
NOTHING_BLIND = (
    "No answered task of the same draws is blind: set 'mix.show_seed' below 1 to have something to compare."
)


@dataclass(frozen=True, slots=True)
class Anchoring:
    """P(a person agrees with the seed | it is shown) - P(agrees | it is hidden), for one judge and question.

    ``value`` is ``None`` where one of the two is not known; ``sentence`` then gives the reason. ``n_shown`` and
    ``n_hidden`` count tasks.
    """

    judge: str
    question: str
    value: float | None
    low: float | None
    high: float | None
    agree_shown: float | None
    agree_hidden: float | None
    n_shown: int
    n_hidden: int
    sentence: str


def anchoring(votes: pd.DataFrame, seeds: pd.DataFrame, tasks: pd.DataFrame) -> tuple[Anchoring, ...]:
    """Return the anchoring effect of each shown judge, over all questions first and then on each question.

    Within a draw, the tasks that show the seed are chosen at random, so only blind tasks of draws in which a seed was
    shown are compared. Every task has the same weight; its value is the share of its answers that agree with the seed.
    A seed that says that a question does not apply is never shown, and so never compared.

    Args:
        votes: as ``quality.votes`` returns it.
        seeds: as ``seed_table`` returns it.
        tasks: as ``task_table`` returns it.

    Returns:
        One entry per judge and question. The 95 % interval is for other tasks: that of the difference of two means,
        with one agreeing and one divergent task added to each side, so that the interval of a few unanimous tasks is
        not empty. If no task shows a seed: a single undefined entry with the reason.

    Source: Agresti and Caffo (2000) for the adjustment, applied to tasks because answers to one task are correlated.
    """
    answered = on_seeded(votes).merge(tasks[["task_id", "shown", "drawn_at"]], on="task_id")
    judges = sorted(answered["shown"].dropna().unique())
    if not judges:
        return (Anchoring("", ALL_QUESTIONS, None, None, None, None, None, 0, 0, NOTHING_SHOWN),)
    effects: list[Anchoring] = []
    for judge in judges:
        draws = answered.loc[answered["shown"] == judge, "drawn_at"].unique()
        compared = answered[
            answered["drawn_at"].isin(draws) & (answered["shown"].isna() | (answered["shown"] == judge))
        ]
        of_judge = seeds.loc[seeds["judge"] == judge, ["item", "question", "value"]]
        both = compared.merge(of_judge, on=["item", "question"], suffixes=("", "_of_seed"))
        both = both[both["value_of_seed"] != both["question"].map(_never_shown())]
        both = both.assign(agrees=both["value"] == both["value_of_seed"], seen=both["shown"].notna())
        effects.append(_difference(judge, ALL_QUESTIONS, both))
        effects += [
            _difference(judge, str(question), table)
            for question, table in both.groupby("question", sort=True)
        ]
    return tuple(effects)


def _never_shown() -> dict[str, str | None]:
    """Return the answer of each question that seed feedback never shows: that the question does not apply."""
    return {
        question.name: question.not_applicable for kind in all_kinds().values() for question in kind.seeded
    }


def _difference(judge: str, question: str, table: pd.DataFrame) -> Anchoring:
    shares = table.groupby(["seen", "task_id"])["agrees"].mean()
    arms = dict(list(shares.groupby(level="seen")))
    means = {seen: float(arm.mean()) for seen, arm in arms.items()}
    sizes = {seen: len(arm) for seen, arm in arms.items()}
    shown, hidden = means.get(True), means.get(False)
    numbers = (shown, hidden, sizes.get(True, 0), sizes.get(False, 0))
    if shown is None or hidden is None:
        reason = NOTHING_SHOWN if shown is None else NOTHING_BLIND
        return Anchoring(judge, question, None, None, None, *numbers, reason)
    centre, variance = 0.0, 0.0
    for seen, sign in ((True, 1), (False, -1)):
        size = sizes[seen] + 2
        mean = (float(arms[seen].sum()) + 1) / size
        squares = float((arms[seen] ** 2).sum()) + 1
        centre += sign * mean
        variance += (squares / size - mean**2) / (size - 1)
    value, reach = shown - hidden, 1.96 * sqrt(variance)
    low, high = max(min(centre - reach, value), -1.0), min(max(centre + reach, value), 1.0)
    return Anchoring(judge, question, value, low, high, *numbers, _sentence(value, low, high, shown, hidden))


def _sentence(value: float, low: float, high: float, shown: float, hidden: float) -> str:
    facts = (
        f"Of the votes on a task, on average {shown:.0%} agree with the seed where it is shown and {hidden:.0%} where "
        "it is hidden: "
        f"{value * 100:+.0f} percentage points (95 % interval {low * 100:+.0f} to {high * 100:+.0f})"
    )
    if low > 0:
        return f"Seeing the seed sways people. {facts}."
    if high < 0:
        return f"Seeing the seed makes people disagree with it. {facts}."
    return f"It is not clear that seeing the seed sways people. {facts}."
