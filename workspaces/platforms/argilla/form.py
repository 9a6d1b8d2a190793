"""Draws a form as Argilla settings, and a task as the fields of a record."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

import argilla

from workspaces.forms import Turn
from workspaces.grammar import counted
from workspaces.kinds import ChoiceQuestion, MultipleChoiceQuestion, RankingQuestion, joined
from workspaces.kinds.ranking import ranking_text
from workspaces.platforms.turns import TURNS_STYLE, compact, elements
from workspaces.records import Display

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic import JsonValue

    from workspaces.forms import Form, TaskContent
    from workspaces.kinds import ChatField, Question

TASK_FIELD, TASK_TITLE = "task", "This task"
MAX_MESSAGES = 500
MAX_CHARACTERS = 20_000
"""Of a message, as Argilla counts them."""

_STYLE = compact(TURNS_STYLE, files("workspaces.platforms.argilla").joinpath("argilla.css"))


def settings_of(form: Form, overlap: int) -> argilla.Settings:
    """Return the settings of a form's dataset.

    The SDK looks for its default client here, which is the newest ``argilla.Argilla``: make one first.
    """
    return argilla.Settings(
        guidelines=form.guidelines,
        fields=[
            # our own words alone; what strangers wrote goes into chat fields
            argilla.TextField(name=TASK_FIELD, title=TASK_TITLE, use_markdown=True),
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
    messages: dict[str, list[dict[str, str]]] = {}
    sheet = f"<style>{_STYLE}</style>"
    for field in form.fields:
        shown_in = list(_messages(form, field, task.chats[field.name], len(sheet)))
        if shown_in and sheet:  # once, in the first message of all
            shown_in[0]["content"] = sheet + shown_in[0]["content"]
            sheet = ""
        messages[field.name] = shown_in
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


def _messages(form: Form, chat: ChatField, turns: tuple[Turn, ...], taken: int) -> Iterator[dict[str, str]]:
    """Yield chat messages that show each turn; ``taken`` characters of the first one are somebody else's.

    A chat field without markdown puts its text into the page as HTML, white space kept: escaped or rendered by us, a
    text loads nothing and runs nothing. Argilla limits a message's length, which markup adds to.

    By itself the field gives sides by turns and colours by order, whoever speaks, and no text a direction. So each
    text stands in an element of ours that says who speaks, and a style sheet of ours reads it.
    """
    beside = "cfw-beside" if chat.name in form.side_by_side else ""
    shown: list[tuple[int, str, str]] = []
    for number, turn in enumerate(turns):
        most = MAX_CHARACTERS - (0 if shown else taken)
        shown += ((number, turn.speaker, element) for element in elements(turn, form.display, most, beside))
    if len(shown) > MAX_MESSAGES:
        # the notes of a window stand first, and say what is missing before
        start = sum(1 for number, _, _ in shown if all(it.role is None for it in turns[: number + 1]))
        end = start + len(shown) - MAX_MESSAGES + 1
        numbers = {number for number, _, _ in shown[start:end]}
        left_out = max(sum(not turns[number].continued for number in numbers), 1)
        note = Turn("Workbench", f"({counted(left_out, 'earlier message')} left out)")
        said = [(-1, note.speaker, it) for it in elements(note, Display.PLAIN)]
        shown = [*shown[:start], *said, *shown[end:]]
    for _, speaker, element in shown:
        yield {"role": speaker, "content": element}
