"""An export of a workspace is the same whether its plain comparisons are made pairs in columns or one by one."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from chatfeedback.steps import scattering
from exports import plain_pairs, reducing
from tests.unit.chatfeedback.stored_world import START, store_world
from tests.unit.chatfeedback.test_portions import made
from tests.unit.exports.test_plain_pairs import world_of
from workspaces.config.exports import ExportsConfig
from workspaces.store.members import bar
from workspaces.store.own_answers import own_answer
from workspaces.workers import LocalWorkers

if TYPE_CHECKING:
    from pathlib import Path

    from exports.plain_evidence import EvidenceColumns
    from exports.plain_pairs import PlainPairs
    from workspaces.workspace import Workspace


RULES = ExportsConfig(imported="exclude", min_people=2, licences=("MIT", "cc0-1.0", "unknown"))


@pytest.mark.parametrize(("oddity", "rules"), [(0.0, ExportsConfig()), (0.02, ExportsConfig()), (0.0, RULES)])
def test_a_workspace_in_columns_and_one_by_one_gives_the_same_release(
    workspace: Workspace, tmp_path: Path, oddity: float, rules: ExportsConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, evidence = world_of(random.Random(11), 8, oddity)
    store_world(workspace, world, {**evidence.near_duplicates, "c1": "g", "c2": "g"})
    mine = [{"person_id": "p1", "task_id": "t3", "giver_id": "p1", "marked_at": START}]
    with workspace.store.write() as connection:
        connection.execute(sa.insert(own_answer), mine)
        bar(connection, "p6", ["argilla"], START, "lead")
    in_columns: list[int] = []
    find = plain_pairs.plain_pairs

    def counted(given: EvidenceColumns, *by: Any) -> PlainPairs | None:
        found = find(given, *by)
        in_columns.append(0 if found is None else len(found.pairs))
        return found

    whole = made(workspace, tmp_path / "whole", "dpo", rules, json_lines=False)
    monkeypatch.setattr(scattering, "TASKS", 4)
    assert made(workspace, tmp_path / "two", "dpo", rules, LocalWorkers(2), json_lines=False) == whole
    monkeypatch.setattr(plain_pairs, "plain_pairs", counted)
    assert made(workspace, tmp_path / "one", "dpo", rules, LocalWorkers(1), json_lines=False) == whole
    assert sum(in_columns) > 2
    monkeypatch.setattr(reducing, "_in_columns", lambda _: False)
    assert made(workspace, tmp_path / "objects", "dpo", rules, json_lines=False) == whole
