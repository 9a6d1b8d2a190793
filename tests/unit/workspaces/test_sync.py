"""Sync against a platform that behaves badly.

The platform lives in memory and implements the protocol of ``workspaces/platforms/base.py``; it stands in for
servers whose pages cannot be made to overlap, skip and go stale at will. Real servers are tested in
``tests/integration``.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.sample_records import NOW, minutes, task
from workspaces.errors import ConnectionFailedError
from workspaces.platforms.base import Container, Platform, RemoteAnswer
from workspaces.records import Annotation, AnnotationStatus, PlacedTask
from workspaces.store.annotations import annotation_revision
from workspaces.store.latest_annotations import latest_annotations
from workspaces.store.tasks import save_placements, save_tasks
from workspaces.store.who_answered import first_submissions
from workspaces.sync import Synced
from workspaces.sync import sync as sync_members

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from pydantic import SecretStr

    from workspaces.forms import Form, TaskContent
    from workspaces.platforms.base import Refuse, Settings
    from workspaces.records import GivenAnswer
    from workspaces.store import Store

DRAFT, SUBMITTED, DISCARDED, DELETED = AnnotationStatus

sync = partial(sync_members, hold_strangers=False)
"""Everybody on the platform is a member here."""


class MemoryPlatform:
    """Answers by response id in containers. ``pages`` tells what a listing shows, when it is not the truth."""

    def __init__(self, name: str = "argilla") -> None:
        self.name = name
        self.answers: dict[str, dict[str, RemoteAnswer]] = {}
        self.pages: dict[str, list[list[RemoteAnswer]]] = {}
        self.asked: list[str] = []
        self.fails_after: int | None = None
        self.refuses_single = False
        self.knows_who_deleted = True
        self.gone: set[str] = set()
        self.tells = True
        self.hooked: list[str] = []
        self.muted = False
        self.marks: dict[str, str] = {}
        self.left: set[str] = set()

    def give(
        self,
        response_id: str,
        task_id: str = "t1",
        *,
        at: datetime = NOW,
        container: str = "box",
        person: str = "ada",
        by: str | None = None,
        status: AnnotationStatus = SUBMITTED,
        **values: str,
    ) -> RemoteAnswer:
        """Add an answer, or say it anew; ``by`` is who did, if not its author."""
        values = values or {"helpful": "yes"}
        made = RemoteAnswer(
            response_id, f"remote-{task_id}", person, by or person, status, values, at, task_id=task_id
        )
        self.answers.setdefault(container, {})[response_id] = made
        return made

    def take_away(self, response_id: str, container: str = "box") -> RemoteAnswer:
        return self.answers[container].pop(response_id)

    def check(self) -> str:
        return "memory"

    def open_doors(self) -> tuple[str, ...]:
        return ()

    def settings(self, form: Form, overlap: int | None = None) -> Settings | None:
        return None

    def write_settings(self, form: Form, overlap: int | None, names: Collection[str]) -> None:
        raise NotImplementedError

    def push(
        self, form: Form, contents: Iterable[TaskContent], overlap: int, refuse: Refuse | None = None
    ) -> Iterator[list[PlacedTask]]:
        raise NotImplementedError

    def pull(self, container_id: str) -> Iterator[list[RemoteAnswer]]:
        pages = self.pages.get(container_id) or [
            [answer] for answer in self.answers.get(container_id, {}).values()
        ]
        for number, page in enumerate(pages):
            if self.fails_after == number:
                raise ConnectionFailedError("the platform went away")
            yield page

    def shown(self, container_id: str) -> frozenset[str] | None:
        return None

    def recent(self, container_id: str, since: datetime) -> Iterator[list[RemoteAnswer]] | None:
        if not self.tells:
            return None
        found = [it for it in self.answers.get(container_id, {}).values() if it.updated_at >= since]
        return iter([found] if found else [])

    def hook(self, url: str, token: SecretStr, container_ids: Sequence[str]) -> SecretStr:
        self.muted = False
        if url not in self.hooked:
            self.hooked.append(url)
        return token

    def hooked_since(self, url: str) -> datetime | None:
        return None

    def refuses_receiver(self, url: str) -> str | None:
        return None

    def mute(self, url: str) -> None:
        self.muted = True

    def unhook(self, url: str) -> None:
        self.hooked.remove(url)

    def look(self, container_id: str) -> Container | None:
        return None if container_id in self.gone else Container(10**6, self.marks.get(container_id))

    def mark(self, container_id: str, mark: str) -> None:
        self.marks[container_id] = mark

    def standing(self, container_id: str) -> list[PlacedTask]:
        raise NotImplementedError

    def answers_to(self, place: PlacedTask) -> list[RemoteAnswer] | None:
        remote_id = place.remote_id
        self.asked.append(remote_id)
        if self.refuses_single:
            raise ConnectionFailedError("the platform went away")
        if remote_id in self.gone:
            return None
        return [
            answer
            for answers in self.answers.values()
            for answer in answers.values()
            if answer.remote_id == remote_id
        ]

    def only_authors_delete(self) -> bool:
        return self.knows_who_deleted

    def find(self, kind: str, task_ids: Sequence[str]) -> list[PlacedTask]:
        raise NotImplementedError

    def remove(self, tasks: Sequence[PlacedTask]) -> None:
        raise NotImplementedError

    def remove_answers(self, answers: Sequence[GivenAnswer]) -> None:
        raise NotImplementedError

    def close_account(self, is_theirs: Callable[[str], bool]) -> bool:
        raise NotImplementedError

    def invite(self, email: str, password: SecretStr) -> bool:
        raise NotImplementedError

    def has_account(self, is_named: Callable[[str], bool]) -> bool:
        return not any(map(is_named, self.left))

    def reset_password(self, is_theirs: Callable[[str], bool], password: SecretStr) -> list[str]:
        raise NotImplementedError

    def revoke(self, is_theirs: Callable[[str], bool]) -> bool:
        raise NotImplementedError

    def restore(self, is_theirs: Callable[[str], bool]) -> bool:
        raise NotImplementedError

    def close(self) -> None:
        pass


class Clock:
    """Our own clock, a day ahead of the platform's."""

    def __init__(self) -> None:
        self.now = NOW + timedelta(days=1)

    def __call__(self) -> datetime:
        self.now += timedelta(minutes=1)
        return self.now


