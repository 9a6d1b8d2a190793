"""The file of a SQLite database is read in another process as its transaction sees it, or not at all."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
import sqlalchemy as sa

from chatfeedback.steps.reading import Reading
from tests.sample_records import NOW
from workspaces.store import Store
from workspaces.store.annotations import annotation_revision
from workspaces.store.arrow_rows import DamagedValueError, annotation_tables, task_tables
from workspaces.store.members import MemberStatus, bar
from workspaces.store.still_files import ROWS_AT_ONCE, StillFile, UnreadableError, still_file
from workspaces.store.tasks import task
from workspaces.workers import LocalWorkers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from workspaces.store.arrow_rows import Source

TEXTS = ["plain", "", "ü\u2028\n'\"", "a\0b", "語" * 300]


@pytest.fixture
def stored(tmp_path: Path) -> Iterator[Store]:
    """Tasks and answers of which the first batch lacks what later ones have."""
    store = Store(sa.URL.create("sqlite", database=str(tmp_path / "some words? # %41.db")))
    store.upgrade()
    tasks = [
        {
            "task_id": f"t{number}", "kind": "preference", "message_ids": [TEXTS[number % 5]],
            "conversation_ids": ["c"], "significance": "low", "quote": {}, "rules_version": TEXTS[number % 5],
            "platform": "argilla", "overlap": number, "created_at": NOW, "mix": "default",
            **dict.fromkeys(("seed_agent", "closed_at", "least_answers", "rewrites")),
            **({"seed_agent": TEXTS[number % 5], "closed_at": NOW, "least_answers": 2**40, "rewrites": ["r"]}
               if number % 7 == 3 else {}),
        }
        for number in range(50)
    ]  # fmt: skip
    answers = [
        {
            "annotation_id": f"{number:08}", "revision": 1, "task_id": f"t{number % 50}", "person_id": f"p{number % 3}",
            "platform": "argilla", "response_id": "r", "status": "submitted", "answers": {"reason": TEXTS[number % 5]},
            "content_hash": "h", "updated_at": NOW + timedelta(microseconds=number), "synced_at": NOW,
            **dict.fromkeys(("shown_first", "lead_time", "served_at")),
            **({"shown_first": TEXTS[number % 5], "lead_time": number / 3, "served_at": NOW}
               if number > ROWS_AT_ONCE + 100 and number % 2 else {}),
        }
        for number in range(ROWS_AT_ONCE + 2000)
    ]  # fmt: skip
    with store.write() as connection:
        connection.execute(sa.insert(task), tasks)
        connection.execute(sa.insert(annotation_revision), answers)
        bar(connection, "p2", ["argilla"], NOW, "lead")
    yield store
    store.close()


def everything(source: Source) -> list[pa.Table]:
    made = (task_tables(source), *(annotation_tables(source, it) for it in (None, MemberStatus.BARRED)))
    return [pa.concat_tables(tables) for tables in made]


def test_another_process_reads_what_the_transaction_sees(stored: Store, tmp_path: Path) -> None:
    with stored.read() as connection, LocalWorkers(2) as workers:
        file = still_file(connection)
        assert file is not None
        assert file.path.endswith("some words? # %41.db")
        expected = everything(connection)
        assert [len(table) for table in expected] == [50, 45_024, 22_512]
        (found,) = workers.run(everything, [(file,)])
        assert all(one.equals(other) for one, other in zip(found, expected, strict=True))
        with sqlite3.connect(file.path, timeout=0.1) as other:  # which has not lost its lock
            other.execute("UPDATE task SET overlap = 77")
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                other.commit()
            (again,) = workers.run(everything, [(file,)])
            assert again[0].equals(expected[0])
            other.rollback()


def test_who_has_the_transaction_reads_what_the_driver_cannot(stored: Store) -> None:
    with stored.write() as connection:
        connection.exec_driver_sql(
            "UPDATE annotation_revision SET revision = 1.5 WHERE annotation_id = '00000007'"
        )
    with stored.read() as connection, LocalWorkers(2) as workers:
        file = still_file(connection)
        with pytest.raises(UnreadableError):
            list(workers.run(everything, [(file,)]))
        assert workers._pool is not None
        processes = {*workers._pool._processes}
        reading = Reading(connection, workers)
        assert reading.begin(tables_of_tasks).result().num_rows == 50
        assert reading.begin(everything_but_answers).result().num_rows == 50
        assert processes <= {*workers._pool._processes}  # they stay for more work


def test_a_value_that_is_of_no_use_is_an_error_that_names_its_column(stored: Store) -> None:
    for column, value in {"lead_time": "'soon'", "updated_at": "12", "answers": "x'ff'"}.items():
        statement = f"UPDATE annotation_revision SET {column} = %s WHERE annotation_id = '00000007'"
        with stored.write() as connection:
            connection.exec_driver_sql(statement % value)
        said = rf"a value in annotation_revision\.{column} .*restore a backup"
        with (
            stored.read() as connection,
            LocalWorkers(2) as workers,
            pytest.raises(DamagedValueError, match=said),
        ):
            Reading(connection, workers).begin(everything).result()
        with stored.write() as connection:
            connection.exec_driver_sql(statement % f"(SELECT max({column}) FROM annotation_revision)")


def everything_but_answers(source: Source) -> pa.Table:
    return pa.concat_tables(task_tables(source))


def tables_of_tasks(source: Source) -> pa.Table:
    if isinstance(source, StillFile):
        raise UnreadableError("odd")
    return everything_but_answers(source)


def test_a_file_that_others_may_write_to_is_not_read(stored: Store, tmp_path: Path) -> None:
    with stored.engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA journal_mode=WAL")
    with stored.read() as connection:
        assert still_file(connection) is None
    with sa.create_engine("sqlite://").connect() as connection:
        assert still_file(connection) is None
