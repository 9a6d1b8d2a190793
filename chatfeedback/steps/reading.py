"""Reads the database for an export: another process its file where one can, which is quicker, or else this one."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from workspaces.store.still_files import UnreadableError, still_file
from workspaces.workers import WorkerDiedError, results_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import sqlalchemy as sa

    from workspaces.store.still_files import StillFile
    from workspaces.workers import LocalWorkers

FoundT = TypeVar("FoundT")


class Reading:
    """Begins to read.

    Args:
        connection: to the database, in a transaction that has not ended when the last result is asked for.
        workers: the other processes; they stay.
    """

    def __init__(self, connection: sa.Connection, workers: LocalWorkers) -> None:
        self._connection, self._workers = connection, workers
        self._file = None if workers.alone else still_file(connection)

    def begin(self, function: Callable[..., FoundT], *arguments: Any) -> Coming[FoundT]:
        """Begin to call a function of a ``Source`` (``workspaces.store.arrow_rows``) and of other arguments."""
        return Coming(self._connection, self._file, self._workers, function, arguments)


class Coming(Generic[FoundT]):
    """What a function is going to return: another process works at it, or this one when it is asked for."""

    def __init__(
        self,
        connection: sa.Connection,
        file: StillFile | None,
        workers: LocalWorkers,
        function: Callable[..., FoundT],
        arguments: tuple[Any, ...],
    ) -> None:
        self._connection, self._workers = connection, workers
        self._function, self._arguments = function, arguments
        self._work = None if file is None else [(file, *arguments)]
        self._begun: Iterator[FoundT] | None = None
        if self._work:
            with suppress(WorkerDiedError):  # it begins when the result is asked for
                self._begun = workers.begin(function, self._work)

    def result(self) -> FoundT:
        """Return the result; to be called once.

        Raises:
            WorkerDiedError: too many workers died.
        """
        with suppress(UnreadableError):
            if self._begun is not None:
                with suppress(WorkerDiedError):
                    [found] = self._begun  # to the end: who leaves it half-way ends the workers
                    return found
            if self._work is not None:
                return results_of(self._workers, self._function, self._work)[0]
        return self._function(self._connection, *self._arguments)
