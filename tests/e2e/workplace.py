"""What a browser test stands on: a workspace with pushed tasks, and an annotator's browser that tells everything."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chatfeedback.steps.rewrites import read_rewrites
from task_generators.content import content_of
from tests.e2e.hostile_chat_logs import SECRET
from tests.e2e.hostile_messages import CANARY, LOADED
from tests.e2e.shown_turns import Shown, turn_as_shown
from workspaces.kinds import (
    ChoiceQuestion,
    MultipleChoiceQuestion,
    RankingQuestion,
    TextQuestion,
    asked_kinds,
    declared_kinds,
    joined,
    kind_of,
)
from workspaces.records import AnnotationStatus, Display
from workspaces.store.latest_annotations import latest_annotations
from workspaces.store.tasks import all_tasks, containers, task_ids_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import ConsoleMessage, Dialog, Page, Route

    from workspaces.forms import TaskContent, Turn
    from workspaces.kinds import Kind
    from workspaces.records import Task
    from workspaces.workspace import Workspace

SHOTS = os.environ.get("CHATFEEDBACK_SHOTS")
"""A folder for pictures of whole pages, to be looked at."""

FONTS = "https://fonts.googleapis.com/"
"""Argilla's own pages ask for two style sheets there."""


RUBRICS = {"tutoring": ["Asks what the person has tried.", {"criterion": "Is rude.", "weight": -2}]}

PLACED = {name for name, kind in declared_kinds().items() if not kind.judges_rewrites} | {"rubric_tutoring"}
"""The kinds whose tasks a workspace of these tests has: nobody has written a rewrite there yet."""

LEAST_CHARACTERS = next(
    question.min_characters
    for question in kind_of("qualitative").questions
    if isinstance(question, TextQuestion) and question.rewrites
)
"""Characters of a suggestion that earns something."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A task, the dataset or project that holds it, and the turns it shows by the title above them."""

    task: Task
    container_id: str
    turns: dict[str, tuple[Turn, ...]]
    display: Display = Display.MARKDOWN

    @property
    def texts(self) -> dict[str, list[str]]:
        """The texts as they were typed."""
        return {title: [turn.text for turn in turns] for title, turns in self.turns.items()}

    @property
    def shown(self) -> dict[str, list[Shown]]:
        """The texts as a page shows them."""
        return {
            title: [turn_as_shown(turn, self.display) for turn in turns]
            for title, turns in self.turns.items()
        }