@pytest.fixture
def store(sqlite_store: Store) -> Store:
    tasks = [task(name, {"qualities": 1}) for name in ("t1", "t2", "t3")]
    with sqlite_store.write() as connection:
        save_tasks(connection, [*tasks, task("other", {"qualities": 1}, platform="label_studio")])
        for name, box in (("t1", "box"), ("t2", "box"), ("t3", "chest")):
            save_placements(connection, [PlacedTask(name, f"remote-{name}", box)], NOW)
        save_placements(connection, [PlacedTask("other", "remote-other", "box")], NOW)
    return sqlite_store


@pytest.fixture
def platform() -> MemoryPlatform:
    return MemoryPlatform()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def latest(store: Store) -> dict[str, Annotation]:
    """Return what is known now, by the text of the answer's 'helpful' or its status."""
    with store.read() as connection:
        return {found.id: found for found in latest_annotations(connection)}


def only(store: Store) -> Annotation:
    (found,) = latest(store).values()
    return found


def revisions(store: Store) -> list[tuple[int, str]]:
    with store.read() as connection:
        query = annotation_revision.select().order_by(
            annotation_revision.c.annotation_id, annotation_revision.c.revision
        )
        return [(row.revision, row.status) for row in connection.execute(query)]


def test_the_stand_in_is_a_platform(platform: Platform) -> None:
    assert platform.check() == "memory"


def test_answers_of_every_container_come_in_once(
    store: Store, platform: MemoryPlatform, clock: Clock
) -> None:
    platform.give("r1", "t1")
    platform.give("r2", "t2", status=DRAFT)
    platform.give("r3", "t3", container="chest", status=DISCARDED)
    assert sync(store, platform, clock) == Synced(new=3)
    assert sync(store, platform, clock) == Synced(unchanged=3)
    assert sorted(found.task_id for found in latest(store).values()) == ["t1", "t2", "t3"]
    assert revisions(store).count((1, "submitted")) == 1
    assert platform.asked == []


def test_an_answer_is_kept_as_it_was_given(store: Store, platform: MemoryPlatform, clock: Clock) -> None:
    given = platform.give("r1", "t2", person="bo", at=minutes(5), toxic="no", helpful="na")
    sync(store, platform, clock)
    found = only(store)
    assert (found.person_id, found.task_id, found.platform) == ("bo", "t2", "argilla")
    assert (found.status, found.revision, found.updated_at) == (SUBMITTED, 1, given.updated_at)
    assert found.values == {"toxic": "no", "helpful": "na"}


