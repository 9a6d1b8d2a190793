"""Watching: what people submit is settled a moment later, with events, without them, and after failures."""

from __future__ import annotations

import json
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import httpx
import pytest
import sqlalchemy as sa

from chatfeedback import steps
from chatfeedback.steps.rules import use_rules
from chatfeedback.steps.watching import AFTER_ANSWERS
from reward_engine import totals
from tests.sample_records import ALL_TAGS, NOW, minutes, task
from tests.unit.workspaces.test_sync import MemoryPlatform
from workspaces.errors import ConnectionFailedError
from workspaces.platforms.base import GUIDELINES, Settings
from workspaces.platforms.label_studio.hooks import TOKEN_HEADER
from workspaces.records import PlacedTask
from workspaces.store.inbox import empty_inbox, inbox
from workspaces.store.members import MemberStatus, admit
from workspaces.store.tasks import save_placements, save_tasks
from workspaces.workspace import CONFIG_NAME, Workspace

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from datetime import datetime
    from pathlib import Path

    from pydantic import SecretStr

    from workspaces.forms import Form
    from workspaces.platforms.base import RemoteAnswer

TASKS = 4
BOX = "3"


class TellingPlatform(MemoryPlatform):
    """A Label Studio in memory; it keeps what it was told to send events with."""

    def __init__(self) -> None:
        super().__init__("label_studio")
        self.token: SecretStr | None = None
        self.is_down = False
        self.polls = 0

    def hook(self, url: str, token: SecretStr, container_ids: object) -> SecretStr:
        self.token = token
        return super().hook(url, token, [])

    def check(self) -> str:
        self.polls += 1
        return super().check()

    def recent(self, container_id: str, since: datetime) -> Iterator[list[RemoteAnswer]] | None:
        if self.is_down:
            raise ConnectionFailedError("the platform went away")
        return super().recent(container_id, since)

    def answer(self, number: int, at: int = 0) -> None:
        self.give(f"{number}", f"t{number}", at=minutes(at), container=BOX, **ALL_TAGS)  # type: ignore[arg-type]

    def tell(self, number: int, *, deleted: bool = False) -> int:
        """Send the event of an answer; return the status."""
        (url,) = self.hooked
        assert self.token is not None
        annotation = {"id": number, "task": number, "updated_at": NOW.isoformat()}
        body = (
            {"action": "ANNOTATIONS_DELETED", "annotations": [{"id": number}], "project": {"id": int(BOX)}}
            if deleted
            else {"action": "ANNOTATION_CREATED", "annotation": annotation, "project": {"id": int(BOX)}}
        )
        headers = {"Content-Type": "application/json", TOKEN_HEADER: self.token.get_secret_value()}
        return httpx.post(url, content=json.dumps(body), headers=headers).status_code


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch) -> TellingPlatform:
    made = TellingPlatform()

    @contextmanager
    def connected(_workspace: Workspace, _name: str) -> Iterator[TellingPlatform]:
        yield made

    monkeypatch.setattr(Workspace, "platform", connected)
    for name, seconds in (("HOT", 0.02), ("QUIET_AFTER", 3.0), ("HOOKED", 60.0), ("UNHOOKED", 0.05)):
        monkeypatch.setattr(f"chatfeedback.steps.watched.{name}_SECONDS", seconds)
    monkeypatch.setattr("chatfeedback.steps.watching.DEBOUNCE_SECONDS", 0.01)
    monkeypatch.setattr("chatfeedback.steps.watching.FOLLOW_AGAIN_SECONDS", 0.05)
    return made


@pytest.fixture
def workspace(tmp_path: Path, platform: TellingPlatform) -> Iterator[Workspace]:
    with Workspace.create(tmp_path / "w", "version: 1\nplatforms: {label_studio: {}}\n") as made:
        with made.store.write() as connection:
            tasks = [task(f"t{n}", {"qualities": 10}, platform="label_studio") for n in range(TASKS)]
            save_tasks(connection, tasks)
            save_placements(connection, [PlacedTask(f"t{n}", f"remote-t{n}", BOX) for n in range(TASKS)], NOW)
            admit(connection, ["ada"], "label_studio", MemberStatus.INVITED, NOW)
        yield made


Rounds = "Generator[steps.Round, None, None]"


@pytest.fixture
def rounds(workspace: Workspace) -> Iterator[Generator[steps.Round, None, None]]:
    """The rounds, after the first, which finds nothing."""
    with closing(steps.watch(workspace)) as made:
        first = next(made)
        assert first.watched == {"label_studio": steps.Way.EVENTS}
        yield made


def new(made: steps.Round) -> int:
    return made.synced["label_studio"].new


def points(workspace: Workspace) -> int:
    with workspace.store.read() as connection:
        return sum(totals(connection).values())


def test_an_event_brings_the_answer_into_the_wallet(
    workspace: Workspace, platform: TellingPlatform, rounds: Generator[steps.Round, None, None]
) -> None:
    platform.answer(1)
    assert platform.tell(1) == 202
    assert new(next(rounds)) == 1
    assert points(workspace) == 10
    with workspace.store.read() as connection:
        assert [row.done_at is not None for row in connection.execute(inbox.select())] == [True]


