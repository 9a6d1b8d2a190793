"""Agreement and confidence, from what was answered."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from workspaces.records import IMPORTED
from workspaces.store.annotations import latest_annotations
from workspaces.store.confidences import OVERALL, latest_snapshot, save_confidence
from workspaces.store.tasks import all_tasks
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from quality import Report
    from workspaces.workspace import Workspace


def judge(workspace: Workspace) -> Report:
    """Compute agreement and confidence, and store a snapshot of confidence for settlement and exports to read.

    The same answers give the same snapshot, which is then not written again.
    """
    from quality import build_report, votes  # pandas and scipy take a second to import

    now = utc_now()
    with workspace.exclusive():
        with workspace.store.read() as connection:
            annotations = latest_annotations(connection)
            here = {each.person_id for each in annotations if each.platform != IMPORTED}
            absent = {each.person_id for each in annotations} - here
            report = build_report(votes(annotations, all_tasks(connection)), absent)
            before = latest_snapshot(connection)
        rows = [
            {"snapshot_at": now, "person_id": person.person, "question": question, **asdict(confidence)}
            for person in report.people
            for question, confidence in {OVERALL: person.confidence, **person.by_question}.items()
        ]
        same = {key: {**row._mapping, "snapshot_at": now} for key, row in before.items()}
        if same != {(row["person_id"], row["question"]): row for row in rows}:
            with workspace.store.write() as connection:
                save_confidence(connection, rows)
    return report
