"""Closes tasks whose answers settle them before all that were asked came."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workspaces.store.gold import all_gold
from workspaces.store.posteriors import posteriors
from workspaces.store.tasks import all_tasks, close_tasks
from workspaces.store.withdrawals import begin_withdrawal
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from quality.closing import Wanted
    from workspaces.config import Config
    from workspaces.records import Task
    from workspaces.workspace import Workspace


def close_settled(workspace: Workspace) -> int:
    """Close the tasks that their answers settle, by the last figures, and mark them to be taken off their platforms.

    Returns how many there are. A closed task stays closed, and is pushed no more. The caller holds the lock of the
    workspace.
    """
    if all(mix.adaptive is None for mix in workspace.config.all_mixes().values()):
        return 0
    from quality.closing import settled

    wanted_of = what_is_wanted(workspace.config)
    with workspace.store.read() as connection:
        gold = all_gold(connection)
        tasks = [
            task
            for task in all_tasks(connection).values()
            if wanted_of(task) is not None and not is_practice(task, gold)
        ]
        found = settled(tasks, posteriors(connection), wanted_of) if tasks else []
    with workspace.store.write() as connection:
        close_tasks(connection, found, utc_now())
        begin_withdrawal(connection, found, forget=False)
    return len(found)


def is_practice(task: Task, gold: Container[str]) -> bool:
    """Return whether a task has a known answer of its own: people practise on it, however many did before them."""
    return task.id in gold and task.reask_of is None


def what_is_wanted(config: Config) -> Callable[[Task], Wanted | None]:
    """Return a function that tells what the mix of a task wants of its answers; None: that as many come as asked."""
    from quality.closing import Wanted

    wanted = {
        name: Wanted(mix.adaptive.as_good_as, mix.adaptive.sure)
        for name, mix in config.all_mixes().items()
        if mix.adaptive is not None
    }
    return lambda task: wanted.get(task.mix)