def test_an_event_is_a_hint_and_what_it_says_is_not_believed(
    workspace: Workspace, platform: TellingPlatform, rounds: Generator[steps.Round, None, None]
) -> None:
    assert platform.tell(2) == 202  # nobody answered
    platform.answer(1)
    assert platform.tell(1) == 202
    assert new(next(rounds)) == 1
    assert points(workspace) == 10


def test_without_events_answers_are_found_all_the_same(
    workspace: Workspace, platform: TellingPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> SecretStr:
        raise ConnectionFailedError("no receiver at a private address")

    monkeypatch.setattr(platform, "hook", refuse)
    with closing(steps.watch(workspace)) as rounds:
        assert next(rounds).watched == {"label_studio": steps.Way.ASKED}
        platform.answer(1)
        assert new(next(rounds)) == 1
    assert points(workspace) == 10


def test_where_a_platform_cannot_tell_what_changed_events_name_what_is_read(
    workspace: Workspace, platform: TellingPlatform, rounds: Generator[steps.Round, None, None]
) -> None:
    platform.tells = False
    platform.answer(1)
    platform.answer(2)
    with workspace.store.write() as connection:
        connection.execute(inbox.delete())
    (url,) = platform.hooked
    assert platform.token is not None
    annotation = {"id": 1, "task": "7", "updated_at": NOW.isoformat()}
    save = [PlacedTask("t1", "7", BOX)]
    with workspace.store.write() as connection:
        save_placements(connection, save, NOW)
    answer = platform.answers[BOX]["1"]
    platform.answers[BOX]["1"] = type(answer)(
        **{name: getattr(answer, name) for name in answer.__slots__} | {"remote_id": "7"}
    )
    body = {
        "action": "ANNOTATION_CREATED",
        "annotation": {**annotation, "task": 7},
        "project": {"id": int(BOX)},
    }
    headers = {"Content-Type": "application/json", TOKEN_HEADER: platform.token.get_secret_value()}
    assert httpx.post(url, content=json.dumps(body), headers=headers).status_code == 202
    assert new(next(rounds)) == 1
    assert points(workspace) == 10


def test_events_rest_while_answers_come_one_after_the_other_and_come_back(
    platform: TellingPlatform, rounds: Generator[steps.Round, None, None]
) -> None:
    platform.answer(1)
    platform.tell(1)
    assert new(next(rounds)) == 1
    platform.answer(2)
    assert new(next(rounds)) == 1
    assert platform.muted
    with ThreadPoolExecutor() as pool:
        later = pool.submit(next, rounds)  # goes on looking
        while platform.muted:
            time.sleep(0.01)
        platform.answer(3)
        platform.tell(3)
        assert new(later.result()) == 1
    assert len(platform.hooked) == 1


def test_a_platform_that_went_away_is_read_as_a_whole_when_it_is_back(
    workspace: Workspace, platform: TellingPlatform, rounds: Generator[steps.Round, None, None]
) -> None:
    polls = platform.polls
    platform.is_down = True
    platform.answer(1)
    platform.tell(1)
    down = next(rounds)
    assert down.synced["label_studio"].failures == ["the platform went away"]
    platform.answer(2, at=-1_000)  # older than all that was seen: a restored server
    platform.is_down = False
    assert new(next(rounds)) == 2
    assert platform.polls == polls + 1
    assert points(workspace) == 20


def test_a_second_watcher_says_so_and_takes_nothing(
    workspace: Workspace, platform: TellingPlatform, rounds: Generator[steps.Round, None, None]
) -> None:
    with pytest.raises(steps.AlreadyWatchedError, match="one is enough"):
        next(steps.watch(workspace))
    assert len(platform.hooked) == 1


def test_at_the_end_the_hooks_are_gone_and_another_can_watch(
    workspace: Workspace, platform: TellingPlatform
) -> None:
    for _ in range(2):
        with closing(steps.watch(workspace)) as rounds:
            next(rounds)
            assert len(platform.hooked) == 1
        assert platform.hooked == []


def test_a_changed_configuration_ends_it_so_that_it_is_read_again(
    workspace: Workspace, platform: TellingPlatform, rounds: Generator[steps.Round, None, None]
) -> None:
    (workspace.path / CONFIG_NAME).write_text("version: 1\nplatforms: {label_studio: {}, argilla: {}}\n")
    platform.tell(1)
    with pytest.raises(StopIteration):
        next(rounds)


def test_what_was_read_by_a_watcher_that_was_killed_is_settled_by_the_next(
    workspace: Workspace, platform: TellingPlatform
) -> None:
    platform.answer(1)
    steps.sync_answers(workspace)  # and no settling
    with closing(steps.watch(workspace)) as rounds:
        first = next(rounds)
    assert (new(first), points(workspace)) == (0, 10)


def test_a_step_that_fails_is_told_and_tried_again(
    workspace: Workspace,
    platform: TellingPlatform,
    rounds: Generator[steps.Round, None, None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from chatfeedback.steps import watching

    kept = watching.AFTER_ANSWERS

    def fail(_workspace: Workspace) -> object:
        raise ConnectionFailedError("the disk is full")

    monkeypatch.setattr(watching, "AFTER_ANSWERS", (("settled", fail),))
    platform.answer(1)
    platform.tell(1)
    assert next(rounds).failures == ["the disk is full"]
    monkeypatch.setattr(watching, "AFTER_ANSWERS", kept)
    next(rounds)
    assert points(workspace) == 10


def test_guidelines_that_cannot_be_written_are_tried_again_after_their_pause_and_stop_nothing_else(
    workspace: Workspace, platform: TellingPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[float] = []

    def fail(_workspace: Workspace) -> object:
        tried.append(time.monotonic())
        raise ConnectionFailedError("the platform is down")

    followed = [(name, fail if name == "boards" else step) for name, step in AFTER_ANSWERS]
    monkeypatch.setattr("chatfeedback.steps.watching.AFTER_ANSWERS", followed)
    with closing(steps.watch(workspace)) as rounds:
        assert next(rounds).failures == ["the platform is down"]
        for number in (1, 2, 3):
            platform.answer(number)
            assert platform.tell(number) == 202
            assert new(next(rounds)) == 1
            assert points(workspace) == number * 10
    assert len(tried) == 1


def test_guidelines_that_somebody_changed_are_said_once_for_each_change(
    workspace: Workspace, platform: TellingPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = "Be kind."

    def settings(form: Form, overlap: int | None = None) -> Settings:
        return Settings(BOX, {GUIDELINES: there}, {GUIDELINES: f"{form.guidelines} {time.monotonic()}"})

    monkeypatch.setattr(platform, "settings", settings)
    monkeypatch.setattr("chatfeedback.steps.watching.PAUSES", {})
    use_rules(workspace)  # as a push does, before which nothing is promised
    said = []
    with closing(steps.watch(workspace)) as rounds:
        said.append([it.there for it in next(rounds).drifts])
        for number in range(3):
            there = "Be brief." if number == 1 else there  # what we want is another text each time
            platform.answer(number)
            platform.tell(number)
            said.append([it.there for it in next(rounds).drifts])
    assert said == [["Be kind."], [], ["Be brief."], []]


def test_a_database_that_cannot_be_written_is_told_and_tried_again(
    workspace: Workspace,
    platform: TellingPlatform,
    rounds: Generator[steps.Round, None, None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(_workspace: Workspace) -> None:
        raise sa.exc.OperationalError("INSERT", {}, sqlite3.OperationalError("database or disk is full"))

    platform.answer(1)
    with monkeypatch.context() as patched:
        patched.setattr("chatfeedback.steps.watching.note_new_answers", full)
        platform.tell(1)
        (failure,) = next(rounds).failures
    assert "free space on its disk" in failure
    platform.answer(2)
    platform.tell(2)
    while points(workspace) < 20:
        next(rounds)


def test_a_platform_from_which_answers_come_and_no_events_is_named(
    workspace: Workspace,
    platform: TellingPlatform,
    rounds: Generator[steps.Round, None, None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("chatfeedback.steps.diagnosis.NOT_YET_SECONDS", -60)
    monkeypatch.setattr(platform, "hooked_since", lambda _url: minutes(-1))
    assert steps.events_kept_away(workspace, platform) is None  # nobody answered
    platform.answer(1)
    platform.answer(2)
    steps.sync_answers(workspace)
    found = steps.events_kept_away(workspace, platform)
    assert found is not None
    assert found.warning
    assert found.detail.startswith("2 answers came and no event")
    platform.tell(1)
    assert steps.events_kept_away(workspace, platform) is None


def test_hints_are_kept_for_a_while(workspace: Workspace, platform: TellingPlatform) -> None:
    with closing(steps.watch(workspace)) as rounds:
        next(rounds)
        platform.tell(1)
    with workspace.store.write() as connection:
        empty_inbox(connection, minutes(0))
        assert len(list(connection.execute(inbox.select()))) == 1
        empty_inbox(connection, minutes(10**7))
        assert list(connection.execute(inbox.select())) == []


def test_people_are_given_what_comes_next_after_answers_and_by_the_clock(
    workspace: Workspace, platform: TellingPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Settling comes first: points do not wait for routing."""
    ran: list[int] = []

    def routed(_workspace: Workspace) -> steps.Moved:
        ran.append(points(workspace))
        return steps.Moved(given=len(ran))

    followed = [(name, routed if name == "routed" else step) for name, step in AFTER_ANSWERS]
    monkeypatch.setattr("chatfeedback.steps.watching.AFTER_ANSWERS", followed)
    with closing(steps.watch(workspace, every=0.5)) as rounds:
        next(rounds)
        platform.answer(1)
        assert platform.tell(1) == 202
        assert any(ran[-1] == 10 for _ in rounds)  # a step rests after it ran: it may be a round later
        before = len(ran)
        next(rounds)  # nobody answered: the clock
        assert len(ran) > before
