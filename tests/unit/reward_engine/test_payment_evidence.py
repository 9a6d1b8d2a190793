"""Payment follows the evidence: what no genuine answer stands behind is taken back, and verification finds it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from reward_engine import Terms, due, posted, settle
from reward_engine.ledger import balance
from reward_engine.settlement import gone
from reward_engine.verification import verify
from tests.sample_records import ALL_TAGS, NOW, minutes, task
from workspaces.records import AnnotationStatus
from workspaces.store.annotations import AnnotationRevision, annotation_revision, save_revisions
from workspaces.store.latest_annotations import latest_annotations
from workspaces.store.settlements import settlement
from workspaces.store.tasks import save_tasks

if TYPE_CHECKING:
    from workspaces.store import Store

TASKS = {name: task(name, {"qualities": 6}) for name in ("t1", "t2")}


def answer(name: str, task_id: str, person: str, revision: int = 1) -> AnnotationRevision:
    return AnnotationRevision(
        annotation_id=name,
        revision=revision,
        task_id=task_id,
        person_id=person,
        platform="argilla",
        response_id=name,
        status=AnnotationStatus.SUBMITTED,
        answers=ALL_TAGS,
        content_hash="",
        updated_at=minutes(revision),
        synced_at=NOW,
    )


@pytest.fixture
def paid(store: Store) -> Store:
    """A store in which ada and bo were paid for one answer each."""
    with store.write() as connection:
        save_tasks(connection, list(TASKS.values()))
        save_revisions(connection, [answer("a1", "t1", "ada"), answer("a2", "t1", "bo")])
    settle_all(store)
    assert balances(store) == {"ada": 6, "bo": 6}
    return store


def settle_all(store: Store) -> None:
    with store.write() as connection:
        annotations, so_far = latest_annotations(connection), posted(connection)
        terms = Terms(gone=gone(so_far, annotations))
        settle(connection, due(TASKS, annotations, so_far, {}, lambda _: None, terms), NOW)


def balances(store: Store) -> dict[str, int]:
    with store.read() as connection:
        return {person: balance(connection, f"person:{person}") for person in ("ada", "bo")}


def found(store: Store) -> tuple[tuple[str, ...], int]:
    with store.read() as connection:
        verification = verify(connection)
    return verification.problems, verification.unsettled


def change(store: Store, name: str, revision: int, **values: str) -> None:
    with store.write() as connection:
        which = (annotation_revision.c.annotation_id == name) & (annotation_revision.c.revision == revision)
        connection.execute(sa.update(annotation_revision).where(which).values(**values))


def test_a_payment_for_an_answer_that_is_somebody_elses_is_found_and_taken_back(paid: Store) -> None:
    """An old store, where a forger took an answer over and was paid for it as well."""
    with paid.write() as connection:
        forged = [answer("a1", "t1", "mallory", 2)]
        save_revisions(connection, forged)
        so_far = posted(connection)
        believed = [
            replace(each, person_id="mallory", revision=2) for each in latest_annotations(connection)[:1]
        ]
        settle(connection, due(TASKS, believed, so_far, {}, lambda _: None), NOW)
    problems, unsettled = found(paid)
    assert problems == ("transaction 3 pays for an answer of another person or task",)
    assert unsettled == 1
    settle_all(paid)
    assert balances(paid) == {"ada": 6, "bo": 6}
    with paid.read() as connection:
        assert balance(connection, "person:mallory") == 0
    assert found(paid) == ((), 0)


def test_what_was_paid_for_an_answer_that_is_gone_is_taken_back_once(paid: Store) -> None:
    change(paid, "a2", 1, task_id="t2")
    problems, unsettled = found(paid)
    assert "settled for a revision of an answer that is not there" in problems[0]
    assert unsettled == 1
    settle_all(paid)
    assert balances(paid) == {"ada": 6, "bo": 6}  # taken back for t1, paid for t2
    settle_all(paid)
    with paid.read() as connection:
        rows = connection.execute(sa.select(settlement.c.task_id, settlement.c.delta)).all()
    assert sorted(tuple(row) for row in rows) == [("t1", -6), ("t1", 6), ("t1", 6), ("t2", 6)]


def test_a_payment_for_a_revision_older_than_one_settled_before_is_found(paid: Store) -> None:
    with paid.write() as connection:
        save_revisions(connection, [answer("a1", "t1", "ada", 2)])
        annotations, so_far = latest_annotations(connection), posted(connection)
        blank = [replace(each, values={}) for each in annotations]
        settle(connection, due(TASKS, blank, so_far, {}, lambda _: None), NOW)
        stale = [replace(each, revision=1) for each in annotations]
        settle(connection, due(TASKS, stale, posted(connection), {}, lambda _: None), NOW)
    problems, _ = found(paid)
    assert len(problems) == 1
    assert "pays for a revision older than one that was settled before" in problems[0]


def test_an_answer_that_does_not_stand_any_more_is_counted_until_it_is_settled(paid: Store) -> None:
    with paid.write() as connection:
        save_revisions(connection, [replace(answer("a1", "t1", "ada", 2), status=AnnotationStatus.DISCARDED)])
    assert found(paid) == ((), 1)
    settle_all(paid)
    assert balances(paid) == {"ada": 0, "bo": 6}
    assert found(paid) == ((), 0)
