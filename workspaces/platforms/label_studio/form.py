"""A form drawn for Label Studio, and its answers read back.

The labeling configuration (XML) and the instructions (HTML) are drawn from a ``Form``, the data of a task
from a ``TaskContent``. Label Studio gives answers as lists of results; here they become plain values by
question name, and the other way round.
"""

from __future__ import annotations

import re
from dataclasses import replace
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement, tostring

from workspaces.kinds import (
    ChoiceQuestion,
    MultipleChoiceQuestion,
    RankingQuestion,
    TextQuestion,
    all_kinds,
    joined,
)
from workspaces.platforms.turns import TURNS_STYLE, compact, elements, side_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pydantic import JsonValue

    from workspaces.forms import Form, TaskContent, Turn
    from workspaces.kinds import ChatField, Question
    from workspaces.records import Display

TASK_ID_KEY = "task_id"
"""The key of a task's data that holds our task id."""

WORTH_KEY = "worth"
"""The key of a task's data that holds the line about significance and points."""

ROWS, PREFILLED_ROWS = "4", "10"
"""How many lines a text field shows: an empty one, and one that holds a response from the first."""

LONGEST_TEXT = 100_000
"""Longer answers (characters) are not read: nobody typed them into the form."""

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")
_BOLD = re.compile(r"\*\*(.+?)\*\*")

_STYLE = compact(TURNS_STYLE, files("workspaces.platforms.label_studio").joinpath("label_studio.css"))

DIALOGUE = "<Paragraphs "
"""What the configuration of a project has that shows texts as Label Studio's own dialogues: as typed."""


def labeling_config(form: Form, *, dialogues: bool = False) -> str:
    """Return the labeling configuration that shows ``form``: well-formed XML whatever its texts hold.

    ``dialogues`` is for projects that were made before texts were rendered: their tasks have turns and no HTML.
    """
    layout = " cfw-side-by-side" if form.side_by_side else ""
    root = Element("View", {"className": f"cfw cfw-{form.kind}{layout}"})
    SubElement(root, "Style").text = _STYLE
    worth_view = SubElement(root, "View", {"className": "cfw-worth"})
    SubElement(worth_view, "Text", {"name": WORTH_KEY, "value": f"${WORTH_KEY}"})
    chats = SubElement(root, "View", {"className": "cfw-chats"})
    judged = form.side_by_side or (form.fields[-1].name,)
    columns: Element | None = None
    for chat in form.fields:
        if chat.name in form.side_by_side:
            if columns is None:
                columns = SubElement(chats, "View", {"className": "cfw-columns", "style": "display:flex"})
            _draw_chat(columns, chat, "cfw-chat", dialogues)
        else:
            _draw_chat(chats, chat, "cfw-chat" if chat.name in judged else "cfw-chat cfw-context", dialogues)
    questions = SubElement(root, "View", {"className": "cfw-questions"})
    for question in form.questions:
        _draw_question(questions, question, chat_key(form.fields[-1].name))
    return tostring(root, encoding="unicode")


def _draw_chat(parent: Element, chat: ChatField, class_name: str, dialogues: bool) -> None:
    view = SubElement(parent, "View", {"className": class_name})
    SubElement(view, "Header", {"value": _label(chat.title), "size": "5"})
    if dialogues:
        SubElement(view, "Paragraphs", {
            "name": chat_key(chat.name), "value": f"${chat_key(chat.name)}",
            "layout": "dialogue", "nameKey": "speaker", "textKey": "text",
        })  # fmt: skip
        return
    # inline: an iframe would have neither our style sheet nor the room that its text needs
    SubElement(view, "HyperText", {
        "name": chat_key(chat.name), "value": f"${shown_key(chat.name)}",
        "inline": "true", "selectionEnabled": "false", "clickableLinks": "false",
    })  # fmt: skip


