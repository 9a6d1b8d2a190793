"""Alpha over several questions, agreement in agreements of the answers, and the ranking of models."""

from __future__ import annotations

import csv
import math
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize

from quality import krippendorff_alpha, pooled_alpha, rank_models
from quality.agreement.by import iso_weeks
from quality.agreement_by_group import ALL_QUESTIONS, UNKNOWN, GroupAgreement, agreement_by_group
from tests.defined import defined
from tests.unit.quality.answer_tables import KRIPPENDORFF_2011, by_annotator, simulated
from tests.unit.quality.test_aggregation import BASEBALL, games
from workspaces.kinds import ChoiceQuestion, Kind, Scale, registered

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from quality.labels import Mirror


def by_hand(table: pd.DataFrame) -> float:
    """Alpha over questions from its definition: every pair of answers on an item, every pair of a question."""
    observed = expected = 0.0
    for _, rows in table.dropna().groupby("question"):
        units = [agreement["value"].tolist() for _, agreement in rows.groupby("item") if len(agreement) > 1]
        everyone = [value for unit in units for value in unit]
        for unit in units:
            observed += 2 * sum(one != other for one, other in combinations(unit, 2)) / (len(unit) - 1)
        expected += 2 * sum(one != other for one, other in combinations(everyone, 2)) / (len(everyone) - 1)
    return 1 - observed / expected


def test_pooled_alpha_of_one_question_is_krippendorffs() -> None:
    table = by_annotator(*KRIPPENDORFF_2011).assign(question="only")
    assert float(pooled_alpha(table)) == pytest.approx(0.743421, abs=1e-6)
    one, other = pooled_alpha(table), krippendorff_alpha(table)
    assert [one.low, one.high] == pytest.approx([other.low, other.high])
    assert one.n_pairs == other.n_pairs


def test_pooled_alpha_takes_chance_on_each_question() -> None:
    rare = simulated([0.9] * 5, 40, 3, seed=1, shares=(0.9, 0.1)).assign(question="rare")
    usual = simulated([0.7] * 5, 60, 3, seed=2, shares=(0.1, 0.4, 0.5)).assign(question="usual")
    table = pd.concat([rare, usual], ignore_index=True)
    table.loc[::11, "value"] = None
    found = pooled_alpha(table)
    assert float(found) == pytest.approx(by_hand(table), abs=1e-12)
    agreements = [krippendorff_alpha(agreement) for _, agreement in table.groupby("question")]
    assert (found.n_items, found.n_labels) == tuple(
        sum(getattr(agreement, name) for agreement in agreements) for name in ("n_items", "n_labels")
    )
    assert defined(found.low) < float(found) < defined(found.high)
    assert pooled_alpha(table, interval=False).low is None


def test_pooled_alpha_without_variation_or_overlap_says_why() -> None:
    alike = by_annotator("11", "11").assign(question="a")
    both = pd.concat([alike, by_annotator("22", "22").assign(question="b")])
    assert pooled_alpha(both).value is None
    assert "nothing varies" in pooled_alpha(both).sentence
    assert "two people" in pooled_alpha(alike[alike["annotator"] == "rater 0"]).sentence
    with pytest.raises(ValueError, match="no column question"):
        pooled_alpha(by_annotator("11"))


