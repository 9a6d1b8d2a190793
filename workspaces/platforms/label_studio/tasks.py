"""Our tasks in a Label Studio project: imported exactly once, found again, removed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from workspaces.chunks import in_chunks
from workspaces.errors import ConnectionFailedError
from workspaces.grammar import counted, word_for
from workspaces.platforms.base import RequestRefusedError
from workspaces.platforms.label_studio import filters
from workspaces.platforms.label_studio.form import TASK_ID_KEY, task_data
from workspaces.platforms.label_studio.shapes import Processed, Task, Tasks
from workspaces.records import PlacedTask

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pydantic import JsonValue

    from workspaces.forms import Form, TaskContent
    from workspaces.platforms.label_studio.connection import LabelStudioConnection

IMPORT_BATCH = 500
"""Tasks sent in one import, or removed at once."""

LISTING_PAGE = 1_000
"""Tasks asked for at once when we look what stands in a project."""


@dataclass(frozen=True, slots=True)
class _Standing:
    """What stands in a project: its tasks by our task id, and how many tasks it has, strangers included."""

    remote_ids: dict[str, str]
    total: int


class ProjectTasks:
    """The tasks of one project. The server gives task ids; ours stands in a task's data."""

    def __init__(self, connection: LabelStudioConnection, project_id: str) -> None:
        self._connection = connection
        self._project_id = project_id

    def push(self, form: Form, contents: Iterable[TaskContent]) -> Iterator[list[PlacedTask]]:
        """Make sure that every task stands in the project exactly once; yield them in batches.

        What stands there is listed first and left alone. After each import the server's count is compared
        with ours: if it is higher, an import that a killed run left behind has arrived as well, and doubles
        without answers are removed. A task whose remote id changed by that is yielded again.
        """
        standing = self._standing()
        yielded: dict[str, str] = {}
        for batch in in_chunks(contents, IMPORT_BATCH):
            new = {
                content.task_id: content for content in batch if content.task_id not in standing.remote_ids
            }
            if new:
                standing = self._import(form, new, standing)
            placed = {content.task_id: standing.remote_ids[content.task_id] for content in batch}
            yielded |= placed
            yield self._placed(placed)
        if self._total() != standing.total:
            now = self._standing().remote_ids
            moved = {
                task_id: now[task_id]
                for task_id, remote_id in yielded.items()
                if now.get(task_id, remote_id) != remote_id
            }
            if moved:
                yield self._placed(moved)

    def find(self, task_ids: Sequence[str]) -> list[PlacedTask]:
        """Return those of our tasks that stand in the project, doubles included."""
        placed: list[PlacedTask] = []
        for task_id in task_ids:
            page = self._connection.read(
                Tasks, "/api/tasks/", project=self._project_id, include="id,data",
                page_size=LISTING_PAGE, query=filters.with_task_id(task_id),
            )  # fmt: skip
            placed += [
                PlacedTask(task_id, str(task.id), self._project_id)
                for task in page.tasks
                if task.data.get(TASK_ID_KEY) == task_id
            ]
        return placed

    def _placed(self, remote_ids: Mapping[str, str]) -> list[PlacedTask]:
        return [PlacedTask(task_id, remote_id, self._project_id) for task_id, remote_id in remote_ids.items()]

    def _import(self, form: Form, new: Mapping[str, TaskContent], before: _Standing) -> _Standing:
        tasks = [{"data": task_data(form, content)} for content in new.values()]
        projects = self._connection.sdk.projects
        answer = self._connection.call(
            lambda: projects.import_tasks(int(self._project_id), request=tasks, return_task_ids=True),
            idempotent=False,
        )
        remote_ids = answer.task_ids or []
        after = _Standing(
            before.remote_ids | dict(zip(new, map(str, remote_ids), strict=False)), before.total + len(new)
        )
        if len(remote_ids) != len(new) or self._total() != after.total:
            after = self._standing()
        if missing := new.keys() - after.remote_ids.keys():
            absent = f"{len(missing):,} of them {word_for(len(missing), 'is', 'are')} not in project"
            raise ConnectionFailedError(
                f"Label Studio took {counted(len(new), 'task')} but {absent} {self._project_id} yet; run the same "
                "command again"
            )
        return after

    def _total(self) -> int:
        page = self._connection.read(
            Tasks, "/api/tasks/", project=self._project_id, include="id", page_size=1
        )
        return page.total

    def _standing(self) -> _Standing:
        """Return what stands in the project, doubles removed: the one with answers stays, else the oldest."""
        copies: dict[str, list[tuple[bool, int]]] = {}
        last = total = 0
        while True:
            page = self._connection.read(
                Tasks, "/api/tasks/", project=self._project_id, page_size=LISTING_PAGE,
                include=",".join(("id", "data", *filters.ANSWER_COUNTS)), query=filters.after(last),
            )  # fmt: skip
            for task in page.tasks:
                total += 1
                if isinstance(task_id := task.data.get(TASK_ID_KEY), str):
                    copies.setdefault(task_id, []).append((not task.is_answered, task.id))
            if len(page.tasks) >= page.total:
                break
            last = page.tasks[-1].id
        remote_ids: dict[str, str] = {}
        doubles: list[int] = []
        for task_id, same in copies.items():
            (_, kept), *others = sorted(same)
            remote_ids[task_id] = str(kept)
            doubles += [remote_id for is_unanswered, remote_id in others if is_unanswered]
        return _Standing(remote_ids, total - self._remove_doubles(doubles))

    def _remove_doubles(self, remote_ids: list[int]) -> int:
        """Delete doubles and return how many went; the server keeps what somebody answered meanwhile."""
        removed = 0
        for chunk in in_chunks(remote_ids, IMPORT_BATCH):
            # Never an empty list: Label Studio takes it for "all tasks".
            batch: list[JsonValue] = [*chunk]
            body: JsonValue = {
                "selectedItems": {"all": False, "included": batch},
                "filters": filters.unanswered(),
            }
            removed += self._connection.post_for(
                Processed, "/api/dm/actions/", body, id="delete_tasks", project=self._project_id
            ).processed_items
        return removed


def remove(connection: LabelStudioConnection, tasks: Sequence[PlacedTask]) -> None:
    """Delete these tasks, with every answer to them; see ``Platform.remove``.

    One at a time: the action for many takes a list that happens to be empty for "all tasks". A task that
    does not carry our id is not ours, whatever its number, and stays.
    """
    for task in tasks:
        path = f"/api/tasks/{int(task.remote_id)}/"
        try:
            standing = connection.read(Task, path)
        except RequestRefusedError as error:
            if error.status != httpx.codes.NOT_FOUND:
                raise
            continue
        if standing.data.get(TASK_ID_KEY) == task.task_id:
            connection.delete(path)
