"""Pushing: tasks that can no longer be shown are counted and left out, the others are pushed."""

from __future__ import annotations

import itertools
import json
import unicodedata
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from chatfeedback import steps
from chatfeedback.cli import app
from chatfeedback.steps.status import count
from tests.sample_records import NOW, chat, seeds_of
from workspaces.errors import ConfigurationError
from workspaces.kinds import UnknownKindError
from workspaces.platforms.base import GUIDELINES, Container, Settings
from workspaces.records import AnnotationStatus, Display, PlacedTask, Quality, Side, Tag, stable_id
from workspaces.store.annotations import AnnotationRevision, save_revisions
from workspaces.store.platform_settings import platform_setting
from workspaces.store.seed_feedback import save_seeds, seed_feedback
from workspaces.store.tasks import all_tasks, count_placements, save_tasks
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from pathlib import Path

    from workspaces.forms import Form, TaskContent
    from workspaces.platforms.base import Refuse, RemoteAnswer
    from workspaces.records import Task

CONFIGURATION = """\
version: 1
platforms: {argilla: {}}
mix: {kinds: {qualitative: 1}, show_seed: 1}
"""
RESPONSES = 4


class MemoryPlatform:
    """Keeps the content of the tasks that were pushed, by task id."""

    name = "argilla"

    def __init__(self) -> None:
        self.contents: dict[str, TaskContent] = {}
        self.guidelines: dict[str, str] = {}
        self.overlaps: list[int] = []
        self.displays: list[Display] = []
        self.doors: tuple[str, ...] = ()

    def check(self) -> str:
        return "memory"

    def open_doors(self) -> tuple[str, ...]:
        return self.doors

    def settings(self, form: Form, overlap: int | None = None) -> Settings | None:
        if form.kind not in self.guidelines:
            return None
        return Settings("dataset", {GUIDELINES: self.guidelines[form.kind]}, {GUIDELINES: form.guidelines})

    def write_settings(self, form: Form, overlap: int | None, names: Collection[str]) -> None:
        assert set(names) == {GUIDELINES}
        self.guidelines[form.kind] = form.guidelines

    def push(
        self, form: Form, contents: Iterable[TaskContent], overlap: int, refuse: Refuse | None = None
    ) -> Iterator[list[PlacedTask]]:
        self.guidelines.setdefault(form.kind, form.guidelines)
        self.overlaps.append(overlap)
        self.displays.append(form.display)
        for content in contents:
            self.contents[content.task_id] = content
            yield [PlacedTask(content.task_id, f"remote-{content.task_id}", "dataset")]

    def look(self, container_id: str) -> Container | None:
        return Container(len(self.contents)) if self.contents else None

    def standing(self, container_id: str) -> list[PlacedTask]:
        return [PlacedTask(task_id, f"remote-{task_id}", "dataset") for task_id in self.contents]

    def answers_to(self, place: PlacedTask) -> list[RemoteAnswer] | None:
        return [] if place.task_id in self.contents else None

    def find(self, kind: str, task_ids: Sequence[str]) -> list[PlacedTask]:
        return []

    def remove(self, tasks: Sequence[PlacedTask]) -> None:
        for task in tasks:
            self.contents.pop(task.task_id, None)


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch) -> MemoryPlatform:
    memory = MemoryPlatform()

    @contextmanager
    def connected(_workspace: Workspace, _name: str) -> Iterator[MemoryPlatform]:
        yield memory

    monkeypatch.setattr(Workspace, "platform", connected)
    return memory


@pytest.fixture
def workspace(tmp_path: Path, platform: MemoryPlatform) -> Iterator[Workspace]:
    """A workspace whose tasks all show the seed feedback of their response; nothing is pushed yet."""
    logs = [chat(f"c{number}", f"question {number}", f"answer {number}") for number in range(RESPONSES)]
    with Workspace.create(tmp_path / "workspace", CONFIGURATION) as made:
        made.collection.append(logs, now=NOW, delay=NOW - NOW)
        with made.store.write() as connection:
            save_seeds(connection, list(seeds_of(logs).values()))
        assert steps.generate_tasks(made).showing_seed == RESPONSES
        yield made


def task_about(workspace: Workspace, conversation_id: str) -> Task:
    with workspace.store.read() as connection:
        tasks = all_tasks(connection).values()
    (task,) = (task for task in tasks if task.conversation_ids == (conversation_id,))
    return task


