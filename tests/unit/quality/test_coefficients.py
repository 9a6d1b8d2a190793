"""Alpha, AC1 and percent agreement on published tables, and their intervals."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from quality import UndefinedCoefficientError, gwet_ac1, krippendorff_alpha, percent_agreement
from quality.agreement.interval import annotator_replicates
from quality.agreement.krippendorff import Level, ordinal_alpha
from quality.labels import CodedLabels
from tests.defined import defined
from tests.unit.quality.answer_tables import (
    FLEISS_1971,
    KRIPPENDORFF_2011,
    benchmark,
    by_annotator,
    by_item,
    simulated,
)

if TYPE_CHECKING:
    from quality.agreement.coefficient import Coefficient
    from quality.labels import Mirror

REPOSITORY = Path(__file__).parents[3]
SHARED = Path(os.environ.get("CHATFEEDBACK_SHARED", REPOSITORY / "../shared"))


def width(coefficient: Coefficient) -> float:
    return defined(coefficient.high) - defined(coefficient.low)


@pytest.mark.parametrize(
    ("level", "published"),
    [("nominal", 0.743421), ("ordinal", 0.815388), ("interval", 0.849107), ("ratio", 0.797403)],
)
def test_alpha_of_krippendorff_2011_section_d(level: Level, published: float) -> None:
    alpha = krippendorff_alpha(by_annotator(*KRIPPENDORFF_2011), level)
    assert round(float(alpha), 6) == published
    assert (alpha.n_items, alpha.n_annotators, alpha.n_labels) == (11, 4, 40)
    assert defined(alpha.low) < float(alpha) < defined(alpha.high)


def test_ac1_of_krippendorff_2011_section_d() -> None:
    assert round(float(gwet_ac1(by_annotator(*KRIPPENDORFF_2011))), 5) == 0.77544


def test_alpha_and_ac1_of_fleiss_1971() -> None:
    table = by_item(FLEISS_1971)
    assert round(float(krippendorff_alpha(table)), 6) == 0.433410
    assert round(float(gwet_ac1(table)), 5) == 0.44788


def test_alpha_is_zero_where_one_answer_in_22_differs() -> None:
    assert float(krippendorff_alpha(by_annotator("33333", "33333", "33..3", "33331", "3.333"))) == 0.0


def test_alpha_is_minus_one_half_where_two_people_always_swap() -> None:
    alpha = krippendorff_alpha(by_annotator("12", "21"))
    assert float(alpha) == -0.5
    assert "no more than by chance" in alpha.sentence


def test_alpha_without_variation_is_undefined_with_its_reason() -> None:
    table = by_annotator("1111", "1111", "11..")
    alpha = krippendorff_alpha(table)
    assert alpha.value is None
    assert alpha.low is None
    assert "nothing varies" in alpha.sentence
    assert "100 %" in alpha.sentence
    with pytest.raises(UndefinedCoefficientError, match="nothing varies"):
        float(alpha)
    assert float(gwet_ac1(table)) == 1.0
    assert float(percent_agreement(table)) == 1.0


@pytest.mark.parametrize("table", [by_annotator(), by_annotator("123"), by_annotator("1.", ".2")])
def test_without_two_answers_on_an_item_nothing_is_defined(table: pd.DataFrame) -> None:
    for coefficient in (
        krippendorff_alpha(table, "ordinal"),
        gwet_ac1(table),
        percent_agreement(table),
    ):
        assert coefficient.value is None
        assert coefficient.n_items == coefficient.n_pairs == 0
        assert "two people" in coefficient.sentence


def test_the_last_row_of_a_person_on_an_item_counts_also_when_it_is_empty() -> None:
    table = by_annotator("121", "122", "112")
    revised = pd.concat([pd.DataFrame([(0, "rater 0", 2), (1, "rater 1", 1)], columns=table.columns), table])
    assert krippendorff_alpha(revised) == krippendorff_alpha(table)
    taken_back = pd.DataFrame([(0, "rater 0", None)], columns=table.columns).astype(
        table.dtypes.replace("int64", "Int64")
    )
    assert krippendorff_alpha(pd.concat([table, taken_back])) == krippendorff_alpha(table.iloc[1:])


def test_ordinal_alpha_follows_the_order_it_is_given() -> None:
    table = by_annotator("1233", "1223", "1133").assign(
        value=lambda t: t["value"].map({1: "low", 2: "mid", 3: "high"})
    )
    named = krippendorff_alpha(table, "ordinal", ["low", "mid", "high"])
    assert float(named) == float(krippendorff_alpha(by_annotator("1233", "1223", "1133"), "ordinal"))
    with pytest.raises(ValueError, match="needs their order"):
        krippendorff_alpha(table, "ordinal")
    with pytest.raises(ValueError, match="'high' is not"):
        krippendorff_alpha(table, "ordinal", ["low", "mid"])


def test_a_level_the_values_cannot_bear_is_refused() -> None:
    with pytest.raises(ValueError, match="needs numbers"):
        krippendorff_alpha(by_item("aab abb"), "interval")
    with pytest.raises(ValueError, match="zero or more"):
        krippendorff_alpha(by_annotator("12", "21").assign(value=[-1, 2, 2, 1]), "ratio")
    with pytest.raises(ValueError, match="known are nominal"):
        krippendorff_alpha(by_item("12"), "cardinal")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no column annotator"):
        krippendorff_alpha(pd.DataFrame({"item": [1], "value": [1]}))


def test_two_people_get_no_interval_because_neither_can_be_left_out() -> None:
    alpha = krippendorff_alpha(by_annotator("1212", "1211"))
    assert alpha.value is not None
    assert alpha.low is None
    assert alpha.high is None
    assert "no interval" in alpha.sentence


def test_the_interval_is_the_same_for_the_same_seed_and_holds_the_value() -> None:
    table = simulated([0.9] * 6 + [0.6] * 2, 200, 4, seed=1)
    alpha = krippendorff_alpha(table)
    assert alpha == krippendorff_alpha(table.sample(frac=1, random_state=3))
    assert defined(alpha.low) < float(alpha) < defined(alpha.high)
    assert krippendorff_alpha(table, seed=1).low == pytest.approx(alpha.low, abs=0.02)


def test_the_interval_knows_that_people_differ() -> None:
    few = krippendorff_alpha(simulated([0.95, 0.95, 0.9, 0.7, 0.6, 0.55] * 2, 4000, 4, seed=2))
    alike = krippendorff_alpha(simulated([0.8] * 12, 4000, 4, seed=2))
    assert width(few) > 3 * width(alike)


def test_many_people_are_left_out_in_groups() -> None:
    alpha = krippendorff_alpha(simulated([0.85] * 120, 600, 3, seed=4))
    assert alpha.n_annotators == 120
    assert 0.02 < width(alpha) < 0.25


def test_patterns_too_many_for_the_fast_code_give_the_same_alpha() -> None:
    narrow = simulated([0.7] * 9, 60, 9, seed=5, shares=[1 / 5] * 5)
    wide = pd.concat(
        [narrow, pd.DataFrame({"item": range(100, 140), "annotator": 0, "value": range(100, 140)})]
    )
    assert float(krippendorff_alpha(wide)) == pytest.approx(float(krippendorff_alpha(narrow)), abs=1e-12)


def test_percent_agreement_pools_over_pairs_and_drops_pairs_with_a_tie() -> None:
    table = by_item("aaa ab tta")
    assert (float(percent_agreement(table)), percent_agreement(table).n_pairs) == (4 / 7, 7)
    without = percent_agreement(table, ignore={"t"})
    assert (float(without), without.n_pairs) == (3 / 4, 4)


def test_agreement_of_the_human_judges_of_mt_bench() -> None:
    path = SHARED / "data/mt_bench/human_judgments_turn1.csv"
    if not path.exists():
        pytest.skip(f"needs {path}; set CHATFEEDBACK_SHARED to the folder that holds data/mt_bench")
    judgments = pd.read_csv(path)
    item = judgments["question_id"].astype(str) + "|" + judgments["model_a"] + "|" + judgments["model_b"]
    table = pd.DataFrame({"item": item, "annotator": judgments["judge"], "value": judgments["winner"]})
    tied = percent_agreement(table)
    assert (tied.n_pairs, round(float(tied), 4)) == (334, 0.6467)
    decided = percent_agreement(table, ignore={"tie"})
    assert (decided.n_pairs, round(float(decided), 4)) == (203, 0.8276)
    sides: Mirror = {"model_a": "model_b", "model_b": "model_a"}
    order = ["model_a", "tie", "model_b"]
    # from model_a's side alone: .4349 and .4951, and anything from .39 to .50 and .41 to .58 by orientation
    assert round(float(krippendorff_alpha(table, mirror=sides)), 4) == 0.4960
    assert round(float(krippendorff_alpha(table, "ordinal", order, mirror=sides)), 4) == 0.5793
    assert round(float(gwet_ac1(table, order, mirror=sides)), 4) == 0.5245


def test_a_coefficient_is_plain_data() -> None:
    undefined = krippendorff_alpha(by_annotator("11", "11")).to_dict()
    assert json.loads(json.dumps(undefined))["value"] is None
    defined = krippendorff_alpha(by_annotator("121", "122", "112")).to_dict()
    assert math.isfinite(json.loads(json.dumps(defined))["value"])


def test_full_agreement_gets_no_interval_of_no_width() -> None:
    table = by_annotator("1212", "1212", "1212")
    for coefficient in (krippendorff_alpha(table), percent_agreement(table), gwet_ac1(table)):
        assert coefficient.value == 1.0
        assert coefficient.low is None


def test_leaving_a_person_out_equals_computing_without_them() -> None:
    table = simulated([0.9, 0.8, 0.7, 0.6, 0.9, 0.8], 40, 4, seed=11, shares=(0.5, 0.3, 0.2))
    replicates = annotator_replicates(CodedLabels.of(table), ordinal_alpha, np.random.default_rng(0))
    direct = [
        float(krippendorff_alpha(table[table["annotator"] != person], "ordinal")) for person in range(6)
    ]
    assert sorted(replicates) == pytest.approx(sorted(direct), abs=1e-12)


@pytest.mark.parametrize(
    "setting", [(20, 200, 5, (16, 4), 0.5), (12, 300, 3, (18, 2), 0.9), (60, 150, 3, (16, 4), 0.5)]
)
def test_intervals_hold_the_truth_for_new_people_and_items(
    setting: tuple[int, int, int, tuple[float, float], float],
) -> None:
    simulation, rng = benchmark("quality_coverage"), np.random.default_rng(5)
    truth = simulation.alpha_in_the_long_run(*setting[3:])
    intervals = [krippendorff_alpha(simulation.answers_of(rng, *setting)) for _ in range(150)]
    holding = np.mean([one.low <= truth <= one.high for one in intervals])
    # Between 92 and 99 % in the long run; 150 tables tell that up to 2 %.
    assert 0.90 < holding <= 1.0
