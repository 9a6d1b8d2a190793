"""Judges on trial: rates with and without them, their calibration, and corrections that never test them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.judges_coverage import SETTINGS, coverage
from quality.seed_feedback import (
    agreement_by_week,
    blind_votes,
    calibration,
    judge_rates,
    rate,
    seed_agreement,
)
from quality.seed_feedback.corrections import disagreements
from tests.examples import examples
from tests.unit.quality.test_seed_feedback import JUDGE, seeds_for, votes_table
from workspaces.store.judge_prompts import is_set_apart


def reference() -> tuple[pd.DataFrame, pd.DataFrame]:
    truth = [1, 0, 1, 1, 0, 1, 0, 0, 1, 1, 1, 0] * 5
    predicted = [1, 0, 1, 0, 0, 1, 1, 0, 1, 1, 1, 0] * 5
    sample = pd.DataFrame({"item": range(60), "annotator": "p", "value": truth, "predicted": predicted})
    others = pd.DataFrame({"predicted": [1, 0, 0, 1, 1] * 60})
    return sample.assign(stratum="all"), others.assign(stratum="all")


@pytest.mark.parametrize(
    ("power", "value", "low", "high"),
    # uv run --no-project --with ppi-python python: ppi_py.ppi_mean_ci(Y, Yhat, Yhat_unlabeled, alpha=.05, lam=...)
    [
        (0.0, 0.58333333, 0.45858773, 0.70807893),
        (1.0, 0.6, 0.48276568, 0.71723432),
        (None, 0.59252985, 0.49278083, 0.69227887),
    ],
)
def test_rates_and_standard_errors_are_those_of_ppi_python(
    power: float | None, value: float, low: float, high: float
) -> None:
    found = rate(*reference(), power)
    assert found is not None
    # ppi-python divides by n, not by n - 1, and pools the variance of the predictions a little differently
    assert found.value == pytest.approx(value, abs=2e-4)
    assert found.standard_error == pytest.approx((high - low) / 2 / 1.959964, rel=0.012)
    assert found.low <= found.value <= found.high


@pytest.mark.parametrize("setting", [SETTINGS[1], SETTINGS[4], SETTINGS[7]])
def test_both_intervals_hold_the_truth_in_92_to_98_of_100_cases(setting) -> None:  # type: ignore[no-untyped-def]
    human, powered, length = coverage(setting, 150, seed=2)
    # 150 simulations of a true 95 % lie within 4.5 points in 99 of 100 cases
    assert 0.905 <= human <= 0.995
    assert 0.905 <= powered <= 0.995
    assert length <= 1.01


def test_a_bad_judge_costs_nothing_and_a_good_one_shortens_the_interval() -> None:
    rng = np.random.default_rng(3)
    true = rng.random(4_000) < 0.4
    for judge, shorter in ((0.5, False), (0.95, True)):
        judged = np.where(rng.random(len(true)) < judge, true, ~true).astype(float)
        rows = [
            (item, f"p{person}", float(true[item]), judged[item], 0)
            for item in range(300)
            for person in range(3)
        ]
        sample = pd.DataFrame(rows, columns=["item", "annotator", "value", "predicted", "stratum"])
        others = pd.DataFrame({"predicted": judged[300:], "stratum": 0})
        human, powered = rate(sample, others, 0.0), rate(sample, others)
        assert human is not None
        assert powered is not None
        ratio = (powered.high - powered.low) / (human.high - human.low)
        assert ratio < 0.6 if shorter else 0.95 < ratio < 1.02
        assert (powered.power > 0.7) == shorter


@given(
    st.lists(
        st.tuples(
            st.integers(0, 5), st.sampled_from("pqr"), st.booleans(), st.booleans(), st.sampled_from("ab")
        ),
        min_size=1,
        max_size=12,
    ),
    st.lists(st.tuples(st.booleans(), st.sampled_from("abc")), max_size=8),
)
@examples(100)
def test_a_rate_is_a_share_within_its_interval_whatever_little_is_known(
    answers: list[tuple[int, str, bool, bool, str]], others: list[tuple[bool, str]]
) -> None:
    sample = pd.DataFrame(answers, columns=["item", "annotator", "value", "predicted", "stratum"])
    sample = sample.drop_duplicates(["item", "annotator"]).astype({"value": float, "predicted": float})
    for column in ("predicted", "stratum"):  # an item has one answer of the judge, and one stratum
        sample[column] = sample.groupby("item")[column].transform("first")
    left = pd.DataFrame(others, columns=["predicted", "stratum"]).astype({"predicted": float})
    for power in (0.0, None, 1.0):
        found = rate(sample, left, power)
        assert found is not None
        assert 0 <= found.low <= found.value <= found.high <= 1
        assert 0 <= found.power <= 1
    assert rate(sample.iloc[:0], left) is None


def test_the_sample_is_weighted_by_the_significance_of_all_responses() -> None:
    """High significance is asked three times as often: the plain mean of the sample would be .7."""
    items = [f"m{number}" for number in range(200)]
    level = ["high" if number % 2 else "low" for number in range(200)]
    seeds = seeds_for(dict.fromkeys(items, "yes")).assign(significance=level)
    asked = [
        number for number in range(200) if (number % 2 and number < 140) or (number % 2 == 0 and number < 60)
    ]
    votes = votes_table([(f"m{number}", p, "yes" if number % 2 else "no") for number in asked for p in "pq"])
    (found,) = judge_rates(votes, seeds)
    assert found.human.value == pytest.approx(0.5)
    assert found.powered.value == pytest.approx(0.5)
    assert (found.human.n_items, found.human.n_predicted) == (100, 100)


def test_the_calibration_table_says_how_far_each_answer_can_be_trusted() -> None:
    votes = votes_table([(f"m{n}", "p", "yes" if n < 6 else "no") for n in range(12)])
    seeds = seeds_for({f"m{n}": "yes" if n < 8 else "no" for n in range(12)})
    rows = {row.said: row for row in calibration(seed_agreement(votes, seeds))}
    assert (rows["yes"].n_items, rows["yes"].n_same, rows["yes"].value) == (8, 6, 0.75)
    assert rows["yes"].low == pytest.approx(0.4093, abs=1e-4)  # Wilson
    assert rows["na"].value is None


def test_agreement_over_time_tells_a_judge_that_got_worse() -> None:
    votes = votes_table([(f"m{n}", "p", "yes" if n % 2 else "no") for n in range(60)])
    seeds = seeds_for({f"m{n}": "yes" if (n % 2 if n < 30 else n % 3) else "no" for n in range(60)})
    weeks = pd.Series({f"task m{n}": "2026-W01" if n < 30 else "2026-W02" for n in range(60)})
    (first, before), (second, after) = agreement_by_week(votes, seeds, weeks)
    assert (first, second) == ("2026-W01", "2026-W02")
    kappas = [it.coefficients["kappa"].value for it in (before, after)]
    assert kappas[0] == 1.0
    assert kappas[1] is not None
    assert kappas[1] < 0.5


@given(st.integers(0, 2**32 - 1), st.integers(1, 20))
@examples(40)
def test_no_correction_is_drawn_from_what_tests_a_judge(seed: int, most: int) -> None:
    rng = np.random.default_rng(seed)
    items = [f"item {number} of {seed}" for number in range(120)]
    words = iter(np.where(rng.random(2 * len(items)) < 0.9, "yes", "no").tolist())
    votes = votes_table([(item, person, next(words)) for item in items for person in "pq"])
    seeds = seeds_for({item: str(rng.choice(["yes", "no"])) for item in items})
    found = disagreements(votes, seeds, JUDGE, (), most)
    taught = {item for item in items if is_set_apart(item)}
    tested = set(blind_votes(votes, (), taught)["item"])
    assert not {it.item for it in found} & tested
    assert {it.item for it in found} <= taught
    assert tested == set(items) - taught
    assert len(found) <= most
    said = dict(zip(seeds["item"], seeds["value"], strict=True))
    for it in found:
        assert it.people["helpful"] != said[it.item], "a correction is a disagreement"
    assert found == disagreements(votes.sample(frac=1, random_state=1), seeds, JUDGE, (), most)


def test_people_who_saw_the_seed_neither_test_nor_correct_it() -> None:
    items = [name for number in range(400) if is_set_apart(name := f"m{number}")]
    votes = votes_table([(item, person, "no") for item in items for person in "pq"])
    seeds = seeds_for(dict.fromkeys(items, "yes"))
    shown = {f"task {item}" for item in items[1:]}
    assert [it.item for it in disagreements(votes, seeds, JUDGE, shown, 20)] == [items[0]]
    assert set(blind_votes(votes, shown, ())["item"]) == {items[0]}
