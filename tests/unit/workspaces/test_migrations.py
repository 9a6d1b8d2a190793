"""Migrations: data that an earlier revision wrote are still read, counted and extended.

``revisions/NUMBER.sql`` is SQLite's dump of a store that the workbench of that revision wrote, tables included.
"""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext

from reward_engine import Tip, due, posted, settle, tip, totals, verify, wallet
from reward_engine.ledger import balances
from tests.sample_records import ALL_TAGS, minutes
from tests.stores import SQLITE
from workspaces.errors import ConfigurationError
from workspaces.records import AnnotationStatus, SharingState
from workspaces.store import migrations
from workspaces.store.confidences import latest_confidence
from workspaces.store.conversations import count_by_state
from workspaces.store.latest_annotations import latest_annotations
from workspaces.store.seed_feedback import latest_seeds
from workspaces.store.tables import metadata
from workspaces.store.tasks import all_tasks, task_ids_in

if TYPE_CHECKING:
    from tests.stores import Stores
    from workspaces.records import Annotation
    from workspaces.store import Store

REVISIONS = Path(__file__).parent / "revisions"
TIP_OF_0001 = Tip(6, "5a2220f1c174cc8a1165ec9a35f5c1359c87f63470f84a78dfe99a397ffec3f7")


def written_by(stores: Stores, revision: str) -> Store:
    """Return a store as the workbench of a revision left it, not migrated yet."""
    dump = (REVISIONS / f"{revision}.sql").read_text(encoding="utf-8")
    store = stores.new(migrated=False)
    if stores.kind == SQLITE:
        with sqlite3.connect(str(store.engine.url.database)) as database:
            database.executescript(dump)
        database.close()
        return store
    config = Config()
    config.set_main_option("script_location", str(migrations.__path__[0]))
    with store.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    with store.write() as connection:
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")  # rows come in any order
        cursor = connection.connection.cursor()
        for line in dump.splitlines():
            if line.startswith("INSERT") and "alembic_version" not in line:
                cursor.execute(line)
    return store


@pytest.mark.parametrize("revision", sorted(path.stem for path in REVISIONS.glob("*.sql")))
def test_a_store_of_an_earlier_revision_gets_the_newest_schema(stores: Stores, revision: str) -> None:
    store = written_by(stores, revision)
    store.upgrade()
    with store.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == migrations.HEAD


def test_what_the_first_revision_wrote_is_read_and_extended(stores: Stores) -> None:
    store = written_by(stores, "0001")
    store.upgrade()
    with store.read() as connection:
        assert tip(connection) == TIP_OF_0001
        found = verify(connection, [("the dump", TIP_OF_0001)])
        assert found.problems == ()
        assert (found.transactions, found.entries) == (6, 12)
        assert balances(connection) == {"person:ada": 10, "person:bo": 0, "treasury": -10}
        assert [movement.points for movement in wallet(connection, "ada").movements] == [6, 8, 4, -8]
        assert totals(connection) == {"ada": 10}
        tasks, answers, so_far = all_tasks(connection), latest_annotations(connection), posted(connection)
        assert {name: dict(task.quote) for name, task in tasks.items()} == {
            "t1": {"qualities": 6, "suggestion": 8},
            "t2": {"preference": 4},
        }
        assert [(a.id, a.revision, a.status) for a in answers] == [
            ("t1/ada", 2, AnnotationStatus.SUBMITTED),
            ("t1/bo", 2, AnnotationStatus.DELETED),
            ("t2/ada", 1, AnnotationStatus.SUBMITTED),
        ]
        assert task_ids_in(connection, "dataset-1", "argilla") == {"t1": "17"}
        assert count_by_state(connection) == {SharingState.SHARED: 1, SharingState.HELD: 1}
        assert latest_seeds(connection)["c#1"].agent == "rater"
        assert latest_confidence(connection)["bo"].multiplier == 0.85
    assert due(tasks, answers, so_far, {"bo": 0.85}, lambda _: None) == []
    without = [answer for answer in answers if answer.id != "t1/bo"]
    again = due(tasks, [*without, answered_again(answers)], so_far, {}, lambda _: None)
    with store.write() as connection:
        settle(connection, again, minutes(90))
    with store.read() as connection:
        assert wallet(connection, "bo").balance == 5  # with the multiplier of its first payment
        assert tip(connection).sequence == 7


