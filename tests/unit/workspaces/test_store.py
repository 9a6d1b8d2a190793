"""The store: its schema, what it refuses, and several writers at once."""

from __future__ import annotations

import json
import multiprocessing
import shutil
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from tests.sample_records import NOW
from tests.stores import APPEND_ONLY
from workspaces.errors import ConfigurationError, ConnectionFailedError, WorkbenchError
from workspaces.store import Store, migrations
from workspaces.store.closings import item_closing
from workspaces.store.database import explained, journal_mode
from workspaces.store.holds import hold, hold_outcome
from workspaces.store.identities import person
from workspaces.store.insert import insert_missing, upsert
from workspaces.store.ledger import ledger_entry, ledger_transaction
from workspaces.store.moderations import ModerationEntry, flagged_in, save_moderation
from workspaces.store.rules import rules
from workspaces.store.settlements import settlement, sharing_settlement
from workspaces.store.tables import metadata
from workspaces.store.topics import TopicEntry, name_topics, replace_topics, topic_entries, topic_of
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

    from tests.stores import Stores


@pytest.fixture
def paid(store: Store) -> Store:
    """A store with one row in each table that only grows."""
    return with_one_row_each(store)


@pytest.fixture
def sqlite_paid(sqlite_store: Store) -> Store:
    return with_one_row_each(sqlite_store)


def with_one_row_each(store: Store) -> Store:
    with store.write() as connection:
        connection.execute(
            sa.insert(ledger_transaction),
            {
                "sequence": 1,
                "key": "k",
                "request_hash": "r",
                "reason": "because",
                "rules_version": "1",
                "event_at": NOW,
                "created_at": NOW,
                "previous_hash": "p",
                "hash": "h",
            },
        )
        connection.execute(sa.insert(ledger_entry), {"sequence": 1, "account": "a", "amount": 5})
        connection.execute(
            sa.insert(settlement),
            {
                "person_id": "p",
                "task_id": "t",
                "part": "x",
                "sequence": 1,
                "annotation_id": "a",
                "revision": 1,
                "multiplier": 1.0,
                "delta": 5,
            },
        )
        connection.execute(
            sa.insert(item_closing),
            {"closing_key": "c", "probability": 0.9, "answers": 3, "closed_at": NOW},
        )
        connection.execute(
            sa.insert(hold),
            {
                "hold_id": "h",
                "person_id": "p",
                "model": "m",
                "mode": "direct",
                "price": 5,
                "rules_version": "1",
                "sequence": 1,
                "reserved_at": NOW,
                "expires_at": NOW,
            },
        )
        connection.execute(
            sa.insert(hold_outcome),
            {"hold_id": "h", "outcome": "captured", "spent": 5, "sequence": 1, "ended_at": NOW},
        )
        connection.execute(
            sa.insert(sharing_settlement),
            {"person_id": "p", "conversation_key": "c", "sequence": 1, "delta": 5},
        )
        connection.execute(
            sa.insert(rules), {"version": "1", "rates": {}, "first_used_at": NOW, "holds_from": NOW}
        )
    return store


def rows(store: Store, table: str) -> list[sa.Row[tuple[object, ...]]]:
    with store.read() as connection:
        return list(connection.execute(sa.text(f"SELECT * FROM {table}")))


def a_person(number: int) -> dict[str, object]:
    return {"identity_hmac": f"{number:064}", "person_id": f"p{number}", "created_at": NOW}


def test_a_migrated_schema_is_the_schema_of_the_tables(store: Store) -> None:
    with store.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, metadata) == []


@pytest.mark.usefixtures("stores_of_users")
def test_a_schema_made_of_the_tables_says_the_same_as_a_migrated_one(stores: Stores) -> None:
    fresh, migrated = stores.new(migrated=False), stores.new(migrated=False)
    metadata.create_all(fresh.engine)
    migrated.upgrade()

    def described(which: Store) -> dict[str, object]:
        inspector = sa.inspect(which.engine)
        return {
            name: (
                [
                    (
                        c["name"],
                        str(c["type"]),
                        c["nullable"],
                        c.get("primary_key"),
                        c.get("comment"),
                        c["default"],
                    )
                    for c in inspector.get_columns(name)
                ],
                inspector.get_pk_constraint(name),
                sorted(inspector.get_foreign_keys(name), key=str),
                sorted(inspector.get_indexes(name), key=str),
                sorted(inspector.get_unique_constraints(name), key=str),
                sorted(inspector.get_check_constraints(name), key=str),
            )
            for name in inspector.get_table_names()
            if name != "alembic_version"
        }

    assert described(fresh) == described(migrated)


def test_the_newest_revision_is_the_one_of_the_scripts() -> None:
    config = Config()
    config.set_main_option("script_location", str(migrations.__path__[0]))
    assert ScriptDirectory.from_config(config).get_heads() == [migrations.HEAD]


