"""What screening finds, stored for review."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workspaces.store.annotations import imported_people
from workspaces.store.deletions import forgotten_people
from workspaces.store.flags import save_findings
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from chatfeedback.steps.votes import Answers
    from workspaces.workspace import Workspace


def screen_answers(workspace: Workspace, answers: Answers) -> int:
    """Screen every answer, store what is found as flags, and return how many are new.

    Nobody is flagged who was forgotten, or who answered in chat logs alone. The caller holds the workspace.
    """
    from quality.screening import screen  # pandas and scipy take a second to import

    with workspace.store.read() as connection:
        spared = forgotten_people(connection) | imported_people(connection)
    level = workspace.config.quality.screening.level
    findings = [
        (finding.person, finding.reason.value, dict(finding.evidence), finding.weight)
        for finding in screen(answers.votes, answers.annotations, answers.tasks, level)
        if finding.person not in spared
    ]
    with workspace.store.write() as connection:
        return save_findings(connection, findings, utc_now())
