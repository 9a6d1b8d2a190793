"""Kinds as data: what a declaration may say, and how answers become votes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import krippendorff
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quality.agreement.own_level import own_level_alpha
from workspaces.kinds import (
    FIRST,
    SECOND,
    TIE,
    ChoiceQuestion,
    ComparisonQuestion,
    Kind,
    LabelRule,
    PaidPart,
    Scale,
    TextQuestion,
    all_kinds,
    asked_kinds,
    kind_of,
    paid_parts,
)

if TYPE_CHECKING:
    from collections.abc import Callable

OPTIONS = {"good": "Good", "bad": "Bad", "na": "N/A"}
SIDES = {"a": "A", "tie": "Same", "b": "B"}


def choice() -> ChoiceQuestion:
    return ChoiceQuestion("q", "?", "", OPTIONS)


def test_the_kinds_of_the_project_are_found_by_themselves() -> None:
    assert set(all_kinds()) >= {"qualitative", "rating", "preference"}
    assert set(asked_kinds()) == all_kinds().keys() - {"rating"}
    assert set(paid_parts()) >= {"qualities", "suggestion", "preference"}
    assert list(all_kinds()) == sorted(all_kinds(), key=lambda name: (all_kinds()[name].responses, name))


def test_values_are_the_options_unless_an_order_is_given() -> None:
    assert choice().values == ("good", "bad", "na")
    ordered = ChoiceQuestion(
        "q", "?", "", OPTIONS, scale=Scale.ORDINAL, values=("bad", "good", "na"), not_applicable="na"
    )
    assert ordered.order == ("bad", "good")
    assert ordered.answers == ("bad", "good", "na")


def test_a_question_that_contradicts_itself_is_refused() -> None:
    for values in (("good", "bad"), ("good", "bad", "na", "na")):
        with pytest.raises(ValueError, match="must list what can be voted"):
            replace(choice(), values=values)
    with pytest.raises(ValueError, match="is none of its values"):
        replace(choice(), not_applicable="never")
    with pytest.raises(ValueError, match="not text"):
        replace(choice(), scale=Scale.TEXT)
    with pytest.raises(ValueError, match="are numbers"):
        replace(choice(), scale=Scale.INTERVAL)


def test_an_answer_that_is_no_option_is_no_vote() -> None:
    assert choice().vote("good", ("m",)) == "good"
    for question in (choice(), ComparisonQuestion("better", "?", "", SIDES)):
        assert not question.is_complete("splendid")
        with pytest.raises(ValueError, match="'splendid' is no answer to"):
            question.vote("splendid", ("m", "n"))


@given(st.sampled_from(sorted(SIDES)), st.lists(st.text(max_size=3), min_size=2, max_size=2, unique=True))
def test_a_comparison_is_the_same_vote_whatever_the_order_of_display(answer: str, shown: list[str]) -> None:
    question = ComparisonQuestion("better", "?", "", SIDES)
    mirrored = question.mirrored(answer)
    assert question.mirrored(mirrored) == answer
    assert question.vote(answer, shown) == question.vote(mirrored, shown[::-1])
    assert question.answer_for(question.preferred(answer)) == answer
    better = {"a": shown[0], "b": shown[1]}.get(answer)
    expected = TIE if better is None else FIRST if better == min(shown) else SECOND
    assert question.vote(answer, shown) == expected


def test_a_rewrite_counts_when_it_is_long_enough_and_says_something_else() -> None:
    question = TextQuestion("better", "?", "", min_characters=5, rewrites=True)
    assert question.is_complete("A new text", "The response")
    assert not question.is_complete("abcd", "The response")
    assert not question.is_complete(" the\nRESPONSE ", "The response")
    assert question.is_complete("the response", None)


@pytest.mark.parametrize("share", [0.0, 0.05])
@pytest.mark.parametrize(
    "change",
    [
        str.upper,
        lambda text: text.replace(" ", "   \n"),
        lambda text: " ".join(text),
        lambda text: "\u200b".join(text) + "\ufeff\u2063\ufe0f",
        lambda text: text.replace("é", "e\u0301"),
        lambda text: text.replace("fi", "\ufb01").replace(" ", "\u00a0"),
        lambda text: f"“{text.replace(',', ' —')}”!!!",
        lambda text: text.replace(".", "") + "." * 40,
    ],
    ids=["case", "white space", "spaced", "invisible", "composed", "ligature", "quoted", "dots"],
)
def test_what_nobody_can_read_differently_changes_nothing(change: Callable[[str], str], share: float) -> None:
    question = TextQuestion("better", "?", "", min_characters=5, rewrites=True, min_change=share)
    response = "Well, the café is fine, and it’s open. Isn't it?"
    assert not question.is_complete(change(response), response)
    assert question.is_complete(change("No, the bar is closed on Mondays."), response)


@pytest.mark.parametrize(
    ("response", "rewrite", "differs"),
    [
        ("A dose of .5 mg", "A dose of 5 mg", True),
        ("About 10² people", "About 102 people", True),
        ("Rooms 2 3 are free", "Rooms 23 are free", True),
        ("It is -5 °C", "It is 5 °C", True),
        ("It costs $5", "It costs €5", True),
        ("It is -5 °C", "It is \u22125 °C", False),
        ("A well\u2011known and x\u2010ray", "A well-known and x-ray", False),
        ("It was 2020. 5 came", "It was 2020, 5 came", False),
        ("He says «5»...", "He says 5", False),
    ],
)
def test_what_a_number_says_counts_and_how_a_mark_is_written_does_not(
    response: str, rewrite: str, differs: bool
) -> None:
    question = TextQuestion("better", "?", "", rewrites=True)
    assert question.changes(rewrite, response) is differs
    assert question.changes(response, rewrite) is differs


def test_a_shorter_response_may_be_rewritten_as_short_and_a_text_needs_a_letter() -> None:
    question = TextQuestion("better", "?", "", min_characters=20, rewrites=True)
    assert question.is_complete("Paris is in France.", "Paris is in Italy.")
    assert question.is_complete("43", "42")
    assert not question.is_complete("4", "42")
    assert not question.is_complete("Eight.", "Spiders are insects with six legs.")
    assert question.is_complete("It is 1.5 metres long.", "It is 15 metres long.")
    assert question.is_complete("f(x)[0] = y + 1 # twenty", "f(x)(0) = y - 1 # twenty")
    reason = TextQuestion("why", "?", "", min_characters=20)
    assert not reason.is_complete("." * 40)
    assert not reason.is_complete("abc" + "\u200b" * 40)
    assert reason.is_complete("A is shorter, and right.")


def test_a_kind_whose_parts_name_no_question_or_whose_questions_share_a_name_is_refused() -> None:
    with pytest.raises(ValueError, match="part 'p' names w"):
        Kind("k", "K", questions=(choice(),), parts=(PaidPart("p", ("q", "w"), 1, "", ""),))
    with pytest.raises(ValueError, match="two questions have one name"):
        Kind("k", "K", questions=(choice(), choice()))
    with pytest.raises(ValueError, match="shows two responses"):
        Kind("k", "K", questions=(ComparisonQuestion("better", "?", "", SIDES),))
    rewrite = TextQuestion("rewrite", "?", "", rewrites=True)
    for question in (
        rewrite,
        replace(choice(), seeded=True),
        replace(choice(), label=LabelRule(unwanted="bad")),
    ):
        with pytest.raises(ValueError, match="one response, but a task shows 2"):
            Kind("k", "K", responses=2, questions=(question,))


def test_a_part_is_done_when_all_its_questions_are_answered() -> None:
    kind = kind_of("qualitative")
    six = dict.fromkeys(("instruction", "helpful", "factual", "style", "sensitive", "toxic"), "na")
    assert kind.is_done("qualities", six)
    assert not kind.is_done("qualities", six | {"style": "perhaps"})
    assert not kind.is_done("preference", {"preference": "a"}), "another kind's part"


def test_answers_to_questions_that_the_kind_does_not_ask_are_no_votes() -> None:
    votes = list(kind_of("preference").votes({"preference": "b", "helpful": "yes"}, ("m2", "m1")))
    assert votes == [("preference", "m1|m2", FIRST)]
    votes = list(kind_of("rating").votes({"thumb": "up", "fluency": "3"}, ("m1",)))
    assert votes == [("thumb", "m1", "up"), ("fluency", "m1", "3")]


@pytest.mark.parametrize("scale", [Scale.NOMINAL, Scale.ORDINAL, Scale.INTERVAL])
def test_alpha_is_measured_at_the_declared_level(scale: Scale) -> None:
    numbers = np.random.default_rng(3).choice([1, 2, 5, 9], size=(4, 30))
    numbers[1:3] = numbers[0]  # two who agree with the first
    options = {str(value): str(value) for value in (9, 1, 5, 2)}
    question = ChoiceQuestion("q", "?", "", options, scale=scale, values=("1", "2", "5", "9"))
    table = pd.DataFrame(
        [(f"i{i}", f"p{p}", str(numbers[p, i])) for p in range(4) for i in range(30)],
        columns=["item", "annotator", "value"],
    )
    expected = krippendorff.alpha(reliability_data=numbers, level_of_measurement=scale.value)
    assert own_level_alpha(table, question).value == pytest.approx(expected, abs=1e-12)
