"""Reads the answers in one container, and goes on where a part of it cannot be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workspaces.errors import WorkbenchError
from workspaces.platforms.base import RequestRefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from workspaces.platforms.base import Platform, RemoteAnswer

GIVE_UP = 3
"""So many tasks in a row that cannot be read mean that the platform, not the task, is at fault."""

GONE = 404
"""The HTTP status of a container that no longer exists."""


class Reading:
    """One reading of a container: iterate over it for its answers, then ask what could not be read.

    Answers come page by page. When a page fails, every task is asked for by itself, so that one answer, task or page
    that the platform cannot deliver hides no other one. No answer is yielded by both.
    """

    def __init__(self, platform: Platform, container_id: str, placed: Mapping[str, str]) -> None:
        self._platform = platform
        self._container_id = container_id
        self._placed = placed
        self.failures: list[str] = []
        self.unread: set[str] = set()

    def __iter__(self) -> Iterator[list[RemoteAnswer]]:
        """Yield the answers in batches; none fails, ``failures`` and ``unread`` (task ids) tell what is missing."""
        shown: set[str] = set()
        try:
            for page in self._platform.pull(self._container_id):
                shown.update(answer.response_id for answer in page)
                yield page
        except WorkbenchError as error:
            self._note(error)
            if isinstance(error, RequestRefusedError) and error.status == GONE:
                self.unread.update(self._placed)
            else:
                for answers in self._one_by_one(sorted(self._placed)):
                    yield [answer for answer in answers if answer.response_id not in shown]

    def _one_by_one(self, task_ids: list[str]) -> Iterator[list[RemoteAnswer]]:
        in_a_row = 0
        for position, task_id in enumerate(task_ids):
            try:
                answers = self._platform.answers_to(self._placed[task_id])
            except WorkbenchError as error:
                self._note(error)
                self.unread.add(task_id)
                in_a_row += 1
                if in_a_row == GIVE_UP:
                    self.unread.update(task_ids[position:])
                    return
                continue
            in_a_row = 0
            yield answers

    def _note(self, error: WorkbenchError) -> None:
        line = f"{self._container_id}: {error}"
        if line not in self.failures:
            self.failures.append(line)
