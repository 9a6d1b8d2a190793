"""Whatever library made a table of answers, and whatever its ids are, it says the same; other inputs are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quality import (
    annotator_confidence,
    bradley_terry,
    conger_kappa,
    dawid_skene,
    gold_accuracy,
    gwet_ac2,
    krippendorff_alpha,
    mace,
    majority_vote,
    pooled_alpha,
    vote_distribution,
)
from quality.answer_table import AnswerTableError, as_frame
from tests.examples import examples

if TYPE_CHECKING:
    from quality.answer_table import AnswerTable

Row: TypeAlias = "dict[str, object]"
SCALE = ["low", "mid", "high"]
LEVELS = pd.CategoricalDtype(["never", *SCALE, "unused"], ordered=True)


@st.composite
def rows(draw: st.DrawFn) -> list[Row]:
    """Answers of 2 to 4 people to some items; None and an empty text are missing."""
    n_items, n_people = draw(st.integers(1, 6)), draw(st.integers(2, 4))
    values = st.sampled_from([*SCALE, *SCALE, None, "", "  "])
    return [
        {"item": f"i{item}", "annotator": f"p{person}", "value": draw(values)}
        for item in range(n_items)
        for person in range(n_people)
    ]


def every_form(table: list[Row]) -> dict[str, AnswerTable]:
    frame = pd.DataFrame(table)
    arrow = pa.Table.from_pylist(table)
    pieces = [arrow.slice(place, 3) for place in range(0, len(table), 3)]
    coded = [
        pa.table([column.dictionary_encode() for column in it.columns], it.column_names) for it in pieces
    ]
    polars = pl.from_arrow(arrow)
    assert isinstance(polars, pl.DataFrame)
    clean = [row | {"value": row["value"] if row["value"] in SCALE else None} for row in table]
    return {
        "pandas": frame,
        "nullable": frame.convert_dtypes(),
        "of Arrow": frame.convert_dtypes(dtype_backend="pyarrow"),
        "categories": frame.astype("category"),
        "unused categories": frame.astype({"value": pd.CategoricalDtype(["x", "", "  ", *SCALE, "y"])}),
        "ordered": pd.DataFrame(clean).astype({"value": LEVELS}),
        "Arrow": arrow,
        "chunked": pa.concat_tables(pieces),
        "dictionaries": pa.concat_tables(coded),
        "batches": arrow.to_reader(2),
        "polars": polars,
        "polars categories": polars.with_columns(pl.col("value", "item").cast(pl.Categorical)),
        "polars chunks": pl.concat([polars[:2], polars[2:]], rechunk=False),
        "polars enum": pl.DataFrame(clean).with_columns(pl.col("value").cast(pl.Enum(SCALE))),
    }


@examples(25)
@given(rows())
def test_every_library_says_the_same(table: list[Row]) -> None:
    expected = krippendorff_alpha(table, "ordinal", SCALE, interval=False)
    weighted = gwet_ac2(table, SCALE)
    assert expected.n_labels <= sum(row["value"] in SCALE for row in table)
    for name, form in every_form(table).items():
        assert krippendorff_alpha(form, "ordinal", SCALE, interval=False) == expected, name
    for name in ("polars", "dictionaries", "nullable", "unused categories", "of Arrow"):
        form = every_form(table)[name]
        assert gwet_ac2(form, SCALE) == weighted
        assert (
            annotator_confidence(form).to_numpy().tolist() == annotator_confidence(table).to_numpy().tolist()
        )
        assert vote_distribution(form).to_numpy().tolist() == vote_distribution(table).to_numpy().tolist()
        assert dawid_skene(form).posteriors.to_numpy() == pytest.approx(
            dawid_skene(table).posteriors.to_numpy()
        )


@examples(30)
@given(rows(), st.sampled_from(["ordered", "polars enum"]))
def test_the_order_of_a_categorical_is_the_order_of_its_values(table: list[Row], name: str) -> None:
    used = [value for value in SCALE if any(row["value"] == value for row in table)]
    found = gwet_ac2(every_form(table)[name])
    assert found == gwet_ac2(table, used)
    ordinal = krippendorff_alpha(every_form(table)[name], "ordinal", interval=False)
    assert ordinal == krippendorff_alpha(table, "ordinal", used, interval=False)


def test_nan_is_missing_in_every_type_of_number() -> None:
    plain = [1.0, 2.0, np.nan, 1.0, np.nan, 2.0]
    frame = pd.DataFrame({"item": [0, 0, 0, 1, 1, 1], "annotator": [0, 1, 2] * 2, "value": plain})
    expected = krippendorff_alpha(frame)
    assert expected.n_labels == 4
    numbers = pd.array(plain, dtype="Float64")
    zeros = pd.Series([0.0] * 6, dtype="Float64")
    nan_inside = zeros / zeros
    for column in (numbers, pd.Series(plain, dtype="float64[pyarrow]")):
        assert krippendorff_alpha(frame.assign(value=column)) == expected
    assert krippendorff_alpha(frame.assign(value=nan_inside)).n_labels == 0
    assert krippendorff_alpha(pl.from_pandas(frame, nan_to_null=False)) == expected


def test_ids_of_several_types_work_and_are_told_apart() -> None:
    ids: list[object] = [1, "1", 2.5, ("a", 1), "x"]
    people: list[object] = ["p", 7, ("q", 2)]
    value = {0: [1, 1, 2], 1: [2, 2, 2], 2: [1, 1, 1], 3: [2, 1, 2], 4: [2, 2, 1]}
    table: list[Row] = [
        {"item": item, "annotator": person, "value": value[row][column]}
        for row, item in enumerate(ids)
        for column, person in enumerate(people)
    ]
    plain = [
        row | {"item": ids.index(row["item"]), "annotator": people.index(row["annotator"])} for row in table
    ]
    assert krippendorff_alpha(table).value == krippendorff_alpha(plain).value
    assert float(conger_kappa(table)) == pytest.approx(float(conger_kappa(plain)))
    assert majority_vote(table)["value"].tolist().count(2) == 3
    assert {*majority_vote(table)["item"]} == {*ids}
    assert {*annotator_confidence(table)["annotator"]} == {*people}
    assert len(dawid_skene(table).posteriors) == len(mace(table).posteriors) == 5
    mixed_values = [row | {"value": "yes" if row["value"] == 1 else 0} for row in table]
    assert krippendorff_alpha(mixed_values).value == krippendorff_alpha(table).value


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("a text", "a str is not a table"),
        (None, "a NoneType is not a table"),
        (np.zeros((2, 3)), "a ndarray is not a table"),
        ({"item": [1]}, "a dict is not a table"),
        (pd.Series([1]), "a Series is not a table"),
        (pl.Series([1]), "a Series is no table"),
        (pl.DataFrame({"item": [1]}).lazy(), "collect"),
        (pa.array([1]), "is not a table"),
        ([("item", 1)], "a row of the table is a tuple"),
        ([{"item": 1}], "no column annotator, value; it needs item, annotator, value and has item"),
        (
            pd.DataFrame([[1, 2, 3, 4]], columns=["item", "item", "annotator", "value"]),
            "several columns 'item'",
        ),
        ([{"item": [1], "annotator": 1, "value": 1}], "neither a text nor a number"),
        (pl.DataFrame({"item": [[1]], "annotator": [1], "value": [1]}), "neither a text nor a number"),
    ],
)
def test_other_inputs_get_one_clear_error(table: AnswerTable, message: str) -> None:
    for function in (krippendorff_alpha, majority_vote, annotator_confidence, dawid_skene):
        with pytest.raises(AnswerTableError, match=message):
            function(table)


def test_every_function_takes_every_library() -> None:
    games: list[Row] = [
        {"first": "a", "second": "b", "value": value, "item": number, "annotator": number % 3}
        for number, value in enumerate(["first", "second", "first", "tie", "first"])
    ]
    expected = bradley_terry(games, replicates=0).scores["score"].to_dict()
    assert bradley_terry(pl.DataFrame(games), replicates=0).scores["score"].to_dict() == expected
    checked: list[Row] = [{"annotator": "p", "item": n, "value": "a", "gold": "ab"[n % 2]} for n in range(4)]
    assert gold_accuracy(pl.DataFrame(checked))["n_right"].tolist() == [2]
    asked: list[Row] = [
        {"question": "q", "item": n, "annotator": person, "value": "yn"[(n * person) % 2]}
        for n in range(4)
        for person in range(3)
    ]
    assert pooled_alpha(pl.DataFrame(asked)) == pooled_alpha(asked)
    assert krippendorff_alpha([]).value is None
    assert as_frame([{"a": 10**18 + 1}, {"a": None}])["a"].tolist() == [10**18 + 1, None]
