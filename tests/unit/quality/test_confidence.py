"""Confidence in a person, and what it does to the reward."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy.special import betaincinv

from quality import annotator_confidence
from quality.confidence import Population, reward_multiplier
from tests.unit.quality.answer_tables import benchmark, by_annotator, by_item, simulated


def raw_credit(table: pd.DataFrame) -> pd.Series[float]:
    rows = annotator_confidence(table).set_index("annotator")
    return 1 - rows["n_divergent"] / rows["n_answers"]


def test_a_guesser_among_three_scores_a_half_because_the_own_vote_does_not_count() -> None:
    # Two people right in 4 of 5 items and a guesser, in every combination and with exact frequencies.
    rows = [
        (one, two, three)
        for (one, often), (two, also), three in product([(0, 4), (1, 1)], [(0, 4), (1, 1)], [0, 1])
        for _ in range(often * also)
    ]
    rows += [(1 - one, 1 - two, 1 - three) for one, two, three in rows]
    table = pd.DataFrame(
        [(item, place, value) for item, row in enumerate(rows) for place, value in enumerate(row)],
        columns=["item", "annotator", "value"],
    )
    with_own_vote = np.mean([row[2] == (sum(row) >= 2) for row in rows])
    assert with_own_vote == pytest.approx(0.660)
    assert raw_credit(table)[2] == pytest.approx(0.500)


def test_a_simulated_guesser_among_three_scores_a_half() -> None:
    assert raw_credit(simulated([0.8, 0.8, 0.5], 100_000, 3, seed=1))[2] == pytest.approx(0.501, abs=0.005)


def test_a_tied_rest_credits_one_over_the_number_tied_and_a_lone_answer_is_left_out() -> None:
    tied = annotator_confidence(by_item("abc")).set_index("annotator")
    assert tied["n_divergent"].tolist() == [1.0, 1.0, 1.0]
    half = annotator_confidence(by_item("aab")).set_index("annotator")
    assert half["n_divergent"].tolist() == [0.5, 0.5, 1.0]
    alone = annotator_confidence(by_annotator("11", "1.")).set_index("annotator")
    assert alone["n_answers"].tolist() == [1, 1]


@pytest.mark.parametrize(
    ("answers", "raw_error", "shrunk_error"), [(3, 0.226, 0.081), (10, 0.124, 0.071), (100, 0.039, 0.036)]
)
def test_shrinking_lowers_the_error_as_in_the_specification(
    answers: int, raw_error: float, shrunk_error: float
) -> None:
    rng = np.random.default_rng(1)
    truth = rng.beta(16, 4, 200_000)
    agreeing = rng.binomial(answers, truth).astype(float)
    each = np.full(len(truth), float(answers))
    alpha, beta = Population.of(agreeing, each).posteriors(agreeing, each)
    shrunk = alpha / (alpha + beta)
    assert np.sqrt(np.mean((agreeing / answers - truth) ** 2)) == pytest.approx(raw_error, abs=0.001)
    assert np.sqrt(np.mean((shrunk - truth) ** 2)) == pytest.approx(shrunk_error, abs=0.001)
    if answers == 3:
        assert np.mean(agreeing / answers < 0.6) == pytest.approx(0.118, abs=0.01)
        assert np.mean(truth < 0.6) == pytest.approx(0.023, abs=0.005)
        assert not (shrunk < 0.6).any()


@pytest.mark.parametrize("people", [2, 3, 10, 100])
@pytest.mark.parametrize("answers", [3, 20, 100])
@pytest.mark.parametrize("strength", [5.0, 30.0, 1e9])
def test_the_interval_holds_the_truth_of_a_small_team_too(people: int, answers: int, strength: float) -> None:
    rng = np.random.default_rng(1)
    held = []
    for _ in range(150):
        truth = rng.beta(0.75 * strength, 0.25 * strength, people)
        agreeing, each = rng.binomial(answers, truth).astype(float), np.full(people, float(answers))
        alpha, beta = Population.of(agreeing, each).posteriors(agreeing, each)
        held += [*((betaincinv(alpha, beta, 0.025) <= truth) & (truth <= betaincinv(alpha, beta, 0.975)))]
    assert np.mean(held) > 0.92


def test_who_answered_nothing_is_known_least() -> None:
    agreeing, answers = np.array([15.0, 14.0, 0.0]), np.array([20.0, 20.0, 0.0])
    alpha, beta = Population.of(agreeing, answers).posteriors(agreeing, answers)
    assert alpha[2] + beta[2] < (alpha + beta)[:2].min()
    nobody = Population.of(np.zeros(2), np.zeros(2))
    alpha, beta = nobody.posteriors(np.zeros(2), np.zeros(2))
    assert alpha == pytest.approx(beta)
    assert (alpha > 0).all()


def test_only_the_guessers_lose_reward_and_only_with_enough_answers() -> None:
    table = simulated([0.9] * 10 + [0.5] * 2, 3000, 4, seed=2)
    rows = annotator_confidence(table)
    assert (rows["multiplier"][:10] == 1.0).all()
    assert (rows["multiplier"][10:] < 0.85).all()
    early = annotator_confidence(table[table["item"] < 20])
    assert (early["multiplier"] == 1.0).all()


def test_a_newcomer_with_nothing_but_divergent_answers_keeps_the_full_reward() -> None:
    table = simulated([0.95] * 8, 500, 4, seed=3)
    newcomer = pd.DataFrame({"item": range(10), "annotator": 99, "value": 7})
    row = annotator_confidence(pd.concat([table, newcomer])).set_index("annotator").loc[99]
    assert row["n_divergent"] == 10
    assert row["multiplier"] == 1.0


def test_nobody_is_blamed_for_a_question_on_which_everybody_disagrees() -> None:
    rows = annotator_confidence(simulated([0.5] * 6, 3000, 4, seed=4))
    assert (rows["multiplier"] == 1.0).all()


def test_two_people_who_never_agree_are_not_told_who_is_right() -> None:
    rows = annotator_confidence(by_annotator("1" * 200, "2" * 200))
    assert (rows["multiplier"] == 1.0).all()


def test_always_giving_the_common_answer_is_worth_no_more_than_chance() -> None:
    table = simulated([0.95] * 12, 4000, 4, seed=5, shares=(0.97, 0.03))
    table.loc[table["annotator"] == 3, "value"] = 0
    rows = annotator_confidence(table).set_index("annotator")
    assert raw_credit(table)[3] > 0.95
    assert rows["value"][3] < 0.6
    assert rows.drop(index=3)["value"].min() > 0.7


def test_one_more_divergent_answer_never_raises_and_never_drops_the_reward_by_a_step() -> None:
    answers, prior = 400.0, Population(0.8, 20.0, 0.8)
    divergent = np.linspace(0, answers, 40_001, dtype=np.float64)
    multiplier = reward_multiplier(
        answers - divergent + prior.strength * prior.mean,
        divergent + prior.strength * (1 - prior.mean),
        divergent,
        0.6,
        0.95,
        10,
    )
    assert multiplier[0] == 1.0
    assert (np.diff(multiplier) <= 0).all()
    assert np.abs(np.diff(multiplier)).max() < 0.001
    assert (multiplier > 0).all()
    assert multiplier[-1] < 0.1


def test_the_same_rate_over_more_answers_never_raises_the_reward() -> None:
    answers = np.arange(1.0, 3000, dtype=np.float64)
    multiplier = reward_multiplier(0.4 * answers + 16, 0.6 * answers + 4, 0.6 * answers, 0.6, 0.95, 10)
    assert (multiplier[answers * 0.6 <= 10] == 1.0).all()
    assert (np.diff(multiplier) <= 1e-12).all()


def test_the_order_of_rows_does_not_matter_and_a_duplicate_changes_nothing() -> None:
    table = simulated([0.9] * 6 + [0.5], 300, 3, seed=6)
    rows = annotator_confidence(table)
    pd.testing.assert_frame_equal(rows, annotator_confidence(table.sample(frac=1, random_state=1)))
    pd.testing.assert_frame_equal(rows, annotator_confidence(pd.concat([table, table.iloc[:50]])))


def test_questions_are_pooled_without_mixing_their_items() -> None:
    one, two = simulated([0.9] * 4, 50, 3, seed=7), simulated([0.9] * 4, 80, 3, seed=8)
    pooled = annotator_confidence(pd.concat([one.assign(question="a"), two.assign(question="b")]))
    separate = annotator_confidence(one)["n_divergent"] + annotator_confidence(two)["n_divergent"]
    assert pooled["n_divergent"].tolist() == pytest.approx(separate.tolist())
    assert pooled["n_answers"].sum() == 390


@pytest.mark.parametrize(
    "table", [by_annotator(), by_annotator("1"), by_annotator("1", "1"), by_annotator("1", "2")]
)
def test_very_few_answers_give_finite_values_and_the_full_reward(table: pd.DataFrame) -> None:
    rows = annotator_confidence(table)
    assert rows.columns.tolist() == [
        "annotator", "value", "low", "high", "n_answers", "n_divergent", "multiplier",
    ]  # fmt: skip
    numbers = rows.drop(columns="annotator").to_numpy(dtype=float)
    assert np.isfinite(numbers).all()
    assert (rows["low"] <= rows["value"]).all()
    assert (rows["value"] <= rows["high"]).all()
    assert (rows["multiplier"] == 1.0).all()


def test_arguments_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="threshold lies between"):
        annotator_confidence(by_annotator("1"), threshold=1.0)


@pytest.mark.parametrize(("overlap", "shares"), [(3, (0.5, 0.5)), (3, (0.9, 0.1)), (3, (0.4, 0.3, 0.3))])
def test_honest_newcomers_keep_their_reward_and_steady_contrarians_do_not(
    overlap: int, shares: tuple[float, ...]
) -> None:
    rng = np.random.default_rng(11)
    touched = benchmark("quality_confidence").touched
    rows = pd.concat([touched(rng, overlap, shares) for _ in range(6)])
    compared = rows[rows["n_answers"] >= 10]
    newcomers, contrarians = (compared[compared["group"] == group] for group in ("newcomer", "contrarian"))
    assert len(newcomers) > 500
    assert newcomers["lost"].mean() < 0.01
    assert contrarians["lost"].mean() > 0.95
