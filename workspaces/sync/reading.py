"""Reads the answers in one container, and goes on where a part of it cannot be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workspaces.errors import WorkbenchError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from workspaces.platforms.base import Platform, RemoteAnswer
    from workspaces.records import PlacedTask

GIVE_UP = 3
"""So many tasks in a row that cannot be read mean that the platform, not the task, is at fault."""


class Reading:
    """One reading of a container: iterate over it for its answers, then ask what could not be read.

    Answers come page by page. When a page fails, every task is asked for by itself, so that one answer, task or page
    that the platform cannot deliver hides no other one. No answer is yielded by both.
    """

    def __init__(self, platform: Platform, container_id: str, places: Sequence[PlacedTask]) -> None:
        self._platform = platform
        self._container_id = container_id
        self._places = places
        self.failures: list[str] = []
        self.unread: set[str] = set()
        self.gone: set[str] = set()

    def __iter__(self) -> Iterator[list[RemoteAnswer]]:
        """Yield the answers in batches; none fails, ``failures`` and ``unread`` (task ids) tell what is missing.

        ``gone`` are those of the unread tasks that do not stand there any more, as far as they were asked for.
        """
        shown: set[str] = set()
        try:
            for page in self._platform.pull(self._container_id):
                shown.update(answer.response_id for answer in page)
                yield page
        except WorkbenchError as error:
            self._note(error)
            for answers in self._one_by_one(self._places):
                yield [answer for answer in answers if answer.response_id not in shown]

    def _one_by_one(self, places: Sequence[PlacedTask]) -> Iterator[list[RemoteAnswer]]:
        in_a_row = 0
        for position, place in enumerate(places):
            try:
                answers = self._platform.answers_to(place)
            except WorkbenchError as error:
                self._note(error)
                self.unread.add(place.task_id)
                in_a_row += 1
                if in_a_row == GIVE_UP:
                    self.unread.update(other.task_id for other in places[position:])
                    return
                continue
            in_a_row = 0
            if answers is None:
                self.unread.add(place.task_id)
                self.gone.add(place.task_id)
                continue
            yield answers

    def _note(self, error: WorkbenchError) -> None:
        if str(error) not in self.failures:
            self.failures.append(str(error))