def test_upgrading_twice_changes_nothing(paid: Store) -> None:
    before = {name: rows(paid, name) for name in metadata.tables}
    paid.upgrade()
    assert {name: rows(paid, name) for name in metadata.tables} == before


@pytest.mark.parametrize("table", APPEND_ONLY)
@pytest.mark.parametrize("statement", ["UPDATE {t} SET {c} = {c}", "DELETE FROM {t}"])
def test_what_only_grows_refuses_every_change(paid: Store, table: str, statement: str) -> None:
    if paid.is_shared:
        refuses(paid, table, f"TRUNCATE {table} CASCADE")
    refuses(paid, table, statement.format(t=table, c=column_of(table)))


@pytest.mark.parametrize("table", APPEND_ONLY)
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE OR REPLACE {t} SET {c} = 1",
        "INSERT OR REPLACE INTO {t} SELECT * FROM {t}",
        "REPLACE INTO {t} SELECT * FROM {t}",
    ],
)
def test_what_only_grows_refuses_the_replacements_of_sqlite(
    sqlite_paid: Store, table: str, statement: str
) -> None:
    refuses(sqlite_paid, table, statement.format(t=table, c=column_of(table)))


@pytest.mark.parametrize("table", APPEND_ONLY)
def test_upsert_cannot_change_what_only_grows(paid: Store, table: str) -> None:
    (row,) = rows(paid, table)
    column = column_of(table)
    values = {name: json.dumps(it) if isinstance(it, dict) else it for name, it in row._mapping.items()}
    names = ", ".join(values)
    keys = ", ".join(metadata.tables[table].primary_key.columns.keys())
    statement = (
        f"INSERT INTO {table} ({names}) VALUES ({', '.join(':' + name for name in values)}) "
        f"ON CONFLICT ({keys}) DO UPDATE SET {column} = excluded.{column}"
    )
    refuses(paid, table, statement, values)


def column_of(table: str) -> str:
    columns = metadata.tables[table].columns
    return next((name for name in ("sequence", "version") if name in columns), next(iter(columns.keys())))


def refuses(store: Store, table: str, statement: str, values: dict[str, object] | None = None) -> None:
    before = rows(store, table)
    with pytest.raises(sa.exc.DatabaseError, match=f"{table} is append-only"), store.write() as connection:
        connection.execute(sa.text(statement), values)
    assert rows(store, table) == before


@pytest.mark.usefixtures("stores_of_users")
def test_every_connection_is_protected_not_only_the_first(sqlite_store: Store) -> None:
    with sqlite_store.read() as first, sqlite_store.read() as second:
        for connection in (first, second):
            pragma = {
                name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
                for name in ("recursive_triggers", "foreign_keys", "synchronous", "busy_timeout")
            }
            assert pragma == {
                "recursive_triggers": 1,
                "foreign_keys": 1,
                "synchronous": 2,
                "busy_timeout": 30_000,
            }


def test_a_time_without_a_zone_is_refused(store: Store) -> None:
    row = a_person(1) | {"created_at": datetime(2026, 1, 1)}  # noqa: DTZ001
    with (
        pytest.raises(sa.exc.StatementError, match="a time without a zone cannot be stored"),
        store.write() as connection,
    ):
        connection.execute(sa.insert(person), row)
    assert rows(store, "person") == []


def test_a_time_comes_back_as_the_same_moment_in_utc(store: Store) -> None:
    there = datetime(2026, 1, 1, 1, 30, 0, 123456, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    with store.write() as connection:
        connection.execute(sa.insert(person), a_person(1) | {"created_at": there})
    with store.read() as connection:
        back = connection.execute(sa.select(person.c.created_at)).scalar_one()
    assert back == there
    assert back.tzinfo is UTC


@pytest.mark.parametrize(
    ("version", "mode"),
    [
        ((3, 40, 1), "TRUNCATE"),
        ((3, 44, 5), "TRUNCATE"),
        ((3, 44, 6), "WAL"),
        ((3, 45, 0), "TRUNCATE"),
        ((3, 50, 6), "TRUNCATE"),
        ((3, 50, 7), "WAL"),
        ((3, 51, 2), "TRUNCATE"),
        ((3, 51, 3), "WAL"),
        ((3, 52, 0), "WAL"),
        ((4, 0, 0), "WAL"),
    ],
)
def test_the_journal_mode_is_one_that_loses_no_commit(version: tuple[int, ...], mode: str) -> None:
    assert journal_mode(version) == mode


def test_the_journal_mode_is_set(sqlite_store: Store) -> None:
    with sqlite_store.read() as connection:
        mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()
    assert mode.upper() == journal_mode(sqlite3.sqlite_version_info)


def test_a_database_of_a_newer_workbench_is_refused(store: Store) -> None:
    with store.write() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(
        ConfigurationError, match=rf"revision '9999', newer than this workbench knows \({migrations.HEAD}\)"
    ):
        store.upgrade()


def test_a_file_that_is_no_database_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "test.db").write_bytes(b"this is not a database" * 100)
    broken = Store(f"sqlite:///{tmp_path / 'test.db'}")
    with pytest.raises(ConnectionFailedError, match="the store cannot be opened: file is not a database"):
        broken.upgrade()
    broken.close()


