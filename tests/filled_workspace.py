"""A workspace filled from the demo's sample without any server: simulated people answer straight into the store."""

from __future__ import annotations

from datetime import timedelta
from importlib.resources import as_file, files
from typing import TYPE_CHECKING

from chatfeedback import steps
from chatfeedback.demo.habits import PEOPLE, answer, load_truth
from task_generators.allotment import unit
from tests.sample_records import NOW
from workspaces.kinds import asked_kinds
from workspaces.records import AnnotationStatus, stable_id
from workspaces.store.annotations import AnnotationRevision, save_revisions
from workspaces.store.gold import save_gold
from workspaces.store.tasks import all_tasks
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

CONFIGURATION = """\
version: 1
platforms: {argilla: {url: managed}}
mix: {kinds: {qualitative: 2, preference: 1}, limit: 150, overlap: 3, show_seed: 0.3, reask: 0.05}
"""
SHARE = 0.4
"""Of the tasks that each person answers."""


def fill(path: Path) -> Workspace:
    """Return a workspace with tasks, answers over three weeks, points and gold; the same every time but its key."""
    workspace = Workspace.create(path, CONFIGURATION)
    with as_file(files("chatfeedback.demo") / "sample.jsonl") as sample:
        steps.ingest_file(workspace, sample, publish=True)
    steps.seed_responses(workspace)
    steps.generate_tasks(workspace)
    truth = load_truth()
    rows = []
    with workspace.store.write() as connection:
        tasks = all_tasks(connection)
        for person in PEOPLE:
            for task in tasks.values():
                if (
                    task.kind not in asked_kinds()
                    or unit(f"{person.name} {task.reask_of or task.id}") >= SHARE
                ):
                    continue
                at = NOW + timedelta(days=21 * unit(f"when {person.name} {task.id}") ** 0.6)
                rows.append(AnnotationRevision(
                    annotation_id=stable_id(person.name, task.id), revision=1, task_id=task.id,
                    person_id=stable_id(person.name), platform=task.platform,
                    response_id=f"{person.name} {task.id}", status=AnnotationStatus.SUBMITTED,
                    answers=answer(person, task, truth), content_hash=stable_id(person.name, task.id),
                    updated_at=at, synced_at=at,
                ))  # fmt: skip
        save_revisions(connection, rows)
        first = [task for task in tasks.values() if task.kind == "qualitative" and not task.reask_of]
        right = {
            task.id: {"helpful": str(truth[task.message_ids[0]]["helpful"])}
            for task in sorted(first, key=lambda task: task.id)[:12]
        }
        save_gold(connection, right, NOW)
    steps.settle_answers(workspace)
    return workspace
