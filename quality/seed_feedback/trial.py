"""Judges on trial: what each judge's answers are worth, held against people who did not see them.

A judge is a model with a version of its prompt. What it was taught by (few-shot corrections) never tests it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd
from scipy.stats import binomtest

from quality.seed_feedback.agreement import SeedAgreement, seed_agreement
from quality.seed_feedback.prediction_powered import Rate, rate
from quality.votes import on_seeded
from workspaces.records import Tag

if TYPE_CHECKING:
    from collections.abc import Collection

LEAST_IN_A_WEEK = 10
"""The least responses that are compared in a week of its own."""


@dataclass(frozen=True, slots=True)
class Said:
    """A row of the calibration table: where a judge said ``said``, how often people's majority said the same.

    Of ``n_items`` responses with a majority it says the same on ``n_same``; ``value`` is that share, with its 95 %
    interval (Wilson) for other responses. All three are None where the judge never said it.
    """

    judge: str
    question: str
    said: str
    n_items: int
    n_same: int
    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class JudgeRate:
    """How often people say yes to a question, by the human sample alone and with a judge's answers."""

    judge: str
    question: str
    human: Rate
    powered: Rate


def blind_votes(votes: pd.DataFrame, shown: Collection[str], taught: Collection[str] = ()) -> pd.DataFrame:
    """Return the votes that test judges: blind ones, on qualities, and on no item that a judge may be taught by.

    Args:
        votes: as ``quality.votes`` returns it.
        shown: ids of the tasks that show a seed.
        taught: the items from which corrections are drawn, used or not; empty where no judge has corrections.
    """
    seeded = on_seeded(votes)
    return seeded[~seeded["task_id"].isin(list(shown)) & ~seeded["item"].isin(list(taught))]


def agreement_by_week(
    votes: pd.DataFrame, seeds: pd.DataFrame, weeks: pd.Series
) -> tuple[tuple[str, SeedAgreement], ...]:
    """Return the agreement of each judge with people's majority on each question, week by week.

    Args:
        votes: as ``blind_votes`` returns it.
        seeds: as ``seed_table`` returns it.
        weeks: the week of people's answers by task id; tasks without one are left out.

    Returns:
        (week, agreement) in ascending order of week, where at least ``LEAST_IN_A_WEEK`` responses are compared.
    """
    week_of = votes["task_id"].map(weeks)
    return tuple(
        (str(week), agreement)
        for week, of_week in votes.groupby(week_of, sort=True)
        for agreement in seed_agreement(of_week, seeds)
        if agreement.confusion.total >= LEAST_IN_A_WEEK
    )


def calibration(agreements: Collection[SeedAgreement]) -> tuple[Said, ...]:
    """Return the calibration table of agreements: how far each answer of a judge can be trusted."""
    rows = []
    for agreement in agreements:
        for column, said in enumerate(agreement.confusion.values):
            total = sum(row[column] for row in agreement.confusion.counts)
            same = agreement.confusion.counts[column][column]
            share: tuple[float | None, float | None, float | None] = (None, None, None)
            if total:
                interval = binomtest(same, total).proportion_ci(method="wilson")
                share = (same / total, float(interval.low), float(interval.high))
            rows.append(Said(agreement.judge, agreement.question, said, total, same, *share))
    return tuple(rows)


def judge_rates(votes: pd.DataFrame, seeds: pd.DataFrame) -> tuple[JudgeRate, ...]:
    """Estimate how often people say yes to each question, with each judge's seeds of all responses.

    Tasks are drawn by significance, and at random among responses of one significance. So responses are weighted as
    the newest seeds of all responses are distributed over it, for the human sample alone as well.

    Args:
        votes: as ``blind_votes`` returns it.
        seeds: as ``seed_table`` returns it, oldest first.

    Returns:
        Judges and questions in ascending order, where people answered a response that the judge rated.
    """
    stratum = seeds.drop_duplicates("item", keep="last").set_index("item")["significance"]
    rates = []
    for (judge, question), of_judge in seeds.groupby(["judge", "question"], sort=True):
        predicted = (of_judge.set_index("item")["value"] == Tag.YES.value).astype(float)
        answers = votes.loc[votes["question"] == question, ["item", "annotator", "value"]]
        answers = answers[answers["item"].isin(predicted.index)]
        sample = answers.assign(
            value=(answers["value"] == Tag.YES.value).astype(float),
            predicted=answers["item"].map(predicted),
            stratum=answers["item"].map(stratum),
        )
        alone = predicted[~predicted.index.isin(sample["item"])]
        others = pd.DataFrame({"predicted": alone, "stratum": stratum.reindex(alone.index)})
        human, powered = rate(sample, others, 0.0), rate(sample, others)
        if human is not None and powered is not None:
            rates.append(JudgeRate(str(judge), str(question), human, powered))
    return tuple(rates)