def answer_to(task: Task) -> AnnotationRevision:
    return AnnotationRevision(
        annotation_id=stable_id("answer", task.id),
        revision=1,
        task_id=task.id,
        person_id="ada",
        platform="argilla",
        response_id="1",
        status=AnnotationStatus.SUBMITTED,
        answers={"helpful": "yes"},
        content_hash="x",
        updated_at=NOW,
        synced_at=NOW,
    )


def test_an_answered_task_of_a_deleted_conversation_does_not_stop_a_push_of_tasks_that_show_their_seed(
    workspace: Workspace, platform: MemoryPlatform
) -> None:
    answered = task_about(workspace, "c0")
    with workspace.store.write() as connection:
        save_revisions(connection, [answer_to(answered)])
    steps.delete_conversations(workspace, ["c0"], by="giver")
    pushed = steps.push_tasks(workspace)
    assert (pushed.total, pushed.unshared, pushed.without_seed) == (RESPONSES - 1, 1, 0)
    assert answered.id not in platform.contents
    assert all(content.opinion for content in platform.contents.values())
    assert steps.push_tasks(workspace).unshared == 1


def test_a_task_whose_seed_is_gone_is_counted_and_not_pushed_blind_until_it_is_rated_again(
    workspace: Workspace, platform: MemoryPlatform
) -> None:
    task = task_about(workspace, "c0")
    with workspace.store.write() as connection:
        connection.execute(sa.delete(seed_feedback).where(seed_feedback.c.message_id == task.message_ids[0]))
    pushed = steps.push_tasks(workspace)
    assert (pushed.total, pushed.unshared, pushed.without_seed) == (RESPONSES - 1, 0, 1)
    assert task.id not in platform.contents
    with workspace.store.write() as connection:
        assert count_placements(connection) == RESPONSES - 1
        save_seeds(connection, list(seeds_of([chat("c0", "question 0", "answer 0")]).values()))
    assert steps.push_tasks(workspace).total == 1
    assert platform.contents[task.id].opinion


def test_the_command_says_that_the_seed_of_a_task_is_gone(workspace: Workspace) -> None:
    with workspace.store.write() as connection:
        connection.execute(sa.delete(seed_feedback))
    place = ["--workspace", str(workspace.path)]
    text = CliRunner().invoke(app, ["push", *place], catch_exceptions=False).stdout
    assert "4 tasks left out: the seed feedback that they were made to show is gone" in text
    assert '"without_seed": 4' in CliRunner().invoke(app, ["push", "--json", *place]).stdout


def test_a_task_of_a_kind_that_is_not_installed_stops_the_push_with_a_remedy(
    workspace: Workspace, platform: MemoryPlatform
) -> None:
    with workspace.store.write() as connection:
        known = next(iter(all_tasks(connection).values()))
        save_tasks(connection, [replace(known, id="0" * 24, kind="gone", seed_agent=None)])
    with pytest.raises(UnknownKindError, match=r"no task kind 'gone'.*Install the package"):
        steps.push_tasks(workspace)
    assert platform.contents == {}


def configured(workspace: Workspace, more: str) -> Workspace:
    """Return the workspace opened again with another configuration."""
    (workspace.path / "chatfeedback.yaml").write_text(CONFIGURATION + more, encoding="utf-8")
    return Workspace.open(workspace.path)


def test_guidelines_follow_the_configuration_with_the_next_push_and_only_then(
    workspace: Workspace, platform: MemoryPlatform
) -> None:
    assert steps.push_tasks(workspace).guidelines == {}
    assert "ask the person who invited you" in platform.guidelines["qualitative"]
    assert steps.push_tasks(workspace).guidelines == {}
    with configured(
        workspace, "people: {contact: Ada}\nrates: {version: '2', points_per_day: 70}\n"
    ) as changed:
        assert steps.push_tasks(changed).guidelines == {"argilla": ["qualitative"]}
        assert "ask Ada." in platform.guidelines["qualitative"]
        assert "At most **70 points** are credited" in platform.guidelines["qualitative"]
        assert steps.push_tasks(changed).guidelines == {}


