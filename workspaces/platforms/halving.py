"""Sends batches of tasks; one that the server refuses is halved until the rows are left that it refuses alone.

What is refused does not keep the rest from going on. Where nothing at all goes through, or nothing any more, the fault
is the server's or the dataset's and no row's: then nothing is rejected, and the first failure is raised. A row at which
the server fails is sent a second time before it is blamed: the fault may have passed, or the row stands there by now.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, TypeVar

import httpx

from workspaces.platforms.base import RequestRefusedError, ServerFailedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from workspaces.errors import WorkbenchError
    from workspaces.forms import TaskContent
    from workspaces.platforms.base import Refuse

T = TypeVar("T")

MOST_REFUSED = 20
"""So many rows in a row, and none that went through, are no rows' fault."""

MOST_FAILED = 3
"""So many rows at which the server failed, and none that went through since: each costs several attempts."""

OF_ROWS = frozenset(
    {
        httpx.codes.BAD_REQUEST,
        httpx.codes.CONFLICT,
        httpx.codes.REQUEST_ENTITY_TOO_LARGE,
        httpx.codes.UNPROCESSABLE_ENTITY,
    }
)
"""With these a server refuses what a request holds, rather than who asks or where."""

QUOTED = 12
"""So many characters that a reason shares with the text of a task are taken for a quotation of it."""


class Halving:
    """Finds the rows that a server does not take; ``refuse`` is told of each, with the reason. None: it is raised."""

    def __init__(self, refuse: Refuse | None) -> None:
        self._refuse = refuse
        self._went_through = False
        self._held: list[tuple[TaskContent, WorkbenchError]] = []

    def send(self, batch: Sequence[TaskContent], send: Callable[[list[TaskContent]], T]) -> Iterator[T]:
        """Yield what ``send`` makes of a batch, or of the parts of it that the server takes.

        Args:
            batch: at least one task.
            send: may be given tasks again that it was given before.

        Raises:
            WorkbenchError: of ``send``, where no row can be blamed.
        """
        parts = [list(batch)]
        again: set[str] = set()
        while parts:
            part = parts.pop()
            try:
                answer = send(part)
            except (RequestRefusedError, ServerFailedError) as error:
                if self._refuse is None or not _of_rows(error):
                    raise
                if half := len(part) // 2:
                    parts += [part[half:], part[:half]]
                elif isinstance(error, ServerFailedError) and part[0].task_id not in again:
                    again.add(part[0].task_id)
                    parts.append(part)
                else:
                    self._hold(part[0], error)
                continue
            self._went_through = True
            self._tell()
            yield answer

    def end(self) -> None:
        """Tell of the last rows; where the server failed at all there were, raise its failure."""
        if not self._went_through:
            for _, error in self._held:
                if isinstance(error, ServerFailedError):
                    raise error
        self._tell()

    def _hold(self, row: TaskContent, error: WorkbenchError) -> None:
        self._held.append((row, error))
        failed = [it for _, it in self._held if isinstance(it, ServerFailedError)]
        if len(failed) >= MOST_FAILED or (not self._went_through and len(self._held) >= MOST_REFUSED):
            raise failed[0] if failed else error
        if self._went_through and not failed:
            self._tell()

    def _tell(self) -> None:
        if self._refuse is not None:
            for row, error in self._held:
                self._refuse(row.task_id, without_texts(str(error), row))
        self._held.clear()


def _of_rows(error: RequestRefusedError | ServerFailedError) -> bool:
    if isinstance(error, ServerFailedError):
        return error.status == httpx.codes.INTERNAL_SERVER_ERROR  # others say that the server is not there
    return error.status in OF_ROWS


def without_texts(reason: str, task: TaskContent) -> str:
    """Return a server's reason without what it quotes of a task's texts: the store holds none."""
    texts = [
        form for turns in task.chats.values() for turn in turns for form in (turn.text, escape(turn.text))
    ]
    texts += [*task.prefilled.values(), *task.opinion.values()]
    hidden = [False] * len(reason)
    for start in range(len(reason) - QUOTED + 1):
        if any(reason[start : start + QUOTED] in text for text in texts):
            hidden[start : start + QUOTED] = [True] * QUOTED
    shown = "".join("\0" if is_hidden else letter for letter, is_hidden in zip(reason, hidden, strict=True))
    return "…".join(filter(None, shown.split("\0"))) if any(hidden) else reason
