"""Agreement, confidence and the probable answer to each item, from what was answered."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from chatfeedback.steps.screen import screen_answers
from workspaces.store.annotations import imported_people, latest_annotations
from workspaces.store.confidences import OVERALL, latest_snapshot, save_confidence
from workspaces.store.posteriors import replace_posteriors
from workspaces.store.tasks import all_tasks
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    import pandas as pd

    from quality import Report
    from workspaces.workspace import Workspace


def judge(workspace: Workspace, table: pd.DataFrame | None = None) -> Report:
    """Compute agreement and confidence, and store what settlement, exports and the drawing of tasks read: a
    snapshot of confidence, and the posterior of every item.

    The same answers give the same figures, which are then not written again. ``table`` is what ``quality.votes``
    makes of the stored answers, for who has it at hand.
    """
    from quality import build_report, item_posteriors, votes  # pandas and scipy take a second to import

    now = utc_now()
    with workspace.exclusive():
        with workspace.store.read() as connection:
            if table is None:
                table = votes(latest_annotations(connection), all_tasks(connection))
            absent = imported_people(connection)
            before = latest_snapshot(connection)
        report, posteriors = build_report(table, absent), list(item_posteriors(table))
        rows = [
            {"snapshot_at": now, "person_id": person.person, "question": question, **asdict(confidence)}
            for person in report.people
            for question, confidence in {OVERALL: person.confidence, **person.by_question}.items()
        ]
        same = {key: {**row._mapping, "snapshot_at": now} for key, row in before.items()}
        if same != {(row["person_id"], row["question"]): row for row in rows}:
            with workspace.store.write() as connection:
                save_confidence(connection, rows)
        with workspace.store.write() as connection:
            replace_posteriors(connection, posteriors, now)
        screen_answers(workspace, table)
    return report
