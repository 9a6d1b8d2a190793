"""Dawid-Skene, MACE and Bradley-Terry on published and simulated tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from bench.aggregation import accuracies
from bench.crowds import crowds, drawn
from quality import (
    CAUTIOUS,
    NEAR_VOTES,
    POOLED,
    UNSMOOTHED,
    ConfusionPrior,
    PooledPrior,
    bradley_terry,
    dawid_skene,
    dawid_skene_stream,
    mace,
    majority_vote,
)
from quality.aggregation.em import Pull
from tests.unit.quality.answer_tables import by_annotator, by_item, simulated

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

DAWID_SKENE_1979 = (
    "1111111 3334334 1122122 2223121 2223222 2223322 1222111 3333433 2222223 2322223 4444444 2223343 1111111 "
    "2223212 1211111 1112111 1111111 1111111 2222221 2221322 2222222 2222221 2223222 2212222 1111111 1111111 "
    "2322222 1111111 1111111 1121121 1111111 3333233 1111111 2222222 2223232 4334343 2212232 2323233 3333432 "
    "1111111 1111111 1212111 2322222 1211111 2222222"
)
BASEBALL = {
    "Mil": (0, 7, 9, 7, 7, 9, 11),
    "Det": (6, 0, 7, 5, 11, 9, 9),
    "Tor": (4, 6, 0, 7, 7, 8, 12),
    "NY": (6, 8, 6, 0, 6, 7, 10),
    "Bos": (6, 2, 6, 7, 0, 7, 12),
    "Cle": (4, 4, 5, 6, 6, 0, 6),
    "Bal": (2, 4, 1, 3, 1, 7, 0),
}


def patients() -> pd.DataFrame:
    """The first observer saw every patient three times."""
    return by_item(DAWID_SKENE_1979).assign(
        annotator=lambda table: (table["annotator"] - 1).clip(lower=1),
        value=lambda table: table["value"].astype(int),
    )


def games() -> pd.DataFrame:
    rows = [
        (winner, loser, "first")
        for winner, wins in BASEBALL.items()
        for loser, often in zip(BASEBALL, wins, strict=True)
        for _ in range(often)
    ]
    return pd.DataFrame(rows, columns=["first", "second", "value"])


def right(model_values: pd.Series[Any], truth: NDArray[np.int64]) -> float:
    return float((model_values.to_numpy() == truth[model_values.index]).mean())


def test_dawid_and_skenes_patients() -> None:
    model = dawid_skene(patients(), prior=UNSMOOTHED, iterations=300, repeats=True, tolerance=1e-13)
    assert round(model.log_likelihood, 6) == -192.890881
    assert model.class_priors.round(4).tolist() == [0.3996, 0.4220, 0.1118, 0.0667]
    assert model.confusions.loc[1].round(4).to_numpy().tolist() == [
        [0.8895, 0.1105, 0, 0],
        [0.0706, 0.8764, 0.0530, 0],
        [0, 0.3388, 0.6612, 0],
        [0, 0, 0.5556, 0.4444],
    ]
    assert model.converged
    assert model.posteriors.shape == (45, 4)


def test_rows_of_posteriors_and_confusions_sum_to_one() -> None:
    model = dawid_skene(simulated([0.9, 0.7, 0.6, 0.5], 200, 3, seed=1, shares=(0.5, 0.3, 0.2)))
    assert model.posteriors.sum(axis=1).to_numpy() == pytest.approx(1)
    assert model.confusions.sum(axis=1).to_numpy() == pytest.approx(1)
    assert model.class_priors.sum() == pytest.approx(1)


def test_the_likelihood_rises_with_every_iteration() -> None:
    table = simulated([0.9, 0.7, 0.6, 0.5], 200, 3, seed=2)
    reached = [
        dawid_skene(table, prior=UNSMOOTHED, iterations=number, tolerance=0).log_likelihood
        for number in range(1, 12)
    ]
    assert (np.diff(reached) >= -1e-9).all()


def test_two_careful_people_outvote_three_careless_ones() -> None:
    rng = np.random.default_rng(3)
    accuracy, truth = np.array([0.97, 0.97, 0.55, 0.55, 0.55]), rng.integers(0, 2, 600)
    value = np.where(rng.random((600, 5)) < accuracy, truth[:, None], 1 - truth[:, None])
    item, annotator = np.indices(value.shape)
    table = pd.DataFrame({"item": item.ravel(), "annotator": annotator.ravel(), "value": value.ravel()})
    by_majority = right(majority_vote(table).set_index("item")["value"], truth)
    assert right(dawid_skene(table).posteriors.idxmax(axis=1), truth) > by_majority + 0.04
    assert right(mace(table).posteriors.idxmax(axis=1), truth) > by_majority + 0.04


def test_a_person_who_always_mistakes_one_value_for_another_is_understood() -> None:
    rng = np.random.default_rng(4)
    truth = rng.integers(0, 3, 400)
    seen = np.where(rng.random((400, 4)) < 0.9, truth[:, None], (truth[:, None] + 1) % 3)
    swapped = np.array([0, 2, 1])[truth]
    value = np.column_stack([seen, swapped])
    item, annotator = np.indices(value.shape)
    model = dawid_skene(
        pd.DataFrame({"item": item.ravel(), "annotator": annotator.ravel(), "value": value.ravel()})
    )
    assert model.confusions[2][4, 1] > 0.9
    assert model.confusions[1][4, 2] > 0.9


def test_a_prior_keeps_a_newcomer_from_being_anything() -> None:
    table = pd.concat(
        [simulated([0.9] * 4, 200, 3, seed=5), pd.DataFrame({"item": [0], "annotator": [9], "value": [1]})]
    )
    sure = dawid_skene(table, prior=UNSMOOTHED).confusions.loc[9].to_numpy()
    careful = dawid_skene(table, prior=CAUTIOUS).confusions.loc[9].to_numpy()
    like_others = dawid_skene(table).confusions
    assert sure.max() > 0.999
    assert careful.max() < 0.9
    assert (careful.diagonal() > 0.5).all()
    usual = like_others.groupby(level="truth").mean().to_numpy()
    assert like_others.loc[9].to_numpy() == pytest.approx(usual, abs=0.05)
    with pytest.raises(ValueError, match="may be below 0"):
        ConfusionPrior(wrong=-1)


def test_values_that_nobody_gave_get_a_probability_if_they_are_named() -> None:
    posteriors = dawid_skene(by_annotator("121", "121"), [1, 2, 3]).posteriors
    assert list[object](posteriors.columns) == [1, 2, 3]
    assert (posteriors[3] > 0).all()
    assert (posteriors[3] < 0.1).all()


@pytest.mark.parametrize(
    "table", [by_annotator(), by_annotator(".."), by_annotator("1"), by_annotator("12", "21")]
)
def test_very_few_answers_are_no_trouble(table: pd.DataFrame) -> None:
    n_items = table.dropna()["item"].nunique()
    assert len(dawid_skene(table).posteriors) == n_items
    assert len(mace(table).posteriors) == n_items
    with dawid_skene_stream(pa.Table.from_pandas(table)) as model:
        assert sum(batch.num_rows for batch in model.posteriors()) == n_items
    assert dawid_skene(table).posteriors.notna().all(axis=None)


def test_arguments_out_of_range_are_refused() -> None:
    table = by_annotator("12", "21")
    with pytest.raises(ValueError, match="iterations is at least 1"):
        dawid_skene(table, iterations=0)
    with pytest.raises(ValueError, match="iterations is at least 1"):
        mace(table, iterations=0)
    with pytest.raises(ValueError, match="parts is at least 1"):
        dawid_skene_stream(pa.Table.from_pandas(table), parts=0)
    with pytest.raises(ValueError, match="2 is not one of"):
        dawid_skene(table, [1, 3])
    with pytest.raises(ValueError, match="no column value"):
        dawid_skene_stream(pa.table({"item": [1], "annotator": [1]}))


@pytest.mark.parametrize("parts", [1, 7])
def test_a_stream_gives_the_model_of_the_whole_table(parts: int) -> None:
    table = simulated([0.9, 0.8, 0.7, 0.6, 0.5, 0.95], 300, 4, seed=6, shares=(0.5, 0.3, 0.2))
    named = table.assign(
        item=table["item"].map("m{:03d}".format),
        annotator=table["annotator"].map("p{}".format),
        value=table["value"].map(dict(enumerate(["yes", "no", "na"]))),
    ).sample(frac=1, random_state=1)
    revised = pd.concat([named.iloc[:30].assign(value="na"), named, named.iloc[5:9].assign(value="no")])
    whole = dawid_skene(revised, tolerance=0, iterations=15)
    dictionaries = pa.Table.from_pandas(revised.astype("category"), preserve_index=False)
    plain = pa.Table.from_pandas(revised, preserve_index=False)
    for source in (dictionaries, plain, iter(plain.to_batches(max_chunksize=100))):
        with dawid_skene_stream(source, tolerance=0, iterations=15, parts=parts) as model:
            found = pa.Table.from_batches(model.posteriors()).to_pandas().set_index("item").sort_index()
            assert found.index.astype(str).tolist() == whole.posteriors.index.tolist()
            assert found.columns.tolist() == ["na", "no", "yes"]
            assert np.abs(found.to_numpy() - whole.posteriors.to_numpy()).max() < 1e-12
            assert model.confusions.index.tolist() == whole.confusions.index.tolist()
            assert np.abs(model.confusions.to_numpy() - whole.confusions.to_numpy()).max() < 1e-12
            assert model.log_likelihood == pytest.approx(whole.log_likelihood)


def test_a_stream_leaves_no_files_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with dawid_skene_stream(pa.Table.from_pandas(by_annotator("12", "21"))):
        assert list(tmp_path.iterdir())
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match="iterations"):
        dawid_skene_stream(pa.Table.from_pandas(by_annotator("12", "21")), iterations=0)
    assert not list(tmp_path.iterdir())


def test_mace_tells_who_clicks_through() -> None:
    rng, table = (
        np.random.default_rng(7),
        simulated([0.9] * 6 + [0.5], 500, 4, seed=7, shares=(0.4, 0.3, 0.3)),
    )
    clicks = table["annotator"] == 6
    table.loc[clicks, "value"] = rng.choice(3, clicks.sum(), p=[0.8, 0.1, 0.1])
    model = mace(table)
    assert model.competence.drop(6).min() > 0.75
    assert model.competence[6] < 0.2
    assert model.strategies[0][6] > 0.65
    assert mace(table).posteriors.equals(model.posteriors)


def test_agrestis_baseball_teams() -> None:
    model = bradley_terry(games(), reference="Bal", prior=0)
    assert model.scores.index.tolist() == list(BASEBALL)
    assert model.scores["score"].round(4).tolist() == [1.5814, 1.4364, 1.2945, 1.2476, 1.1077, 0.6839, 0]
    assert model.scores["standard_error"].round(4).tolist() == [
        0.3433, 0.3396, 0.3367, 0.3359, 0.3339, 0.3319, 0,
    ]  # fmt: skip
    assert model.tie == 0
    inside = model.scores.drop(index="Bal")
    assert (inside["low"] < inside["score"]).all()
    assert (inside["score"] < inside["high"]).all()
    widths = (inside["high"] - inside["low"]) / (2 * 1.96 * inside["standard_error"])
    assert widths.between(0.75, 1.35).all()
    assert (model.scores["n_comparisons"] == 78).all()
    assert model.scores["n_wins"].tolist() == [50, 47, 44, 43, 40, 31, 18]


def test_davidsons_ties_solve_their_equations() -> None:
    rng = np.random.default_rng(8)
    first = rng.integers(0, 5, 3000)
    second = (first + rng.integers(1, 5, 3000)) % 5
    score, nu = np.array([1.0, 0.5, 0, -0.5, -1]), 0.7
    odds = np.exp((score[first] - score[second]) / 2)
    drawn = rng.random(3000) * (odds + 1 / odds + nu)
    value = np.where(drawn < odds, "first", np.where(drawn < odds + 1 / odds, "second", "tie"))
    table = pd.DataFrame({"first": first, "second": second, "value": value})
    model = bradley_terry(table, prior=0, replicates=0)
    assert model.scores.index.tolist() == [0, 1, 2, 3, 4]
    assert model.scores["score"].to_numpy() == pytest.approx(score, abs=0.15)
    assert model.tie == pytest.approx(nu, abs=0.1)
    assert model.scores[["low", "high"]].isna().all(axis=None)
    # Davidson (1970), equation 2.4: wins and half the ties of each are as many as expected.
    half = [model.scores["score"].to_numpy()[place] / 2 for place in (first, second)]
    total = np.exp(half[0] - half[1]) + np.exp(half[1] - half[0]) + model.tie
    gained = (value == "first") + (value == "tie") / 2
    expected = (np.exp(half[0] - half[1]) + model.tie / 2) / total
    for team in range(5):
        one, other = first == team, second == team
        assert gained[one].sum() + (1 - gained)[other].sum() == pytest.approx(
            expected[one].sum() + (1 - expected)[other].sum(), abs=1e-4
        )
    assert (value == "tie").sum() == pytest.approx((model.tie / total).sum(), abs=1e-4)
    assert model.win_probability(0, 4) == pytest.approx(np.exp(1) / (np.exp(1) + np.exp(-1) + nu), abs=0.05)


def test_turning_a_comparison_round_changes_nothing() -> None:
    table = games()
    turned = table.assign(first=table["second"], second=table["first"], value="second")
    half = np.arange(len(table)) % 2 == 0
    mixed = pd.concat([table[half], turned[~half]])
    pd.testing.assert_series_equal(
        bradley_terry(mixed, replicates=0).scores["score"], bradley_terry(table, replicates=0).scores["score"]
    )


def test_people_who_judge_many_pairs_widen_the_interval() -> None:
    rng = np.random.default_rng(9)
    taste = rng.normal(0, 1.5, 12)
    annotator = rng.integers(0, 12, 2400)
    value = np.where(rng.random(2400) < 1 / (1 + np.exp(-taste[annotator])), "first", "second")
    table = pd.DataFrame({"first": "x", "second": "y", "value": value, "item": np.arange(2400)})
    alone, people = bradley_terry(table), bradley_terry(table.assign(annotator=annotator))
    assert alone.scores["score"]["x"] == people.scores["score"]["x"]
    widths = [(model.scores["high"] - model.scores["low"])["x"] for model in (alone, people)]
    assert widths[1] > 4 * widths[0]


def test_a_team_that_always_wins_has_a_finite_score_with_a_prior_and_is_refused_without() -> None:
    table = pd.DataFrame({"first": ["a", "a", "b", "c"], "second": ["b", "c", "c", "b"], "value": "first"})
    scores = bradley_terry(table).scores
    assert scores.index[0] == "a"
    assert np.isfinite(scores.to_numpy()).all()
    with pytest.raises(ValueError, match="not finite: 'a' and the rest"):
        bradley_terry(table, prior=0)


def test_comparisons_that_make_no_sense_are_refused() -> None:
    table = pd.DataFrame({"first": ["a"], "second": ["b"], "value": ["first"]})
    with pytest.raises(ValueError, match="'left' is not one of first, second, tie"):
        bradley_terry(table.assign(value="left"))
    with pytest.raises(ValueError, match="'a' is compared with itself"):
        bradley_terry(table.assign(second="a"))
    with pytest.raises(ValueError, match="'c' is not among 'a', 'b'"):
        bradley_terry(table, reference="c")
    with pytest.raises(ValueError, match="no column value"):
        bradley_terry(table[["first", "second"]])
    assert bradley_terry(table.assign(value=None)).scores.empty


def mean_accuracies(
    name: str, *, tables: int = 3, items: int = 600, with_mace: bool = False
) -> pd.Series[float]:
    """Of crowds with the structure that was measured on a published set."""
    crowd, rng = next(crowd for crowd in crowds() if crowd.name == name), np.random.default_rng(7)
    drawings = (drawn(crowd, rng, items=min(crowd.items, items)) for _ in range(tables))
    return pd.DataFrame([accuracies(answers, with_mace=with_mace) for answers in drawings]).mean()


@pytest.mark.parametrize("name", ["Dogs", "RTE", "Web search relevance", "Weather, CrowdFlower", "S_Adult"])
def test_the_default_prior_is_near_the_best_on_crowds_of_the_published_structures(name: str) -> None:
    found = mean_accuracies(name)
    best = found[["majority", "unsmoothed", "4:1 diagonal"]].max()
    assert found["pooled"] >= best - 0.015, found.to_dict()


def test_each_of_the_other_priors_is_far_behind_somewhere() -> None:
    few, many = mean_accuracies("Weather, CrowdFlower"), mean_accuracies("RTE")
    assert few["unsmoothed"] < few["pooled"] - 0.02
    assert many["majority"] < many["pooled"] - 0.02
    assert many["near votes"] < many["pooled"] - 0.01


@pytest.mark.parametrize("name", ["RTE", "Product", "ZenCrowd, India"])
def test_mace_is_not_below_the_majority(name: str) -> None:
    """As published, with equal shares of the classes, it is, where one class is rare."""
    found = mean_accuracies(name, items=1000, with_mace=True)
    assert found["MACE"] >= found["majority"] - 0.01, found.to_dict()
    if name != "RTE":
        assert found["MACE as published"] < found["majority"] - 0.02, found.to_dict()


def alike(n_items: int, seed: int) -> tuple[pd.DataFrame, NDArray[np.int64]]:
    """Two people of seven take the same fifth of the plain items for the rare kind, and are right about all others."""
    rng = np.random.default_rng(seed)
    truth = (rng.random(n_items) < 0.2).astype(int)
    misread = (truth == 0) & (rng.random(n_items) < 0.2)
    value = np.where(rng.random((n_items, 7)) < 0.8, truth[:, None], 1 - truth[:, None])
    value[:, :2] = np.where(misread, 1, truth)[:, None]
    item, annotator = np.indices(value.shape)
    return pd.DataFrame({"item": item.ravel(), "annotator": annotator.ravel(), "value": value.ravel()}), truth


def test_a_pull_holds_the_estimate_near_the_votes_where_people_make_the_same_mistakes() -> None:
    table, truth = alike(2000, seed=9)
    free, pulled = (
        right(dawid_skene(table, prior=prior).posteriors.idxmax(axis=1), truth)
        for prior in (POOLED, NEAR_VOTES)
    )
    published, default = (
        right(model.posteriors.idxmax(axis=1), truth)
        for model in (mace(table, restarts=2, pull=None), mace(table, restarts=2))
    )
    by_majority = right(majority_vote(table).set_index("item")["value"], truth)
    assert max(free, published) < by_majority - 0.1
    assert pulled > free + 0.04
    assert default > published + 0.04


def test_a_pull_to_votes_alone_needs_no_second_iteration() -> None:
    table = simulated([0.9, 0.7, 0.6, 0.5], 200, 3, seed=2)
    prior = PooledPrior(CAUTIOUS, pull=Pull(1.0, 1.0))
    once, often = (dawid_skene(table, prior=prior, iterations=number).posteriors for number in (1, 50))
    assert np.abs(once - often).max(axis=None) < 1e-12
    for wrong in ((1.1, 1.0), (0.5, 0.0), (-0.1, 1.0), (0.5, 1.1)):
        with pytest.raises(ValueError, match="votes is from 0 to 1"):
            Pull(*wrong)
    with pytest.raises(ValueError, match="may be below 0"):
        PooledPrior(CAUTIOUS, strength=-1)


@pytest.mark.parametrize("prior", [POOLED, NEAR_VOTES, CAUTIOUS, UNSMOOTHED])
def test_every_prior_settles_on_the_same_estimate_in_every_run(prior: ConfusionPrior | PooledPrior) -> None:
    table = simulated([0.9, 0.7, 0.6, 0.5], 300, 3, seed=2, shares=(0.6, 0.3, 0.1))
    model, again = (dawid_skene(table, prior=prior, iterations=500) for _ in range(2))
    assert model.converged
    assert model.posteriors.equals(again.posteriors)
    farther = dawid_skene(table, prior=prior, iterations=model.iterations + 50, tolerance=0)
    assert np.abs(model.posteriors - farther.posteriors).max(axis=None) < 0.05
