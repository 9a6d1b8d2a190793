"""Seeds against people: agreement, anchoring, and what significance predicts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import cohen_kappa_score

from quality import gwet_ac1, votes
from quality.seed_feedback import (
    anchoring,
    rewrite_table,
    seed_agreement,
    seed_table,
    significance_calibration,
    task_table,
)
from tests.defined import defined
from tests.sample_records import NOW, annotation, chat, minutes, seeds_of, task
from workspaces.records import Quality, Tag

if TYPE_CHECKING:
    from quality.seed_feedback.significance import Calibration

TAGS = ("na", "no", "yes")
JUDGE = "llm, prompt 1"


def votes_table(rows: list[tuple[str, str, str]], question: str = "helpful") -> pd.DataFrame:
    """(item, annotator, value); the task of item m1 is 'task m1'."""
    table = pd.DataFrame(rows, columns=["item", "annotator", "value"])
    return table.assign(kind="qualitative", question=question, task_id="task " + table["item"])


def seeds_for(values: dict[str, str], question: str = "helpful", judge: str = JUDGE) -> pd.DataFrame:
    table = pd.DataFrame({"item": list(values), "value": list(values.values())})
    return table.assign(judge=judge, question=question)


def paired(counts: list[list[int]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Votes (rows) and seeds (columns) whose confusion matrix is ``counts``."""
    cells = [(row, column) for row in range(3) for column in range(3) for _ in range(counts[row][column])]
    rows = [(f"m{i}", "p", TAGS[row]) for i, (row, _) in enumerate(cells)]
    return votes_table(rows), seeds_for({f"m{i}": TAGS[column] for i, (_, column) in enumerate(cells)})


def test_kappa_is_that_of_the_reference_table() -> None:
    # SAS: kappa .4842, ASE .1380, interval .2137 to .7547
    given, seeds = paired([[0, 4, 1], [0, 8, 0], [0, 1, 5]])
    (found,) = seed_agreement(given, seeds)
    assert found.confusion.counts == ((0, 4, 1), (0, 8, 0), (0, 1, 5))
    kappa = found.coefficients["kappa"]
    assert kappa.value == pytest.approx(0.4842, abs=5e-5)
    assert [kappa.low, kappa.high] == pytest.approx([0.2137, 0.7547], abs=0.06)
    assert found.coefficients["percent_agreement"].value == pytest.approx(13 / 19)


def test_kappa_and_ac1_are_those_of_other_implementations() -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        counts = rng.integers(0, 9, (3, 3))
        counts[0, 1] += 1
        given, seeds = paired(counts.tolist())
        (found,) = seed_agreement(given, seeds)
        said = seeds.set_index("item")["value"].reindex(given["item"])
        assert float(found.coefficients["kappa"]) == pytest.approx(cohen_kappa_score(given["value"], said))
        both = pd.concat([given, seeds.assign(annotator="seed")])
        assert float(found.coefficients["ac1"]) == pytest.approx(float(gwet_ac1(both, TAGS)))


@pytest.mark.slow
def test_the_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    rng = np.random.default_rng(2)
    truth = np.array([[0.1, 0.02, 0.03], [0.05, 0.25, 0.1], [0.05, 0.05, 0.35]])
    chance = truth.sum(axis=0) @ truth.sum(axis=1)
    kappa = (np.trace(truth) - chance) / (1 - chance)
    held = 0
    for _ in range(150):
        given, seeds = paired(rng.multinomial(60, truth.ravel()).reshape(3, 3).tolist())
        found = seed_agreement(given, seeds)[0].coefficients["kappa"]
        held += defined(found.low) <= kappa <= defined(found.high)
    assert 135 <= held <= 150  # 95 % is 142.5, with a standard deviation of 2.7


def test_a_seed_counts_against_the_majority_and_a_tie_is_left_out() -> None:
    given = votes_table([
        ("m1", "p", "yes"), ("m1", "q", "yes"), ("m1", "r", "no"),
        ("m2", "p", "no"), ("m2", "q", "yes"),
        ("m3", "p", "no"),
    ])  # fmt: skip
    (found,) = seed_agreement(given, seeds_for({"m1": "yes", "m2": "yes", "m3": "yes", "m4": "no"}))
    assert found.confusion.counts == ((0, 0, 0), (0, 0, 1), (0, 0, 1))
    assert found.n_tied == 1
    percent = found.coefficients["percent_agreement"]
    assert (percent.value, percent.n_items, percent.n_annotators, percent.n_labels) == (0.5, 2, 3, 4)
    assert "most often says yes and people no (1 times)" in percent.sentence


def test_people_who_saw_the_seed_do_not_judge_it() -> None:
    given = votes_table([("m1", "p", "yes"), ("m2", "p", "no")])
    seeds = seeds_for({"m1": "yes", "m2": "yes"})
    assert seed_agreement(given, seeds, {"task m1"})[0].confusion.total == 1
    (nothing,) = seed_agreement(given, seeds, {"task m1", "task m2"})
    for coefficient in nothing.coefficients.values():
        assert coefficient.value is None
        assert "No response has both" in coefficient.sentence


