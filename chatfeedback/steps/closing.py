"""Closes tasks whose answers settle them before all that were asked came."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workspaces.store.posteriors import posteriors
from workspaces.store.tasks import all_tasks, close_tasks
from workspaces.store.withdrawals import begin_withdrawal
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from workspaces.records import Task
    from workspaces.workspace import Workspace


def close_settled(workspace: Workspace) -> int:
    """Close the tasks that their answers settle, by the last figures, and mark them to be taken off their platforms.

    Returns how many there are. A closed task stays closed, and is pushed no more. The caller holds the lock of the
    workspace.
    """
    mixes = workspace.config.all_mixes()
    if all(mix.adaptive is None for mix in mixes.values()):
        return 0

    def sure_of(task: Task) -> float | None:
        mix = mixes.get(task.mix)
        return None if mix is None or mix.adaptive is None else mix.adaptive.sure

    with workspace.store.read() as connection:
        tasks = [task for task in all_tasks(connection).values() if sure_of(task) is not None]
        if not any(task.least_answers for task in tasks):
            return 0
        from quality.closing import settled

        found = settled(tasks, posteriors(connection), sure_of)
    with workspace.store.write() as connection:
        close_tasks(connection, found, utc_now())
        begin_withdrawal(connection, found, forget=False)
    return len(found)
