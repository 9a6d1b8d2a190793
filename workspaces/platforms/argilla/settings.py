"""The settings of a dataset in Argilla: as they stand there, as a form wants them, and how they are written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from uuid import UUID

from workspaces.errors import WorkbenchError
from workspaces.kinds import ChoiceQuestion, MultipleChoiceQuestion, RankingQuestion
from workspaces.platforms.argilla.form import TASK_FIELD, TASK_TITLE
from workspaces.platforms.argilla.shapes import Dataset, Distribution, Questions, ShownFields
from workspaces.platforms.base import GUIDELINES, OVERLAP, RequestRefusedError, Settings

if TYPE_CHECKING:
    from collections.abc import Collection

    from workspaces.forms import Form
    from workspaces.kinds import Question
    from workspaces.platforms.argilla.connection import ArgillaConnection

FIELD, QUESTION = "the title of ", "the question "
"""Before the name of a field or a question, the name of its setting."""

Asked = tuple[str, str | None, dict[str, str | None] | None]
"""Title, description and the options' texts of a question; of a ranking Argilla changes no text."""


def settings(connection: ArgillaConnection, dataset_id: str, form: Form, overlap: int | None) -> Settings:
    """Return the settings of a form's dataset; see ``Platform.settings``."""
    dataset = connection.read(Dataset, _path(dataset_id))
    there, ours = {GUIDELINES: dataset.guidelines or ""}, {GUIDELINES: form.guidelines}
    if overlap is not None:
        there[OVERLAP], ours[OVERLAP] = str(dataset.distribution.min_submitted), str(overlap)
        titles = {TASK_FIELD: TASK_TITLE, **{field.name: field.title for field in form.fields}}
        ours |= {FIELD + name: title for name, title in titles.items()}
        fields = connection.read(ShownFields, f"{_path(dataset_id)}/fields").items
        there |= {FIELD + it.name: it.title or "" for it in fields if it.name in titles}
        asked = {question.name: _asked(question) for question in form.questions}
        ours |= {QUESTION + name: _text(it) for name, it in asked.items()}
        for it in connection.read(Questions, f"{_path(dataset_id)}/questions").items:
            if it.name in asked:
                options = {option.value: option.text for option in it.settings.options} if it.settings else {}
                has_options = asked[it.name][2] is not None
                there[QUESTION + it.name] = _text(
                    (it.title or "", it.description, options if has_options else None)
                )
    return Settings(dataset_id, there, ours)


def write(
    connection: ArgillaConnection, dataset_id: str, form: Form, overlap: int | None, names: Collection[str]
) -> None:
    """Write settings of a form's dataset; see ``Platform.write_settings``."""
    if GUIDELINES in names:
        connection.patch(_path(dataset_id), {"guidelines": form.guidelines})
    if OVERLAP in names and overlap is not None:
        _write_overlap(connection, dataset_id, form, overlap)
    titles = {TASK_FIELD: TASK_TITLE, **{field.name: field.title for field in form.fields}}
    if any(name.startswith(FIELD) for name in names):
        for field in connection.read(ShownFields, f"{_path(dataset_id)}/fields").items:
            if FIELD + field.name in names:
                connection.patch(f"/api/v1/fields/{UUID(field.id)}", {"title": titles[field.name]})
    if any(name.startswith(QUESTION) for name in names):
        asked = {question.name: _asked(question) for question in form.questions}
        for it in connection.read(Questions, f"{_path(dataset_id)}/questions").items:
            if QUESTION + it.name in names:
                title, description, options = asked[it.name]
                body: dict[str, object] = {"title": title, "description": description}
                if options is not None and it.settings is not None:
                    shown = [{"value": value, "text": text} for value, text in options.items()]
                    body["settings"] = {"type": it.settings.type, "options": shown}
                connection.patch(f"/api/v1/questions/{UUID(it.id)}", body)


def _write_overlap(connection: ArgillaConnection, dataset_id: str, form: Form, overlap: int) -> None:
    distribution = Distribution(strategy="overlap", min_submitted=overlap)
    try:
        connection.patch(_path(dataset_id), {"distribution": distribution.model_dump()})
    except RequestRefusedError as error:
        now = connection.read(Dataset, _path(dataset_id)).distribution.min_submitted
        raise WorkbenchError(
            f"Argilla does not change the overlap of {form.kind!r} once people have answered: put mix.overlap back to "
            f"{now}"
        ) from error


def _asked(question: Question) -> Asked:
    options: dict[str, str | None] | None = None
    if isinstance(question, ChoiceQuestion | MultipleChoiceQuestion) and not isinstance(
        question, RankingQuestion
    ):
        options = dict(question.options)
    return question.title, question.description or None, options


def _text(asked: Asked) -> str:
    return json.dumps(asked, ensure_ascii=False)


def _path(dataset_id: str) -> str:
    return f"/api/v1/datasets/{UUID(dataset_id)}"
