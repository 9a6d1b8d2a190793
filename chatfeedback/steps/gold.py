"""Stores gold: right answers from the project lead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from task_generators.gold import check_gold, read_gold
from workspaces.store.gold import save_gold
from workspaces.store.tasks import all_tasks
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from pathlib import Path

    from task_generators.gold import Gold
    from workspaces.workspace import Workspace


def add_gold(workspace: Workspace, path: Path) -> Gold:
    """Mark the tasks that a file gives right answers to as gold; adding the file twice changes nothing."""
    rows = read_gold(path)
    with workspace.exclusive(), workspace.store.write() as connection:
        gold = check_gold(rows, all_tasks(connection))
        save_gold(connection, gold.answers, utc_now())
    return gold
