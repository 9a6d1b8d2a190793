"""Orders that are given, numbers of any size, and sentences that are true."""

from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, cast

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quality import brennan_prediger, cohen_kappa, fleiss_kappa, gwet_ac1, gwet_ac2, krippendorff_alpha
from quality.agreement.weights import UnorderedValuesError
from quality.numbers import places, relative_differences
from tests.examples import examples

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from quality import Coefficient
    from quality.agreement.krippendorff import Level

WORDS = {1: "low", 2: "mid", 3: "high"}


def of_pairs(pairs: Sequence[tuple[object, object]]) -> pd.DataFrame:
    rows = [(item, person, value) for item, pair in enumerate(pairs) for person, value in enumerate(pair)]
    return pd.DataFrame(rows, columns=["item", "annotator", "value"]).astype({"value": object})


WEIGHTED: dict[str, Callable[..., Coefficient]] = {
    "AC2": lambda table, values=None: gwet_ac2(table, values),
    "linear AC2": lambda table, values=None: gwet_ac2(table, values, "linear"),
    "ordinal AC2": lambda table, values=None: gwet_ac2(table, values, "ordinal"),
    "Brennan-Prediger": lambda table, values=None: brennan_prediger(table, values, "quadratic"),
    "kappa": lambda table, values=None: cohen_kappa(table, "quadratic", values),
    "linear kappa": lambda table, values=None: cohen_kappa(table, "linear", values),
    "alpha": lambda table, values=None: krippendorff_alpha(table, "ordinal", values),
}


@examples(50)
@given(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 3)), min_size=3, max_size=12))
def test_words_with_an_order_give_what_numbers_give_and_words_without_are_refused(
    pairs: list[tuple[int, int]],
) -> None:
    pairs = [(1, 1), (2, 2), (3, 3), *pairs]
    words = of_pairs([(WORDS[one], WORDS[other]) for one, other in pairs])
    ordered = words.astype({"value": pd.CategoricalDtype(["low", "mid", "high"], ordered=True)})
    for name, coefficient in WEIGHTED.items():
        expected = coefficient(of_pairs(pairs))
        assert coefficient(ordered) == expected, name
        assert coefficient(words, ["low", "mid", "high"]) == expected, name
        for table in (words, words.astype({"value": "category"}), words.replace({"low": 1})):
            with pytest.raises(
                UnorderedValuesError, match=r"needs their order.*=\[\.\.\.\].*ordered categorical"
            ):
                coefficient(table)


def test_coefficients_without_weights_need_no_order() -> None:
    words = of_pairs([("low", "mid"), ("mid", "mid"), ("high", "high")])
    for coefficient in (gwet_ac1, fleiss_kappa, cohen_kappa, brennan_prediger, krippendorff_alpha):
        assert coefficient(words).value is not None


NUMBERS: list[float] = [
    0,
    1,
    2,
    -1,
    10**18,
    10**18 + 1,
    10**30,
    0.5,
    1e200,
    1e-300,
    5e-324,
    1.7e308,
    float("inf"),
    -float("inf"),
]
RANGES: list[list[float]] = [
    NUMBERS,
    NUMBERS[:6],
    NUMBERS[7:12],
    [1e200, 2e200],
    [1e-300, 3e-300],
    [10**18, 10**18 + 1],
]
BASES = st.sampled_from(RANGES)


@examples(200)
@given(BASES.flatmap(lambda base: st.lists(st.tuples(*[st.sampled_from(base)] * 3), min_size=1, max_size=5)))
def test_numbers_of_any_size_get_a_figure_or_a_true_reason(answers: list[tuple[float, float, float]]) -> None:
    table = of_pairs(cast("list[tuple[object, object]]", answers))
    same = len({value for row in answers for value in row}) == 1
    measures: list[Callable[[], Coefficient]] = [
        lambda level=level: krippendorff_alpha(table, cast("Level", level))  # type: ignore[misc]
        for level in ("nominal", "ordinal", "interval", "ratio")
    ]
    measures += [lambda: gwet_ac2(table), lambda: brennan_prediger(table, weights="linear")]
    measures += [lambda: cohen_kappa(table[table["annotator"] < 2], "quadratic")]
    for number, measure in enumerate(measures):
        try:
            found = measure()
        except ValueError as error:
            assert "zero or more" in str(error)  # noqa: PT017
            continue
        figures = [found.value, found.low, found.high, found.standard_error, found.z]
        assert all(figure is None or np.isfinite(figure) for figure in figures)
        json.dumps(found.to_dict(), allow_nan=False)
        if found.value is None:
            assert "undefined because" in found.sentence
        if number < 6:
            assert ("100 %" in found.sentence) == (found.value is None and same)


@examples(100)
@given(
    st.lists(st.tuples(*[st.integers(0, 4)] * 3), min_size=2, max_size=6),
    st.sampled_from([1, 10**18, 1e-300, 1e200, Fraction(1, 3), Decimal("1e-200")]),
)
def test_a_scale_in_other_units_has_the_same_alpha(answers: list[tuple[int, int, int]], unit: float) -> None:
    table = of_pairs(cast("list[tuple[object, object]]", answers))
    scaled = table.assign(value=table["value"].map(lambda value: value * unit))
    levels: tuple[Level, ...] = ("interval", "ratio")
    for level in levels:
        one, other = (krippendorff_alpha(it, level, interval=False) for it in (table, scaled))
        assert one.value == (None if other.value is None else pytest.approx(other.value, abs=1e-9))


def test_places_and_relative_differences_are_exact_before_they_are_rounded() -> None:
    assert places([10**18, 10**18 + 1, 10**18 + 2]).tolist() == [0, 0.5, 1]
    assert places([5]).tolist() == [0]
    assert np.isnan(places([1, 2, float("inf")])).tolist() == [False, False, True]
    assert relative_differences([0, 1e-300, 3e-300])[2].tolist() == [1, 0.5, 0]
    assert relative_differences([0, 1, 3])[2].tolist() == [1, 0.5, 0]


def test_a_distance_that_is_no_number_is_said_to_be_one() -> None:
    table = of_pairs([("a", "b"), ("b", "b")])
    found = krippendorff_alpha(table, lambda one, other: float("nan") if one != other else 0.0)
    assert found.value is None
    assert "undefined because the distances" in found.sentence
