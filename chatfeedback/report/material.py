"""What the report is made of: read from the store once, then only looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd
import sqlalchemy as sa

from quality import votes
from quality.second_looks import gold_table, repeat_table
from quality.seeds import rewrite_table, seed_table, task_table
from task_generators.kinds import KINDS
from workspaces.records import AnnotationStatus
from workspaces.store.annotations import latest_annotations
from workspaces.store.gold import all_gold
from workspaces.store.seeds import all_seeds
from workspaces.store.tables import ledger_transaction, settlement
from workspaces.store.tasks import all_tasks

if TYPE_CHECKING:
    from collections.abc import Callable

    from quality import Report
    from workspaces.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Material:
    """Tables that sections draw on; a section that needs more reads it from ``workspace``.

    ``votes``, ``seeds``, ``tasks`` (with ``platform`` and ``overlap`` beside), ``rewrites``, ``gold`` and
    ``repeats`` are as ``quality`` makes them. ``answered`` has one row per submitted answer, ``earned`` one per
    credit or correction of points for an answer: columns ``at`` and, in ``earned``, ``points``.
    """

    report: Report
    votes: pd.DataFrame
    seeds: pd.DataFrame
    tasks: pd.DataFrame
    rewrites: pd.DataFrame
    gold: pd.DataFrame
    repeats: pd.DataFrame
    answered: pd.DataFrame
    earned: pd.DataFrame
    workspace: Workspace

    @property
    def asked(self) -> pd.DataFrame:
        """The votes on what we ask people ourselves."""
        return self.votes[self.votes["kind"].isin([kind.value for kind in KINDS])]


def gather(workspace: Workspace, judge: Callable[[pd.DataFrame], Report]) -> Material:
    """Read what the report is made of; ``judge`` is told the votes."""
    with workspace.store.read() as connection:
        annotations, tasks = latest_annotations(connection), all_tasks(connection)
        seeds, gold = all_seeds(connection), all_gold(connection)
        earned = _earned(connection)
    table = votes(annotations, tasks)
    first = [task for task in tasks.values() if task.reask_of is None]
    submitted = [one.updated_at for one in annotations if one.status is AnnotationStatus.SUBMITTED]
    return Material(
        report=judge(table),
        votes=table,
        seeds=seed_table(seeds),
        tasks=task_table(first).assign(
            platform=[task.platform for task in first], overlap=[task.overlap for task in first]
        ),
        rewrites=rewrite_table(annotations, tasks),
        gold=gold_table(table, gold, tasks),
        repeats=repeat_table(annotations, tasks),
        answered=pd.DataFrame({"at": pd.to_datetime(submitted, utc=True)}),
        earned=earned,
        workspace=workspace,
    )


def _earned(connection: sa.Connection) -> pd.DataFrame:
    query = (
        sa.select(ledger_transaction.c.event_at, settlement.c.delta)
        .join(settlement, settlement.c.sequence == ledger_transaction.c.sequence)
        .order_by(ledger_transaction.c.sequence)
    )
    rows = [tuple(row) for row in connection.execute(query)]
    table = pd.DataFrame(rows, columns=["at", "points"])
    return table.assign(at=pd.to_datetime(table["at"], utc=True), points=table["points"].astype("int64"))
