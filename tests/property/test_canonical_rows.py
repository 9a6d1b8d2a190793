"""Rows of an export as canonical JSON: made column by column, they are what ``json`` writes of each row."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from exports import spilled
from exports.canonical import canonical_lines
from exports.columns import COUNT, FLAG, JSON, MESSAGES, NUMBER, TEXT, TEXTS, ListOf
from exports.context import TOOLS
from exports.json_columns import table_of
from exports.spilled import Goals, spill

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from exports.columns import Columns, Row

COLUMNS: Columns = {
    "text": TEXT,
    "count": COUNT,
    "number": NUMBER,
    "flag": FLAG,
    'a "name"': TEXTS,
    "messages": MESSAGES,
    "votes": ListOf({"who": TEXT, "weight": NUMBER, "of": TEXTS}),
    "any": ListOf(JSON),
    TOOLS: JSON,
}

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
numbers = st.floats(allow_nan=False) | st.sampled_from([0.0, -0.0, 1e-7, 1e16, float("nan"), float("inf")])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inside: st.lists(inside, max_size=2) | st.dictionaries(texts, inside, max_size=2),
    max_leaves=4,
)


rows = st.fixed_dictionaries(
    {
        "text": st.none() | texts,
        "count": st.none() | st.integers(-(2**63), 2**63 - 1),
        "number": st.none() | numbers,
        "flag": st.none() | st.booleans(),
        'a "name"': st.none() | st.lists(st.none() | texts, max_size=3),
        "messages": st.none()
        | st.lists(st.fixed_dictionaries({"role": texts, "content": texts}), max_size=2),
        "votes": st.lists(
            st.none()
            | st.fixed_dictionaries({"who": texts, "weight": numbers, "of": st.lists(texts, max_size=2)}),
            max_size=3,
        ),
        "any": st.none() | st.lists(json_values.filter(lambda value: value is not None), max_size=2),
    },
    optional={TOOLS: json_values.filter(lambda value: value is not None)},
)


def as_json(row: Row) -> str:
    return json.dumps(row, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


@given(st.lists(rows, max_size=5))
def test_lines_are_what_json_writes_of_each_row(made: list[Row]) -> None:
    lines = canonical_lines(table_of(made, COLUMNS), COLUMNS).to_pylist()
    assert lines == [f"{as_json(row)}\n" for row in made]


def test_rows_that_are_too_large_for_one_table_come_in_several(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Row] = [{"text": f"{number} {'long ' * 100}"} for number in range(50)]
    names = [f"i{number:02}" for number in range(50)]
    splits, buckets = ["train", "test"] * 25, [number % 4 for number in range(50)]
    goals = Goals.of(splits, buckets, names, names)
    whole = spill(tmp_path / "whole", made, range(50), goals, {"text": TEXT})
    monkeypatch.setattr(spilled, "BYTES_AT_ONCE", 2_000)
    divided = spill(tmp_path / "divided", made, range(50), goals, {"text": TEXT})
    assert len(whole.lines) == 1 < len(divided.lines)
    for found in (whole, divided):
        assert [line for some in found.lines for line in some.to_pylist()] == [
            f"{as_json(row)}\n" for row in made
        ]
        read = [
            (piece.split, piece.bucket, name, text)
            for piece in found.pieces
            for name, text in zip(*piece.rows.read(["#name", "text"]).to_pydict().values(), strict=True)
        ]
        assert sorted(read) == sorted(
            (split, bucket, name, row["text"])
            for split, bucket, name, row in zip(splits, buckets, names, made, strict=True)
        )
