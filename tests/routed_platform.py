"""A platform in memory that gives tasks to chosen people, as Argilla with argilla-sql-search does.

Each request can be the last one before everything dies, and people can act in the middle of one.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from tests.sample_records import ALL_TAGS
from tests.unit.chatfeedback.test_push import MemoryPlatform
from workspaces.platforms.base import RemoteAnswer
from workspaces.platforms.routing import Accounts, Assignment, AssignmentState
from workspaces.records import AnnotationStatus
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from workspaces.forms import Form, TaskContent
    from workspaces.platforms.base import Refuse
    from workspaces.platforms.routing import KnownPerson
    from workspaces.records import PlacedTask

BOX = "dataset"


class KilledError(BaseException):
    """The process is gone; nothing catches it."""


class RoutedPlatform(MemoryPlatform):
    """Its own router. Accounts are called by the person's pseudonym, with ``user-`` before it."""

    def __init__(self) -> None:
        super().__init__()
        self.members: set[str] = set()
        self.unknown = 0
        self.routed: set[str] = set()
        self.given: dict[tuple[str, str], Assignment] = {}
        self.said: dict[tuple[str, str], RemoteAnswer] = {}
        self.requests_left: int | None = None
        self.meanwhile: Callable[[], None] | None = None
        self.log: list[str] = []

    def request(self, what: str) -> None:
        """Count a request that writes; die before it when none is left."""
        if self.requests_left is not None:
            if not self.requests_left:
                raise KilledError
            self.requests_left -= 1
        self.log.append(what)

    def router(self) -> RoutedPlatform:
        return self

    def accounts(self, known: KnownPerson) -> Accounts:
        return Accounts({person_id: f"user-{person_id}" for person_id in self.members}, self.unknown)

    def person_of(self, account: str, known: KnownPerson) -> str | None:
        return account.removeprefix("user-")

    def prepare(self, form: Form, overlap: int) -> None:
        if not self.contents:
            self.switch(BOX, routed=True)

    def is_routed(self, container_id: str) -> bool:
        return container_id in self.routed

    def switch(self, container_id: str, *, routed: bool) -> None:
        self.request("switch")
        if routed and container_id not in self.routed:  # what was answered before is theirs
            for key in self.said:
                self.given.setdefault(key, Assignment(*key, 0))
        (self.routed.add if routed else self.routed.discard)(container_id)

    def push(
        self, form: Form, contents: Iterable[TaskContent], overlap: int, refuse: Refuse | None = None
    ) -> Iterator[list[PlacedTask]]:
        for placed in super().push(form, contents, overlap, refuse):
            self.request("push")
            yield placed

    def assignments(self, container_id: str) -> Iterator[list[Assignment]]:
        yield [self._told(key, it) for key, it in sorted(self.given.items())]

    def _told(self, key: tuple[str, str], it: Assignment) -> Assignment:
        said = self.said.get(key)
        if said is not None and said.status is not AnnotationStatus.DRAFT:
            return replace(it, state=AssignmentState.ANSWERED)
        is_over = it.expires_at is not None and it.expires_at <= utc_now()
        state = AssignmentState.EXPIRED if is_over else AssignmentState.OPEN
        return replace(it, state=state, begun_at=None if said is None else said.updated_at)

    def assign(self, container_id: str, assignments: Sequence[Assignment]) -> None:
        for it in assignments:  # in one transaction; here a request each, so that a run dies between any two
            self.request("assign")
            assert it.remote_id.removeprefix("remote-") in self.contents
            self.given[it.remote_id, it.account] = it

    def take_back(
        self, container_id: str, assignments: Sequence[Assignment], *, unseen: bool = False
    ) -> None:
        for it in assignments:
            if self.meanwhile is not None:
                act, self.meanwhile = self.meanwhile, None
                act()
            self.request("take back")
            stands = self.given.get((it.remote_id, it.account))
            if not unseen or stands is None or stands.served_at is None:
                self.given.pop((it.remote_id, it.account), None)

    def responses(
        self, container_id: str, remote_ids: Sequence[str]
    ) -> dict[tuple[str, str], tuple[AnnotationStatus, datetime]]:
        return {key: (it.status, it.updated_at) for key, it in self.said.items() if key[0] in remote_ids}

    # what people do, and what sync reads

    def queue(self, person_id: str) -> list[str]:
        """Return the tasks that wait for a person, in their order."""
        mine = sorted(
            (it.position, it.remote_id.removeprefix("remote-"))
            for key, it in self.given.items()
            if it.account == f"user-{person_id}" and self._told(key, it).state is not AssignmentState.ANSWERED
        )
        return [task_id for _, task_id in mine]

    def answer(
        self,
        person_id: str,
        task_id: str,
        status: AnnotationStatus = AnnotationStatus.SUBMITTED,
        **values: str,
    ) -> None:
        key = f"remote-{task_id}", f"user-{person_id}"
        assert key in self.given or BOX not in self.routed, "403"
        self.said[key] = RemoteAnswer(
            f"{person_id} {task_id}", key[0], person_id, person_id, status, values or ALL_TAGS, utc_now(),
            task_id=task_id,
        )  # fmt: skip

    def let_lapse(self, person_id: str) -> None:
        """Let the time of everything that waits for a person be over."""
        past = utc_now() - timedelta(seconds=1)
        for key, it in self.given.items():
            if it.account == f"user-{person_id}":
                self.given[key] = replace(it, expires_at=past)

    def pull(self, container_id: str) -> Iterator[list[RemoteAnswer]]:
        yield list(self.said.values())

    def mark(self, container_id: str, mark: str) -> None:
        pass

    def only_authors_delete(self) -> bool:
        return True

    def answers_to(self, place: PlacedTask) -> list[RemoteAnswer] | None:
        return [it for key, it in self.said.items() if key[0] == place.remote_id]

    def remove(self, tasks: Sequence[PlacedTask]) -> None:
        super().remove(tasks)
        gone = {it.remote_id for it in tasks}
        self.given = {key: it for key, it in self.given.items() if key[0] not in gone}
        self.said = {key: it for key, it in self.said.items() if key[0] not in gone}
