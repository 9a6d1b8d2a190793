"""The fields of a record in Argilla: who speaks, in which direction, and that nothing of a chat log is markup."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html import escape
from html.parser import HTMLParser
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.examples import examples
from workspaces.forms import Form, TaskContent, Turn
from workspaces.kinds import ChatField, ChoiceQuestion
from workspaces.platforms.argilla.form import (
    MAX_CHARACTERS,
    MAX_MESSAGES,
    TASK_FIELD,
    fields_of,
    suggestions_of,
)
from workspaces.platforms.label_studio.form import task_data
from workspaces.platforms.turns import BEGINNING, EMPTY
from workspaces.records import Display, Role, Significance

FORM = Form(
    kind="qualitative",
    title="Rate",
    guidelines="",
    fields=(ChatField("conversation", "So far"), ChatField("response", "Response", response=0)),
    questions=(ChoiceQuestion("helpful", "Helpful", "", {"yes": "Yes"}),),
    display=Display.PLAIN,
)
HOSTILE = "</div></style><script>x = 1</script><img src=x onerror=y> {{1}} &lt;b&gt; \u202e"
SPEAKERS = {Role.SYSTEM: "System", Role.USER: "Person", Role.ASSISTANT: "Model", Role.TOOL: "Tool"}
PLAIN = '<div class="cfw-plain" dir="auto">'
SIDES = {Role.USER: "person", Role.ASSISTANT: "model"}


class Page(HTMLParser):
    """Reads a message as a browser does: its elements with their attributes, and the text outside of style sheets."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._in = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._in = tag

    def handle_endtag(self, tag: str) -> None:
        self._in = ""

    def handle_data(self, data: str) -> None:
        if self._in != "style":
            self.text += data


def shown(**chats: tuple[Turn, ...]) -> dict[str, list[tuple[str, Page]]]:
    """Return the messages of a record as (role, page), by field."""
    content = TaskContent("t1", chats, Significance.LOW, {"helpful": 1}, quote_texts={"helpful": "a tag"})
    fields = fields_of(FORM, content)
    assert fields.pop(TASK_FIELD) == "Significance **low** · **1 point** for a tag\n\nTask t1"
    messages: dict[str, list[tuple[str, Page]]] = {}
    for name, value in fields.items():
        assert isinstance(value, list)
        for message in value:
            assert isinstance(message, dict)
            role, html = message["role"], message["content"]
            assert isinstance(role, str)
            assert isinstance(html, str)
            assert len(html) <= MAX_CHARACTERS
            messages.setdefault(name, []).append((role, Page(html)))
    return messages


def turn(role: Role, text: str) -> Turn:
    return Turn(SPEAKERS[role], text, role)


TURNS = st.lists(st.builds(turn, st.sampled_from(Role), st.text(max_size=40) | st.just(HOSTILE)), max_size=6)


@given(TURNS, st.builds(turn, st.just(Role.ASSISTANT), st.text(max_size=40) | st.just(HOSTILE)))
@examples(100)
def test_every_turn_has_the_side_of_its_speaker_the_direction_of_its_text_and_no_markup(
    context: list[Turn], response: Turn
) -> None:
    messages = shown(conversation=tuple(context), response=(response,))
    turns = [*context, response]
    pages = [page for field in messages.values() for page in field]
    assert [role for role, _ in pages] == [each.speaker for each in turns]
    for number, (each, (_, page)) in enumerate(zip(turns, pages, strict=True)):
        *style, (element, attributes) = page.elements
        assert [tag for tag, _ in style] == (["style"] if number == 0 else [])
        side = SIDES.get(each.role) if each.role is not None else None
        assert element == "div"
        assert attributes == {"class": f"cfw-turn cfw-{side}" if side else "cfw-turn", "dir": "auto"}
        assert page.text == (each.text if each.text.strip() else EMPTY)


def test_a_long_text_and_a_long_conversation_fit_into_what_argilla_takes() -> None:
    long = "<&'\"" * 30_000
    messages = shown(
        conversation=tuple(turn(Role.USER, str(n)) for n in range(600)),
        response=(turn(Role.ASSISTANT, long),),
    )
    assert len(messages["conversation"]) == MAX_MESSAGES
    assert "".join(page.text for _, page in messages["response"]) == long
    assert messages["conversation"][0][1].text == "(101 earlier messages left out)"


@pytest.mark.parametrize("number", [MAX_MESSAGES, MAX_MESSAGES + 1])
def test_as_many_messages_as_argilla_takes_are_shown_as_they_are_and_a_note_stays(number: int) -> None:
    note = Turn("Workbench", "501 earlier messages are left out here.", verbatim=True)
    turns = (note, *(turn(Role.USER, str(n)) for n in range(number - 1)))
    texts = [page.text for _, page in shown(conversation=turns, response=())["conversation"]]
    assert texts[0] == note.text
    assert texts[1] == ("0" if number == MAX_MESSAGES else "(2 earlier messages left out)")
    assert len(texts) == MAX_MESSAGES