def test_a_smaller_overlap_waits_until_no_task_there_wants_more_answers(
    workspace: Workspace, platform: MemoryPlatform
) -> None:
    before = [task_about(workspace, f"c{number}") for number in range(RESPONSES)]
    steps.push_tasks(workspace)
    text = CONFIGURATION.replace("show_seed: 1", "show_seed: 1, overlap: 1")
    (workspace.path / "chatfeedback.yaml").write_text(text, encoding="utf-8")
    with Workspace.open(workspace.path) as changed:
        for name in ("d0", "d1"):
            logs = [chat(name, f"question {name}", f"answer {name}")]
            changed.collection.append(logs, now=NOW, delay=NOW - NOW)
            with changed.store.write() as connection:
                save_seeds(connection, list(seeds_of(logs).values()))
            assert steps.generate_tasks(changed).created == 1
            assert steps.push_tasks(changed).total == 1
            with changed.store.write() as connection:
                for person in ("ada", "bo", "cy"):
                    given = [replace(answer_to(it), person_id=person) for it in before]
                    names = [stable_id(person, it.id) for it in before]
                    ids = zip(given, names, strict=True)
                    save_revisions(connection, [replace(it, annotation_id=own) for it, own in ids])
            before = []
    assert platform.overlaps == [3, 3, 1]


def test_guidelines_of_which_nobody_recorded_who_wrote_them_are_reported_and_stay(
    workspace: Workspace, platform: MemoryPlatform
) -> None:
    steps.push_tasks(workspace)
    with workspace.store.write() as connection:
        connection.execute(platform_setting.delete())  # as it stood before records were kept
    ours = platform.guidelines["qualitative"]
    platform.guidelines["qualitative"] = "Be kind."
    for _ in range(2):
        (drift,) = steps.push_tasks(workspace).drifts
        assert not drift.recorded
        assert "it was not recorded" in str(drift)
        assert platform.guidelines["qualitative"] == "Be kind."
    assert steps.push_tasks(workspace, side=Side.OURS).guidelines == {"argilla": ["qualitative"]}
    assert platform.guidelines["qualitative"] == ours
    platform.guidelines["qualitative"] = "Be brief."
    assert steps.push_tasks(workspace).drifts[0].recorded


