"""Reads the database for an export: another process its file where one can, which is quicker, or else this one."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from workspaces.store.still_files import UnreadableError, still_file
from workspaces.workers import results_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    import sqlalchemy as sa

    from workspaces.workers import LocalWorkers

FoundT = TypeVar("FoundT")
OtherT = TypeVar("OtherT")


class Reading:
    """Calls functions of a ``Source`` (``workspaces.store.arrow_rows``) and of more.

    Args:
        connection: to the database, in a transaction that has not ended when the last function is called.
        workers: the other processes.
    """

    def __init__(self, connection: sa.Connection, workers: LocalWorkers) -> None:
        self._connection, self._workers = connection, workers
        self._file = None if workers.alone else still_file(connection)

    def of(self, function: Callable[..., FoundT], *arguments: Any, meanwhile: Callable[[], None]) -> FoundT:
        """Return what a function returns; ``meanwhile`` is called while another process works, or before."""
        return self.beside(function, arguments, function, (), meanwhile)[0]

    def beside(
        self,
        function: Callable[..., FoundT],
        arguments: Sequence[Any],
        other: Callable[..., OtherT],
        work: Sequence[tuple[Any, ...]],
        meanwhile: Callable[[], None],
    ) -> tuple[FoundT, list[OtherT]]:
        """Return what a function returns and, made at the same time, what another returns for each piece of work.

        ``meanwhile`` is called while other processes work; with none, before.
        """
        found: list[FoundT] = []
        others: list[OtherT] = []

        def read() -> None:
            meanwhile()
            found.append(function(self._connection, *arguments))

        def make_others() -> None:
            others.extend(results_of(self._workers, other, work, meanwhile))

        if self._file is None:
            others = results_of(self._workers, other, work, read)
            return found[0], others
        try:
            found = results_of(self._workers, function, [(self._file, *arguments)], make_others)
        except UnreadableError:
            found = [function(self._connection, *arguments)]
        return found[0], others
