"""Figures behind the report: disputed items, gold, repeats, growth, axes."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pandas as pd
import pytest

from chatfeedback.report.plots.drawing import (
    even_ticks_of_logarithms,
    linear,
    logarithmic,
    round_ticks,
    signed,
)
from chatfeedback.report.sections import growth
from quality import gold_accuracy, self_consistency, votes
from quality.controls import gold_table, repeat_table
from quality.disputed import disputed_items
from tests.sample_records import annotation, minutes, task

if TYPE_CHECKING:
    from chatfeedback.report.inputs import ReportInputs
    from workspaces.records import Annotation

TASKS = {"q": task("q", {}), "p": task("p", {}, kind="preference")}
TASKS |= {f"{name}2": replace(each, id=f"{name}2", reask_of=name) for name, each in TASKS.items()}


def answers(*rows: tuple[str, str, dict[str, str]]) -> list[Annotation]:
    return [annotation(task_id, person, values) for task_id, person, values in rows]


def test_disputed_items_have_their_answers_and_no_single_most_frequent_one() -> None:
    given = answers(
        ("q", "a", {"helpful": "no", "toxic": "na", "style": "no"}),
        ("q", "b", {"helpful": "yes", "toxic": "no", "style": "no"}),
        ("q", "c", {"toxic": "yes", "style": "yes"}),
        ("p", "a", {"preference": "a"}),
        ("p", "b", {"preference": "tie"}),
    )
    table = votes(given, TASKS)
    (both,) = disputed_items(table, pd.Series({"q": 2, "p": 3})).itertuples(index=False)
    assert tuple(both) == ("qualitative", "q", "c#1", 2, "helpful: no 1, yes 1; toxic: na 1, no 1, yes 1")
    (waiting,) = disputed_items(table, pd.Series({"q": 3, "p": 3}))["answers"]
    assert waiting.startswith("toxic")  # the other one still waits for its third answer
    assert list(disputed_items(table, pd.Series({"q": 3, "p": 2}))["kind"]) == ["preference", "qualitative"]
    assert disputed_items(table.iloc[:0], pd.Series(dtype="int64")).empty


def test_gold_is_held_against_answers_in_any_display_order() -> None:
    mirrored = replace(TASKS["p"], id="m", message_ids=TASKS["p"].message_ids[::-1])
    tasks = TASKS | {"m": mirrored}
    given = answers(
        ("p", "right", {"preference": "a"}),
        ("m", "right too", {"preference": "b"}),
        ("p", "wrong", {"preference": "tie"}),
        ("q", "half", {"helpful": "no", "toxic": "yes", "style": "yes"}),
        ("q2", "half", {"helpful": "yes", "toxic": "no"}),
    )
    gold = {"p": {"preference": "a"}, "q": {"helpful": "no", "toxic": "no"}}
    found = gold_accuracy(gold_table(votes(given, tasks), gold, tasks))
    assert dict(zip(found["annotator"], found["n_right"], strict=True)) == {
        "half": 1,
        "right": 1,
        "right too": 1,
        "wrong": 0,
    }
    assert dict(zip(found["annotator"], found["n_items"], strict=True)) == {
        "half": 2,
        "right": 1,
        "right too": 1,
        "wrong": 1,
    }


def test_repeats_are_answers_of_one_person_to_both_tasks() -> None:
    given = answers(
        ("q", "steady", {"helpful": "no", "toxic": "yes"}),
        ("q2", "steady", {"helpful": "no", "toxic": "no"}),
        ("q2", "only the second", {"helpful": "no"}),
        ("q", "only the first", {"helpful": "no"}),
        ("p", "turner", {"preference": "a"}),
        ("p2", "turner", {"preference": "b"}),
    )
    table = repeat_table(given, TASKS)
    found = self_consistency(table)
    assert dict(zip(found["annotator"], found["n_same"], strict=True)) == {"steady": 1, "turner": 0}
    assert set(table.columns) == {"kind", "question", "item", "annotator", "first", "second"}
    assert repeat_table([], TASKS).empty
    assert self_consistency(repeat_table([], TASKS)).empty


def test_of_several_answers_to_one_task_the_last_is_compared() -> None:
    first = annotation("q", "a", {"helpful": "no"}, name="1", at=minutes(1))
    edited = annotation("q", "a", {"helpful": "yes"}, name="2", at=minutes(9))
    second = annotation("q2", "a", {"helpful": "yes"}, name="3", at=minutes(5))
    for order in ([first, edited, second], [second, edited, first]):
        assert list(self_consistency(repeat_table(order, TASKS))["n_same"]) == [1]


@pytest.mark.parametrize(("days", "unit"), [(20, "day"), (200, "week"), (900, "month")])
def test_growth_keeps_every_answer_and_point_whatever_the_unit(days: int, unit: str) -> None:
    at = pd.date_range("2025-01-01", periods=days, freq="D", tz="UTC")
    answered, earned = pd.DataFrame({"at": at.repeat(2)}), pd.DataFrame({"at": at, "points": 7})
    inputs = SimpleNamespace(answered=answered, earned=earned)  # all that this section reads
    section = growth.section(cast("ReportInputs", inputs))
    assert section is not None
    assert [figure.caption for figure in section.figures] == [
        f"Answers per {unit}: {2 * days:,} in all.",
        f"Compute Points for answers per {unit}: {7 * days:,} in all.",
    ]
    table = section.tables[0].rows
    assert (table["answers"].sum(), table["points"].sum()) == (2 * days, 7 * days)
    assert table["day"].iloc[-1] == "2025-01-01"


def test_axes_reach_their_figures_at_round_ticks() -> None:
    assert round_ticks(37) == [0, 10, 20, 30, 40]
    assert round_ticks(1) == [0, 0.5, 1.0]
    assert round_ticks(0)[-1] > 0
    assert even_ticks_of_logarithms(254, 295) == [200, 500]
    assert even_ticks_of_logarithms(1, 1) == [1, 2]
    assert even_ticks_of_logarithms(3, 900)[0] == 2
    assert even_ticks_of_logarithms(3, 900)[-1] == 1000
    assert linear(0, 1, 100, 0)(0.25) == 75
    assert logarithmic(1, 100, 0, 10)(10) == pytest.approx(5)


def test_a_minus_is_a_minus_and_zero_has_none() -> None:
    assert [signed(text) for text in ("-0.00", "-0%", "-3%", "0.5")] == ["0.00", "0%", "−3%", "0.5"]
