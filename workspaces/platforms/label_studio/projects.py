"""The projects of a workspace in Label Studio, one for each form."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import httpx
from pydantic import JsonValue

from workspaces.errors import ConfigurationError, WorkbenchError
from workspaces.kinds import ChoiceQuestion
from workspaces.platforms.base import GUIDELINES, OVERLAP, Container, RequestRefusedError, Settings
from workspaces.platforms.label_studio.form import DIALOGUE, instructions, labeling_config
from workspaces.platforms.label_studio.shapes import Project
from workspaces.platforms.label_studio.shapes import Projects as ProjectPage

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from workspaces.forms import Form
    from workspaces.platforms.label_studio.connection import LabelStudioConnection

TITLE_LENGTHS = (3, 50)
"""Shortest and longest title of a project, in characters."""

INSTRUCTIONS = "expert_instruction"
"""The property of a project that holds the guidelines."""

NAMES = {INSTRUCTIONS: GUIDELINES, "maximum_annotations": OVERLAP, "label_config": "the form (label_config)"}
"""What we call properties of a project; the others keep their names."""

_MARK = re.compile(r"\[read (?P<mark>[0-9a-f]+)\]")
"""What ``mark`` writes at the end of a description."""

LISTING_PAGE = 100
"""Projects asked for at once."""


class Projects:
    """The projects of one workspace; ``marker`` names it in their descriptions, by which they are found again."""

    def __init__(self, connection: LabelStudioConnection, marker: str) -> None:
        self._connection = connection
        self._marker = marker

    def for_form(self, form: Form, overlap: int) -> str:
        """Return the id of the project for a form, made where there is none; one that is there stays as it is."""
        settings = _settings(form, overlap)
        project_id = self.named(form.container)
        projects = self._connection.sdk.projects
        if project_id is None:
            title = form.title.strip()[: TITLE_LENGTHS[1]].ljust(TITLE_LENGTHS[0], ".")
            description = (
                "Paid feedback on shared chats, by ChatFeedback Workbench. Please leave this here: "
                f"{self._tag(form.container)}"
            )
            made = self._connection.call(
                lambda: projects.create(title=title, description=description, **settings), idempotent=False
            )
            project_id = self.named(form.container)
            if project_id is None or project_id == made.id:
                return str(made.id)
            # the SDK repeats a request that the server failed after making the project: the older one is ours
        return str(project_id)

    def settings(self, form: Form, overlap: int | None) -> Settings | None:
        """Return the settings of the project for a form; see ``Platform.settings``."""
        project_id = self.named(form.container)
        if project_id is None:
            return None
        current = self._current(project_id)
        wanted = _wanted(form, overlap, current)
        return Settings(
            str(project_id),
            {NAMES.get(key, key): _text(current.get(key)) for key in wanted},
            {NAMES.get(key, key): _text(value) for key, value in wanted.items()},
        )

    def write_settings(self, form: Form, overlap: int | None, names: Collection[str]) -> None:
        """Write settings of the project for a form; see ``Platform.write_settings``.

        Raises:
            ConfigurationError: Label Studio refuses the changed form, because of tasks or answers of the old one.
        """
        project_id = self.named(form.container)
        if project_id is None:
            return
        wanted = _wanted(form, overlap, self._current(project_id))
        changes = {key: value for key, value in wanted.items() if NAMES.get(key, key) in names}
        projects = self._connection.sdk.projects
        try:
            self._connection.call(lambda: projects.update(project_id, **changes), idempotent=True)
        except RequestRefusedError as error:
            raise ConfigurationError(
                f"Label Studio does not take the changed form {form.title!r} for project {project_id}, "
                f"which holds tasks or answers of the old one: {error}; export them and delete that "
                "project, then push again"
            ) from error

    def _current(self, project_id: int) -> dict[str, JsonValue]:
        return self._connection.read(dict[str, JsonValue], f"/api/projects/{project_id}/")

    def named(self, container: str) -> int | None:
        """Return the id of the oldest project for a form, by ``Form.container``; None where there is none."""
        tag = self._tag(container)
        tagged: list[int] = []
        page = 1
        while True:
            listing = self._connection.read(
                ProjectPage, "/api/projects/", include="id,description", page=page, page_size=LISTING_PAGE
            )
            tagged += [project.id for project in listing.results if tag in (project.description or "")]
            if not listing.next:
                return min(tagged, default=None)
            page += 1

    def look(self, project_id: str) -> Container | None:
        """Return what a project of this workspace is; None where there is none with this number."""
        project = self._ours(project_id)
        if project is None:
            return None
        mark = _MARK.search(project.description or "")
        return Container(project.task_number or 0, mark["mark"] if mark else None, project.created_at)

    def mark(self, project_id: str, mark: str) -> None:
        """Write a text into a project's description, in place of the one before.

        Raises:
            WorkbenchError: no project of this workspace has this number any more.
        """
        project = self._ours(project_id)
        if project is None:
            raise WorkbenchError(
                f"project {project_id} is gone from Label Studio: run 'chatfeedback sync' again"
            )
        description = f"{_MARK.sub('', project.description or '').rstrip()} [read {mark}]"
        projects = self._connection.sdk.projects
        self._connection.call(lambda: projects.update(project.id, description=description), idempotent=True)

    def _ours(self, project_id: str) -> Project | None:
        try:
            project = self._connection.read(Project, f"/api/projects/{int(project_id)}/")
        except RequestRefusedError as error:
            if error.status != httpx.codes.NOT_FOUND:
                raise
            return None
        return project if self._tag("")[:-1] in (project.description or "") else None

    def _tag(self, container: str) -> str:
        return f"[chatfeedback {self._marker} {container}]"


def _wanted(form: Form, overlap: int | None, current: Mapping[str, JsonValue]) -> dict[str, Any]:
    """Return what the settings of a project should be; without ``overlap`` the guidelines alone."""
    if overlap is None:
        return {INSTRUCTIONS: instructions(form.guidelines)}
    wanted = _settings(form, overlap)
    if DIALOGUE in str(current.get("label_config")) and current.get("task_number"):
        # its tasks have no HTML to show: they keep their look, and those that join them share it
        wanted["label_config"] = labeling_config(form, dialogues=True)
    return wanted


def _text(value: JsonValue) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _settings(form: Form, overlap: int) -> dict[str, JsonValue]:
    """Return the settings of a project for a form."""
    # What is typed becomes a result when it is submitted, not before: where nothing has to be chosen, the annotation
    # seems empty until then, and its button would stay closed. A required text is asked for all the same.
    chosen = any(isinstance(question, ChoiceQuestion) and question.required for question in form.questions)
    return {
        "label_config": labeling_config(form),
        INSTRUCTIONS: instructions(form.guidelines),
        "show_instruction": True,
        "maximum_annotations": overlap,
        "sampling": "Uniform sampling",
        "show_skip_button": True,
        "skip_queue": "REQUEUE_FOR_OTHERS",
        "enable_empty_annotation": not chosen,
        "show_collab_predictions": False,
        "show_annotation_history": False,
        "reveal_preannotations_interactively": False,
        "evaluate_predictions_automatically": False,
    }
