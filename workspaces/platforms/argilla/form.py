"""Draws a form as Argilla settings, and a task as the fields of a record."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import argilla

from workspaces.kinds import ChoiceQuestion

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import JsonValue

    from workspaces.forms import Form, TaskContent, Turn

TASK_FIELD = "task"
MAX_MESSAGES = 500
MAX_CHARACTERS = 20_000
EMPTY = "(this message is empty)"


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
    chats: dict[str, JsonValue] = {
        field.name: [dict(message) for message in _messages(task.chats[field.name])] for field in form.fields
    }
    shown = "\n\n".join(filter(None, (offer(task), task.opinion_line)))
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
    parts = [
        f"**{points} points** for {task.quote_texts.get(part, part)}" for part, points in task.quote.items()
    ]
    worth = ", ".join(filter(None, (*parts, task.limit_text)))
    return f"Significance **{task.significance.value}** · {worth}"


def _messages(turns: tuple[Turn, ...]) -> Iterator[dict[str, str]]:
    """Yield chat messages that show each turn as it was typed.

    A chat field without markdown puts its text into the page as HTML, white space kept: escaped, every text
    shows as itself, loads nothing and runs nothing. Argilla limits a message's length, which escaping adds to.
    """
    room = MAX_MESSAGES - 1
    shown = [(turn.speaker, piece) for turn in turns for piece in _pieces(turn.text)]
    if len(shown) > room:
        yield {"role": "Workbench", "content": f"({len(shown) - room} earlier messages are left out)"}
    for speaker, piece in shown[-room:]:
        yield {"role": speaker, "content": piece}


def _pieces(text: str) -> Iterator[str]:
    if not text.strip():
        yield EMPTY
        return
    piece: list[str] = []
    length = 0
    for character in text:
        shown = escape(character)
        if length + len(shown) > MAX_CHARACTERS:
            yield "".join(piece)
            piece, length = [], 0
        piece.append(shown)
        length += len(shown)
    yield "".join(piece)