def test_a_folder_that_does_not_exist_is_refused_in_one_line(tmp_path: Path) -> None:
    nowhere = Store(f"sqlite:///{tmp_path / 'missing' / 'test.db'}")
    with pytest.raises(
        ConnectionFailedError, match="the store cannot be opened: unable to open database file"
    ):
        nowhere.upgrade()
    nowhere.close()


@pytest.mark.parametrize(
    "address",
    [
        "nonsense",
        "mysql://ada:hush@db/points",
        "postgresql//ada:hush@db/points",
        "postgresql://a:hush@db:x/p",
    ],
)
def test_an_address_that_is_not_usable_is_refused_and_not_repeated(address: str) -> None:
    with pytest.raises(ConfigurationError, match="address is not usable") as caught:
        Store(address)
    assert "hush" not in str(caught.value)


def test_a_server_that_cannot_be_reached_is_named_in_one_line_without_the_password() -> None:
    store = Store("postgresql://ada:hush@127.0.0.1:1/points")
    with pytest.raises(ConnectionFailedError, match="the store cannot be opened") as caught:
        store.upgrade()
    assert "\n" not in str(caught.value)
    assert "hush" not in f"{caught.value} {store.engine!r}"
    store.close()


def test_a_step_on_another_machine_waits_and_says_for_what(stores: Stores) -> None:
    here = stores.new()
    there = stores.again(here)
    with here.exclusive(5):
        if here.is_shared:
            with (
                pytest.raises(WorkbenchError, match="on another machine is writing"),
                there.exclusive(0.1),
            ):
                raise AssertionError("both were let in")
    with there.exclusive(0.1):
        pass


def test_a_reader_sees_one_moment(store: Store) -> None:
    with store.read() as reading:
        assert reading.execute(sa.select(person.c.person_id)).all() == []
        if store.is_shared:  # a reader of SQLite keeps a writer waiting in this journal mode
            with store.write() as connection:
                connection.execute(sa.insert(person), a_person(1))
        assert reading.execute(sa.select(person.c.person_id)).all() == []


def test_a_failed_unit_of_work_leaves_nothing(store: Store) -> None:
    def add_somebody_twice() -> None:
        with store.write() as connection:
            connection.execute(sa.insert(person), a_person(1))
            connection.execute(sa.insert(person), a_person(1))

    with pytest.raises(sa.exc.IntegrityError):
        add_somebody_twice()
    assert rows(store, "person") == []


def test_threads_that_write_at_once_wait_for_their_turn(store: Store) -> None:
    everybody_is_here = threading.Barrier(4)

    def add(start: int) -> None:
        everybody_is_here.wait()
        for number in range(start, start + 5):
            with store.write() as connection:  # read, then write: fails where turns are taken too late
                connection.execute(sa.select(sa.func.count()).select_from(person)).scalar()
                connection.execute(sa.insert(person), a_person(number))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, range(0, 400, 100)))
    assert len(rows(store, "person")) == 20


def _add_in_another_process(url: str, held: multiprocessing.synchronize.Event) -> None:
    store = Store(url)
    with store.write() as connection:
        held.set()
        time.sleep(0.3)
        connection.execute(sa.insert(person), a_person(1))
    store.close()


def test_processes_that_write_at_once_wait_for_their_turn(sqlite_store: Store) -> None:
    store = sqlite_store
    context = multiprocessing.get_context("spawn")
    held = context.Event()
    url = store.engine.url.render_as_string(hide_password=False)
    other = context.Process(target=_add_in_another_process, args=(url, held))
    other.start()
    assert held.wait(30)
    with store.write() as connection:
        assert connection.execute(sa.select(person.c.person_id)).scalars().all() == ["p1"]
        connection.execute(sa.insert(person), a_person(2))
    other.join()
    assert other.exitcode == 0


@pytest.mark.usefixtures("stores_of_users")
def test_two_that_open_a_new_store_at_once_both_find_its_schema(stores: Stores) -> None:
    first = stores.new(migrated=False)
    several = [first, *(stores.again(first) for _ in range(3))]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(Store.upgrade, several))
    for each in several:
        assert rows(each, "alembic_version") == [(migrations.HEAD,)]