def test_an_edit_is_a_new_revision_and_the_old_one_stays(
    store: Store, platform: MemoryPlatform, clock: Clock
) -> None:
    for number, said in enumerate(("yes", "no", "yes")):
        platform.give("r1", at=minutes(number), helpful=said)
        assert sync(store, platform, clock) == (Synced(changed=1) if number else Synced(new=1))
    assert only(store).values == {"helpful": "yes"}
    assert revisions(store) == [(1, "submitted"), (2, "submitted"), (3, "submitted")]


def test_a_change_of_status_is_a_new_revision(store: Store, platform: MemoryPlatform, clock: Clock) -> None:
    for number, status in enumerate((DRAFT, SUBMITTED, DISCARDED, SUBMITTED)):
        platform.give("r1", at=minutes(number), status=status)
        sync(store, platform, clock)
    assert [status for _, status in revisions(store)] == ["draft", "submitted", "discarded", "submitted"]


def test_a_new_time_without_a_change_is_no_news(store: Store, platform: MemoryPlatform, clock: Clock) -> None:
    platform.give("r1", helpful="yes", toxic="no")
    sync(store, platform, clock)
    platform.give("r1", at=minutes(9), toxic="no", helpful="yes")
    assert sync(store, platform, clock) == Synced(unchanged=1)


def test_a_change_within_the_same_moment_is_news(
    store: Store, platform: MemoryPlatform, clock: Clock
) -> None:
    platform.give("r1", helpful="yes")
    sync(store, platform, clock)
    platform.give("r1", helpful="no")
    assert sync(store, platform, clock) == Synced(changed=1)


def test_values_that_differ_only_in_where_they_stand_differ(
    store: Store, platform: MemoryPlatform, clock: Clock
) -> None:
    platform.give("r1", helpful="yes", suggestion="a")
    sync(store, platform, clock)
    platform.give("r1", helpful="yes\x1fsuggestion\x1fa")
    assert sync(store, platform, clock) == Synced(changed=1)


def test_pages_that_repeat_answers_count_them_once(
    store: Store, platform: MemoryPlatform, clock: Clock
) -> None:
    one, two = platform.give("r1"), platform.give("r2", "t2")
    platform.pages["box"] = [[one, one], [one, two], [two]]
    found = sync(store, platform, clock)
    assert (found.new, found.changed, found.deleted) == (2, 0, 0)
    assert revisions(store) == [(1, "submitted"), (1, "submitted")]


def test_of_two_versions_in_a_listing_the_newer_one_stays(
    store: Store, platform: MemoryPlatform, clock: Clock
) -> None:
    old = platform.give("r1", helpful="no")
    new = platform.give("r1", helpful="yes", at=minutes(1))
    for pages in ([[old, new]], [[new, old]], [[old], [new]], [[new], [old]]):
        platform.pages["box"] = pages
        sync(store, platform, clock)
        assert only(store).values == {"helpful": "yes"}


def test_a_stale_page_changes_nothing(store: Store, platform: MemoryPlatform, clock: Clock) -> None:
    old = platform.give("r1", helpful="no")
    platform.give("r1", helpful="yes", at=minutes(1))
    sync(store, platform, clock)
    platform.pages["box"] = [[old]]
    assert sync(store, platform, clock) == Synced(unchanged=1)
    assert only(store).values == {"helpful": "yes"}


def test_what_is_said_after_the_clock_was_set_back_is_heard(
    store: Store, platform: MemoryPlatform, clock: Clock
) -> None:
    """It was taken for an old page: somebody who withdrew an answer was paid for it, until the clock came round."""
    platform.give("r1", at=minutes(60))
    platform.give("r2", "t2", at=minutes(60), helpful="no")
    sync(store, platform, clock)
    platform.give("r1", at=minutes(1), status=DISCARDED)
    platform.give("r2", "t2", at=minutes(2), helpful="yes")
    assert sync(store, platform, clock) == Synced(changed=2)
    assert sync(store, platform, clock) == Synced(unchanged=2)
    assert {found.task_id: found.status for found in latest(store).values()} == {
        "t1": DISCARDED,
        "t2": SUBMITTED,
    }
    with store.read() as connection:
        assert first_submissions(connection)["ada", "t2"] == minutes(
            60
        )  # an edit moves no work to another day


