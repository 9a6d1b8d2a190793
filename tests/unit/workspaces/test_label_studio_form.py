"""The labeling configuration, instructions and task data drawn for Label Studio, and answers read back."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workspaces.forms import Form, TaskContent, Turn
from workspaces.kinds import ChatField, ChoiceQuestion, TextQuestion
from workspaces.platforms.label_studio.form import (
    LONGEST_TEXT,
    asked_questions,
    instructions,
    labeling_config,
    result_of,
    task_data,
    values_of,
)
from workspaces.records import Display, Role, Significance

HOSTILE = "</View><Script>&amp; \"x\" 'y' ]]> $worth \x00\x0b\ud800\uffff \u202e"


def form(title: str = "Helpful", text: str = "Yes") -> Form:
    return Form(
        kind="preference",
        title=title,
        guidelines=title,
        fields=(ChatField("conversation", title), ChatField("answer_a", title), ChatField("answer_b", "B")),
        questions=(
            ChoiceQuestion("helpful", title, title, {"yes": text, "na": "N/A"}),
            TextQuestion("suggestion", title, ""),
        ),
        side_by_side=("answer_a", "answer_b"),
    )


def drawn(of: Form) -> ElementTree.Element:
    return ElementTree.fromstring(labeling_config(of))  # noqa: S314 - our own


@given(st.text(), st.text(min_size=1))
def test_the_configuration_is_well_formed_whatever_the_texts(title: str, text: str) -> None:
    assert [element.get("name") for element in drawn(form(title, text)).iter("Choices")] == ["helpful"]


def test_a_hostile_title_stays_a_title() -> None:
    root = drawn(form(HOSTILE, HOSTILE))
    assert {element.tag for element in root.iter()} == {
        "View", "Style", "Header", "Text", "HyperText", "Choices", "Choice", "TextArea",
    }  # fmt: skip
    header = root.find(".//Header")
    assert header is not None
    assert (
        header.get("value")
        == "</View><Script>&amp; \"x\" 'y' ]]> \uff04worth \ufffd\ufffd\ufffd\ufffd \u202e"
    )


def test_only_task_data_is_filled_in_from_variables() -> None:
    elements = drawn(form("$5 $conversation")).iter()
    variables = [value for element in elements for value in element.attrib.values() if "$" in value]
    assert variables == ["$worth", "$shown_conversation", "$shown_answer_a", "$shown_answer_b"]


def test_answers_side_by_side_share_a_row_and_names_are_unique() -> None:
    root = drawn(form())
    (row,) = [view for view in root.iter("View") if "display:flex" in view.get("style", "")]
    shown = [(element.get("name"), element.get("value")) for element in row.iter("HyperText")]
    assert shown == [("chat_answer_a", "$shown_answer_a"), ("chat_answer_b", "$shown_answer_b")]
    names = [name for element in root.iter() if (name := element.get("name"))]
    assert len(names) == len(set(names))
    assert {element.get("toName") for element in root.iter()} - {None} <= set(names)


def test_a_context_never_gives_its_room_to_the_answers_and_all_is_stacked_in_a_narrow_window() -> None:
    style = drawn(form()).findtext(".//Style", "")
    wide, _, narrow = style.partition("@media (max-width: 900px)")
    assert ".cfw-context { flex: 0 0 auto;" in wide
    assert ".cfw-columns { display: block !important; }" in narrow  # the row has a style attribute of its own
    views = [view.get("className", "") for view in drawn(form()).iter("View")]
    assert views.index("cfw-chat cfw-context") < views.index("cfw-columns")


def test_a_choice_gives_back_its_value_and_is_required() -> None:
    root = drawn(form())
    assert [(c.get("value"), c.get("alias")) for c in root.iter("Choice")] == [("Yes", "yes"), ("N/A", "na")]
    (choices,), (text,) = root.iter("Choices"), root.iter("TextArea")
    assert (choices.get("required"), choices.get("choice")) == ("true", "single-radio")
    assert text.get("required") is None


def test_instructions_are_html_in_which_nothing_of_the_guidelines_is_markup() -> None:
    assert instructions("# Rules\n\nBe **fair** & <b>kind</b>.\nAlways.\n\n- one\n  more\n- two") == (
        "<h3>Rules</h3><br><p>Be <strong>fair</strong> &amp; &lt;b&gt;kind&lt;/b&gt;. Always.</p><br>"
        "<p>\u2022 one more</p><p>\u2022 two</p>"
    )
    assert instructions("") == ""


def test_task_data_holds_the_turns_the_worth_and_nothing_else() -> None:
    chats = {name: (Turn("User", HOSTILE),) for name in ("conversation", "answer_a", "answer_b", "unused")}
    content = TaskContent(
        "t1", chats, Significance.LOW, {"preference": 8}, "en", {"preference": "the choice"}
    )
    data = task_data(form(), content)
    chats_of = ("conversation", "answer_a", "answer_b")
    assert set(data) == {
        "task_id",
        "worth",
        *(f"{it}_{name}" for it in ("chat", "shown") for name in chats_of),
    }
    assert data["worth"] == "Significance: low · 8 points for the choice · Task t1"
    assert data["chat_answer_a"] == [
        {"speaker": "User", "text": HOSTILE.replace("\x00", "\ufffd").replace("\ud800", "\ufffd")}
    ]


QUESTIONS = {"helpful": frozenset({"yes", "no"}), "suggestion": None}


def test_what_is_answered_is_read_back() -> None:
    values = {"helpful": "yes", "suggestion": "Better.\n<b>"}
    assert values_of(result_of(form(), values), QUESTIONS) == values
    assert result_of(form(), {}) == []


@pytest.mark.parametrize(
    "item",
    [
        None,
        7,
        "text",
        [],
        {},
        {"from_name": "unknown", "value": {"choices": ["yes"]}},
        {"from_name": ["helpful"], "value": {"choices": ["yes"]}},
        {"from_name": "helpful", "value": None},
        {"from_name": "helpful", "value": {"choices": "yes"}},
        {"from_name": "helpful", "value": {"choices": ["yes", "no"]}},
        {"from_name": "helpful", "value": {"choices": ["certainly"]}},
        {"from_name": "helpful", "value": {"choices": [{"yes": 1}]}},
        {"from_name": "suggestion", "value": {"text": [1, None]}},
        {"from_name": "suggestion", "value": {"text": ["  \n"]}},
        {"from_name": "suggestion", "value": {"text": ["x" * (LONGEST_TEXT + 1)]}},
    ],
)
def test_a_malformed_result_is_left_out_and_the_rest_is_read(item: object) -> None:
    good = {"from_name": "helpful", "value": {"choices": ["no"]}}
    assert values_of([item, good], QUESTIONS) == {"helpful": "no"}
    assert values_of(item, QUESTIONS) == {}


def test_questions_are_ours_whatever_members_write_into_a_projects_form() -> None:
    asked = asked_questions()
    assert asked["helpful"] == frozenset({"yes", "no", "na"})
    assert asked["suggestion"] is None


def test_a_field_that_holds_a_text_from_the_first_names_it_and_each_task_has_it() -> None:
    question = TextQuestion("rewrite", "Better", "", required=True, rewrites=True, prefilled=True)
    of = Form("suggestion", "Rewrite", "", (ChatField("response", "Response", response=0),), (question,))
    (field,) = drawn(of).iter("TextArea")
    assert field.get("value") == "$prefill_rewrite"
    chats = {"response": (Turn("Model", HOSTILE),)}
    content = TaskContent("t1", chats, Significance.LOW, {}, prefilled={"rewrite": HOSTILE})
    data = task_data(of, content)
    assert data["prefill_rewrite"] == HOSTILE.replace("\x00", "\ufffd").replace("\ud800", "\ufffd")
    (plain,) = drawn(form()).iter("TextArea")
    assert plain.get("value") is None
    assert not any(key.startswith("prefill") for key in task_data(of, content) if key != "prefill_rewrite")


def test_a_project_from_before_has_dialogues_of_the_turns_that_every_task_holds() -> None:
    root = ElementTree.fromstring(labeling_config(form(), dialogues=True))  # noqa: S314 - our own
    shown = [(it.get("name"), it.get("value"), it.get("layout")) for it in root.iter("Paragraphs")]
    names = ("chat_conversation", "chat_answer_a", "chat_answer_b")
    assert shown == [(name, f"${name}", "dialogue") for name in names]
    assert list(root.iter("HyperText")) == []


def test_the_style_sheet_has_no_sign_that_label_studio_would_escape() -> None:
    style = drawn(form()).findtext(".//Style", "")
    assert ">" not in style
    assert "<" not in style


@pytest.mark.parametrize("display", Display)
def test_a_chat_is_one_element_of_messages_under_the_name_of_who_speaks(display: Display) -> None:
    turns = (
        Turn("Person", HOSTILE, Role.USER),
        Turn("Model", "**b**", Role.ASSISTANT),
        Turn("Tool", "**t**", verbatim=True),
    )
    content = TaskContent(
        "t1", dict.fromkeys(("conversation", "answer_a", "answer_b"), turns), Significance.LOW, {}
    )
    html = str(task_data(replace(form(), display=display), content)["shown_conversation"])
    assert html.startswith(
        '<div class="cfw-log"><div class="cfw-message cfw-by-person"><div class="cfw-speaker">'
    )
    assert html.count("cfw-message") == html.count("cfw-speaker") == html.count('"cfw-turn') == 3
    assert ("<strong>b</strong>" in html) == ("as typed" in html) == (display is Display.MARKDOWN)
    assert "**b**" in html
    assert "**t**" in html
    assert not re.search("<(?!/?(div|p|strong|details|summary|span)[ >])", html)