def test_what_a_platform_changes_in_a_text_of_its_own_accord_is_no_drift(
    workspace: Workspace, platform: MemoryPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(form: Form, overlap: int | None, names: Collection[str]) -> None:
        text = unicodedata.normalize("NFD", form.guidelines)
        platform.guidelines[form.kind] = text.strip().replace("\n", "  \r\n") + "\r\n"

    monkeypatch.setattr(platform, "write_settings", write)
    steps.push_tasks(workspace)
    with configured(workspace, "people: {contact: 'Zo\u00eb'}\n") as changed:
        assert steps.push_tasks(changed).guidelines == {"argilla": ["qualitative"]}
        assert unicodedata.normalize("NFD", "ask Zo\u00eb.") in platform.guidelines["qualitative"]
        again = steps.push_tasks(changed)
        assert (again.guidelines, again.drifts) == ({}, [])


def test_a_push_that_is_killed_after_its_first_batch_recorded_what_it_wrote(
    workspace: Workspace, platform: MemoryPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    class KilledError(BaseException):
        """Nothing catches it."""

    def dies(
        form: Form, contents: Iterable[TaskContent], overlap: int, refuse: Refuse
    ) -> Iterator[list[PlacedTask]]:
        yield from itertools.islice(pushed(form, contents, overlap, refuse), 1)
        raise KilledError

    pushed = platform.push
    with monkeypatch.context() as patched:
        patched.setattr(platform, "push", dies)
        with pytest.raises(KilledError):
            steps.push_tasks(workspace)
    with configured(workspace, "people: {contact: Ada}\n") as changed:
        assert steps.push_tasks(changed).drifts == []
        assert "ask Ada." in platform.guidelines["qualitative"]


def test_guidelines_promise_nothing_that_the_rules_in_force_do_not_hold(workspace: Workspace) -> None:
    steps.push_tasks(workspace)
    with (
        pytest.raises(ConfigurationError, match=r"rates\.version"),
        configured(workspace, "rates: {points_per_day: 70}\n") as changed,
    ):
        steps.push_tasks(changed)


def test_guidelines_say_that_an_opinion_is_shown_as_long_as_a_task_shows_one(
    workspace: Workspace, platform: MemoryPlatform
) -> None:
    steps.push_tasks(workspace)
    assert "Some tasks show a machine's opinion" in platform.guidelines["qualitative"]
    blinded = CONFIGURATION.replace(", show_seed: 1", "")
    (workspace.path / "chatfeedback.yaml").write_text(blinded, encoding="utf-8")
    with Workspace.open(workspace.path) as blind:
        steps.push_tasks(blind)
    assert "Some tasks show a machine's opinion" in platform.guidelines["qualitative"]


def test_guidelines_do_not_say_that_answers_are_hidden_where_a_door_is_open(
    workspace: Workspace, platform: MemoryPlatform
) -> None:
    platform.doors = ("everybody sees everything",)
    steps.push_tasks(workspace)
    assert "You are not shown the models' names." in platform.guidelines["qualitative"]
    platform.doors = ()
    assert steps.push_tasks(workspace).guidelines == {"argilla": ["qualitative"]}
    assert (
        "You are not shown other people's answers or the models' names." in platform.guidelines["qualitative"]
    )


def test_a_task_whose_seed_says_that_nothing_applies_is_made_blind(
    tmp_path: Path, platform: MemoryPlatform
) -> None:
    log = chat("c", "a question in words", "answer")
    seed = replace(seeds_of([log])["c#1"], tags=dict.fromkeys(Quality, Tag.NA))
    with Workspace.create(tmp_path / "other", CONFIGURATION) as made:
        made.collection.append([log], now=NOW, delay=NOW - NOW)
        with made.store.write() as connection:
            save_seeds(connection, [seed])
        generated = steps.generate_tasks(made)
        assert (generated.created, generated.showing_seed) == (1, 0)


@pytest.mark.parametrize("display", Display)
def test_tasks_are_pushed_with_the_display_of_the_configuration(
    workspace: Workspace, platform: MemoryPlatform, display: Display
) -> None:
    workspace.config = workspace.config.model_copy(update={"display": display})
    steps.push_tasks(workspace)
    assert platform.displays == [display]


class PickyPlatform(MemoryPlatform):
    """Does not take some tasks."""

    def __init__(self) -> None:
        super().__init__()
        self.refused: set[str] = set()
        self.sent: list[str] = []

    def push(
        self, form: Form, contents: Iterable[TaskContent], overlap: int, refuse: Refuse | None = None
    ) -> Iterator[list[PlacedTask]]:
        for content in contents:
            self.sent.append(content.task_id)
            if content.task_id not in self.refused:
                yield from super().push(form, [content], overlap)
            elif refuse is not None:
                refuse(content.task_id, "HTTP 422: too long")


def test_a_task_that_its_platform_does_not_take_is_rejected_and_sent_again_only_when_it_changed_or_on_demand(
    workspace: Workspace, platform: MemoryPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    picky = PickyPlatform()

    @contextmanager
    def connected(_workspace: Workspace, _name: str) -> Iterator[MemoryPlatform]:
        yield picky

    monkeypatch.setattr(Workspace, "platform", connected)
    bad = task_about(workspace, "c1")
    picky.refused = {bad.id}
    pushed = steps.push_tasks(workspace)
    assert pushed.total == RESPONSES - 1
    assert [(it.task_id, it.reason) for it in pushed.rejected] == [(bad.id, "HTTP 422: too long")]
    assert count(workspace).tasks_rejected == 1
    runner = CliRunner()
    listed = runner.invoke(app, ["tasks", "list", "--state", "rejected", "-w", str(workspace.path), "--json"])
    (task,) = json.loads(listed.stdout)["tasks"]
    assert (task["id"], task["rejected_because"]) == (bad.id, "HTTP 422: too long")

    picky.sent.clear()
    again = steps.push_tasks(workspace)
    assert (again.total, again.rejected, again.still_rejected, picky.sent) == (0, [], 1, [])

    assert steps.retry_rejected(workspace) == 1
    assert [it.task_id for it in steps.push_tasks(workspace).rejected] == [bad.id]

    picky.refused = set()  # the platform would take it, and it is asked once the task looks otherwise
    assert steps.push_tasks(workspace).total == 0
    changed = workspace.config.model_copy(update={"display": Display.PLAIN})
    monkeypatch.setattr(workspace, "config", changed)
    assert (steps.push_tasks(workspace).total, count(workspace).tasks_rejected) == (1, 0)