def test_what_comes_between_the_listing_and_the_second_look_is_counted(
    store: Store, platform: MemoryPlatform, clock: Clock
) -> None:
    platform.give("r1", at=minutes(60))
    sync(store, platform, clock)
    platform.pages["box"] = [[platform.give("r1", at=minutes(1), helpful="no")]]
    platform.give("r2", person="bo", at=minutes(2))
    assert sync(store, platform, clock) == Synced(new=1, changed=1)
    assert len(latest(store)) == 2


def test_what_was_read_before_is_not_said_again(store: Store, platform: MemoryPlatform, clock: Clock) -> None:
    """A page that stays old is asked about once it says what was never read, and then believed in nothing."""
    old = platform.give("r1", helpful="no")
    sync(store, platform, clock)
    new = platform.give("r1", at=minutes(1), helpful="yes")
    sync(store, platform, clock)
    platform.pages["box"] = [[old]]
    assert sync(store, platform, clock) == Synced(unchanged=1)
    platform.pages["box"] = [[replace(new, updated_at=NOW + timedelta(seconds=30), values={"helpful": "na"})]]
    assert sync(store, platform, clock) == Synced(unchanged=1)
    assert platform.asked == ["remote-t1"]
    assert only(store).values == {"helpful": "yes"}


def test_a_restored_copy_takes_no_later_word_back(
    store: Store, platform: MemoryPlatform, clock: Clock
) -> None:
    platform.give("r1")
    sync(store, platform, clock)
    mark = platform.marks["box"]
    platform.give("r1", at=minutes(5), helpful="no")
    sync(store, platform, clock)
    platform.marks["box"] = mark  # a copy from between, with a word that was never read
    platform.give("r1", at=minutes(2), helpful="na")
    for _ in range(3):
        sync(store, platform, clock)
        assert only(store).values == {"helpful": "no"}


def test_an_answer_that_a_listing_skipped_is_asked_for_and_not_deleted(
    store: Store, platform: MemoryPlatform, clock: Clock
) -> None:
    one = platform.give("r1", "t1")
    platform.give("r2", "t2")
    sync(store, platform, clock)
    platform.pages["box"] = [[one]]
    assert sync(store, platform, clock) == Synced(unchanged=1)
    assert platform.asked == ["remote-t2"]
    assert {found.status for found in latest(store).values()} == {SUBMITTED}


def test_only_what_is_missing_is_verified_one_task_at_a_time(
    store: Store, platform: MemoryPlatform, clock: Clock
) -> None:
    for name, person in (("r1", "ada"), ("r2", "bo"), ("r3", "chidi")):
        platform.give(name, "t1", person=person)
    platform.give("r4", "t2")
    sync(store, platform, clock)
    platform.take_away("r1")
    skipped = [answer for name, answer in platform.answers["box"].items() if name != "r2"]
    platform.pages["box"] = [skipped]
    assert sync(store, platform, clock) == Synced(unchanged=2, deleted=1)
    assert platform.asked == ["remote-t1"]
    gone = [found for found in latest(store).values() if found.status is DELETED]
    assert [found.person_id for found in gone] == ["ada"]
    assert gone[0].values == {}
    assert gone[0].revision == 2


def test_a_deletion_is_recorded_once(store: Store, platform: MemoryPlatform, clock: Clock) -> None:
    platform.give("r1")
    sync(store, platform, clock)
    platform.take_away("r1")
    assert sync(store, platform, clock) == Synced(deleted=1)
    asked = len(platform.asked)
    assert sync(store, platform, clock) == Synced()
    assert len(platform.asked) == asked
    assert revisions(store) == [(1, "submitted"), (2, "deleted")]


def test_what_goes_with_a_deleted_account_stands_and_is_said(
    store: Store, platform: MemoryPlatform, clock: Clock
) -> None:
    """A server deletes the answers of an account with it: its owner did nothing to them."""

    def synced() -> Synced:
        return sync(store, platform, clock, is_account_of=lambda _, account, person_id: account == person_id)

    platform.give("r1", person="ada")
    platform.give("r2", "t2", person="bo")
    synced()
    platform.take_away("r1")
    platform.take_away("r2")
    platform.left = {"ada"}
    found = synced()
    assert (found.deleted, found.lost, len(found.failures)) == (1, 1, 1)
    assert found.failures[0].startswith("box: ada: the account was deleted there, and its answers with it")
    assert {it.person_id: it.status for it in latest(store).values()} == {"ada": SUBMITTED, "bo": DELETED}
    assert synced() == Synced()
    platform.left = set()
    assert synced() == Synced()
    platform.give("r3", person="ada")
    assert synced().new == 1


