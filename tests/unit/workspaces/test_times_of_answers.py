"""How long answers took is kept as platforms tell it, is in the person's export, and goes with the person."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from chatfeedback import steps
from tests.sample_records import NOW, minutes, task
from tests.unit.workspaces.test_sync import MemoryPlatform
from workspaces.platforms.label_studio.shapes import MOST_SECONDS, Annotation
from workspaces.records import PlacedTask
from workspaces.store.annotations import forget_times, revisions_by
from workspaces.store.latest_annotations import latest_annotations
from workspaces.store.tasks import save_placements, save_tasks
from workspaces.sync import sync

if TYPE_CHECKING:
    from pathlib import Path

    from workspaces.workspace import Workspace


@pytest.mark.parametrize(
    ("told", "believed"),
    [
        (12.5, 12.5),
        (3, 3.0),
        (None, None),
        (0, None),
        (-4.0, None),
        (MOST_SECONDS + 1, None),
        (float("nan"), None),
        (float("inf"), None),
        ("12.5", None),
        (True, None),
        ({"seconds": 3}, None),
    ],
)
def test_a_lead_time_is_a_number_of_seconds_that_somebody_can_take(
    told: object, believed: float | None
) -> None:
    """Whoever answers can send anything."""
    given = {"id": 1, "updated_by": 1, "created_at": NOW, "updated_at": NOW, "lead_time": told}
    read = Annotation.model_validate(given)
    assert read.seconds == believed


def test_times_are_stored_exported_and_forgotten(workspace: Workspace, tmp_path: Path) -> None:
    platform = MemoryPlatform()
    with workspace.store.write() as connection:
        save_tasks(connection, [task("t1", {}), task("t2", {})])
        placed = [PlacedTask(name, f"remote-{name}", "box") for name in ("t1", "t2")]
        save_placements(connection, placed, NOW)
    person = workspace.pseudonyms.on_platform("argilla")("ada@example.org")
    given = platform.give("r1", "t1", person=person)
    platform.answers["box"]["r1"] = replace(given, lead_time=17.25, served_at=minutes(-3))
    platform.give("r2", "t2", person=person)
    for _ in range(2):
        sync(workspace.store, platform, lambda: NOW, hold_strangers=False)
    with workspace.store.read() as connection:
        first, second = sorted(latest_annotations(connection), key=lambda it: it.task_id)
    assert (first.lead_time, first.served_at) == (17.25, minutes(-3))
    assert (second.lead_time, second.served_at) == (None, None)
    steps.export_person(workspace, person, tmp_path / "mine")
    assert "17.25" in (tmp_path / "mine" / "answers.csv").read_text(encoding="utf-8")
    platform.give("r1", "t1", person=person, at=minutes(9), helpful="no")
    sync(workspace.store, platform, lambda: NOW, hold_strangers=False)
    with workspace.store.write() as connection:
        assert forget_times(connection, person) == 1
        assert forget_times(connection, person) == 0
        assert {(it.lead_time, it.served_at) for it in revisions_by(connection, person)} == {(None, None)}
