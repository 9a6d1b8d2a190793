"""Which tasks have to stand on a platform now, where people are given tasks of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatfeedback.steps.assignments import read_assigned
from chatfeedback.steps.board import read_board, rules_of
from task_generators.routing import decide
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from workspaces.platforms.routing import Router
    from workspaces.records import Task
    from workspaces.workspace import Workspace


def needed_now(
    workspace: Workspace,
    platform: str,
    router: Router,
    waiting: Sequence[Task],
    blocked: Collection[str] = (),
) -> list[Task]:
    """Return the tasks among those that wait that people are to be given next, and the reserve, best first.

    Args:
        workspace: theirs.
        platform: its name.
        router: of the platform.
        waiting: tasks that have no place there.
        blocked: those that cannot be pushed.
    """
    assigned = read_assigned(workspace, platform, router)
    board = read_board(workspace, platform, assigned, utc_now(), blocked=blocked)
    by_id = {task.id: task for task in waiting}
    wanted = decide(board, rules_of(workspace.config)).wanted()
    return [by_id[task_id] for task_id in wanted if task_id in by_id]
