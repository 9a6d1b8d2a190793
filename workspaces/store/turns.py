"""Turns of the threads of one process at a database of SQLite, which has one writer at a time.

Without WAL, SQLite lets a commit wait for every reader and new readers for the commit; with and without it, one writer
waits for another. Each of them looks again after a sleep that grows to a tenth of a second, so that among many writers
one may find others there for half a minute. Here they are woken as soon as it is their turn. Other processes are
SQLite's affair, as before, and so is whoever waits for longer than a limit.
"""

from __future__ import annotations

import threading
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_SECONDS = 1.0
"""How long a thread waits for its turn to read or commit; then it goes on, and SQLite lets it wait."""


class Line:
    """One thread may write at a time, in the order in which they came."""

    def __init__(self, most_seconds: float) -> None:
        self._most_seconds = most_seconds
        self._lock = threading.Lock()
        self._waiting: deque[threading.Event] = deque()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Write in this turn, alone; or beside others, once the limit of seconds is over."""
        mine = threading.Event()
        try:
            with self._lock:
                self._waiting.append(mine)
                self._waiting[0].set()
            mine.wait(self._most_seconds)
            yield
        finally:  # also where Ctrl-C ends the waiting: nobody waits for a writer that does not come
            with self._lock:
                if mine in self._waiting:
                    self._waiting.remove(mine)
                if self._waiting:
                    self._waiting[0].set()


class Turns:
    """Many threads may read at a time, or one commit. Who waits is let in after the next commit, so nobody starves."""

    def __init__(self, most_seconds: float = MOST_SECONDS) -> None:
        self._most_seconds = most_seconds
        self._changed = threading.Condition()
        self._readers = self._waiting = self._committing = self._committed = 0
        self._own = threading.local()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Read in this turn. A thread that reads already does not wait."""
        own: list[None] = self._own.__dict__.setdefault("reads", [])
        with self._changed:
            if not own:
                before = self._committed
                self._changed.wait_for(
                    lambda: not self._committing and (not self._waiting or self._committed != before),
                    self._most_seconds,
                )
            self._readers += 1
            own.append(None)
        try:
            yield
        finally:
            with self._changed:
                self._readers -= 1
                own.pop()
                self._changed.notify_all()

    @contextmanager
    def committing(self) -> Iterator[None]:
        """Commit in this turn, alone."""
        with self._changed:
            self._waiting += 1
            try:
                self._changed.wait_for(lambda: not self._readers and not self._committing, self._most_seconds)
            finally:  # also where Ctrl-C ends the waiting: nobody waits for a commit that does not come
                self._waiting -= 1
                self._changed.notify_all()
            self._committing += 1
        try:
            yield
        finally:
            with self._changed:
                self._committing -= 1
                self._committed += 1
                self._changed.notify_all()
