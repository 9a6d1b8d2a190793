"""Group commit: what several callers write at the same time is kept by one commit, which is what writing costs.

A commit waits for the disk, and the databases have one writer at a time (SQLite always, the ledger on PostgreSQL):
while one commit is under way, what else is to be written gathers, and the next commit keeps all of it. A caller hears
of its result after that commit, so that nothing is told that could be lost.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import sqlalchemy as sa

if TYPE_CHECKING:
    from collections.abc import Callable

    from workspaces.store.database import Store

    Work: TypeAlias = Callable[[sa.Connection], Any]

Result = TypeVar("Result")

MOST_TOGETHER = 64
"""Units of work in one transaction: other processes wait for its end."""


class GroupCommit:
    """Writes to a store in a thread of its own, which ends with it. Any thread may ask it to."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: deque[tuple[Work, Future[Any]]] = deque()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="group commit")

    def submit(self, work: Callable[[sa.Connection], Result]) -> Future[Result]:
        """Write something, and return its result once it is committed.

        A unit that raises leaves nothing behind and keeps no other from being written; when the commit itself fails,
        every unit in it does. Units are written in the order in which they were submitted.
        """
        future: Future[Result] = Future()
        self._waiting.append((work, future))
        self._thread.submit(self._write_waiting)
        return future

    def _write_waiting(self) -> None:
        """Write what has gathered; nothing, if the call before took it along."""
        units: list[tuple[Work, Future[Any]]] = []
        while self._waiting and len(units) < MOST_TOGETHER:
            work, future = self._waiting.popleft()
            if future.set_running_or_notify_cancel():
                units.append((work, future))
        if not units:
            return
        try:
            with self._store.write() as connection:
                results = [_outcome(connection, work, alone=len(units) == 1) for work, _ in units]
        except BaseException as error:  # nobody waits forever, whatever it was
            for _, future in units:
                future.set_exception(error)
            return
        for (_, future), (result, raised) in zip(units, results, strict=True):
            if raised is None:
                future.set_result(result)
            else:
                future.set_exception(raised)


def _outcome(connection: sa.Connection, work: Work, *, alone: bool) -> tuple[Any, Exception | None]:
    """Return the result of one unit, or what it raised after it was undone.

    Raises:
        Exception: what a unit raised that is alone in its transaction, which is rolled back; or that ended the whole
            transaction, as SQLite does where the disk is full: the units before it are lost, and are told so.
    """
    if alone:
        return work(connection), None
    savepoint = connection.begin_nested()
    try:
        result = work(connection)
    except Exception as error:
        try:
            savepoint.rollback()
        except sa.exc.DBAPIError:
            raise error from None
        return None, error
    savepoint.commit()
    return result, None
