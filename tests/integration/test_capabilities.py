"""What the registry says a platform can do, held against the real server."""

from __future__ import annotations

import secrets
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr

from tests.fault_proxy import Answer, FaultProxy, Request
from workspaces.config import PlatformsConfig
from workspaces.forms import Form, TaskContent, Turn
from workspaces.kinds import kind_of
from workspaces.platforms.routing import Assignment, Routable
from workspaces.records import AnnotationStatus, Significance
from workspaces.registry import PLATFORMS, PlatformEntry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    from tests.shared_servers import TestServer
    from workspaces.config.platforms import PlatformConfig
    from workspaces.platforms.base import PersonSession, Platform

pytestmark = pytest.mark.servers

PASSWORD = SecretStr("long-enough-to-be-good")
SECONDS = 12.5
FORM = Form.of(kind_of("preference"))
VALUES = {"preference": "a"}


@dataclass(frozen=True, slots=True)
class Place:
    """A platform with tasks of one kind in a project or dataset of their own, and people to answer them."""

    entry: PlatformEntry
    server: TestServer
    platform: Platform
    section: PlatformConfig
    own: str
    """Names its workspace."""

    probe: ModuleType
    """The platform's module in ``tests.integration.probes``."""

    stack: ExitStack

    def push(self, count: int, overlap: int) -> dict[str, str]:
        """Push tasks; return their container ids by remote id."""
        contents = [content(f"task {number}") for number in range(count)]
        batches = self.platform.push(FORM, contents, overlap)
        return {task.remote_id: task.container_id for batch in batches for task in batch}

    def account(self) -> str:
        email = f"ann-{secrets.token_hex(4)}@example.org"
        assert self.platform.invite(email, PASSWORD)
        return email

    def person(self) -> PersonSession:
        session = self.entry.sign_in(self.server.url, self.account(), PASSWORD)
        return self.stack.enter_context(closing(session))


def content(task_id: str) -> TaskContent:
    turns = (Turn("Assistant", "Paris."),)
    return TaskContent(
        task_id=task_id,
        chats={field.name: turns for field in FORM.fields},
        significance=Significance.HIGH,
        quote={"preference": 4},
    )


@pytest.fixture(params=PLATFORMS)
def place(request: pytest.FixtureRequest, servers: Callable[[str], TestServer]) -> Iterator[Place]:
    entry = PLATFORMS[request.param]
    server = servers(entry.name)
    own = f"capabilities-{secrets.token_hex(4)}"
    model = PlatformsConfig.section_of(entry.name)
    section = model.model_validate({"workspace": own} if "workspace" in model.model_fields else {})
    with ExitStack() as stack:
        platform = entry.connect(section, server.url, server.api_key, lambda account: account, own)
        stack.callback(platform.close)
        probe = import_module(f"tests.integration.probes.{entry.name}")
        yield Place(entry, server, platform, section, own, probe, stack)


def test_who_is_given_one_task_finds_that_one_alone_where_tasks_can_be_assigned(place: Place) -> None:
    assert isinstance(place.platform, Routable) == place.entry.capabilities.assignment
    if not isinstance(place.platform, Routable):
        return
    router = place.platform.router()
    router.check()
    router.prepare(FORM, 2)
    emails = [place.account(), place.account()]
    remote_ids = place.push(2, overlap=2)
    (container,) = set(remote_ids.values())
    assert router.is_routed(container)
    accounts = router.accounts(lambda name: name if name == emails[0] else None)
    assert (list(accounts.people), accounts.unknown) == ([emails[0]], 1)
    people = router.accounts(lambda name: name).people
    given = [Assignment(it, people[email], 1) for it, email in zip(remote_ids, emails, strict=True)]
    router.assign(container, given)
    for each, email in zip(given, emails, strict=True):
        with closing(place.entry.sign_in(place.server.url, email, PASSWORD)) as person:
            (task,) = person.open_tasks(container, 2)
            assert task.remote_id == each.remote_id
            if email == emails[0]:
                person.submit(task, FORM, VALUES)
    said = router.responses(container, list(remote_ids))
    assert {key: status for key, (status, _) in said.items()} == {
        (given[0].remote_id, given[0].account): AnnotationStatus.SUBMITTED
    }
    assert not router.responses(container, [given[1].remote_id])
    states = {it.remote_id: it.state for batch in router.assignments(container) for it in batch}
    assert states == {given[0].remote_id: "answered", given[1].remote_id: "open"}
    router.take_back(container, given, unseen=True)
    assert len([it for batch in router.assignments(container) for it in batch]) == 2, "both saw theirs"
    router.take_back(container, given)
    assert not [it for batch in router.assignments(container) for it in batch]


