"""Kappas on published tables, their standard errors and weights."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import cohen_kappa_score

from quality import (
    agreement_by,
    brennan_prediger,
    cohen_kappa,
    conger_kappa,
    fleiss_kappa,
    gwet_ac1,
    gwet_ac2,
    krippendorff_alpha,
    percent_agreement,
)
from tests.defined import defined
from tests.unit.quality.answer_tables import FLEISS_1971, KRIPPENDORFF_2011, by_annotator, by_item, simulated

if TYPE_CHECKING:
    from collections.abc import Callable

    from quality.agreement.coefficient import Coefficient
    from quality.agreement.weights import Weighting

SAS = [[0, 4, 1], [0, 8, 0], [0, 1, 5]]


def of_confusion(cells: list[list[int]], values: tuple[object, ...] = (1, 2, 3)) -> pd.DataFrame:
    """One item for each count of a table of what two people said."""
    pairs = [
        (values[row], values[column])
        for row, counts in enumerate(cells)
        for column, count in enumerate(counts)
        for _ in range(count)
    ]
    rows = [(item, person, value) for item, pair in enumerate(pairs) for person, value in enumerate(pair)]
    return pd.DataFrame(rows, columns=["item", "annotator", "value"])


@pytest.mark.parametrize(
    ("coefficient", "published", "standard_error"),
    [
        (gwet_ac1, 0.77544, 0.14295),
        (fleiss_kappa, 0.76117, 0.15302),
        (conger_kappa, 0.76207, 0.15011),
        (brennan_prediger, 0.77273, 0.14472),
    ],
)
def test_coefficients_of_krippendorff_2011_as_irrcac_gives_them(
    coefficient: Callable[[pd.DataFrame], Coefficient], published: float, standard_error: float
) -> None:
    found = coefficient(by_annotator(*KRIPPENDORFF_2011))
    assert round(float(found), 5) == published
    assert round(defined(found.standard_error), 5) == standard_error
    assert defined(found.low) < float(found) < defined(found.high)


def test_kappa_of_fleiss_1971() -> None:
    kappa = fleiss_kappa(by_item(FLEISS_1971))
    assert round(float(kappa), 7) == 0.4302445
    assert round(defined(kappa.z), 5) == 17.65183
    assert round(defined(kappa.standard_error), 4) == 0.0542


def test_kappa_of_the_sas_manual() -> None:
    kappa = cohen_kappa(of_confusion(SAS))
    assert [round(defined(one), 4) for one in (kappa.value, kappa.standard_error, kappa.low, kappa.high)] == [
        0.4842, 0.1380, 0.2137, 0.7547,
    ]  # fmt: skip
    assert "same two people" in kappa.sentence
    linear = cohen_kappa(of_confusion(SAS), "linear")
    assert [round(defined(one), 4) for one in (linear.value, linear.standard_error)] == [0.4701, 0.1457]


@pytest.mark.parametrize("weights", ["identity", "linear", "quadratic"])
def test_cohens_kappa_is_that_of_scikit_learn(weights: Weighting) -> None:
    table = simulated([0.8, 0.7], 200, 2, seed=1, shares=(0.4, 0.3, 0.2, 0.1))
    one, other = (table[table["annotator"] == person].sort_values("item")["value"] for person in (0, 1))
    expected = cohen_kappa_score(one, other, weights=None if weights == "identity" else weights)
    assert float(cohen_kappa(table, weights)) == pytest.approx(expected, abs=1e-12)


def test_of_two_people_conger_is_cohen() -> None:
    table = of_confusion(SAS)
    assert float(conger_kappa(table)) == pytest.approx(float(cohen_kappa(table)), abs=1e-12)
    assert conger_kappa(table).low is None


def test_cohens_kappa_needs_two_people_and_items_of_both() -> None:
    with pytest.raises(ValueError, match="compares two people and the table has 3"):
        cohen_kappa(by_annotator("12", "12", "21"))
    assert "two people" in cohen_kappa(by_annotator("1.", ".2")).sentence
    part = by_annotator("1213.", "121.3")
    assert cohen_kappa(part).n_items == 3
    assert cohen_kappa(part).low is None
    assert cohen_kappa(part).value == 1.0


def test_the_standard_error_of_cohens_kappa_is_its_spread_over_items() -> None:
    rng, cells = np.random.default_rng(2), np.array([[50, 10, 5], [8, 60, 12], [4, 6, 45]])
    found = cohen_kappa(of_confusion(cells.tolist()), "quadratic")
    drawn = rng.multinomial(cells.sum(), cells.ravel() / cells.sum(), size=400).reshape(-1, 3, 3)
    spread = np.std([float(cohen_kappa(of_confusion(each.tolist()), "quadratic")) for each in drawn])
    assert found.standard_error == pytest.approx(spread, rel=0.12)


def test_where_nothing_varies_kappas_are_undefined_with_their_reason() -> None:
    same = by_annotator("111", "111")
    for coefficient in (fleiss_kappa, cohen_kappa, conger_kappa, brennan_prediger):
        found = coefficient(same)
        assert found.value is None
        assert "nothing varies" in found.sentence
        assert "100 %" in found.sentence
    assert float(gwet_ac2(same)) == 1.0
    assert float(brennan_prediger(same, [1, 2])) == 1.0


def test_weights_count_near_answers_in_part() -> None:
    near, far = by_annotator("1234", "2345", "1234"), by_annotator("1234", "4512", "1234")
    values = [1, 2, 3, 4, 5]
    for weights in ("linear", "quadratic", "ordinal"):
        for coefficient in (gwet_ac2, brennan_prediger):
            assert float(coefficient(near, values, weights)) > float(coefficient(far, values, weights)) + 0.2
    assert float(gwet_ac2(near, values, "identity")) == float(gwet_ac1(near, values))
    with pytest.raises(ValueError, match="known are identity, linear"):
        gwet_ac2(near, values, "cubic")  # type: ignore[arg-type]


def test_words_are_weighted_by_their_places() -> None:
    words = of_confusion(SAS, ("low", "mid", "high"))
    named = cohen_kappa(words, "quadratic", ["low", "mid", "high"])
    assert float(named) == float(cohen_kappa(of_confusion(SAS), "quadratic"))


def test_words_in_an_order_give_what_numbers_give_and_the_alphabet_gives_something_else() -> None:
    """Quadratic weights 1, 3/4, 0; Gwet (2014), Handbook of inter-rater reliability, chapter 4."""
    cells = [[4, 3, 0], [1, 5, 4], [0, 2, 6]]
    numbers, words = of_confusion(cells), of_confusion(cells, ("low", "mid", "high"))
    share = np.array([[1, 0.75, 0], [0.75, 1, 0.75], [0, 0.75, 1]])
    counts = np.array(cells) / 25
    agreed, margins = (counts * share).sum(), (counts.sum(axis=0) + counts.sum(axis=1)) / 2
    by_chance = share.sum() / 6 * (margins * (1 - margins)).sum()
    expected = {
        gwet_ac2: (agreed - by_chance) / (1 - by_chance),
        brennan_prediger: (agreed - share.mean()) / (1 - share.mean()),
    }
    in_order = ["low", "mid", "high"]
    categorical = words.assign(value=pd.Categorical(words["value"], in_order, ordered=True))
    for coefficient, figure in expected.items():
        assert float(coefficient(numbers, weights="quadratic")) == pytest.approx(figure)
        for said in (
            coefficient(words, in_order, "quadratic"),
            coefficient(categorical, weights="quadratic"),
        ):
            assert float(said) == float(coefficient(numbers, weights="quadratic"))
        assert float(coefficient(words, sorted(in_order), "quadratic")) < figure - 0.1
    said_kappa = [
        float(cohen_kappa(words, "quadratic", in_order)), float(cohen_kappa(categorical, "quadratic")),
    ]  # fmt: skip
    one, other = (numbers[numbers["annotator"] == person]["value"] for person in (0, 1))
    assert said_kappa == pytest.approx([cohen_kappa_score(one, other, weights="quadratic")] * 2)
    assert float(cohen_kappa(words, "quadratic", sorted(in_order))) < said_kappa[0] - 0.1


def test_agreement_by_anything_is_the_agreement_of_each_part() -> None:
    table = simulated([0.9] * 5, 60, 3, seed=3).assign(
        language=lambda t: np.where(t["item"] % 3 == 0, "de", "en"),
        at=lambda t: pd.Timestamp("2026-11-20") + pd.to_timedelta(t["item"] % 2 * 3, "D"),
    )
    parts = agreement_by(table, ["language", "at"])
    assert parts[["language", "at"]].to_numpy().tolist() == [
        ["de", "2026-W47"], ["de", "2026-W48"], ["en", "2026-W47"], ["en", "2026-W48"],
    ]  # fmt: skip
    german = table[(table["language"] == "de") & (table["item"] % 2 == 0)]
    expected = krippendorff_alpha(german)
    assert parts[["value", "low", "high"]].iloc[0].tolist() == [expected.value, expected.low, expected.high]
    assert parts.loc[0, "sentence"] == expected.sentence
    shares = agreement_by(table, "language", percent_agreement, ignore={1})
    assert shares["n_pairs"].tolist() == [
        percent_agreement(part, ignore={1}).n_pairs for _, part in table.groupby("language")
    ]


def test_a_part_without_agreement_to_measure_says_why() -> None:
    table = by_annotator("12.", "12.", "..1").assign(topic=pd.Series(["a", "b", None] * 3))
    parts = agreement_by(table, "topic")
    assert parts["topic"].isna().tolist() == [False, False, True]
    assert all(math.isnan(value) for value in parts["value"])
    assert "nothing varies" in parts["sentence"][0]
    assert "two people" in parts["sentence"][2]
    with pytest.raises(ValueError, match="no column week"):
        agreement_by(table, "week")