def test_where_nothing_varies_kappa_is_undefined_and_says_why() -> None:
    given = votes_table([(f"m{i}", "p", "no") for i in range(9)])
    found = seed_agreement(given, seeds_for({f"m{i}": "no" for i in range(9)}))[0].coefficients
    assert found["kappa"].value is None
    assert "nothing varies" in found["kappa"].sentence
    assert (found["ac1"].value, found["percent_agreement"].value) == (1.0, 1.0)
    assert 0.6 < defined(found["percent_agreement"].low) < 1.0  # nine of nine is not certainty


def test_every_judge_is_held_against_people_on_its_own() -> None:
    given, seeds = paired([[3, 0, 0], [0, 3, 0], [0, 0, 3]])
    other = seeds.assign(judge="other, prompt 2", value="no")
    found = seed_agreement(given, pd.concat([seeds, other]))
    assert [(one.judge, float(one.coefficients["percent_agreement"])) for one in found] == [
        (JUDGE, 1.0), ("other, prompt 2", pytest.approx(1 / 3)),
    ]  # fmt: skip


def test_without_seeds_or_votes_there_is_nothing_to_say() -> None:
    given, seeds = paired([[1, 0, 0], [0, 1, 0], [0, 0, 1]])
    assert seed_agreement(given, seeds.iloc[:0]) == ()
    assert seed_agreement(given.iloc[:0], seeds)[0].coefficients["kappa"].value is None


# Anchoring


def draw(shown: dict[str, bool], at: object = NOW) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "task_id": [f"task {item}" for item in shown],
            "kind": "qualitative",
            "significance": "low",
            "shown": [JUDGE if each else None for each in shown.values()],
            "drawn_at": at,
        }
    )


def test_without_a_shown_task_anchoring_is_undefined_with_its_reason() -> None:
    given = votes_table([("m1", "p", "yes")])
    (found,) = anchoring(given, seeds_for({"m1": "yes"}), draw({"m1": False}))
    assert found.value is None
    assert "mix.show_seed" in found.sentence


def test_that_a_question_does_not_apply_is_never_shown_and_so_sways_nobody() -> None:
    items = {f"m{number}": number % 2 == 0 for number in range(8)}
    given = votes_table([(item, "p", "na" if shown else "yes") for item, shown in items.items()])
    (found, *_) = anchoring(given, seeds_for(dict.fromkeys(items, "na")), draw(items))
    assert (found.value, found.n_shown, found.n_hidden) == (None, 0, 0)


def test_without_a_blind_task_of_the_same_draw_it_is_undefined_too() -> None:
    given = votes_table([("m1", "p", "yes"), ("m2", "p", "yes")])
    tasks = pd.concat([draw({"m1": True}), draw({"m2": False}, minutes(5))])
    found = anchoring(given, seeds_for({"m1": "yes", "m2": "yes"}), tasks)
    assert {one.value for one in found} == {None}
    assert "is blind" in found[0].sentence


def test_anchoring_is_the_difference_of_the_two_shares_each_task_counting_alike() -> None:
    given = votes_table([
        ("m1", "p", "yes"), ("m1", "q", "yes"), ("m2", "p", "yes"), ("m2", "q", "no"),
        ("m3", "p", "yes"), ("m4", "p", "no"), ("m4", "q", "no"), ("m4", "r", "no"),
    ])  # fmt: skip
    seeds = seeds_for(dict.fromkeys(("m1", "m2", "m3", "m4"), "yes"))
    every, helpful = anchoring(given, seeds, draw({"m1": True, "m2": True, "m3": False, "m4": False}))
    assert (every.question, helpful.question) == ("all questions", "helpful")
    assert (every.agree_shown, every.agree_hidden, every.value) == (0.75, 0.5, 0.25)
    assert (every.n_shown, every.n_hidden) == (2, 2)
    assert defined(every.low) < 0 < defined(every.high)
    assert replace(every, question="helpful") == helpful


@pytest.mark.parametrize("sway", [0.0, 0.3])
@pytest.mark.slow
def test_the_interval_of_anchoring_holds_the_truth_and_finds_a_real_effect(sway: float) -> None:
    rng = np.random.default_rng(3)
    held = found_it = 0
    for _ in range(60):
        shown = rng.random(150) < 0.4
        base = rng.beta(5, 5, 150)  # answers to one task are alike
        agree = rng.random((150, 3)) < (base + sway * shown)[:, None]
        rows = [(f"m{i}", f"p{j}", "yes" if agree[i, j] else "no") for i in range(150) for j in range(3)]
        seeds = seeds_for({f"m{i}": "yes" for i in range(150)})
        tasks = draw({f"m{i}": bool(shown[i]) for i in range(150)})
        every, _ = anchoring(votes_table(rows), seeds, tasks)
        truth = float(np.minimum(base + sway, 1).mean() - base.mean())
        held += defined(every.low) <= truth <= defined(every.high)
        found_it += defined(every.low) > 0
    assert held >= 53  # 95 % of 60 is 57, with a standard deviation of 1.7
    assert found_it >= 58 if sway else found_it <= 5