@pytest.mark.parametrize("later", [timedelta(0), timedelta(minutes=5), timedelta(days=9)])
def test_a_deleted_answer_that_comes_back_counts_again(
    store: Store, platform: MemoryPlatform, clock: Clock, later: timedelta
) -> None:
    """Whatever the platform's clock says: it may be behind ours, or restore an answer with its old time."""
    platform.give("r1")
    sync(store, platform, clock)
    gone = platform.take_away("r1")
    sync(store, platform, clock)
    platform.answers["box"]["r1"] = replace(gone, updated_at=gone.updated_at + later)
    assert sync(store, platform, clock) == Synced(changed=1)
    assert sync(store, platform, clock) == Synced(unchanged=1)
    assert (only(store).status, only(store).revision) == (SUBMITTED, 3)
    platform.give("r1", at=gone.updated_at + later + timedelta(minutes=1), helpful="no")
    assert sync(store, platform, clock) == Synced(changed=1)
    assert only(store).values == {"helpful": "no"}


def test_records_of_strangers_are_counted_and_left_alone(
    store: Store, platform: MemoryPlatform, clock: Clock
) -> None:
    platform.give("r1", "t1")
    platform.give("r2", "no task of ours")
    platform.give("r3", "other")  # a task of ours, but meant for another platform
    platform.give("r4", "t3")  # a task of ours that stands in another container
    assert sync(store, platform, clock) == Synced(new=1, not_ours=3)
    assert only(store).task_id == "t1"
    assert sync(store, platform, clock) == Synced(unchanged=1, not_ours=3)
    platform.take_away("r2")
    assert sync(store, platform, clock) == Synced(unchanged=1, not_ours=2)


def test_answers_on_two_platforms_with_the_same_id_are_two(
    store: Store, platform: MemoryPlatform, clock: Clock
) -> None:
    other = MemoryPlatform("label_studio")
    platform.give("7", "t1")
    other.give("7", "other")
    assert sync(store, platform, clock) == Synced(new=1)
    assert sync(store, other, clock) == Synced(new=1)
    assert len(latest(store)) == 2


@pytest.mark.parametrize("pages_read", [0, 1, 2, 3])
def test_a_page_that_is_cut_off_hides_no_answer_on_another_one(
    store: Store, platform: MemoryPlatform, clock: Clock, pages_read: int
) -> None:
    for number in range(4):
        platform.give(f"r{number}", "t1", person=f"p{number}")
    platform.fails_after = pages_read
    found = sync(store, platform, clock)
    assert found == Synced(new=4, failures=["box: the platform went away"])
    platform.fails_after = None
    assert sync(store, platform, clock) == Synced(unchanged=4)


@pytest.mark.parametrize("pages_read", [0, 1, 2, 3])
def test_a_platform_that_goes_away_leaves_what_was_read_and_the_next_run_reads_the_rest(
    store: Store, platform: MemoryPlatform, clock: Clock, pages_read: int
) -> None:
    for number in range(4):
        platform.give(f"r{number}", "t1", person=f"p{number}")
    platform.fails_after, platform.refuses_single = pages_read, True
    assert sync(store, platform, clock).failures == ["box: the platform went away"]
    assert len(latest(store)) == pages_read
    platform.fails_after = None
    assert sync(store, platform, clock) == Synced(new=4 - pages_read, unchanged=pages_read)


