"""A platform in memory that numbers what it holds from 1, as Label Studio does, and whose data can be lost or restored.

It keeps the protocol of ``workspaces/platforms/base.py``: a number says nothing by itself, and when a thing was made
does.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tests.sample_records import NOW
from workspaces.errors import ConnectionFailedError
from workspaces.platforms.base import Container, RemoteAnswer
from workspaces.records import AnnotationStatus, PlacedTask

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from pydantic import SecretStr

    from workspaces.forms import Form, TaskContent
    from workspaces.platforms.base import Refuse, Settings
    from workspaces.records import GivenAnswer


@dataclass(slots=True)
class Held:
    """A project, a task or an answer: its number stands where it is kept."""

    made_at: datetime
    place: str = ""
    owner: str = ""
    text: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    changed_at: datetime = NOW


@dataclass(slots=True)
class Database:
    """What a server holds: projects, tasks and answers by number. A new one gives all numbers again."""

    projects: dict[str, Held] = field(default_factory=dict)
    tasks: dict[str, Held] = field(default_factory=dict)
    answers: dict[str, Held] = field(default_factory=dict)
    last: dict[str, int] = field(default_factory=lambda: {"project": 0, "task": 0, "answer": 0})

    def number(self, kind: str) -> str:
        self.last[kind] += 1
        return str(self.last[kind])


class NumberedPlatform:
    """One workspace's view of a server (``owner``); ``database`` may be exchanged at any time."""

    name = "label_studio"

    def __init__(self, owner: str = "ours") -> None:
        self.owner = owner
        self.database = Database()
        self.now = NOW
        self.requests_left: int | None = None

    def tick(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now

    def copy(self) -> Database:
        return copy.deepcopy(self.database)

    def request(self) -> None:
        """Fail once ``requests_left`` are used up, as a server that goes away, or a command that is killed."""
        if self.requests_left is not None:
            if not self.requests_left:
                raise ConnectionFailedError("the server went away")
            self.requests_left -= 1

    def project_of(self, owner: str) -> str | None:
        return next((number for number, it in self.database.projects.items() if it.owner == owner), None)

    def new_project(self, owner: str) -> str:
        number = self.database.number("project")
        self.database.projects[number] = Held(self.tick(), owner=owner)
        return number

    def new_task(self, project: str, task_id: str) -> str:
        number = self.database.number("task")
        self.database.tasks[number] = Held(self.tick(), place=project, text=task_id)
        return number

    def answer(self, task_number: str, person: str, values: Mapping[str, str]) -> str:
        """Give or change a person's answer; return its number."""
        for number, it in self.database.answers.items():
            if (it.place, it.owner) == (task_number, person):
                it.values, it.changed_at = values, self.tick()
                return number
        number, at = self.database.number("answer"), self.tick()
        self.database.answers[number] = Held(at, task_number, person, values=values, changed_at=at)
        return number

    def delete_project(self, number: str) -> None:
        del self.database.projects[number]
        for task in [key for key, it in self.database.tasks.items() if it.place == number]:
            self.delete_task(task)

    def delete_task(self, number: str) -> None:
        del self.database.tasks[number]
        for answer in [key for key, it in self.database.answers.items() if it.place == number]:
            del self.database.answers[answer]

    def reuse_numbers(self) -> None:
        """Give the highest numbers again, as SQLite does without a sequence."""
        held = (self.database.projects, self.database.tasks, self.database.answers)
        for kind, numbers in zip(self.database.last, held, strict=True):
            self.database.last[kind] = max(map(int, numbers), default=0)

    # ---- the protocol

    def check(self) -> str:
        self.request()
        return "numbered"

    def open_doors(self) -> tuple[str, ...]:
        return ()

    def push(
        self, form: Form, contents: Iterable[TaskContent], overlap: int, refuse: Refuse | None = None
    ) -> Iterator[list[PlacedTask]]:
        self.request()
        project = self.project_of(self.owner) or self.new_project(self.owner)
        for content in contents:
            there = next((it for it in self.standing(project) if it.task_id == content.task_id), None)
            if there is None:
                self.request()
                number = self.new_task(project, content.task_id)
                there = PlacedTask(content.task_id, number, project, self.database.tasks[number].made_at)
            yield [there]

    def settings(self, form: Form, overlap: int | None = None) -> Settings | None:
        return None

    def write_settings(self, form: Form, overlap: int | None, names: Collection[str]) -> None:
        raise NotImplementedError

    def look(self, container_id: str) -> Container | None:
        self.request()
        project = self.database.projects.get(container_id)
        if project is None or project.owner != self.owner:
            return None
        count = sum(task.place == container_id for task in self.database.tasks.values())
        return Container(count, project.text or None, project.made_at)

    def mark(self, container_id: str, mark: str) -> None:
        self.request()
        self.database.projects[container_id].text = mark

    def standing(self, container_id: str) -> list[PlacedTask]:
        self.request()
        return [
            PlacedTask(task.text, number, container_id, task.made_at)
            for number, task in self.database.tasks.items()
            if task.place == container_id
        ]

    def pull(self, container_id: str) -> Iterator[list[RemoteAnswer]]:
        for number, task in list(self.database.tasks.items()):
            if task.place == container_id:
                self.request()
                if answers := self._answers(number):
                    yield answers

    def shown(self, container_id: str) -> frozenset[str] | None:
        return None

    def recent(self, container_id: str, since: datetime) -> Iterator[list[RemoteAnswer]]:
        for page in self.pull(container_id):
            yield [answer for answer in page if answer.updated_at >= since]

    def hook(self, url: str, token: SecretStr, container_ids: Sequence[str]) -> SecretStr:
        raise NotImplementedError

    def hooked_since(self, url: str) -> datetime | None:
        return None

    def refuses_receiver(self, url: str) -> str | None:
        return None

    def mute(self, url: str) -> None:
        raise NotImplementedError

    def unhook(self, url: str) -> None:
        raise NotImplementedError

    def answers_to(self, place: PlacedTask) -> list[RemoteAnswer] | None:
        self.request()
        task = self.database.tasks.get(place.remote_id)
        if task is None or task.text != place.task_id or place.made_at not in (None, task.made_at):
            return None
        return self._answers(place.remote_id)

    def _answers(self, task_number: str) -> list[RemoteAnswer]:
        task = self.database.tasks[task_number]
        return [
            RemoteAnswer(
                response_id=number,
                remote_id=task_number,
                person_id=it.owner,
                editor_id=it.owner,
                status=AnnotationStatus.SUBMITTED,
                values=it.values,
                updated_at=it.changed_at,
                task_id=task.text,
                made_at=it.made_at,
                task_made_at=task.made_at,
            )
            for number, it in self.database.answers.items()
            if it.place == task_number
        ]

    def only_authors_delete(self) -> bool:
        self.request()
        return True

    def find(self, kind: str, task_ids: Sequence[str]) -> list[PlacedTask]:
        return []

    def remove(self, tasks: Sequence[PlacedTask]) -> None:
        raise NotImplementedError

    def remove_answers(self, answers: Sequence[GivenAnswer]) -> None:
        raise NotImplementedError

    def close_account(self, is_theirs: Callable[[str], bool]) -> bool:
        raise NotImplementedError

    def invite(self, email: str, password: SecretStr) -> bool:
        raise NotImplementedError

    def has_account(self, is_named: Callable[[str], bool]) -> bool:
        return True

    def reset_password(self, is_theirs: Callable[[str], bool], password: SecretStr) -> list[str]:
        raise NotImplementedError

    def revoke(self, is_theirs: Callable[[str], bool]) -> bool:
        raise NotImplementedError

    def restore(self, is_theirs: Callable[[str], bool]) -> bool:
        raise NotImplementedError

    def close(self) -> None:
        pass


def without_times(answer: RemoteAnswer) -> RemoteAnswer:
    """Return an answer as it was read before the times of making were kept."""
    return replace(answer, made_at=None, task_made_at=None)
