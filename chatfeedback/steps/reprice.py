"""Offers tasks at the rates that hold now, where nobody can count on what they offered before.

A quote is a promise to whoever saw it. So a task that somebody answered, began or was shown keeps its quote. Where a
platform does not tell what it showed, a task that stands there may offer more, and never less. A task is taken off its
platform before its quote changes: nobody answers one that shows another price, and the next push places it again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chatfeedback.steps.budget import payable_people, points_left
from chatfeedback.steps.rules import book_of, keep_rules, use_rules
from chatfeedback.steps.withdraw import withdraw_tasks
from reward_engine import quote
from workspaces.errors import UsageError
from workspaces.grammar import counted
from workspaces.records import IMPORTED
from workspaces.store.tasks import all_tasks, containers, places_in, reprice
from workspaces.store.who_answered import answered_tasks
from workspaces.store.withdrawals import begin_withdrawal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chatfeedback.steps.tasks import TaskFilter
    from workspaces.records import Task
    from workspaces.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Repriced:
    """How many tasks offer something else now, and the points of one answer to each of them, before and after.

    ``promised`` tasks keep their quote, because somebody answered, began or saw them, or may have.
    """

    changed: int
    before: int
    after: int
    promised: int
    dry_run: bool = False


def reprice_tasks(workspace: Workspace, wanted: TaskFilter, *, dry_run: bool = False) -> Repriced:
    """Quote tasks anew; idempotent. Push afterwards: what was taken off a platform is placed again.

    Of ``wanted`` the kind and the platform are heeded.

    Raises:
        ConfigurationError: the rates were changed without their version.
        UsageError: the budget does not pay the new quotes; nothing was changed.
        WorkbenchError: a platform does not answer; its tasks keep their quotes.
    """
    with workspace.exclusive():
        book = book_of(workspace) if dry_run else use_rules(workspace)
        rates = workspace.config.rates
        with workspace.store.read() as connection:
            answered = answered_tasks(connection)
            tasks = {
                name: task
                for name, task in all_tasks(connection).items()
                if task.platform != IMPORTED
                and task.closed_at is None
                and wanted.kind in (None, task.kind)
                and wanted.platform in (None, task.platform)
            }
        new = {
            name: offered
            for name, task in tasks.items()
            if (offered := quote(task.kind, task.significance, rates, len(task.message_ids)))
            != dict(task.quote)
        }
        promised = (answered & new.keys()) | _may_be_counted_on(workspace, tasks, new)
        names = [name for name in new if name not in promised]
        before = sum(tasks[name].points for name in names)
        after = sum(sum(new[name].values()) for name in names)
        people = payable_people(workspace, book)
        more = sum((sum(new[name].values()) - tasks[name].points) * people(tasks[name]) for name in names)
        left = points_left(workspace)
        if left is not None and more > left:
            raise UsageError(
                f"the new quotes promise {counted(more, 'point')} more, and {max(left, 0):,} are left of "
                "budget.points_total: raise it, or choose tasks by --kind and --platform. Nothing was changed"
            )
        if dry_run:
            return Repriced(len(names), before, after, len(promised), dry_run=True)
        with workspace.store.write() as connection:
            begin_withdrawal(connection, names, forget=False)
        withdraw_tasks(workspace)  # what was written there in the last moment is read first
        with workspace.store.write() as connection:
            keep_rules(connection, book)
            late = answered_tasks(connection) & set(names)
            chosen = {name: new[name] for name in names if name not in late}
            reprice(connection, chosen, rates.version)
        before -= sum(tasks[name].points for name in late)
        after -= sum(sum(new[name].values()) for name in late)
    return Repriced(len(chosen), before, after, len(promised) + len(late))


def _may_be_counted_on(
    workspace: Workspace, tasks: Mapping[str, Task], new: Mapping[str, Mapping[str, int]]
) -> set[str]:
    """Return the tasks with another quote that somebody was shown or, where no platform tells, may have been."""
    counted_on: set[str] = set()
    for platform in sorted({tasks[name].platform for name in new}):
        with workspace.store.read() as connection:
            boxes = {name: places_in(connection, name, platform) for name in containers(connection, platform)}
        standing = {
            name: [place for place in places if place.task_id in new] for name, places in boxes.items()
        }
        if not any(standing.values()):
            continue
        with workspace.platform(platform) as adapter:
            for container, places in standing.items():
                shown = adapter.shown(container) if places else None
                counted_on |= {
                    place.task_id
                    for place in places
                    if (_is_less(tasks[place.task_id], new) if shown is None else place.remote_id in shown)
                }
    return counted_on


def _is_less(task: Task, new: Mapping[str, Mapping[str, int]]) -> bool:
    return any(new[task.id].get(part, 0) < points for part, points in task.quote.items())