def _draw_question(parent: Element, question: Question, shown: str) -> None:
    view = SubElement(parent, "View", {"className": "cfw-question"})
    SubElement(view, "Header", {"value": _label(question.title), "size": "5"})
    if question.description:
        hint = SubElement(view, "View", {"className": "cfw-hint"})
        SubElement(hint, "Header", {"value": _label(question.description), "size": "5"})
    control = {"name": question.name, "toName": shown}
    if question.required:
        control |= {"required": "true", "requiredMessage": _label(f"Please answer: {question.title}")}
    if isinstance(question, RankingQuestion):
        places = SubElement(view, "View", {"className": "cfw-places"})
        for option, text in question.options.items():
            place = SubElement(places, "View", {"className": "cfw-place"})
            SubElement(place, "Header", {"value": _label(text), "size": "5"})
            named = control | {"name": place_name(question, option)}
            if question.required:
                named["requiredMessage"] = _label(f"Please give a place to {text}")
            choices = SubElement(place, "Choices", named | {"choice": "single-radio", "showInline": "true"})
            for value in _places(question):
                SubElement(choices, "Choice", {"value": value, "alias": value})
    elif isinstance(question, ChoiceQuestion | MultipleChoiceQuestion):
        how = "single-radio" if isinstance(question, ChoiceQuestion) else "multiple"
        choices = SubElement(view, "Choices", control | {"choice": how, "showInline": "true"})
        for value, text in question.options.items():
            # The alias is what comes back in the answer.
            SubElement(choices, "Choice", {"value": _label(text), "alias": value})
    else:
        prefilled = isinstance(question, TextQuestion) and question.prefilled
        rows = PREFILLED_ROWS if prefilled else ROWS
        if prefilled:
            control |= {"value": f"${prefill_key(question.name)}"}
        SubElement(view, "TextArea", control | {"rows": rows, "maxSubmissions": "1", "editable": "true"})


def prefill_key(name: str) -> str:
    """Return the data key of the text that the field of the question ``name`` holds from the first."""
    return f"prefill_{name}"


def place_name(question: RankingQuestion, option: str) -> str:
    """Return the name of the control that asks for the place of one option of a ranking.

    Label Studio's own ranking, ``<Ranker>``, has no ties without buckets, cannot be required, and shows each answer a
    second time in a list to drag: a place for each answer says the same with radio buttons and the keyboard.
    """
    return f"{question.name}_{option}"


def _places(question: RankingQuestion) -> list[str]:
    return [str(place) for place in range(1, len(question.options) + 1)]


def chat_key(name: str) -> str:
    """Return the tag name of the chat field ``name``, and the data key of its turns as typed."""
    return f"chat_{name}"


def shown_key(name: str) -> str:
    """Return the data key of the HTML that shows the chat field ``name``."""
    return f"shown_{name}"


def _label(text: str) -> str:
    """Return ``text`` fit for an attribute: legal in XML, without a ``$name`` that would be filled in."""
    return _NOT_IN_XML.sub("\ufffd", text).replace("$", "\uff04")


def task_data(form: Form, content: TaskContent) -> dict[str, JsonValue]:
    """Return the data of one task as Label Studio keeps it.

    Raises:
        KeyError: the content lacks turns for one of the form's chat fields.
    """
    data: dict[str, JsonValue] = {TASK_ID_KEY: content.task_id, WORTH_KEY: worth(content)}
    for chat in form.fields:
        turns = [
            replace(turn, speaker=_storable(turn.speaker), text=_storable(turn.text))
            for turn in content.chats[chat.name]
        ]
        data[chat_key(chat.name)] = [{"speaker": turn.speaker, "text": turn.text} for turn in turns]
        data[shown_key(chat.name)] = _chat(turns, form.display)
    for question in form.questions:
        if isinstance(question, TextQuestion) and question.prefilled:
            data[prefill_key(question.name)] = _storable(content.prefilled.get(question.name, ""))
    return data


def _chat(turns: Iterable[Turn], display: Display) -> str:
    """Return turns as HTML, in one element, which a style sheet can align."""
    return f'<div class="cfw-log">{"".join(_message(turn, display) for turn in turns)}</div>'


def _message(turn: Turn, display: Display) -> str:
    """Return a turn as HTML, under the name of who speaks."""
    speaker = f'<div class="cfw-speaker">{escape(turn.speaker)}</div>'
    side = side_of(turn)
    names = f"cfw-message cfw-by-{side}" if side else "cfw-message"
    return f'<div class="{names}">{speaker}{"".join(elements(turn, display))}</div>'


def worth(content: TaskContent) -> str:
    """Return the line about a task's significance and the points on offer for each part of the answer.

    A machine's opinion, where one is to be seen, follows on a line of its own.
    """
    parts = [f"Significance: {content.significance.value}"]
    parts += [f"{points} for {what}" for points, what in content.offers]
    line = " · ".join(filter(None, (*parts, content.limit_text, content.number_text)))
    return "\n".join(filter(None, (line, content.opinion_line)))


def _storable(text: str) -> str:
    """Return ``text`` without what JSON in PostgreSQL cannot hold: NUL and halves of surrogate pairs."""
    return _NOT_STORABLE.sub("\ufffd", text)


