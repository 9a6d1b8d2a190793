"""Bulk settlement, verification, wallet and leaderboard, on SQLite and PostgreSQL with durable commits.

Run: ``.venv/bin/python bench/ledger.py`` (about six minutes; ``--entries 100000`` for a short one). PostgreSQL is
started from Debian's package, with ``fsync`` and ``synchronous_commit`` on.

"Bare" is ``executemany`` of the driver itself, of the very same rows into tables of the same schema on the same
database, committed as often.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import tempfile
import time
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from chatfeedback.steps.settle import SETTLE_BATCH
from reward_engine import Posting, board, due, settle, totals, verify, wallet
from reward_engine.accounts import credit
from reward_engine.settlement import Due
from tests.defined import defined
from tests.postgresql_server import postgresql_server
from tests.sample_records import ALL_TAGS, NOW, annotation, task
from workspaces.chunks import in_chunks
from workspaces.store import Store
from workspaces.store.annotations import annotation_revision
from workspaces.store.insert import insert_rows
from workspaces.store.ledger import ledger_entry, ledger_transaction
from workspaces.store.settlements import settlement
from workspaces.store.tasks import save_tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from workspaces.records import Annotation

PEOPLE = 2_000
ROUNDS = 3
FILL_BATCH = 5_000
LEDGER_TABLES = (ledger_transaction, ledger_entry, settlement)


def timed(work: Callable[[], object]) -> float:
    gc.collect()
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def corrections(count: int, round_: str) -> tuple[list[Due], float]:
    """Return so many credits, and the seconds it took to work them out."""
    tasks = {f"{round_}{n}": task(f"{round_}{n}", {"qualities": 6}) for n in range(count)}
    answers = [
        annotation(name, f"p{n % PEOPLE:06}", ALL_TAGS, name=f"a{name}", at=NOW + timedelta(seconds=n))
        for n, name in enumerate(tasks)
    ]
    found: list[Due] = []
    return found, timed(lambda: found.extend(due(tasks, answers, {}, {}, lambda _: None)))


def settle_all(store: Store, found: list[Due], batch: int = SETTLE_BATCH) -> None:
    for some in in_chunks(found, batch):
        with store.write() as connection:
            settle(connection, some, NOW)


def raw_rows(store: Store, table: sa.Table) -> list[tuple[Any, ...]]:
    with store.read() as connection:
        return [
            tuple(row) for row in connection.exec_driver_sql(f"SELECT * FROM {table.name} ORDER BY sequence")
        ]


def insert_bare(store: Store, rows: dict[sa.Table, list[tuple[Any, ...]]], credits_: int) -> None:
    mark = "%s" if store.is_shared else "?"
    driver = store.engine.raw_connection()
    cursor = driver.cursor()
    for start in range(0, credits_, SETTLE_BATCH):
        if not store.is_shared:
            cursor.execute("BEGIN IMMEDIATE")
        for table, found in rows.items():
            share = len(found) // credits_
            chunk = found[start * share : (start + SETTLE_BATCH) * share]
            cursor.executemany(
                f"INSERT INTO {table.name} VALUES ({', '.join([mark] * len(chunk[0]))})", chunk
            )
        driver.commit()
    driver.close()


@contextmanager
def databases(folder: Path, server: str | None) -> Iterator[Callable[[str], Store]]:
    """Yield a function that makes an empty, migrated store."""

    def make(name: str) -> Store:
        if server is None:
            store = Store(f"sqlite:///{folder / name}.db")
        else:
            maker = sa.create_engine(f"postgresql+psycopg://{server}/postgres", isolation_level="AUTOCOMMIT")
            with maker.connect() as connection:
                connection.exec_driver_sql(f"CREATE DATABASE {name}")
            maker.dispose()
            store = Store(f"postgresql://{server}/{name}")
        store.upgrade()
        stores.append(store)
        return store

    stores: list[Store] = []
    try:
        yield make
    finally:
        for store in stores:
            store.close()


def bulk(make: Callable[[str], Store], credits_: int) -> None:
    """Settle and insert the same rows bare, in turns."""
    posting, deciding, bare = [], [], []
    for number in range(ROUNDS):
        found, seconds = corrections(credits_, f"r{number}x")
        deciding.append(seconds)
        ours, theirs = make(f"ours{number}"), make(f"bare{number}")
        posting.append(timed(partial(settle_all, ours, found)))
        rows = {table: raw_rows(ours, table) for table in LEDGER_TABLES}
        bare.append(timed(partial(insert_bare, theirs, rows, credits_)))
        assert {t: len(raw_rows(theirs, t)) for t in LEDGER_TABLES} == {t: len(r) for t, r in rows.items()}
    post_s, due_s, bare_s = (statistics.median(each) for each in (posting, deciding, bare))
    print(
        f"  {credits_:,} credits in transactions of {SETTLE_BATCH}: {credits_ / post_s:,.0f} credits/s posted "
        f"({credits_ / (post_s + due_s):,.0f} with deciding them), bare executemany {credits_ / bare_s:,.0f}: "
        f"{post_s / bare_s:.2f} times bare ({(post_s + due_s) / bare_s:.2f} with deciding); "
        f"rounds {', '.join(f'{p / b:.2f}' for p, b in zip(posting, bare, strict=True))}"
    )


def large(make: Callable[[str], Store], entries: int) -> None:
    """Fill a ledger, verify it, and read a wallet and the leaderboard."""
    store = make("large")
    fill(store, entries // 2)
    seen = []

    def verified() -> None:
        with store.read() as connection:
            seen.append(verify(connection))

    busy = time.process_time()
    seconds = timed(verified)
    busy = time.process_time() - busy
    assert seen[0].is_whole, seen[0].problems[:3]
    print(
        f"  {seen[0].entries:,} entries verified in {seconds:.1f} s, {busy:.1f} s of it on the CPU of Python"
    )
    for name, look in (
        ("wallet", lambda connection: wallet(connection, "p000007")),
        ("leaderboard", lambda connection: board(totals(connection))),
    ):
        times = []
        for _ in range(21):
            with store.read() as connection:
                times.append(timed(partial(look, connection)))
        print(f"  {name}: median {statistics.median(times) * 1000:.1f} ms, worst {max(times) * 1000:.1f} ms")


def fill(store: Store, credits_: int) -> None:
    """Post so many credits, each for an answer of its own, without waiting for the disk: this is not measured."""
    with store.engine.connect() as connection:
        driver = connection.connection.driver_connection
        if driver is not None and not store.is_shared:
            for pragma in ("synchronous = OFF", "cache_size = -500000"):
                driver.execute(f"PRAGMA {pragma}")
        connection.rollback()
    with store.write() as connection:
        save_tasks(connection, [task("t", {"qualities": 6})])
    for start in range(0, credits_, FILL_BATCH):
        found = [
            credit_of(number, annotation("t", f"p{number % PEOPLE:06}", {}, name=f"a{number}"))
            for number in range(start, start + FILL_BATCH)
        ]
        with store.write() as connection:
            insert_rows(connection, annotation_revision, [revision(each) for each in found])
            settle(connection, found, NOW)
    store.close()
    if store.is_shared:
        with store.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            connection.exec_driver_sql("ANALYZE")


def credit_of(number: int, answer: Annotation) -> Due:
    posting = Posting(
        key=f"settle/{answer.person_id}/t/qualities/{number}",
        entries=credit(answer.person_id, 6),
        reason="qualities of a qualitative task of medium significance",
        rules_version="1",
        event_at=NOW + timedelta(seconds=number),
    )
    return Due(answer.person_id, "t", "qualities", 6, 1.0, answer, posting)


def revision(each: Due) -> tuple[object, ...]:
    answer = defined(each.annotation)
    row = {
        "annotation_id": answer.id,
        "revision": answer.revision,
        "task_id": answer.task_id,
        "person_id": answer.person_id,
        "platform": answer.platform,
        "response_id": answer.id,
        "status": "submitted",
        "answers": {},
        "content_hash": "",
        "updated_at": NOW,
        "synced_at": NOW,
        "remote_id": None,
        "number": None,
    }
    return tuple(row[column.name] for column in annotation_revision.columns)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--credits", type=int, default=10_000)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--only", choices=["sqlite", "postgresql"])
    options = parser.parse_args()
    for name in ("sqlite", "postgresql"):
        if options.only not in (None, name):
            continue
        print(name, flush=True)
        with (
            tempfile.TemporaryDirectory() as folder,
            server_of(name) as server,
            databases(Path(folder), server) as make,
        ):
            if options.credits:
                bulk(make, options.credits)
            if options.entries:
                large(make, options.entries)


@contextmanager
def server_of(name: str) -> Iterator[str | None]:
    if name == "sqlite":
        yield None
        return
    with postgresql_server(durable=True) as address:
        yield address


if __name__ == "__main__":
    main()