def answered_again(answers: list[Annotation]) -> Annotation:
    (before,) = (answer for answer in answers if answer.id == "t1/bo")
    return replace(before, status=AnnotationStatus.SUBMITTED, values=ALL_TAGS, revision=3)


def test_unnamed_raters_of_one_task_and_time_are_told_apart(stores: Stores) -> None:
    """Until 0018 all unnamed raters of a conversation were one person."""
    if stores.kind != SQLITE:
        pytest.skip("the dump of the first revision is written to SQLite first")
    store = written_by(stores, "0001")
    rows = [
        ("a1", "t1", "anonymous-0123456789ab", "2026-05-01 10:00:00"),
        ("a2", "t1", "anonymous-0123456789ab", "2026-05-01 10:00:00"),
        ("a3", "t1", "anonymous-0123456789ab", "2026-05-01 11:00:00"),
        ("a4", "t2", "anonymous-0123456789ab", "2026-05-01 10:00:00"),
        ("a5", "t2", "somebody", "2026-05-01 10:00:00"),
    ]
    with store.write() as connection:
        for annotation_id, task_id, person_id, at in rows:
            connection.exec_driver_sql(
                "INSERT INTO annotation_revision (annotation_id, revision, task_id, person_id, platform, response_id, "
                "status, answers, content_hash, updated_at, synced_at) VALUES (?, 1, ?, ?, 'imported', ?, "
                "'submitted', '{}', 'x', ?, ?)",
                (annotation_id * 12, task_id, person_id, annotation_id, at, at),
            )
    store.upgrade()
    with store.read() as connection:
        people = {each.id[:2]: each.person_id for each in latest_annotations(connection)}
    assert people["a1"] == people["a3"] == people["a4"] == "anonymous-0123456789ab"
    assert people["a2"] == "anonymous-" + "a2" * 7
    assert people["a5"] == "somebody"


def test_checks_of_rewrites_say_which_rewrite_they_show(stores: Stores) -> None:
    """Until 0039 only the kind of a task told that it shows a rewrite."""
    store = stores.new(migrated=False)
    config = Config()
    config.set_main_option("script_location", str(migrations.__path__[0]))
    with store.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0038")
        connection.exec_driver_sql(
            "INSERT INTO rewrite (annotation_id, revision, rewrite_id) VALUES ('a', 1, 'written')"
        )
        for name, kind, shown in (
            ("t1", "suggestion_check", '["m", "written"]'),
            ("t2", "suggestion_check", '["m", "of another store"]'),
            ("t3", "preference", '["m", "n"]'),
        ):
            connection.exec_driver_sql(
                "INSERT INTO task (task_id, kind, message_ids, conversation_ids, significance, quote, rules_version, "
                f"platform, overlap, created_at) VALUES ('{name}', '{kind}', '{shown}', '[\"c\", \"c\"]', 'low', "
                "'{}', '1', 'argilla', 1, '2026-05-01 10:00:00')"
            )
    store.upgrade()
    with store.read() as connection:
        marks = {name: each.rewrites for name, each in all_tasks(connection).items()}
    assert marks == {"t1": ("written",), "t2": (), "t3": ()}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("DROP TABLE rewrite", "rewrite"),  # 0039 reads it
        ("DROP TABLE lead_message", "lead_message"),  # no later revision touches it
        ("ALTER TABLE task DROP COLUMN overlap", "task.overlap"),
    ],
)
def test_a_store_that_is_not_of_its_revision_is_refused_and_stays_as_it_is(
    stores: Stores, change: str, said: str
) -> None:
    """Versions in development numbered revisions otherwise: such a store would lack tables for good."""
    store = stores.new(migrated=False)
    config = Config()
    config.set_main_option("script_location", str(migrations.__path__[0]))
    with store.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0038")
        connection.exec_driver_sql(change)
    with pytest.raises(
        ConfigurationError, match=f"revision '0038', and has not .*{said}.*nothing was changed"
    ):
        store.upgrade()
    with store.read() as connection:
        assert MigrationContext.configure(connection).get_current_revision() == "0038"
        assert not connection.dialect.has_table(connection, "label_request")
