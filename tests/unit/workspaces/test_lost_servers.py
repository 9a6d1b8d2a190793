"""What sync makes of a server that numbers things, after its data were lost, restored, or partly deleted.

``tests/property/test_lost_servers.py`` draws such histories; here are those that went wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from tests.numbered_platform import Database, NumberedPlatform
from tests.sample_records import ALL_TAGS, NOW, task
from workspaces.records import AnnotationStatus
from workspaces.store.annotations import annotation_revision
from workspaces.store.disputes import DisputeReason, disputes
from workspaces.store.flags import FlagStatus
from workspaces.store.latest_annotations import latest_annotations
from workspaces.store.marks import Mark
from workspaces.store.standing import standing
from workspaces.store.tasks import placement, places_in, save_placements, save_tasks
from workspaces.sync import Synced, lose_missing, sync

if TYPE_CHECKING:
    from workspaces.store import Store

NO = {**ALL_TAGS, "helpful": "no"}
TASKS = ("t1", "t2", "t3")


class Desk:
    """A store and a server, with our tasks placed."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.platform = NumberedPlatform()
        with store.write() as connection:
            save_tasks(connection, [task(name, {"qualities": 1}, platform="label_studio") for name in TASKS])
        self.place()

    def place(self, order: tuple[str, ...] = TASKS) -> None:
        """Place the tasks that have no place, as a push does, in this order."""
        lose_missing(self.store, self.platform, NOW)
        project = self.platform.project_of("ours") or self.platform.new_project("ours")
        there = {it.task_id: it for it in self.platform.standing(project)}
        for name in order:
            if name not in there:
                self.platform.new_task(project, name)
        with self.store.write() as connection:
            save_placements(connection, self.platform.standing(project), NOW)

    def answer(self, name: str, person: str = "ada", values: dict[str, str] = ALL_TAGS) -> str:
        return self.platform.answer(self.number(name), person, values)

    def number(self, name: str) -> str:
        return next(key for key, it in self.platform.database.tasks.items() if it.text == name)

    def sync(self) -> Synced:
        return sync(self.store, self.platform, lambda: NOW, hold_strangers=False)

    def said(self) -> dict[tuple[str, str], str]:
        """Return what stands, by task and person."""
        with self.store.read() as connection:
            return {
                (it.task_id, it.person_id): it.values["helpful"]
                for it in latest_annotations(connection)
                if it.status is AnnotationStatus.SUBMITTED
            }


@pytest.fixture
def desk(sqlite_store: Store) -> Desk:
    made = Desk(sqlite_store)
    made.answer("t1")
    made.answer("t2", "bo", NO)
    assert made.sync().new == 2
    return made


def test_an_answer_whose_author_deleted_it_is_deleted(desk: Desk) -> None:
    before = desk.said()
    del desk.platform.database.answers["1"]
    assert desk.sync() == Synced(deleted=1, unchanged=1)
    assert desk.said() == {key: it for key, it in before.items() if key != ("t1", "ada")}


def test_a_server_with_the_same_numbers_for_the_same_tasks_deletes_nothing(desk: Desk) -> None:
    before = desk.said()
    desk.platform.database = Database()
    assert "chatfeedback push" in desk.sync().failures[0]
    desk.place()
    assert desk.number("t1") == "1"
    assert desk.sync() == Synced()
    assert desk.said() == before


def test_an_answer_with_the_number_of_an_old_one_is_a_new_answer_to_its_own_task(desk: Desk) -> None:
    before = desk.said()
    desk.platform.database = Database()
    desk.place(("t3", "t2", "t1"))
    assert desk.answer("t3", "ada", NO) == "1"
    assert desk.answer("t2", "bo", ALL_TAGS) == "2"
    assert desk.sync() == Synced(new=2)
    said = desk.said()
    assert said[("t1", "ada")] == before[("t1", "ada")]
    assert said[("t3", "ada")] == "no"
    with desk.store.read() as connection:
        assert len(standing(connection).answers) == 3
        assert disputes(connection) == []


def test_answers_in_another_workspaces_project_with_our_number_are_not_read(desk: Desk) -> None:
    before = desk.said()
    desk.platform.database = Database()
    project = desk.platform.new_project("another workspace's")
    for name in TASKS:  # the same log makes the same tasks
        desk.platform.answer(desk.platform.new_task(project, name), "eve", NO)
    found = desk.sync()
    assert (found.new, found.deleted, len(found.failures)) == (0, 0, 1)
    assert desk.said() == before


