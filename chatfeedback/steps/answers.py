"""Reads the answers once for everything that is computed from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workspaces.store.annotations import latest_annotations
from workspaces.store.gold import all_gold
from workspaces.store.tasks import all_tasks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from workspaces.records import Annotation, Task
    from workspaces.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Answers:
    """The latest revision of every annotation, the tasks by id, and the tables that ``quality`` computes from them:
    ``votes``, ``gold`` (``gold_table``) and ``repeats`` (``repeat_table``).
    """

    annotations: Sequence[Annotation]
    tasks: Mapping[str, Task]
    votes: pd.DataFrame
    gold: pd.DataFrame
    repeats: pd.DataFrame


def read_answers(workspace: Workspace) -> Answers:
    """Read every answer in the store."""
    from quality import votes  # pandas and scipy take a second to import
    from quality.controls import gold_table, repeat_table

    with workspace.store.read() as connection:
        annotations, tasks = latest_annotations(connection), all_tasks(connection)
        gold = all_gold(connection)
    table = votes(annotations, tasks)
    return Answers(
        annotations, tasks, table, gold_table(table, gold, tasks), repeat_table(annotations, tasks)
    )