def test_a_container_or_a_task_that_cannot_be_read_hides_no_other_one(
    store: Store, platform: MemoryPlatform, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One container is deleted, one answers with an error, and in one a single task does."""
    places = [(f"{box} {number}", box) for box in ("gone", "broken", "poisoned") for number in range(5)]
    with store.write() as connection:
        save_tasks(connection, [task(name, {"qualities": 1}) for name, _ in places])
        save_placements(connection, [PlacedTask(name, f"remote-{name}", box) for name, box in places], NOW)
    for name, box in [*places, ("t1", "box"), ("t3", "chest")]:
        platform.give(f"answer to {name}", name, container=box)
    pull, answers_to = platform.pull, platform.answers_to

    def failing(container_id: str) -> Iterator[list[RemoteAnswer]]:
        if container_id == "gone":
            raise AssertionError("nobody reads a container that is gone")
        if container_id in ("broken", "poisoned"):
            raise ConnectionFailedError("HTTP 500")
        yield from pull(container_id)

    def failing_single(place: PlacedTask) -> list[RemoteAnswer] | None:
        if place.remote_id.startswith("remote-broken") or place.remote_id == "remote-poisoned 2":
            raise ConnectionFailedError("HTTP 500")
        return answers_to(place)

    monkeypatch.setattr(platform, "pull", failing)
    monkeypatch.setattr(platform, "answers_to", failing_single)
    platform.gone.add("gone")
    found = sync(store, platform, clock)
    assert [failure for failure in found.failures if "gone" not in failure] == [
        "broken: HTTP 500",
        "poisoned: HTTP 500",
    ]
    assert any(it.startswith("gone: 5 tasks of ours stood here") for it in found.failures)
    assert (found.new, len(found.failures)) == (6, 3)
    assert sync(store, platform, clock) == Synced(unchanged=6, failures=found.failures)
    assert {answer.status for answer in latest(store).values()} == {SUBMITTED}


def test_nothing_is_deleted_when_the_listing_or_the_verification_breaks_off(
    store: Store, platform: MemoryPlatform, clock: Clock
) -> None:
    platform.give("r1", "t1")
    platform.give("r2", "t2")
    sync(store, platform, clock)
    platform.take_away("r1")
    platform.refuses_single = True
    for platform.fails_after in (0, None):
        assert sync(store, platform, clock).failures == ["box: the platform went away"]
        assert {found.status for found in latest(store).values()} == {SUBMITTED}
    platform.refuses_single = False
    assert sync(store, platform, clock) == Synced(unchanged=1, deleted=1)


def test_a_run_killed_between_two_deletions_records_the_other_one_next_time(
    store: Store, platform: MemoryPlatform, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform.give("r1", "t1")
    platform.give("r2", "t2")
    sync(store, platform, clock)
    platform.take_away("r1")
    platform.take_away("r2")
    verified = platform.answers_to

    def killed_at_the_second(place: PlacedTask) -> list[RemoteAnswer] | None:
        if platform.asked:
            raise KeyboardInterrupt
        return verified(place)

    with monkeypatch.context() as patch:
        patch.setattr(platform, "answers_to", killed_at_the_second)
        with pytest.raises(KeyboardInterrupt):
            sync(store, platform, clock)
    assert [found.status for found in latest(store).values()].count(DELETED) == 1
    assert sync(store, platform, clock) == Synced(deleted=1)


def test_progress_is_told_for_our_answers_alone(store: Store, platform: MemoryPlatform, clock: Clock) -> None:
    platform.give("r1", "t1")
    platform.give("r2", "no task of ours")
    told: list[int] = []
    sync(store, platform, clock, told.append)
    assert sum(told) == 1


def test_without_tasks_on_a_platform_it_is_not_asked(store: Store, clock: Clock) -> None:
    nowhere = MemoryPlatform("elsewhere")
    nowhere.fails_after = 0
    assert sync(store, nowhere, clock) == Synced()


def test_a_task_without_any_of_its_answers_deletes_every_one_after_asking(
    store: Store, platform: MemoryPlatform, clock: Clock
) -> None:
    for number in range(600):
        platform.give(f"r{number}", "t1", person=f"p{number}")
    platform.pages["box"] = [list(platform.answers["box"].values())]
    assert sync(store, platform, clock) == Synced(new=600)
    platform.pages.clear()
    platform.answers.clear()
    assert sync(store, platform, clock) == Synced(deleted=600)
    assert platform.asked == ["remote-t1"]


def test_a_mark_that_a_copy_of_the_workspace_wrote_meanwhile_is_no_failure_and_proves_nothing(
    store: Store, platform: MemoryPlatform, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform.give("r1")
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(platform, "mark", lambda box, mark: platform.marks.update({box: f"not {mark}"}))
        assert sync(store, platform, clock) == Synced(new=1, answers=1)
    platform.take_away("r1")
    assert sync(store, platform, clock) == Synced(lost=1, answers=1)
    assert revisions(store) == [(1, "submitted")]


def test_a_platform_that_keeps_no_mark_is_told(
    store: Store, platform: MemoryPlatform, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform.give("r1")
    monkeypatch.setattr(platform, "mark", lambda box, mark: None)
    (failure,) = sync(store, platform, clock).failures
    assert "people review" in failure