def test_answers_to_a_task_that_took_the_number_of_a_deleted_one_are_not_ours(desk: Desk) -> None:
    before = desk.said()
    project = desk.platform.project_of("ours")
    assert project is not None
    desk.platform.delete_task("1")
    desk.platform.database.last["task"] = 0
    desk.platform.database.last["answer"] = 0
    assert desk.platform.new_task(project, "t1") == "1", "it even names the task"
    desk.platform.answer("1", "cy", NO)
    found = desk.sync()
    assert (found.new, found.deleted, found.not_ours) == (0, 0, 1)
    assert "1 of 3 tasks of ours does not stand here" in found.failures[0]
    assert desk.said() == before
    desk.place()
    assert desk.sync() == Synced(new=1, unchanged=1)
    assert desk.said() == before | {("t1", "cy"): "no"}


def test_a_task_whose_data_somebody_changed_deletes_nothing_and_is_named(desk: Desk) -> None:
    before = desk.said()
    desk.platform.database.tasks["1"].text = "another task"
    found = desk.sync()
    assert (found.deleted, found.not_ours, len(found.failures)) == (0, 1, 1)
    assert desk.said() == before


def test_answers_that_an_older_copy_lacks_stand_and_are_told_once(desk: Desk) -> None:
    copied = desk.platform.copy()
    desk.answer("t3", "cy")
    desk.answer("t1", "ada", NO)
    assert desk.sync() == Synced(new=1, changed=1, unchanged=1)
    before = desk.said()
    desk.platform.database = copied
    assert desk.sync() == Synced(lost=1, unchanged=2)
    assert desk.sync() == Synced(unchanged=2)
    assert desk.said() == before
    with desk.store.read() as connection:
        (lost,) = disputes(connection)
    assert (lost.reason, lost.status) == (DisputeReason.LOST, FlagStatus.DISMISSED)
    assert "It stands" in lost.in_words
    del desk.platform.database.answers["1"]
    assert desk.sync() == Synced(deleted=1, unchanged=1), "authors delete as before"


def test_an_answer_that_was_lost_and_is_there_again_can_be_deleted(desk: Desk) -> None:
    copied = desk.platform.copy()
    desk.answer("t3", "cy")
    desk.sync()
    newer = desk.platform.copy()
    desk.platform.database = copied
    assert desk.sync().lost == 1
    desk.platform.database = newer
    assert desk.sync() == Synced(unchanged=3)
    del desk.platform.database.answers["3"]
    assert desk.sync() == Synced(deleted=1, unchanged=2)


def test_what_is_missing_before_a_mark_covers_it_is_asked_of_the_lead(desk: Desk) -> None:
    desk.answer("t3", "cy")
    copied = desk.platform.copy()
    desk.platform.requests_left = 4  # the project and its three tasks are read, and the mark is not written
    assert desk.sync().failures
    desk.platform.requests_left = None
    del copied.answers["3"]
    desk.platform.database = copied
    assert desk.sync() == Synced(disputed=1, unchanged=2)
    assert ("t3", "cy") in desk.said()


def test_nothing_is_written_twice(desk: Desk) -> None:
    project = desk.platform.database.projects["1"]
    mark = project.text
    assert mark
    assert desk.sync() == Synced(unchanged=2)
    assert project.text == mark


@pytest.mark.parametrize("lost", [False, True])
def test_what_was_read_before_times_were_kept_is_known_again_and_not_mistaken(
    sqlite_store: Store, lost: bool
) -> None:
    """As in a workspace of an older version: no time of a task or an answer is stored."""
    desk = Desk(sqlite_store)
    desk.answer("t1")
    desk.sync()
    with desk.store.write() as connection:
        old = connection.execute(sa.select(annotation_revision)).one()
        connection.execute(sa.delete(annotation_revision))
        bare = {**old._mapping, "made_at": None, "task_made_at": None, "annotation_id": _old_id("1")}
        connection.execute(annotation_revision.insert(), bare)
        connection.execute(placement.update().values(made_at=None))
        connection.execute(sa.text("DELETE FROM container_mark"))
    if lost:
        desk.platform.database = Database()
        desk.place()
        desk.answer("t1", "bo", NO)
        assert desk.sync() == Synced(new=1)
        assert desk.said() == {("t1", "ada"): "yes", ("t1", "bo"): "no"}
        return
    assert desk.sync() == Synced(unchanged=1)
    with desk.store.read() as connection:
        assert all(it.made_at is not None for it in places_in(connection, "1", "label_studio"))
    desk.answer("t1", "ada", NO)
    assert desk.sync() == Synced(changed=1)
    del desk.platform.database.answers["1"]
    assert desk.sync() == Synced(deleted=1)
    assert desk.said() == {}


def _old_id(response_id: str) -> str:
    from workspaces.sync import annotation_id_of

    return annotation_id_of("label_studio", response_id)


def test_a_mark_covers_what_was_read_when_it_was_written() -> None:
    assert Mark("a", 7).covers("a") == 7
    assert Mark("a", 7).covers("b") is None
    assert Mark("a", 7).covers(None) is None
    assert Mark("a", 7, "b", 9).covers("b") == 9
    assert Mark("a", 7, "b", 9).covers("a") == 7
    assert Mark().covers(None) == 0
