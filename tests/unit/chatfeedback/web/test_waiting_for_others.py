"""Limits, snapshots and places: what is slow or often holds nobody else up."""

from __future__ import annotations

import threading

import pytest
from starlette.exceptions import HTTPException

from chatfeedback.web import limits, snapshots
from chatfeedback.web.limits import Limit, Limits, TooOftenError
from chatfeedback.web.snapshots import Snapshot
from chatfeedback.web.writing import MOST_AT_ONCE, writing


def test_a_limit_lets_as_many_through_as_it_says_in_any_window() -> None:
    now = [0.0]
    counted, limit = Limits(lambda: now[0]), Limit("l", 3, 10.0)
    for _ in range(3):
        counted.take(limit, "a")
    counted.take(limit, "b")
    with pytest.raises(TooOftenError) as told:
        counted.take(limit, "a")
    assert told.value.seconds == 10
    now[0] = 10.0
    counted.take(limit, "a")
    counted.undo(limit, "a")
    for _ in range(3):
        counted.take(limit, "a")


def test_strangers_cannot_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_KEYS", 10)
    counted = Limits()
    for number in range(100):
        counted.take(Limit("l", 3, 10.0), str(number))
    assert len(counted._times) == 10


def test_a_snapshot_is_read_once_for_all_who_ask_at_once() -> None:
    now, read = [0.0], list[int]()
    go = threading.Event()

    def slow() -> int:
        go.wait(5)
        read.append(1)
        return len(read)

    snapshot = Snapshot(slow, 10.0, lambda: now[0])
    got: list[int] = []
    threads = [threading.Thread(target=lambda: got.append(snapshot.get())) for _ in range(8)]
    for thread in threads:
        thread.start()
    go.set()
    for thread in threads:
        thread.join(10)
    assert got == [1] * 8
    now[0] = 11.0
    assert snapshot.get() == 2
    snapshot.forget()
    assert snapshot.get() == 3


def test_whoever_asks_while_it_is_read_for_the_first_time_does_not_wait_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(snapshots, "FIRST_SECONDS", 0.05)
    go, begun = threading.Event(), threading.Event()

    def slow() -> int:
        begun.set()
        go.wait(10)
        return 1

    snapshot = Snapshot(slow, 10.0)
    first = threading.Thread(target=snapshot.get)
    first.start()
    begun.wait(5)
    with pytest.raises(HTTPException):
        snapshot.get()
    go.set()
    first.join(5)
    assert snapshot.get() == 1


def test_only_a_few_steps_that_write_wait_at_once() -> None:
    held = [writing() for _ in range(MOST_AT_ONCE)]
    for place in held:
        place.__enter__()
    with pytest.raises(HTTPException), writing():
        pass
    for place in held:
        place.__exit__(None, None, None)
    with writing():
        pass
