"""Group commit: what is written at the same time is kept together, and each caller hears of its own unit alone."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.sample_records import NOW
from workspaces.store.group_commit import MOST_TOGETHER, GroupCommit
from workspaces.store.identities import all_people, save_identities

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from workspaces.store import Store


class WrongError(Exception):
    """A unit of work raises it."""


def adding(name: str, *, wrong: bool = False) -> Callable[[sa.Connection], str]:
    """Return a unit of work that adds a person, and may raise afterwards."""

    def work(connection: sa.Connection) -> str:
        save_identities(connection, {f"hash of {name}": name}, NOW)
        if wrong:
            raise WrongError(name)
        return name

    return work


class Held:
    """A group commit whose thread is kept busy until what is to be written together was submitted."""

    def __init__(self, store: Store) -> None:
        self.group, self.commits = GroupCommit(store), 0
        self._go = threading.Event()
        self._busy = self.group.submit(lambda _: self._go.wait(20))
        while not self._busy.running():
            pass
        sa.event.listen(store.engine, "commit", self._count)

    def let_go(self) -> None:
        self._go.set()
        assert self._busy.result(20)

    def _count(self, _: sa.Connection) -> None:
        self.commits += 1


def test_units_that_gather_are_kept_by_one_commit_and_one_that_raises_by_none(store: Store) -> None:
    held = Held(store)
    futures = {name: held.group.submit(adding(name, wrong=name == "b")) for name in "abc"}
    held.let_go()
    assert futures["a"].result(20) == "a"
    with pytest.raises(WrongError):
        futures["b"].result(20)
    assert futures["c"].result(20) == "c"
    assert held.commits == 2, "that which was under way, and one for all that gathered"
    with store.read() as connection:
        assert all_people(connection) == {"a", "c"}


def test_a_unit_alone_that_raises_leaves_nothing(store: Store) -> None:
    with pytest.raises(WrongError):
        GroupCommit(store).submit(adding("a", wrong=True)).result(20)
    with store.read() as connection:
        assert all_people(connection) == set()


def test_a_commit_that_fails_fails_for_all(sqlite_store: Store) -> None:
    held = Held(sqlite_store)
    futures = [held.group.submit(adding(name)) for name in "ab"]

    def broken(_: sa.Connection) -> None:
        raise WrongError

    held.let_go()
    sa.event.listen(sqlite_store.engine, "commit", broken)
    later = [held.group.submit(adding(name)) for name in "cd"]
    for future in later:
        with pytest.raises(WrongError):
            future.result(20)
    sa.event.remove(sqlite_store.engine, "commit", broken)
    told = {future.result(20) for future in futures if future.exception(20) is None}
    with sqlite_store.read() as connection:
        assert all_people(connection) == told


def test_what_was_given_up_before_its_turn_is_not_written(store: Store) -> None:
    held = Held(store)
    given_up, kept = held.group.submit(adding("a")), held.group.submit(adding("b"))
    assert given_up.cancel()
    held.let_go()
    assert kept.result(20) == "b"
    with store.read() as connection:
        assert all_people(connection) == {"b"}


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wrong=st.lists(st.booleans(), max_size=2 * MOST_TOGETHER + 5))
def test_whatever_raises_each_unit_is_told_what_became_of_it(sqlite_store: Store, wrong: list[bool]) -> None:
    held = Held(sqlite_store)
    with sqlite_store.read() as connection:
        before = len(all_people(connection))
    names = [f"p{before}-{place}" for place in range(len(wrong))]
    futures: list[Future[str]] = [
        held.group.submit(adding(name, wrong=each)) for name, each in zip(names, wrong, strict=True)
    ]
    held.let_go()
    told = [name for name, future in zip(names, futures, strict=True) if future.exception(20) is None]
    assert told == [name for name, each in zip(names, wrong, strict=True) if not each]
    with sqlite_store.read() as connection:
        assert {it for it in all_people(connection) if it.startswith(f"p{before}-")} == set(told)


def test_what_a_full_disk_took_back_with_the_whole_transaction_is_told_to_nobody_as_written(
    sqlite_store: Store,
) -> None:
    held = Held(sqlite_store)

    def filling(connection: sa.Connection) -> None:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
        save_identities(connection, {"hash": "f" * 1_000_000}, NOW)

    futures = [held.group.submit(work) for work in (adding("a"), filling, adding("c"))]
    held.let_go()
    for future in futures:
        with pytest.raises(sa.exc.OperationalError, match="full"):
            future.result(20)
    with sqlite_store.read() as connection:
        assert all_people(connection) == set()
    assert held.group.submit(lambda _: "goes on").result(20) == "goes on"


def test_nobody_waits_forever_whatever_ends_a_unit(store: Store) -> None:
    def ending(_: sa.Connection) -> None:
        raise SystemExit

    group = GroupCommit(store)
    with pytest.raises(SystemExit):
        group.submit(ending).result(20)
    assert group.submit(adding("a")).result(20) == "a"