@dataclass(frozen=True, slots=True)
class Bench:
    """A workspace whose tasks stand on one platform."""

    workspace: Workspace
    platform: str
    url: str
    annotators: list[tuple[str, str]] = field(default_factory=list)
    """E-mail addresses and passwords of people with an account; each test takes one."""

    people: list[tuple[str, str]] = field(default_factory=list)
    """All of them, the taken ones included."""

    displays: dict[str, Display] = field(default_factory=dict)
    """How each task was pushed, by its id."""

    def note_display(self, display: Display) -> None:
        """Remember of the tasks that were pushed since the last time how they show texts."""
        with self.workspace.store.read() as connection:
            for task_id in all_tasks(connection):
                self.displays.setdefault(task_id, display)

    def invite(self, count: int) -> None:
        """Make accounts as the project lead does; asked again, the command makes none and shows no password."""
        emails = [f"ann-{secrets.token_hex(4)}@example.org" for _ in range(count)]
        invited = self.command("people", "invite", *emails)["invited"]
        self.annotators.extend((it["email"], it["password"]) for it in invited)
        self.people.extend(self.annotators[-count:])
        assert all(it["new_on"] == [self.platform] for it in invited)
        again = self.command("people", "invite", *emails)["invited"]
        assert all((it["password"], it["new_on"]) == (None, []) for it in again)

    def command(self, *arguments: str) -> Any:
        """Run the real command line; return the JSON object it prints."""
        command = [sys.executable, "-m", "chatfeedback", *arguments, "--json"]
        command += ["--workspace", str(self.workspace.path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, f"{' '.join(arguments)}: {done.stderr}"
        return json.loads(done.stdout)

    def collect(self, email: str) -> tuple[int, list[tuple[int, str]]]:
        """Sync, settle and read a wallet; return its balance and its movements as points and reasons."""
        self.command("sync")
        self.command("settle")
        wallet = self.command("wallet", email)
        return wallet["balance"], [(it["points"], it["reason"]) for it in wallet["movements"]]

    def announce(self, contact: str) -> Any:
        """Name whom annotators ask, as the project lead does, and push; return what the command says of it."""
        path = self.workspace.path / "chatfeedback.yaml"
        configuration, _, _ = path.read_text(encoding="utf-8").partition("people:")
        path.write_text(f'{configuration}people: {{contact: "{contact}"}}\n', encoding="utf-8")
        return self.command("push").get("guidelines")

    def tasks(self, kind: str) -> dict[str, Placed]:
        """Return every task of a kind, by the platform's own id."""
        with self.workspace.store.read() as connection:
            tasks = {task_id: task for task_id, task in all_tasks(connection).items() if task.kind == kind}
            places = [
                (tasks[task_id], remote_id, container_id)
                for container_id in containers(connection, self.platform)
                for task_id, remote_id in task_ids_in(connection, container_id, self.platform).items()
                if task_id in tasks
            ]
            rewrites = read_rewrites(self.workspace, connection)
        conversations = rewrites.all_shown(
            self.workspace.collection.get(i for task in tasks.values() for i in task.conversation_ids)
        )
        return {
            remote_id: Placed(
                task,
                container_id,
                _turns(task, content_of(task, conversations)),
                self.displays.get(task.id, Display.MARKDOWN),
            )
            for task, remote_id, container_id in places
        }

    def answers_of(self, email: str) -> dict[str, dict[str, str]]:
        """Collect the answers; return those that a person submitted, by task."""
        self.command("sync")
        person = self.workspace.pseudonyms.find(email, (self.platform,))
        with self.workspace.store.read() as connection:
            return {
                it.task_id: dict(it.values)
                for it in latest_annotations(connection)
                if it.person_id == person and it.status is AnnotationStatus.SUBMITTED
            }

    def requested(self) -> list[tuple[Kind, dict[str, Placed]]]:
        """Return a form of every kind that a lead has to request, as ``forms`` does: that with the most responses.

        Kinds about rewrites have a test of their own, ``test_the_life_of_a_rewrite``.
        """
        requested = ((kind, tasks) for kind, tasks in self.forms() if not kind.weight and not kind.rewrite)
        forms = {kind.name: (kind, tasks) for kind, tasks in requested}
        return list(forms.values())

    def forms(self) -> Iterator[tuple[Kind, dict[str, Placed]]]:
        """Yield every form that has tasks here: its kind as it is asked there, and the tasks."""
        for name, kind in asked_kinds().items():
            tasks = self.tasks(name)
            for sized in map(kind.showing, kind.sizes):
                of_form = {
                    remote_id: placed
                    for remote_id, placed in tasks.items()
                    if len(placed.task.message_ids) == sized.responses
                }
                if of_form:
                    yield sized, of_form


@dataclass
class Visit:
    """A page in a browser of its own, and everything that went on there."""

    page: Page
    url: str
    folder: Path
    overhears: bool = False
    """Whether it keeps what the server's API answers; the browser then loads the whole application for every page."""

    dialogs: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    """What a page of the server wanted to load, and its policy forbade."""

    def __post_init__(self) -> None:
        self.page.on("dialog", self._dialog)
        self.page.on("popup", lambda popup: self.requests.append(popup.url))
        self.page.on("console", self._console)
        self.page.context.on("request", lambda request: self.requests.append(request.url))
        if self.overhears:
            self.page.context.route(f"{self.url}/api/**", self._overhear)

    def shot(self, name: str) -> None:
        """Keep a picture of the window; its path is printed, and so shown when the test fails."""
        path = self.folder / f"{name}.png"
        self.page.screenshot(path=path, animations="disabled")
        print(f"screenshot: {path}")

    def assert_no_harm(self) -> None:
        """Prove that no text of a chat log did anything."""
        assert self.page.evaluate(f"typeof {CANARY}") == "undefined"
        assert self.dialogs == []
        assert self.violations == []
        assert [
            it for it in self.requests if not it.startswith((f"{self.url}/", FONTS, "data:", "blob:"))
        ] == []
        assert [it for it in self.requests if LOADED in it] == []

    def assert_blind(self) -> None:
        """Prove that neither the page nor what the server sent to it tells who wrote, gave or rated a response."""
        said = [self.page.content(), *self.answers]
        assert any("tab   three" in text for text in self.answers), "no task was fetched"
        assert [word for word in SECRET for text in said if word in text.casefold()] == []

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error" and "Content Security Policy" in message.text:
            self.violations.append(message.text)

    def _dialog(self, dialog: Dialog) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def _overhear(self, route: Route) -> None:
        response = route.fetch()
        self.answers.append(response.text())
        route.fulfill(response=response)


def picture(page: Page, name: str) -> None:
    """Keep a picture of a whole page where somebody asked for pictures: it takes longer than what is tested."""
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)


def first_answers(kind: Kind) -> dict[str, str]:
    """Return an answer to every question of a form: the last option, the first two of several, or a text."""
    answers = {}
    for question in kind.questions:
        match question:
            case MultipleChoiceQuestion():
                answers[question.name] = joined(list(question.options)[:2])
            case RankingQuestion():
                answers[question.name] = question.canonical(question.answers[1])  # with a tie
            case ChoiceQuestion():
                answers[question.name] = list(question.options)[-1]
            case _:
                answers[question.name] = "It says what decided it."
    return answers


def _turns(task: Task, content: TaskContent) -> dict[str, tuple[Turn, ...]]:
    fields = kind_of(task.kind).showing(len(task.message_ids)).fields
    return {field.title: content.chats[field.name] for field in fields}