# Significance


def calibration_of(
    disagree: dict[str, float], count: int = 60, rewrite: dict[str, float] | None = None
) -> tuple[Calibration, ...]:
    rng = np.random.default_rng(4)
    rows, tasks, rewrites = [], [], []
    for level, chance in disagree.items():
        for number in range(count):
            name = f"{level}{number}"
            apart = rng.random() < chance
            rows += [(name, "p", "yes"), (name, "q", "no" if apart else "yes"), (name, "r", "yes")]
            tasks.append((f"task {name}", "qualitative", level, None, NOW))
            rewrites += [
                (f"task {name}", who, rng.random() < (rewrite or {}).get(level, 0.0)) for who in "pqr"
            ]
    columns = ["task_id", "kind", "significance", "shown", "drawn_at"]
    return significance_calibration(
        votes_table(rows),
        pd.DataFrame(tasks, columns=columns),
        pd.DataFrame(rewrites, columns=["task_id", "annotator", "rewritten"]),
    )


def test_disagreement_and_entropy_of_a_level_are_means_over_its_tasks() -> None:
    (found,) = calibration_of({"low": 0.0, "high": 1.0}, count=4)
    low, medium, high = found.levels
    assert (low.disagreement, low.entropy, medium.disagreement) == (0.0, 0.0, None)
    assert high.disagreement == pytest.approx(2 / 3)  # of three votes 2 to 1, two of three pairs differ
    assert high.entropy == pytest.approx(-(2 / 3) * np.log2(2 / 3) - (1 / 3) * np.log2(1 / 3))
    assert (low.n_tasks, medium.n_tasks) == (4, 0)


def test_the_correlation_is_spearmans() -> None:
    (found,) = calibration_of({"low": 0.1, "medium": 0.3, "high": 0.6})
    rng = np.random.default_rng(4)  # as calibration_of draws
    ranks, apart = [], []
    for rank, chance in enumerate((0.1, 0.3, 0.6)):
        for _ in range(60):
            ranks.append(rank)
            apart.append(rng.random() < chance)
            rng.random(3)
    rho, low, high = defined(found.correlation["disagreement"])
    assert rho == pytest.approx(spearmanr(ranks, apart).statistic)
    assert low < rho < high


@pytest.mark.parametrize(
    ("disagree", "rewrite", "begins"),
    [
        ({"low": 0.1, "medium": 0.3, "high": 0.6}, {}, "Higher significance does tell on which"),
        ({"low": 0.3, "medium": 0.3, "high": 0.3}, {"high": 0.5}, "Higher significance does tell on which"),
        ({"low": 0.8, "medium": 0.4, "high": 0.1}, {}, "On qualitative tasks significance points the wrong"),
        ({"low": 0.0, "medium": 0.0, "high": 0.0}, {}, "It is too early"),
    ],
)
def test_the_recommendation_follows_what_significance_predicts(
    disagree: dict[str, float], rewrite: dict[str, float], begins: str
) -> None:
    (found,) = calibration_of(disagree, rewrite=rewrite)
    assert found.recommendation.startswith(begins)


def test_significance_that_predicts_nothing_is_said_to() -> None:
    (found,) = calibration_of({"low": 0.3, "medium": 0.3, "high": 0.3}, count=1500)
    assert "predicts nothing that matters" in found.recommendation


# From records to tables


def test_tables_are_made_of_records_and_leave_out_second_tasks() -> None:
    (seed,) = seeds_of([chat("c", "why?", "because")]).values()
    first = replace(task("t1", {}), seed_agent="rater", seed_prompt_version="1")
    tasks = {
        "t1": first,
        "t2": replace(first, id="t2", reask_of="t1"),
        "p": task("p", {}, kind="preference"),
    }
    answers = [
        annotation("t1", "p", {"helpful": "no", "suggestion": " better "}),
        annotation("t1", "q", {"helpful": "yes", "suggestion": "  "}),
        annotation("t2", "p"),
        annotation("p", "p", {"preference": "a"}),
    ]
    table = seed_table([seed])
    assert len(table) == len(Quality)
    assert set(table["judge"]) == {"rater, prompt 1"}
    made = task_table(tasks.values())
    assert list(made["task_id"]) == ["t1", "p"]
    assert list(made["shown"].fillna("")) == ["rater, prompt 1", ""]
    assert [tuple(row) for row in rewrite_table(answers, tasks).itertuples(index=False)] == [
        ("t1", "p", True), ("t1", "q", False),
    ]  # fmt: skip
    found = anchoring(votes(answers, tasks), table, made)
    assert found[0].agree_shown == 0.5
    assert seed.tags[Quality.HELPFUL] is Tag.YES
