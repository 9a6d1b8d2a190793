"""Threads that read wait for a commit, a commit for them, and writers for each other, without asking SQLite again and
again."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.sample_records import NOW
from workspaces.store import Store, database
from workspaces.store.identities import all_people, save_identities
from workspaces.store.turns import Line, Turns

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SOON = 0.2


@pytest.fixture
def impatient(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A database without WAL in which SQLite waits for nobody."""
    monkeypatch.setattr(database, "journal_mode", lambda _: "TRUNCATE")
    monkeypatch.setattr(database, "BUSY_TIMEOUT_MS", 0)
    monkeypatch.setattr(database, "Line", lambda _: Line(most_seconds=60))
    monkeypatch.setattr(database, "Turns", lambda: Turns(most_seconds=60))
    made = Store(f"sqlite:///{tmp_path / 'test.db'}")
    made.upgrade()
    yield made
    made.close()


def test_threads_that_read_and_one_that_writes_are_never_in_each_others_way(impatient: Store) -> None:
    written = threading.Event()

    def write() -> None:
        try:
            for number in range(60):
                with impatient.write() as connection:
                    save_identities(connection, {f"hash {number}": f"person {number}"}, NOW)
        finally:
            written.set()

    def read() -> list[int]:
        seen = []
        while not written.is_set():
            with impatient.read() as connection:
                seen.append(len(all_people(connection)))
        return seen

    with ThreadPoolExecutor(7) as threads:
        reading = [threads.submit(read) for _ in range(6)]
        threads.submit(write).result()
        for each in reading:
            assert each.result() == sorted(each.result())
    with impatient.read() as connection:
        assert len(all_people(connection)) == 60


def test_of_many_writers_none_waits_in_vain(impatient: Store) -> None:
    def write(number: int) -> None:
        for part in range(5):
            with impatient.write() as connection:
                save_identities(connection, {f"hash {number} {part}": f"person {number} {part}"}, NOW)

    with ThreadPoolExecutor(20) as threads:
        list(threads.map(write, range(20)))
    with impatient.read() as connection:
        assert len(all_people(connection)) == 100


def test_writers_come_in_order_one_at_a_time() -> None:
    line, order = Line(most_seconds=20), []
    with ThreadPoolExecutor(5) as threads:

        def write(number: int) -> None:
            with line.writing():
                order.append(number)
                assert not threading.Event().wait(0.01)
                order.append(number)

        with line.writing():
            waiting = []
            for number in range(5):
                waiting.append(threads.submit(write, number))
                while len(line._waiting) < number + 2:
                    pass
            assert order == []
        for each in waiting:
            each.result(20)
    assert order == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]


def test_a_writer_that_waits_for_long_or_is_interrupted_keeps_nobody_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    line = Line(most_seconds=0.05)
    with line.writing():
        with line.writing():  # at its own risk
            pass
        with monkeypatch.context() as patched:
            patched.setattr(threading.Event, "wait", interrupted)
            with pytest.raises(KeyboardInterrupt), line.writing():
                raise AssertionError
    assert not line._waiting


def test_who_comes_while_a_commit_waits_is_let_in_after_it_and_who_reads_already_at_once() -> None:
    turns, order = Turns(most_seconds=20), []
    asked, again = threading.Event(), threading.Event()

    def first() -> None:
        with turns.reading():
            asked.set()
            assert again.wait(20)
            with turns.reading():
                order.append("first, again")

    def commit() -> None:
        with turns.committing():
            order.append("commit")

    def second() -> None:
        with turns.reading():
            order.append("second")

    with ThreadPoolExecutor(3) as threads:
        reads = threads.submit(first)
        assert asked.wait(20)
        commits = threads.submit(commit)
        while not turns._waiting:
            pass
        late = threads.submit(second)
        assert not threading.Event().wait(SOON)
        assert order == []
        again.set()
        for each in (reads, commits, late):
            each.result(20)
    assert order == ["first, again", "commit", "second"]


def test_nobody_waits_for_long() -> None:
    turns = Turns(most_seconds=0.05)
    with turns.reading(), turns.committing(), ThreadPoolExecutor(1) as threads:
        with turns.committing():
            pass

        def read() -> bool:
            with turns.reading():
                return True

        assert threads.submit(read).result(20)


def test_who_is_interrupted_while_waiting_to_commit_keeps_nobody_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    turns = Turns(most_seconds=60)

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, turns.reading():
        patched.setattr(turns._changed, "wait_for", interrupted)
        with pytest.raises(KeyboardInterrupt), turns.committing():
            raise AssertionError
    with ThreadPoolExecutor(1) as threads:
        threads.submit(turns.reading().__enter__).result(20)