def instructions(guidelines: str) -> str:
    """Return ``guidelines`` as HTML: headings, lists, ``**bold**``, paragraphs; the rest shows as typed."""
    lines: list[str] = []
    for block in re.split(r"\n\s*\n", _NOT_STORABLE.sub("\ufffd", guidelines).strip()):
        paragraph: list[str] = []
        items: list[str] = []
        for line in block.splitlines():
            text = _BOLD.sub(r"<strong>\1</strong>", escape(line.strip(), quote=False))
            if heading := re.match(r"#+\s+(.*)", text):
                lines.append(f"<h3>{heading[1]}</h3>")
            elif item := re.match(r"[-*]\s+(.*)", text):
                items.append(f"<p>\u2022 {item[1]}</p>")  # the dialog shows a list without bullets
            elif items:
                items[-1] = f"{items[-1].removesuffix('</p>')} {text}</p>"
            else:
                paragraph.append(text)
        if paragraph:
            lines.append(f"<p>{' '.join(paragraph)}</p>")
        if items:
            lines.append("".join(items))
    return "<br>".join(lines)


class Several(frozenset[str]):
    """The options of a question of which several can be chosen at once."""


def asked_questions() -> dict[str, frozenset[str] | None]:
    """Return the questions of all kinds: names mapped to the values that can be chosen, or to None for free text."""
    questions: dict[str, frozenset[str] | None] = {}
    for kind in all_kinds().values():
        for question in kind.questions:
            if isinstance(question, RankingQuestion):
                named = {place_name(question, option): option for option in question.options}
                questions |= dict.fromkeys(named, frozenset(_places(question)))
            elif isinstance(question, ChoiceQuestion | MultipleChoiceQuestion):
                known = questions.get(question.name) or frozenset()
                several = isinstance(known, Several) or isinstance(question, MultipleChoiceQuestion)
                options = known | set(question.options)
                questions[question.name] = Several(options) if several else options
            else:
                questions[question.name] = None
    return questions


def values_of(result: object, questions: Mapping[str, frozenset[str] | None]) -> dict[str, str]:
    """Return plain answers by question name from an annotation's ``result``.

    Anyone with an account can write any JSON there: what is no answer to one of ``questions`` is left out.
    """
    values: dict[str, str] = {}
    for item in result if isinstance(result, list) else ():
        name, value = (item.get("from_name"), item.get("value")) if isinstance(item, dict) else (None, None)
        if not isinstance(name, str) or name not in questions or not isinstance(value, dict):
            continue
        options = questions[name]
        answer = _chosen(value.get("choices"), options) if options is not None else _typed(value.get("text"))
        if answer:
            values[name] = answer
    return _ranked(values)


def _ranked(values: dict[str, str]) -> dict[str, str]:
    """Return answers with one ranking in the place of the places of its options."""
    for kind in all_kinds().values():
        if (question := kind.ranking) is not None:
            told = {option: values.pop(place_name(question, option), None) for option in question.options}
            if places := {option: int(place) for option, place in told.items() if place is not None}:
                values[question.name] = question.answer_of(places)
    return values


def _chosen(choices: object, options: frozenset[str]) -> str | None:
    if not isinstance(choices, list) or not all(isinstance(choice, str) for choice in choices):
        return None
    if not options.issuperset(choices) or (len(choices) > 1 and not isinstance(options, Several)):
        return None
    return joined(choices) or None


def _typed(text: object) -> str | None:
    pieces = text if isinstance(text, list) else [text]
    whole = "\n".join(piece for piece in pieces if isinstance(piece, str))
    return whole if whole.strip() and len(whole) <= LONGEST_TEXT else None


def result_of(form: Form, values: Mapping[str, str]) -> list[dict[str, JsonValue]]:
    """Return the ``result`` of an annotation that gives ``values`` to the questions of ``form``."""
    result: list[dict[str, JsonValue]] = []
    for question in form.questions:
        if question.name not in values:
            continue
        result += [
            {"from_name": name, "to_name": chat_key(form.fields[-1].name), "type": kind, "value": value}
            for name, kind, value in _results(question, values[question.name])
        ]
    return result


def _results(question: Question, given: str) -> Iterator[tuple[str, str, dict[str, JsonValue]]]:
    """Yield the name, type and value of each control that an answer fills in."""
    match question:
        case RankingQuestion():
            for option, place in question.places_of(given).items():
                yield place_name(question, option), "choices", {"choices": [str(place)]}
        case MultipleChoiceQuestion():
            yield question.name, "choices", {"choices": [*sorted(question.chosen(given))]}
        case ChoiceQuestion():
            yield question.name, "choices", {"choices": [given]}
        case _:
            yield question.name, "textarea", {"text": [given]}
