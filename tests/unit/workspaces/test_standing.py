"""What stands: every person and task is in one set, by what the person said last and best there."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import pytest

from tests.sample_records import ALL_TAGS, NOW, minutes, task
from workspaces.records import IMPORTED, AnnotationStatus
from workspaces.store.annotations import AnnotationRevision, save_revisions
from workspaces.store.members import (
    MemberStatus,
    admit,
    is_revoked,
    meet,
    members,
    note_restored,
    note_revoked,
)
from workspaces.store.standing import held_answers, standing
from workspaces.store.tasks import save_tasks

if TYPE_CHECKING:
    from workspaces.store import Store

STATUSES = list(AnnotationStatus)
SUBMITTED = AnnotationStatus.SUBMITTED


def saved(
    person: str,
    task_id: str,
    status: AnnotationStatus,
    name: str,
    revision: int = 1,
    platform: str = "argilla",
) -> AnnotationRevision:
    return AnnotationRevision(
        annotation_id=name, revision=revision, task_id=task_id, person_id=person, platform=platform,
        response_id=name, status=status, answers=ALL_TAGS, content_hash=f"{name}{revision}",
        updated_at=minutes(revision), synced_at=NOW,
    )  # fmt: skip


def test_two_annotations_of_a_person_to_a_task_are_one_answer_whatever_their_order(store: Store) -> None:
    pairs = list(product(STATUSES, repeat=2))
    tasks = [task(f"t{number}", {"tags": 1}) for number in range(len(pairs))]
    rows = [
        saved("ada", tasks[number].id, status, f"a{number}-{place}")
        for number, pair in enumerate(pairs)
        for place, status in enumerate(pair)
    ]
    with store.write() as connection:
        save_tasks(connection, tasks)
        save_revisions(connection, rows)
    with store.read() as connection:
        stands = standing(connection)
    sets = [stands.answers, stands.drafts, stands.discarded, stands.deleted]
    assert sum(map(len, sets)) == len(set().union(*sets)) == len(pairs)
    expected = {each.id for each, pair in zip(tasks, pairs, strict=True) if SUBMITTED in pair}
    assert {task_id for _, _, task_id in stands.answers} == expected
    assert stands.by_platform() == {"argilla": len(expected)}
    assert set(stands.by_task().values()) == {1}


@pytest.mark.parametrize("last", STATUSES)
def test_the_newest_revision_says_what_stands(store: Store, last: AnnotationStatus) -> None:
    with store.write() as connection:
        save_tasks(connection, [task("t", {"tags": 1})])
        save_revisions(connection, [saved("ada", "t", SUBMITTED, "a"), saved("ada", "t", last, "a", 2)])
    with store.read() as connection:
        assert (len(standing(connection).answers) == 1) == (last is SUBMITTED)


def test_strangers_and_chat_logs_are_counted_apart(store: Store) -> None:
    imported = task("i", {}, platform=IMPORTED)
    rows = [
        saved("eve", "t", SUBMITTED, "e1"),
        saved("eve", "u", AnnotationStatus.DRAFT, "e2"),
        saved("dan", "u", AnnotationStatus.DRAFT, "d"),
        saved("log rater", "i", SUBMITTED, "l", platform=IMPORTED),
        saved("ada", "i", SUBMITTED, "m", platform=IMPORTED),
        saved("ada", "t", SUBMITTED, "a"),
    ]
    with store.write() as connection:
        save_tasks(connection, [task("t", {"tags": 1}), task("u", {"tags": 1}), imported])
        meet(connection, ["eve", "dan"], "argilla", NOW, hold=True)
        save_revisions(connection, rows)
    with store.read() as connection:
        stands = standing(connection)
        assert held_answers(connection) == {("dan", "argilla"): 0, ("eve", "argilla"): 1}
    assert stands.answers == {("ada", "argilla", "t")}
    assert stands.held == {("eve", "argilla", "t")}
    assert (stands.imported, stands.raters) == (2, {"log rater", "ada"})


def test_access_is_taken_and_given_back_once_and_what_a_person_is_stays(store: Store) -> None:
    with store.write() as connection:
        admit(connection, ["ada"], "argilla", MemberStatus.INVITED, NOW)
        assert [note_revoked(connection, "ada", "argilla", minutes(n)) for n in (1, 2)] == [True, False]
        admit(connection, ["ada"], "argilla", MemberStatus.ACCEPTED, minutes(3))
        (member,) = members(connection)
        assert (member.status, member.revoked_at) == (MemberStatus.INVITED, minutes(1))
        assert is_revoked(connection, "ada", "argilla")
        assert [note_restored(connection, "ada", "argilla") for _ in range(2)] == [True, False]
        assert not is_revoked(connection, "ada", "argilla")
        assert not note_revoked(connection, "nobody", "argilla", NOW)
