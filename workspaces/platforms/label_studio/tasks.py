"""Our tasks in a Label Studio project: imported exactly once, found again, removed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import httpx

from workspaces.chunks import in_chunks
from workspaces.errors import ConnectionFailedError
from workspaces.grammar import counted, word_for
from workspaces.platforms.base import RequestRefusedError, ServerFailedError
from workspaces.platforms.halving import Halving
from workspaces.platforms.label_studio import filters
from workspaces.platforms.label_studio.form import TASK_ID_KEY, task_data
from workspaces.platforms.label_studio.shapes import Processed, Task, Tasks
from workspaces.records import PlacedTask

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pydantic import JsonValue

    from workspaces.forms import Form, TaskContent
    from workspaces.platforms.base import Refuse
    from workspaces.platforms.label_studio.connection import LabelStudioConnection

IMPORT_BATCH = 500
"""Tasks sent in one import, or removed at once."""

LISTED = ("id", "data", "created_at", *filters.ANSWER_COUNTS)
"""What a listing tells of a task: which of ours it is, when it was made, and whether it is answered."""

LISTING_PAGE = 1_000
"""Tasks asked for at once when we look what stands in a project."""


@dataclass(frozen=True, slots=True)
class _Standing:
    """What stands in a project: the copies of our tasks by our task id, and how many tasks it has in all."""

    copies: dict[str, list[Task]]
    total: int


class ProjectTasks:
    """The tasks of one project. The server gives task ids; ours stands in a task's data."""

    def __init__(self, connection: LabelStudioConnection, project_id: str) -> None:
        self._connection = connection
        self._project_id = project_id

    def push(
        self, form: Form, contents: Iterable[TaskContent], refuse: Refuse | None = None
    ) -> Iterator[list[PlacedTask]]:
        """Make sure that every task stands in the project exactly once; yield them in batches.

        What stands there is listed first and left alone. After each import the server's count is compared
        with ours: if it is higher, an import that a killed run left behind has arrived as well. Of each task that is
        pushed one copy stays, and others without answers are removed; tasks that are not pushed keep theirs, whatever
        names them. A task whose remote id changed by that is yielded again. After an import at which the server failed
        it is asked what arrived, before anything is sent again.
        """
        standing = self._standing()

        def send(tasks: list[TaskContent]) -> _Standing:
            nonlocal standing
            new = {content.task_id: content for content in tasks if content.task_id not in standing.copies}
            try:
                return self._import(form, new, standing) if new else standing
            except ServerFailedError:
                standing = self._standing()
                raise

        halving = Halving(refuse)
        yielded: dict[str, PlacedTask] = {}
        for batch in in_chunks(contents, IMPORT_BATCH):
            for standing in halving.send(batch, send):
                # what arrived meanwhile may be doubles of earlier batches
                there = (it for it in (*yielded, *(task.task_id for task in batch)) if it in standing.copies)
                placed, removed = self._keep_one(dict.fromkeys(there), standing)
                standing = replace(standing, total=standing.total - removed)
                changed = [place for it, place in placed.items() if yielded.get(it) != place]
                yielded |= placed
                yield changed
        halving.end()
        if self._total() != standing.total:
            now = self._standing()
            kept, _ = self._keep_one([it for it in yielded if it in now.copies], now)
            if moved := [place for it, place in kept.items() if yielded[it] != place]:
                yield moved

    def standing(self) -> list[PlacedTask]:
        """Return every task that stands in the project and carries a task id, doubles included."""
        return [
            self._place(task_id, task) for task in self._listed() if (task_id := task_id_of(task)) is not None
        ]

    def find(self, task_ids: Sequence[str]) -> list[PlacedTask]:
        """Return those of our tasks that stand in the project, doubles included."""
        placed: list[PlacedTask] = []
        for task_id in task_ids:
            page = self._connection.read(
                Tasks, "/api/tasks/", project=self._project_id, include="id,data,created_at",
                page_size=LISTING_PAGE, query=filters.with_task_id(task_id),
            )  # fmt: skip
            placed += [self._place(task_id, task) for task in page.tasks if task_id_of(task) == task_id]
        return placed

    def _place(self, task_id: str, task: Task) -> PlacedTask:
        return PlacedTask(task_id, str(task.id), self._project_id, task.created_at)

    def _import(self, form: Form, new: Mapping[str, TaskContent], before: _Standing) -> _Standing:
        tasks = [{"data": task_data(form, content)} for content in new.values()]
        projects = self._connection.sdk.projects
        answer = self._connection.call(
            lambda: projects.import_tasks(int(self._project_id), request=tasks, return_task_ids=True),
            idempotent=False,
        )
        names = dict(zip(answer.task_ids or (), new, strict=False))
        # the answer does not tell when the tasks were made
        listed = self._listed(("id", "created_at"), after=min(names) - 1) if names else ()
        made = {names[task.id]: [task] for task in listed if task.id in names}
        after = _Standing(before.copies | made, before.total + len(new))
        if made.keys() != new.keys() or self._total() != after.total:
            after = self._standing()
        if missing := new.keys() - after.copies.keys():
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
        """Return what stands in the project."""
        copies: dict[str, list[Task]] = {}
        total = 0
        for task in self._listed():
            total += 1
            if (task_id := task_id_of(task)) is not None:
                copies.setdefault(task_id, []).append(task)
        return _Standing(copies, total)

    def _keep_one(self, task_ids: Iterable[str], standing: _Standing) -> tuple[dict[str, PlacedTask], int]:
        """Remove doubles of these tasks: the copy with answers stays, else the oldest. Return it, and how many went."""
        places: dict[str, PlacedTask] = {}
        doubles: list[int] = []
        for task_id in task_ids:
            kept, *others = sorted(standing.copies[task_id], key=lambda task: (not task.is_answered, task.id))
            places[task_id] = self._place(task_id, kept)
            doubles += [task.id for task in others if not task.is_answered]
            standing.copies[task_id] = [kept, *(task for task in others if task.is_answered)]
        return places, self._remove_doubles(doubles)

    def _listed(self, columns: Sequence[str] = LISTED, after: int = 0) -> Iterator[Task]:
        """Yield every task with a number above ``after``, in order of it."""
        while True:
            page = self._connection.read(
                Tasks, "/api/tasks/", project=self._project_id, page_size=LISTING_PAGE,
                include=",".join(columns), query=filters.after(after),
            )  # fmt: skip
            yield from page.tasks
            if len(page.tasks) >= page.total:
                return
            after = page.tasks[-1].id

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
        if at(connection, task) is not None:
            connection.delete(f"/api/tasks/{int(task.remote_id)}/")


def at(connection: LabelStudioConnection, place: PlacedTask) -> Task | None:
    """Return the task that stands at a place, with its answers; None where it is gone, or is another one now."""
    try:
        task = connection.read(Task, f"/api/tasks/{int(place.remote_id)}/")
    except RequestRefusedError as error:
        if error.status != httpx.codes.NOT_FOUND:
            raise
        return None
    is_same = task_id_of(task) == place.task_id and place.made_at in (None, task.created_at)
    return task if is_same else None


def task_id_of(task: Task) -> str | None:
    """Return which task of ours a task says that it is; None where it says nothing of the kind."""
    task_id = task.data.get(TASK_ID_KEY)
    return task_id if isinstance(task_id, str) else None