@pytest.mark.parametrize("n_people", [12, 70])
def test_the_interval_is_the_same_however_many_people_are_left_out_at_a_time(
    n_people: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = simulated([0.8] * n_people, 150, 3, seed=3)
    together = krippendorff_alpha(table)
    monkeypatch.setattr("quality.agreement.interval._CELLS", 0)
    alone = krippendorff_alpha(table)
    assert [alone.low, alone.high] == pytest.approx([together.low, together.high], abs=1e-12)


def test_weeks_are_iso_weeks_and_missing_times_have_none() -> None:
    times = pd.Series(
        [pd.Timestamp("2026-01-01 23:00Z"), pd.NaT, pd.Timestamp("2024-12-30 01:00Z")], index=[7, 8, 9]
    )
    weeks = iso_weeks(times)
    assert weeks.index.tolist() == [7, 8, 9]
    assert (weeks[7], weeks[9]) == ("2026-W01", "2025-W01")
    assert pd.isna(weeks[8])


def votes_of(table: pd.DataFrame, kind: str, question: str) -> pd.DataFrame:
    names = {"preference": ("first", "tie", "second")}.get(kind, ("no", "yes"))
    return pd.DataFrame({
        "kind": kind, "question": question, "item": table["item"].map("m{:04d}".format),
        "annotator": table["annotator"].map("p{}".format), "value": table["value"].map(dict(enumerate(names))),
        "task_id": f"{kind[0]}-" + table["item"].astype(str),
    })  # fmt: skip


def test_every_group_has_the_alpha_of_its_own_answers() -> None:
    shares = (0.4, 0.2, 0.4)
    votes = pd.concat([
        votes_of(simulated([0.9] * 6, 120, 3, seed=4), "qualitative", "helpful"),
        votes_of(simulated([0.7] * 6, 120, 3, seed=5), "qualitative", "toxic"),
        votes_of(simulated([0.8] * 6, 120, 3, seed=6, shares=shares), "preference", "preference"),
    ], ignore_index=True)  # fmt: skip
    task_ids = sorted(votes["task_id"].unique())
    number = pd.Series([int(name[2:]) for name in task_ids], index=task_ids)
    task_attributes = pd.DataFrame({
        "language": np.where(number % 3 == 0, "de", "en"),
        "model": [f"m{value % 2}" for value in number],
        "other_model": [f"m{value % 4}" if name.startswith("p") else None
                        for name, value in zip(task_ids, number, strict=True)],
        "topic": [None if value % 2 else "cooking" for value in number],
        "week": [f"2026-W{10 + value // 40}" for value in number],
    }, index=task_ids)  # fmt: skip
    by = {
        "language": ("language",),
        "model": ("model", "other_model"),
        "topic": ("topic",),
        "week": ("week",),
    }
    agreements = {
        agreement.name: agreement for agreement in agreement_by_group(votes, task_attributes, by, most=2)
    }
    assert agreements["language"].groups == ("en", "de")
    assert agreements["topic"].groups in {("cooking", UNKNOWN), (UNKNOWN, "cooking")}
    assert agreements["week"].groups == ("2026-W12", "2026-W11", "2026-W10")
    assert set(agreements["week"].table["group"]) == {"2026-W12", "2026-W11"}

    table = agreements["language"].table.set_index(["group", "question"])
    assert len(table) == 2 * (3 + 1)
    in_german = votes[votes["task_id"].map(number) % 3 == 0]
    for question in ("helpful", "toxic"):
        expected = krippendorff_alpha(in_german[in_german["question"] == question])
        figures = {name: table[name]["de", question] for name in table.columns}
        assert figures["alpha"] == pytest.approx(expected.value)
        assert figures["alpha_low"] == pytest.approx(expected.low)
        assert figures["alpha_high"] == pytest.approx(expected.high)
        assert (figures["items"], figures["voters"], figures["votes"]) == (40, 6, 120)
    judged = in_german[in_german["kind"] == "qualitative"]
    assert table.loc[("de", ALL_QUESTIONS), "alpha"] == pytest.approx(by_hand(judged))

    compared = agreements["model"].overall("preference").set_index("group")
    # an odd task compares m1 with m3, or with itself and then counts once; m2 and m3 have the fewest answers
    odd = votes[(votes["kind"] == "preference") & (votes["task_id"].map(number) % 2 == 1)]
    sides: Mirror = {"first": "second", "second": "first"}
    expected = krippendorff_alpha(odd, "ordinal", ["first", "tie", "second"], mirror=sides)
    assert compared.loc["m1", "alpha"] == pytest.approx(expected.value)
    assert compared.loc["m1", "items"] == 60


def test_extremes_are_told_where_they_differ_by_more_than_chance_makes_among_so_many() -> None:
    def agreement(*figures: tuple[float, float]) -> GroupAgreement:
        rows = [(f"g{n}", value, value - reach, value + reach) for n, (value, reach) in enumerate(figures)]
        table = pd.DataFrame(rows, columns=["group", "alpha", "alpha_low", "alpha_high"])
        groups = tuple(table["group"])
        return GroupAgreement(
            "topic", table.assign(kind="qualitative", question="helpful"), groups, len(groups)
        )

    low, high = (
        (0.29, 0.30),
        (0.78, 0.15),
    )  # 2.86 standard errors apart, p = .0042; their intervals do not overlap
    assert agreement(low, high).extremes("qualitative") == ("g0", "g1")
    assert agreement(low, high).extremes("preference") is None
    assert agreement(low, *[(0.6, 0.2)] * 3, high).extremes("qualitative") == ("g0", "g4")  # .042 of 10 pairs
    assert agreement(low, *[(0.6, 0.2)] * 4, high).extremes("qualitative") is None  # .063 of 15
    assert agreement(low, (0.9, math.nan)).extremes("qualitative") is None


def test_two_ordinal_questions_are_shown_each_and_not_held_against_each_other() -> None:
    options = {"no": "No", "yes": "Yes"}
    questions = tuple(ChoiceQuestion(name, "?", "", options, scale=Scale.ORDINAL) for name in ("zeal", "aim"))
    votes = pd.concat([
        votes_of(simulated([0.95] * 6, 120, 3, seed=1), "steps", "zeal"),
        votes_of(simulated([0.6] * 6, 120, 3, seed=2), "steps", "aim"),
    ], ignore_index=True)  # fmt: skip
    task_ids = sorted(votes["task_id"].unique())
    languages = pd.DataFrame(
        {"language": ["de" if n % 2 else "en" for n in range(len(task_ids))]}, index=task_ids
    )
    with registered(Kind("steps", "Steps", questions=questions)):
        (by_language,) = agreement_by_group(votes, languages, {"language": ("language",)})
        rows = by_language.overall("steps")
        assert sorted(zip(rows["group"], rows["question"], strict=True)) == [
            ("de", "aim"),
            ("de", "zeal"),
            ("en", "aim"),
            ("en", "zeal"),
        ]
        assert by_language.extremes("steps") is None


def test_groups_about_few_items_or_few_people_are_not_shown() -> None:
    votes = votes_of(simulated([0.8] * 5, 60, 3, seed=7), "qualitative", "helpful")
    task_ids = votes["task_id"].unique()
    groups = pd.Series(np.where(np.arange(len(task_ids)) < 19, "few", "many"), index=task_ids)
    task_attributes = pd.DataFrame({"language": groups})
    (agreement,) = agreement_by_group(votes, task_attributes, {"language": ("language",)})
    assert (set(agreement.table["group"]), agreement.groups, agreement.n_considered) == (
        {"many"},
        ("many", "few"),
        2,
    )
    pair = votes[(votes["task_id"].map(groups) == "few") | votes["annotator"].isin(["p0", "p1"])]
    (agreement,) = agreement_by_group(pair, task_attributes, {"language": ("language",)})
    assert agreement.table.empty
    (agreement,) = agreement_by_group(votes.iloc[:0], task_attributes, {"language": ("language",)})
    assert (agreement.groups, len(agreement.table)) == ((), 0)


# Models


def games_of_many_people() -> pd.DataFrame:
    table = games()
    return table.assign(item=np.arange(len(table)), annotator=np.arange(len(table)) % 9)


def test_agrestis_teams_in_order_with_places_and_shares() -> None:
    found = rank_models(games_of_many_people())
    scores = found.scores
    assert scores.index.tolist() == list(BASEBALL)
    # the prior draws a little towards the mean: Agresti's scores are 1.5814 .. .6839, 0
    agresti = np.array([1.5814, 1.4364, 1.2945, 1.2476, 1.1077, 0.6839, 0])
    assert scores["score"].to_numpy() == pytest.approx(agresti - agresti.mean(), abs=0.02)
    assert scores["share"].to_numpy() == pytest.approx(1 / (1 + np.exp(-scores["score"].to_numpy())))
    assert (found.tie_share, found.n_comparisons, found.n_people) == (0, 273, 9)
    above = [int((scores["low"] > high).sum()) for high in scores["high"]]
    below = [int((scores["high"] < low).sum()) for low in scores["low"]]
    assert scores["rank_from"].tolist() == [1 + number for number in above]
    assert scores["rank_to"].tolist() == [7 - number for number in below]
    assert scores["rank_from"]["Bal"] > 1
    assert scores["rank_to"]["Mil"] < 7


def test_judges_of_mt_bench_prefer_models_as_the_likelihood_says(mt_bench: Path) -> None:
    with (mt_bench / "human_judgments_turn1.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    outcome = {"model_a": "first", "model_b": "second", "tie": "tie"}
    table = pd.DataFrame({
        "first": [row["model_a"] for row in rows], "second": [row["model_b"] for row in rows],
        "value": [outcome[row["winner"]] for row in rows], "annotator": [row["judge"] for row in rows],
        "item": [f"{row['question_id']} {row['model_a']} {row['model_b']}" for row in rows],
    })  # fmt: skip
    found = rank_models(table)
    names = sorted(found.scores.index)
    one, other = (table[side].map(names.index).to_numpy() for side in ("first", "second"))

    def surprise(parameters: NDArray[np.float64]) -> float:
        scores, nu = parameters[:-1], math.exp(parameters[-1])
        half = (scores[one] - scores[other]) / 2
        total = np.log(np.exp(half) + np.exp(-half) + nu)
        said = np.select([table["value"] == "first", table["value"] == "second"], [half, -half], math.log(nu))
        prior = 0.25 * (np.log1p(np.exp(-scores)) + np.log1p(np.exp(scores)))
        return float((total - said).sum() + prior.sum())

    best = minimize(surprise, np.zeros(len(names) + 1), tol=1e-10).x
    reference = dict(zip(names, best[:-1] - best[:-1].mean(), strict=True))
    assert found.scores["score"].to_dict() == pytest.approx(reference, abs=1e-3)
    nu = math.exp(best[-1])
    assert found.tie_share == pytest.approx(nu / (2 + nu), abs=1e-3)
    assert (found.n_comparisons, found.n_people, len(found.scores)) == (882, 65, 6)
    assert found.scores.index[0] == "gpt-4"
    assert found.scores.index[-1] == "llama-13b"
    half = found.scores["score"]["gpt-4"] / 2
    share = (math.exp(half) + nu / 2) / (math.exp(half) + math.exp(-half) + nu)
    assert found.scores["share"]["gpt-4"] == pytest.approx(share, abs=1e-3)


def test_models_with_few_comparisons_or_without_a_link_are_named_and_not_ranked() -> None:
    def met(first: str, second: str, times: int) -> pd.DataFrame:
        values = ["first", "tie", "second"] * times
        return pd.DataFrame({"first": first, "second": second, "value": values[:times]})

    table = pd.concat(
        [
            met("a", "b", 60),
            met("x", "y", 30),
            met("a", "rare", 5),
            met("rare", "rarest", 16),
            met("a", "a", 50),
        ]
    ).assign(item=lambda rows: np.arange(len(rows)), annotator=lambda rows: np.arange(len(rows)) % 4)
    table.loc[len(table)] = ["b", None, "first", 999, 0]
    found = rank_models(table)
    assert sorted(found.scores.index) == ["a", "b"]
    assert (found.too_few, found.apart, found.n_comparisons) == (("rare", "rarest"), ("x", "y"), 60)
    pair = rank_models(table.assign(annotator=table["annotator"] % 2))
    assert pair.scores[["low", "high", "rank_from", "rank_to"]].isna().all(axis=None)
    nobody = rank_models(table.iloc[:0])
    assert (len(nobody.scores), nobody.n_comparisons) == (0, 0)
    with pytest.raises(ValueError, match="no column annotator"):
        rank_models(table.drop(columns="annotator"))
