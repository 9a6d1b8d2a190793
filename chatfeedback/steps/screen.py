"""What screening finds, stored for review."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workspaces.store.annotations import latest_annotations
from workspaces.store.consent import forgotten_people
from workspaces.store.flags import save_findings
from workspaces.store.tasks import all_tasks
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from workspaces.workspace import Workspace


def screen_answers(workspace: Workspace) -> int:
    """Screen every answer, store what is found as flags, and return how many are new.

    Nobody who was forgotten is flagged. The caller holds the workspace.
    """
    from quality import votes  # pandas and scipy take a second to import
    from quality.screening import screen

    with workspace.store.read() as connection:
        annotations, tasks = latest_annotations(connection), all_tasks(connection)
        forgotten = forgotten_people(connection)
    found = screen(votes(annotations, tasks), annotations, tasks, workspace.config.quality.screening.level)
    rows = [
        (one.person, one.reason.value, dict(one.evidence), one.weight)
        for one in found
        if one.person not in forgotten
    ]
    with workspace.store.write() as connection:
        return save_findings(connection, rows, utc_now())