@pytest.mark.parametrize("text", ["", " \n"])
def test_an_empty_context_leaves_the_style_sheet_to_the_response(text: str) -> None:
    messages = shown(conversation=(), response=(turn(Role.ASSISTANT, text),))
    ((_, page),) = messages["response"]
    assert [tag for tag, _ in page.elements] == ["style", "div"]
    assert page.text == EMPTY


def test_a_long_aside_is_folded_behind_its_beginning_and_a_short_one_is_not() -> None:
    long, short = "<b>" + "x & y " * 100, "I look."
    turns = [Turn("Model, thinking", text, Role.ASSISTANT, aside=True) for text in (long, short)]
    turns.append(Turn("Model", long, Role.ASSISTANT))
    task = TaskContent("t", {"conversation": tuple(turns), "response": ()}, Significance.LOW, {})
    messages = fields_of(FORM, task)["conversation"]
    assert isinstance(messages, list)
    shown = [str(message["content"]) for message in messages if isinstance(message, dict)]
    assert [content.count("<details>") for content in shown] == [1, 0, 0]
    assert f"{escape(long[:BEGINNING])} …</span></summary>{escape(long)}</details>" in shown[0]
    assert escape(short) in shown[1]


def test_a_folded_text_begins_on_as_few_lines_as_it_takes_and_its_beginning_goes_when_it_is_opened() -> None:
    result = Turn(
        "Tool",
        json.dumps([{"hour": hour} for hour in range(50)], indent=2),
        Role.TOOL,
        aside=True,
        verbatim=True,
    )
    task = TaskContent("t", {"conversation": (result,), "response": ()}, Significance.LOW, {})
    (message,) = cast("list[dict[str, str]]", fields_of(FORM, task)["conversation"])
    beginning = escape('[ { "hour": 0 }, { "hour": 1 }')
    assert f'<summary><span class="cfw-beginning">{beginning}' in message["content"]
    assert "details[open] .cfw-beginning { display: none; }" in message["content"]


def test_what_is_asked_about_and_what_is_left_out_is_told_from_the_rest() -> None:
    turns = (
        Turn("Workbench", "(2 earlier messages left out)", verbatim=True),
        Turn("Person", "q", Role.USER),
        Turn("Answer 1 · Model", "a", Role.ASSISTANT, asked=True),
    )
    content = TaskContent("t", {"conversation": turns, "response": ()}, Significance.LOW, {})
    messages = cast("list[dict[str, str]]", fields_of(FORM, content)["conversation"])
    names = [re.findall('<div class="(.*?)"', message["content"]) for message in messages]
    assert names == [["cfw-turn cfw-note"], ["cfw-turn cfw-person"], ["cfw-turn cfw-model cfw-asked"]]
    html = str(task_data(FORM, content)["shown_conversation"])
    assert re.findall('"(cfw-turn.*?)"', html) == [name for each in names for name in each]


def test_what_a_field_holds_from_the_first_is_a_suggestion_of_nobody() -> None:
    content = TaskContent(
        "t1", {}, Significance.LOW, {}, prefilled={"rewrite": HOSTILE, "other": "x", "blank": " "}
    )
    assert suggestions_of(content, {"rewrite": "id-1", "blank": "id-2"}) == [
        {"question_id": "id-1", "value": HOSTILE}
    ]


def test_compared_answers_say_that_they_stand_beside_each_other() -> None:
    of = replace(FORM, side_by_side=("response",), display=Display.MARKDOWN)
    chats = {"conversation": (turn(Role.USER, "*q*"),), "response": (turn(Role.ASSISTANT, "*r*"),)}
    fields = fields_of(of, TaskContent("t", chats, Significance.LOW, {}))
    question, answer = (str(fields[name][0]["content"]) for name in chats)  # type: ignore[index,call-overload]
    assert '<div class="cfw-turn cfw-person" dir="auto"><div class="cfw-md"><p dir="auto"><em>q' in question
    assert '<div class="cfw-turn cfw-model cfw-beside" dir="auto">' in answer


@pytest.mark.parametrize(
    "text", ["**x** " + "a " * 9_000, "**x**\n\n" + "a b\n\n" * 5_000, "```\n" + "code\n" * 6_000]
)
def test_a_rendered_text_that_argilla_does_not_take_as_one_message_comes_in_pieces(text: str) -> None:
    of = replace(FORM, display=Display.MARKDOWN)
    chats = {"conversation": (), "response": (turn(Role.ASSISTANT, text),)}
    messages = fields_of(of, TaskContent("t", chats, Significance.LOW, {}))["response"]
    assert isinstance(messages, list)
    contents = [str(message["content"]) for message in messages if isinstance(message, dict)]
    assert len(contents) == len(messages) > 1
    assert max(map(len, contents)) <= MAX_CHARACTERS
    typed = [Page(it.partition(PLAIN)[2]).text for it in contents if PLAIN in it]
    assert "".join(typed or [Page(it).text for it in contents]) == text