def test_reading_is_not_stopped_by_a_writer(store: Store) -> None:
    with store.write() as connection:
        connection.execute(sa.insert(person), a_person(1))
    with store.write() as writing:
        writing.execute(sa.insert(person), a_person(2))
        assert len(rows(store, "person")) == 1


def test_insert_missing_leaves_what_is_there(store: Store) -> None:
    with store.write() as connection:
        insert_missing(connection, person, [a_person(1)])
        insert_missing(connection, person, [a_person(1) | {"person_id": "other"}, a_person(2)])
        insert_missing(connection, person, [])
    assert sorted(row.person_id for row in rows(store, "person")) == ["p1", "p2"]


def test_upsert_sets_the_named_columns_alone(store: Store) -> None:
    later = NOW + timedelta(days=1)
    with store.write() as connection:
        upsert(connection, person, [a_person(1)], update=["person_id"])
        changed = a_person(1) | {"person_id": "new", "created_at": later}
        upsert(connection, person, [changed], update=["person_id"])
        found = connection.execute(sa.select(person.c.person_id, person.c.created_at)).one()
    assert found == ("new", NOW)


def test_topics_are_named_in_place_and_flags_are_found_by_conversation(store: Store) -> None:
    terms = [
        TopicEntry(0, "bread, flour", ("bread", "flour"), "terms"),
        TopicEntry(1, "code", ("code",), "terms"),
    ]
    said = [
        ModerationEntry("c#0", "m", "c", flagged=True, categories=("hate", "näme"), created_at=NOW),
        ModerationEntry("c#1", "m", "c", flagged=False, categories=(), created_at=NOW),
        ModerationEntry("d#0", "m", "d", flagged=True, categories=(), created_at=NOW),
    ]
    with store.write() as connection:
        replace_topics(connection, terms, {"c": 0, "d": 1}, NOW)
        name_topics(connection, [replace(terms[0], label="Baking", named_by="m")])
        save_moderation(connection, said)
        assert topic_entries(connection) == [
            replace(terms[0], label="Baking", named_by="m"),
            terms[1],
        ]
        assert topic_of(connection, "c") == "Baking"
        assert flagged_in(connection, "c") == {"m": {"c#0": ["hate", "näme"]}}


def test_a_backup_put_in_the_place_of_the_store_is_what_a_running_process_goes_on_with(
    tmp_path: Path,
) -> None:
    store = Store(f"sqlite:///{tmp_path / 'store.db'}")
    store.upgrade()
    shutil.copy(tmp_path / "store.db", tmp_path / "backup.db")
    with store.write() as connection:
        connection.exec_driver_sql("INSERT INTO rules VALUES ('1', '{}', '2026-01-01', '2026-01-01')")
    with pytest.raises(sa.exc.DBAPIError) as caught, store.write() as connection:  # noqa: PT012
        (tmp_path / "backup.db").replace(tmp_path / "store.db")
        connection.exec_driver_sql("INSERT INTO rules VALUES ('2', '{}', '2026-01-02', '2026-01-02')")
    assert "was replaced meanwhile: run this again" in str(explained(caught.value))
    with store.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM rules").scalar() == 0
    with store.write() as connection:
        connection.exec_driver_sql("INSERT INTO rules VALUES ('3', '{}', '2026-01-03', '2026-01-03')")
    store.close()
    with sqlite3.connect(tmp_path / "store.db") as database:
        assert database.execute("SELECT version FROM rules").fetchall() == [("3",)]


def test_where_the_file_of_the_store_is_away_for_a_moment_no_empty_one_is_made(tmp_path: Path) -> None:
    path, away = tmp_path / "store.db", tmp_path / "away.db"
    store = Store(f"sqlite:///{path}")
    store.upgrade()
    path.replace(away)
    with pytest.raises(sa.exc.DBAPIError) as caught, store.write() as connection:
        connection.exec_driver_sql("INSERT INTO rules VALUES ('1', '{}', '2026-01-01', '2026-01-01')")
    assert "was replaced meanwhile: run this again" in str(explained(caught.value))
    assert not path.exists()
    away.replace(path)
    with store.write() as connection:
        connection.exec_driver_sql("INSERT INTO rules VALUES ('2', '{}', '2026-01-02', '2026-01-02')")
    store.close()
    with sqlite3.connect(path) as database:
        assert database.execute("SELECT version FROM rules").fetchall() == [("2",)]


def test_where_a_workspace_was_moved_away_no_empty_one_is_made_for_its_lock(tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "here") as workspace:
        workspace.path.rename(tmp_path / "there")
        with pytest.raises(WorkbenchError, match="is not there any more"), workspace.exclusive():
            pass
        assert not workspace.path.exists()
        (tmp_path / "there").rename(workspace.path)
        with workspace.exclusive():
            pass
