"""Whose answer it is: what others do to an answer changes nothing and waits for the lead."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.sample_records import NOW, minutes
from tests.unit.workspaces.test_sync import (
    Clock,
    MemoryPlatform,
    latest,
    only,
    platform,
    revisions,
    store,
    sync,
)
from workspaces.errors import UsageError
from workspaces.records import AnnotationStatus, PlacedTask
from workspaces.store.annotations import annotation_revision
from workspaces.store.disputes import Dispute, DisputeReason, decide_dispute, disputes
from workspaces.store.flags import FlagStatus
from workspaces.store.tasks import save_placements
from workspaces.sync import Synced

if TYPE_CHECKING:
    from workspaces.store import Store

__all__ = ["platform", "store"]

SUBMITTED, DELETED = AnnotationStatus.SUBMITTED, AnnotationStatus.DELETED


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def open_doors(platform: MemoryPlatform) -> MemoryPlatform:
    """A platform where every member can do everything, and deletions carry no author."""
    platform.knows_who_deleted = False
    return platform


def disputed(store: Store, status: FlagStatus | None = FlagStatus.OPEN) -> list[Dispute]:
    with store.read() as connection:
        return disputes(connection, status)


def decide(store: Store, dispute: Dispute, status: FlagStatus) -> Dispute | None:
    with store.write() as connection:
        return decide_dispute(connection, dispute.dispute_id, status, "lead", NOW)


def test_a_change_by_somebody_else_makes_no_revision(
    store: Store, open_doors: MemoryPlatform, clock: Clock
) -> None:
    open_doors.give("r1", person="ada", helpful="yes")
    sync(store, open_doors, clock)
    open_doors.give("r1", person="ada", by="mallory", at=minutes(1), helpful="no")
    for _ in range(2):
        assert sync(store, open_doors, clock) == Synced(disputed=1)
    assert only(store).values == {"helpful": "yes"}
    (found,) = disputed(store)
    assert (found.reason, found.person_id, found.by_person, found.standing) == (
        "changed",
        "ada",
        "mallory",
        1,
    )
    assert "was changed by mallory" in found.in_words


def test_the_author_can_go_on_after_a_change_by_somebody_else(
    store: Store, open_doors: MemoryPlatform, clock: Clock
) -> None:
    open_doors.give("r1", person="ada", helpful="yes")
    sync(store, open_doors, clock)
    open_doors.give("r1", person="ada", by="mallory", at=minutes(1), helpful="no")
    sync(store, open_doors, clock)
    open_doors.give("r1", person="ada", at=minutes(2), helpful="na")
    assert sync(store, open_doors, clock) == Synced(changed=1)
    assert only(store).values == {"helpful": "na"}


def test_an_answer_written_in_another_name_is_nobodys(
    store: Store, open_doors: MemoryPlatform, clock: Clock
) -> None:
    open_doors.give("r1", person="ada", by="mallory")
    assert sync(store, open_doors, clock) == Synced(disputed=1)
    assert latest(store) == {}
    (found,) = disputed(store)
    assert (found.reason, found.standing) == (DisputeReason.FORGED, 0)


@pytest.mark.parametrize("by", ["mallory", "ada"])
def test_an_answer_never_changes_its_author(
    store: Store, open_doors: MemoryPlatform, clock: Clock, by: str
) -> None:
    open_doors.give("r1", person="ada", helpful="yes")
    sync(store, open_doors, clock)
    open_doors.give("r1", person="mallory", by=by, at=minutes(1), helpful="no")
    assert sync(store, open_doors, clock) == Synced(disputed=1)
    assert (only(store).person_id, only(store).values) == ("ada", {"helpful": "yes"})
    assert [found.reason for found in disputed(store)] == ["moved"]


def test_an_answer_never_changes_its_task(store: Store, open_doors: MemoryPlatform, clock: Clock) -> None:
    """Not even to one that is known, which stopped the whole poll with an exception before."""
    open_doors.give("r1", "t1", person="ada")
    open_doors.give("r2", "t2", person="ada")
    sync(store, open_doors, clock)
    open_doors.give("r1", "t2", person="ada", at=minutes(1))
    assert sync(store, open_doors, clock) == Synced(unchanged=1, disputed=1)
    open_doors.give("r1", "no task of ours", person="ada", at=minutes(2))
    assert sync(store, open_doors, clock) == Synced(unchanged=1, disputed=1)
    assert sorted(found.task_id for found in latest(store).values()) == ["t1", "t2"]


def test_an_answer_counts_where_we_placed_a_task_and_nowhere_else(
    store: Store, open_doors: MemoryPlatform, clock: Clock
) -> None:
    """A copy of a task says that it is ours; it is not."""
    copied = open_doors.give("r1", "t1", person="mallory")
    open_doors.answers["box"]["r1"] = replace(copied, remote_id="a copy")
    assert sync(store, open_doors, clock) == Synced(not_ours=1)
    assert latest(store) == {}


def test_a_deletion_without_an_author_waits_for_the_lead(
    store: Store, open_doors: MemoryPlatform, clock: Clock
) -> None:
    open_doors.give("r1", person="ada")
    open_doors.give("r2", person="bo")
    sync(store, open_doors, clock)
    open_doors.take_away("r1")
    open_doors.take_away("r2")
    for _ in range(2):
        assert sync(store, open_doors, clock) == Synced(disputed=2)
    assert {found.status for found in latest(store).values()} == {SUBMITTED}
    of_ada, of_bo = disputed(store)
    decide(store, of_ada, FlagStatus.DISMISSED)
    decide(store, of_bo, FlagStatus.ACCEPTED)
    for _ in range(2):
        assert sync(store, open_doors, clock) == Synced()
    assert {found.person_id: found.status for found in latest(store).values()} == {
        "ada": SUBMITTED,
        "bo": DELETED,
    }
    assert decide(store, of_bo, FlagStatus.ACCEPTED) is not None
    with pytest.raises(UsageError, match="cannot be undone"):
        decide(store, of_bo, FlagStatus.DISMISSED)
    decide(store, of_ada, FlagStatus.ACCEPTED)
    assert revisions(store).count((2, "deleted")) == 2


def test_a_dispute_about_a_deletion_ends_when_the_answer_is_there_again(
    store: Store, open_doors: MemoryPlatform, clock: Clock
) -> None:
    open_doors.give("r1")
    sync(store, open_doors, clock)
    gone = open_doors.take_away("r1")
    sync(store, open_doors, clock)
    open_doors.answers["box"]["r1"] = gone
    assert sync(store, open_doors, clock) == Synced(unchanged=1)
    assert disputed(store, None) == []


def test_a_deletion_is_seen_whatever_our_clock_says(
    store: Store, platform: MemoryPlatform, clock: Clock
) -> None:
    """A clock that was set back between push and sync hid it before."""
    platform.give("r1")
    clock.now = NOW.replace(year=2001)
    sync(store, platform, clock)
    platform.take_away("r1")
    clock.now = NOW.replace(year=1999)
    assert sync(store, platform, clock) == Synced(deleted=1)


def test_an_answer_at_an_earlier_place_of_a_task_is_not_missing_at_the_new_one(
    store: Store, platform: MemoryPlatform, clock: Clock
) -> None:
    platform.give("r1")
    sync(store, platform, clock)
    platform.take_away("r1")
    with store.write() as connection:
        save_placements(connection, [PlacedTask("t1", "pushed again", "box")], NOW)
    assert sync(store, platform, clock) == Synced()
    assert only(store).status is SUBMITTED


def test_a_store_where_a_forgery_was_believed_goes_back_to_the_author(
    store: Store, open_doors: MemoryPlatform, clock: Clock
) -> None:
    open_doors.give("r1", person="ada")
    sync(store, open_doors, clock)
    with store.write() as connection:
        row = dict(connection.execute(annotation_revision.select()).one()._mapping)
        forged = row | {"revision": 2, "person_id": "mallory", "number": 2, "content_hash": "forged"}
        connection.execute(annotation_revision.insert(), forged)
    assert (only(store).person_id, only(store).revision) == ("ada", 1)
    open_doors.give("r1", person="ada", at=minutes(1), helpful="no")
    assert sync(store, open_doors, clock) == Synced(changed=1)
    assert (only(store).person_id, only(store).revision) == ("ada", 3)