class LostAnswers(FaultProxy):
    """Before a platform: it does what it is asked, and the answers to the making of accounts do not come."""

    def handle(self, request: Request, body: bytes) -> None:
        answer = self.forward(request.command, request.path, dict(request.headers.items()), body)
        path = urlsplit(request.path).path
        makes = request.command == "POST" and path in ("/api/v1/users", "/user/signup/")
        request.send(Answer(504, (), b"") if makes else answer)


def test_an_account_that_was_made_before_the_answer_was_lost_is_a_new_account(place: Place) -> None:
    email = f"lost-{secrets.token_hex(4)}@example.org"
    with LostAnswers(place.server.url) as proxy:
        platform = place.entry.connect(place.section, proxy.url, place.server.api_key, str, place.own)
        with closing(platform):
            assert platform.invite(email, PASSWORD), "else nobody is told the password"
            assert not platform.invite(email, PASSWORD)
    with closing(place.entry.sign_in(place.server.url, email, PASSWORD)):
        pass


def test_everybody_is_offered_every_task_where_none_is_assigned(place: Place) -> None:
    placed = place.push(2, overlap=2)
    (container,) = set(placed.values())
    offered = []
    for person in (place.person(), place.person()):
        seen = []
        for task in person.open_tasks(container, 2):
            seen.append(task.remote_id)
            person.submit(task, FORM, VALUES)
        offered.append(sorted(seen))
    assert offered == [sorted(placed)] * 2


def test_a_task_with_enough_answers_is_offered_no_more_where_the_overlap_is_enforced(place: Place) -> None:
    (container,) = set(place.push(1, overlap=1).values())
    first, second = place.person(), place.person()
    (task,) = first.open_tasks(container, 1)
    first.submit(task, FORM, VALUES)
    still_offered = bool(list(second.open_tasks(container, 1)))
    assert still_offered != place.entry.capabilities.overlap_enforced


def test_how_long_an_answer_took_stands_with_it_where_lead_time_is_kept(place: Place) -> None:
    (container,) = set(place.push(1, overlap=2).values())
    person = place.person()
    (task,) = person.open_tasks(container, 1)
    person.submit(task, FORM, VALUES, SECONDS)
    kept = place.probe.task_with_answers(place.server, task.remote_id)
    assert "preference" in kept
    assert (str(SECONDS) in kept) == place.entry.capabilities.lead_time
    (found,) = (it for it in place.platform.standing(container) if it.remote_id == task.remote_id)
    (answer,) = place.platform.answers_to(found) or []
    there = place.platform.look(container)
    assert there is not None
    assert there.tasks >= 1
    assert place.platform.answers_to(replace(found, task_id="another task")) is None
    for mark in ("0a", "1b", "2c"):
        place.platform.mark(container, mark)
        assert (marked := place.platform.look(container)) is not None
        assert marked.mark == mark
    assert answer.values == VALUES
    ((listed,),) = place.platform.pull(container)
    assert (listed.lead_time == SECONDS) == place.entry.capabilities.lead_time
    # what was shown to somebody, and answered by them, took some time that is known, or bounded
    assert listed.lead_time or (listed.served_at is not None and listed.served_at <= listed.updated_at)


def test_a_draft_is_read_where_drafts_are_visible(place: Place) -> None:
    ((remote_id, container),) = place.push(1, overlap=2).items()
    place.probe.save_draft(place.server, place.account(), PASSWORD, remote_id, FORM, VALUES)
    statuses = [answer.status for batch in place.platform.pull(container) for answer in batch]
    assert statuses == ([AnnotationStatus.DRAFT] if place.entry.capabilities.drafts_visible else [])


def test_a_control_that_ranks_is_taken_where_there_is_a_ranking_widget(place: Place) -> None:
    assert place.probe.takes_a_ranking(place.server) == place.entry.capabilities.ranking_widget


def test_a_task_that_the_server_does_not_take_is_told_and_keeps_no_other_from_being_placed(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.probe.spoil(monkeypatch, "task 3")
    rejected: dict[str, str] = {}
    contents = [content(f"task {number}") for number in range(7)]

    def push() -> dict[str, str]:
        batches = place.platform.push(FORM, contents, 2, rejected.__setitem__)
        return {task.task_id: task.remote_id for batch in batches for task in batch}

    placed = push()
    assert sorted(placed) == [f"task {number}" for number in range(7) if number != 3]
    assert list(rejected) == ["task 3"]
    assert "HTTP 4" in rejected["task 3"]
    assert "Paris" not in rejected["task 3"]
    found = place.platform.find(FORM.container, [it.task_id for it in contents])
    assert sorted(it.remote_id for it in found) == sorted(
        placed.values()
    )  # each once, whatever was sent twice
    monkeypatch.undo()
    assert push() == placed | {"task 3": push()["task 3"]}
