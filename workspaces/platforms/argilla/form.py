"""Draws a form as Argilla settings, and a task as the fields of a record."""

from __future__ import annotations

import re
from html import escape, unescape
from importlib.resources import files
from typing import TYPE_CHECKING

import argilla

from workspaces.grammar import counted
from workspaces.kinds import ChoiceQuestion, MultipleChoiceQuestion, RankingQuestion, joined
from workspaces.kinds.ranking import ranking_text
from workspaces.records import Role

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic import JsonValue

    from workspaces.forms import Form, TaskContent, Turn
    from workspaces.kinds import Question

TASK_FIELD = "task"
MAX_MESSAGES = 500
MAX_CHARACTERS = 20_000
"""Of a message, as Argilla counts them."""

MOST_UNFOLDED = 300
"""Characters of an aside that is shown unfolded."""

BEGINNING = 100
"""Characters of a folded text that are shown."""

OUR_MARKUP = 200 + 6 * BEGINNING
"""More characters than our elements, the tags of the style sheet and the escaped beginning of a folded text have."""

EMPTY = "(this message is empty)"

_SIDES = {Role.USER: "person", Role.ASSISTANT: "model"}
"""Whose side and colour a turn has; everybody else has none."""

_STYLE = re.sub(
    r"\s+",
    " ",
    re.sub(
        r"/\*.*?\*/",
        "",
        files("workspaces.platforms.argilla").joinpath("argilla.css").read_text(encoding="utf-8"),
        flags=re.DOTALL,
    ),
).strip()


def settings_of(form: Form, overlap: int) -> argilla.Settings:
    """Return the settings of a form's dataset.

    The SDK looks for its default client here, which is the newest ``argilla.Argilla``: make one first.
    """
    return argilla.Settings(
        guidelines=form.guidelines,
        fields=[
            # our own words alone; what strangers wrote goes into chat fields
            argilla.TextField(name=TASK_FIELD, title="This task", use_markdown=True),
            *(
                argilla.ChatField(name=field.name, title=field.title, use_markdown=False)
                for field in form.fields
            ),
        ],
        questions=[_question(question) for question in form.questions],
        metadata=[
            argilla.TermsMetadataProperty(name="significance", title="Significance"),
            argilla.IntegerMetadataProperty(name="points", title="Points on offer"),
            argilla.TermsMetadataProperty(name="language", title="Language"),
        ],
        distribution=argilla.TaskDistribution(min_submitted=overlap),
    )


def _question(
    question: Question,
) -> argilla.LabelQuestion | argilla.MultiLabelQuestion | argilla.RankingQuestion | argilla.TextQuestion:
    name, title, required = question.name, question.title, question.required
    description = question.description or None  # Argilla takes no empty one
    match question:
        case RankingQuestion():
            return argilla.RankingQuestion(
                name, dict(question.options), title=title, description=description, required=required
            )
        case ChoiceQuestion():
            return argilla.LabelQuestion(
                name, dict(question.options), title=title, description=description, required=required
            )
        case MultipleChoiceQuestion():
            return argilla.MultiLabelQuestion(
                name, dict(question.options), title=title, description=description, required=required,
                visible_labels=None,
            )  # fmt: skip
        case _:
            return argilla.TextQuestion(
                name, title=title, description=description, required=required, use_markdown=False
            )


def plain(values: object) -> dict[str, str]:
    """Return plain answers by question name from a response's ``values``; what is no answer is left out.

    Several options of one question are a list of texts. A ranking is a list of options with ranks, which may be shared
    and, in a draft, be missing.
    """
    if not isinstance(values, dict):
        return {}
    told = {name: value.get("value") for name, value in values.items() if isinstance(value, dict)}
    answers = {name: _plain(value) if isinstance(value, list) else value for name, value in told.items()}
    return {
        name: value
        for name, value in answers.items()
        if isinstance(value, str) and value and name != TASK_FIELD
    }


def _plain(listed: list[object]) -> str:
    if options := [each for each in listed if isinstance(each, str)]:
        return joined(options) if len(options) == len(listed) else ""
    ranks: dict[str, int] = {}
    for each in listed:
        match each:
            case {"value": str(option), "rank": int(rank)}:
                ranks[option] = rank
    return ranking_text(dict(sorted(ranks.items())))


