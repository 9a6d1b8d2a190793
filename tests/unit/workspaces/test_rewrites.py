"""Rewrites in the store, on both databases: who wrote which, and what stands."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import sqlalchemy as sa

from tests.sample_records import NOW, task
from workspaces.records import AnnotationStatus
from workspaces.store.annotations import AnnotationRevision, append_revisions, content_hash, save_revisions
from workspaces.store.rewrites import (
    all_showing_rewrites,
    compares_rewrites,
    judged_since,
    note_rewrites,
    own_checks,
    record_judging,
    rename_rewrites,
    rewrite,
    rewrite_id_of,
    rewrites_by,
    rewrites_in,
    showing_rewrites,
    standing_rewrites,
    writers_of,
)
from workspaces.store.tasks import all_tasks, save_tasks

if TYPE_CHECKING:
    from tests.stores import Stores


def say(
    connection: sa.Connection,
    person: str,
    text: str,
    task_id: str = "w",
    *,
    edits: bool = False,
    status: AnnotationStatus = AnnotationStatus.SUBMITTED,
) -> None:
    name = f"{person}/{task_id}"
    values = {"rewrite" if task_id == "w" else "suggestion": text}
    revision = AnnotationRevision(
        annotation_id=name, revision=1, task_id=task_id, person_id=person, platform="argilla",
        response_id=name, status=status, answers=values, content_hash=content_hash(status, values),
        updated_at=NOW, synced_at=NOW,
    )  # fmt: skip
    (append_revisions if edits else save_revisions)(connection, [revision])
    note_rewrites(connection)
    note_rewrites(connection)  # twice notes nothing more


def test_what_stands_and_who_wrote_it_is_known_from_the_answers(stores: Stores) -> None:
    store = stores.new()
    first, other = rewrite_id_of("m", "Better."), rewrite_id_of("m", "Best.")
    made = [
        replace(task("w", {}, kind="suggestion"), message_ids=("m",)),
        replace(task("q", {}), message_ids=("m",)),
        replace(task("v", {}), message_ids=("n",)),
        replace(task("r", {}), message_ids=("m",), reask_of="q"),
        replace(
            task("c", {}, kind="suggestion_check"), message_ids=("m", first), conversation_ids=("c", "c")
        ),
        replace(
            task("p", {}, kind="preference"),
            message_ids=("n", first),
            conversation_ids=("c", "c"),
            rewrites=(first, other),
        ),
    ]
    with store.write() as connection:
        save_tasks(connection, made)
        say(connection, "ann", " Better.\n")
        say(connection, "bob", "Better.", "q")
        say(connection, "cat", "Again.", "r")
        say(connection, "dee", "  ")
        say(connection, "eve", "Draft.", status=AnnotationStatus.DRAFT)
        assert [(it.id, it.text, it.writers) for it in standing_rewrites(connection)] == [
            (first, "Better.", frozenset({"ann", "bob"}))
        ]
        assert standing_rewrites(connection, {("ann", "w")})[0].writers == {"bob"}
        say(connection, "ann", "Best.", edits=True)
        assert {it.id: it.writers for it in standing_rewrites(connection)} == {first: {"bob"}, other: {"ann"}}
        tasks = all_tasks(connection)
        assert own_checks(connection, tasks) == {
            (person, name) for person in ("ann", "bob") for name in "cp"
        }  # who wrote it once wrote it
        assert rewrites_by(connection, "ann") == {other}
        assert rewrites_in(connection, ["w"]) >= {first, other}
        shown = {each.id: each for each in showing_rewrites(tasks.values())}
        assert shown.keys() == {"c", "p"} == {each.id for each in all_showing_rewrites(connection)}
        assert [compares_rewrites(shown[name]) for name in "cp"] == [False, True]
        assert writers_of(connection, [first, other]) == {first: {"ann", "bob"}, other: {"ann"}}
        say(connection, "fay", "Best.", "v")  # of another response
        assert writers_of(connection, [other]) == {other: {"ann", "fay"}}
        connection.execute(sa.update(rewrite).values(looks=None))  # as a store before 0041 has it
        assert writers_of(connection, [other]) == {other: {"ann"}}
        note_rewrites(connection)
        assert writers_of(connection, [other]) == {other: {"ann", "fay"}}
        rename_rewrites(connection, {other}, lambda name: f"x{name[:20]}")
        looks = sa.select(rewrite.c.looks).where(rewrite.c.rewrite_id == f"x{other[:20]}")
        assert set(connection.execute(looks).scalars()) == {""}
        connection.execute(sa.update(rewrite).where(rewrite.c.looks == "").values(looks=None))
        note_rewrites(connection)  # erased before 0041
        assert set(connection.execute(looks).scalars()) == {""}
        assert all_tasks(connection)["p"].rewrites == (first, f"x{other[:20]}")
        assert rewrites_by(connection, "ann") == {f"x{other[:20]}"}


def test_rewrites_are_judged_since_the_first_time_until_no_kind_does(stores: Stores) -> None:
    with stores.new().write() as connection:
        assert judged_since(connection) is None
        record_judging(connection, ["suggestion_check"], NOW)
        record_judging(connection, ["suggestion_check"], NOW.replace(year=2030))
        assert judged_since(connection) == NOW
        record_judging(connection, [], NOW)
        assert judged_since(connection) is None
