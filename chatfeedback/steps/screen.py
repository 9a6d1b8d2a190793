"""What screening finds, stored for review."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workspaces.store.annotations import imported_people, latest_annotations
from workspaces.store.consent import forgotten_people
from workspaces.store.flags import save_findings
from workspaces.store.tasks import all_tasks
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    import pandas as pd

    from workspaces.workspace import Workspace


def screen_answers(workspace: Workspace, table: pd.DataFrame) -> int:
    """Screen every answer, store what is found as flags, and return how many are new.

    Nobody is flagged who was forgotten, or who answered in chat logs alone. The caller holds the workspace and has
    made ``table`` of the stored answers by ``quality.votes``.
    """
    from quality.screening import screen  # pandas and scipy take a second to import

    with workspace.store.read() as connection:
        annotations, tasks = latest_annotations(connection), all_tasks(connection)
        spared = forgotten_people(connection) | imported_people(connection)
    found = screen(table, annotations, tasks, workspace.config.quality.screening.level)
    rows = [
        (one.person, one.reason.value, dict(one.evidence), one.weight)
        for one in found
        if one.person not in spared
    ]
    with workspace.store.write() as connection:
        return save_findings(connection, rows, utc_now())