def given(form: Form, values: Mapping[str, str]) -> dict[str, JsonValue]:
    """Return plain answers to the questions of a form as Argilla takes them, by question name."""
    asked = {question.name: question for question in form.questions}
    return {name: _given(asked.get(name), value) for name, value in values.items()}


def _given(question: Question | None, value: str) -> JsonValue:
    match question:
        case RankingQuestion():
            return [{"value": it, "rank": place} for it, place in question.places_of(value).items()]
        case MultipleChoiceQuestion():
            return [*sorted(question.chosen(value))]
        case _:
            return value


def fields_of(form: Form, task: TaskContent) -> dict[str, JsonValue]:
    """Return the fields of a task's record."""
    messages = {field.name: list(_messages(task.chats[field.name])) for field in form.fields}
    if first := next(filter(None, messages.values()), None):
        first[0]["content"] = f"<style>{_STYLE}</style>{first[0]['content']}"
    chats: dict[str, JsonValue] = {
        name: [dict(message) for message in shown] for name, shown in messages.items()
    }
    shown = "\n\n".join(filter(None, (offer(task), task.opinion_line, task.number_text)))
    return {TASK_FIELD: shown, **chats}


def metadata_of(task: TaskContent) -> dict[str, JsonValue]:
    """Return what annotators can filter and sort tasks by."""
    metadata: dict[str, JsonValue] = {
        "significance": task.significance.value,
        "points": sum(task.quote.values()),
    }
    return metadata | ({"language": task.language} if task.language else {})


def suggestions_of(task: TaskContent, question_ids: Mapping[str, str]) -> list[JsonValue]:
    """Return what text fields hold from the first, as Argilla's suggestions; of nobody, so that nobody is named."""
    return [
        {"question_id": question_ids[name], "value": text}
        for name, text in task.prefilled.items()
        if name in question_ids and text.strip()
    ]


def offer(task: TaskContent) -> str:
    """Return the line that tells an annotator what a task is worth."""
    parts = [f"**{points}** for {what}" for points, what in task.offers]
    worth = ", ".join(filter(None, (*parts, task.limit_text)))
    return f"Significance **{task.significance.value}** · {worth}"


def _messages(turns: tuple[Turn, ...]) -> Iterator[dict[str, str]]:
    """Yield chat messages that show each turn as it was typed.

    A chat field without markdown puts its text into the page as HTML, white space kept: escaped, every text
    shows as itself, loads nothing and runs nothing. Argilla limits a message's length, which escaping adds to.

    By itself the field gives sides by turns and colours by order, whoever speaks, and no text a direction. So each
    text stands in an element of ours that says who speaks, and a style sheet of ours reads it.
    """
    room = MAX_MESSAGES - 1
    shown = [
        (turn.speaker, _element(turn.role, piece, folded=turn.aside and len(turn.text) > MOST_UNFOLDED))
        for turn in turns
        for piece in _pieces(turn.text)
    ]
    if len(shown) > room:
        left_out = f"({counted(len(shown) - room, 'earlier message')} left out)"
        shown = [("Workbench", _element(None, left_out)), *shown[-room:]]
    for speaker, element in shown:
        yield {"role": speaker, "content": element}


def _element(role: Role | None, text: str, *, folded: bool = False) -> str:
    """Return an escaped text in the element that gives it a direction and a side; a folded one shows how it begins."""
    side = "" if role is None else _SIDES.get(role, "")
    if folded:
        begins = escape(unescape(text)[:BEGINNING])
        text = f"<details><summary>{begins} …</summary>{text}</details>"
    return f'<div class="{f"cfw-turn cfw-{side}" if side else "cfw-turn"}" dir="auto">{text}</div>'


def _pieces(text: str) -> Iterator[str]:
    """Yield a text, escaped, in pieces that leave room for our element and the style sheet in a message."""
    if not text.strip():
        yield EMPTY
        return
    most = MAX_CHARACTERS - len(_STYLE) - OUR_MARKUP
    piece: list[str] = []
    length = 0
    for character in text:
        shown = escape(character)
        if length + len(shown) > most:
            yield "".join(piece)
            piece, length = [], 0
        piece.append(shown)
        length += len(shown)
    yield "".join(piece)
