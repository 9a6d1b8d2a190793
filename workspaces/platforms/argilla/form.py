"""Draws a form as Argilla settings, and a task as the fields of a record."""

from __future__ import annotations

import re
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING

import argilla

from workspaces.grammar import counted
from workspaces.kinds import ChoiceQuestion
from workspaces.records import Role

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import JsonValue

    from workspaces.forms import Form, TaskContent, Turn

TASK_FIELD = "task"
MAX_MESSAGES = 500
MAX_CHARACTERS = 20_000
"""Of a message, as Argilla counts them."""

OUR_MARKUP = 100
"""More characters than our element and the tags of the style sheet have."""

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
        questions=[
            argilla.LabelQuestion(
                name=question.name,
                title=question.title,
                description=question.description,
                labels=dict(question.options),
                required=question.required,
            )
            if isinstance(question, ChoiceQuestion)
            else argilla.TextQuestion(
                name=question.name,
                title=question.title,
                description=question.description,
                required=question.required,
                use_markdown=False,
            )
            for question in form.questions
        ],
        metadata=[
            argilla.TermsMetadataProperty(name="significance", title="Significance"),
            argilla.IntegerMetadataProperty(name="points", title="Points on offer"),
            argilla.TermsMetadataProperty(name="language", title="Language"),
        ],
        distribution=argilla.TaskDistribution(min_submitted=overlap),
    )


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
    shown = [(turn.speaker, _element(turn.role, piece)) for turn in turns for piece in _pieces(turn.text)]
    if len(shown) > room:
        left_out = f"({counted(len(shown) - room, 'earlier message')} left out)"
        shown = [("Workbench", _element(None, left_out)), *shown[-room:]]
    for speaker, element in shown:
        yield {"role": speaker, "content": element}


def _element(role: Role | None, text: str) -> str:
    """Return an escaped text in the element that gives it a direction and a side."""
    side = "" if role is None else _SIDES.get(role, "")
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
