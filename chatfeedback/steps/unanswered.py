"""Takes tasks that nobody answered off their platforms and out of the workspace, so that there is less to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chatfeedback.steps.tasks import unanswered_tasks
from chatfeedback.steps.withdraw import withdraw_tasks
from workspaces.store.erasure import drop_unanswered
from workspaces.store.withdrawals import begin_withdrawal

if TYPE_CHECKING:
    from chatfeedback.steps.tasks import TaskFilter
    from workspaces.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """How many unanswered tasks are gone, and how many stay: ``kept`` as the lead asked, ``begun`` because somebody
    answered them, or began to, in the last moment.
    """

    gone: int
    kept: int
    begun: int
    dry_run: bool = False


def withdraw_unanswered(
    workspace: Workspace, wanted: TaskFilter, *, keep: int = 0, dry_run: bool = False
) -> Withdrawn:
    """Withdraw the tasks that nobody answered, but the ``keep`` most valuable ones; ``generate`` may draw them again.

    Nothing that anybody wrote is lost: answers and drafts are read first, and their tasks stay. A run that is killed is
    finished by the next one.

    Raises:
        WorkbenchError: a platform does not answer; tasks that still stand there stay.
    """
    with workspace.exclusive():
        tasks = unanswered_tasks(workspace, wanted)
        names = [task.id for task in tasks[keep:]]
        kept = len(tasks) - len(names)
        if dry_run:
            return Withdrawn(len(names), kept, 0, dry_run=True)
        with workspace.store.write() as connection:
            begin_withdrawal(connection, names, forget=False)
        withdraw_tasks(workspace)
        with workspace.store.write() as connection:
            gone = drop_unanswered(connection, names)
    return Withdrawn(gone, kept, len(names) - gone)
