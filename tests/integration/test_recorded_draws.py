"""Draws are the same as ever, and the same whether conversations are read or told by their outlines.

The digests were recorded before conversations had outlines, when every one of them was read.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from chatfeedback.steps import collect
from task_generators.outlines import OutlineReader
from tests.conftest import SHARED
from tests.draw_scenarios import (
    COMPARED,
    CONFIGURATIONS,
    digest,
    drawn,
    from_file,
    from_odd_logs,
    from_sample,
    made,
)
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from task_generators.outlines import Outlines

RECORDED: dict[str, Any] = json.loads((Path(__file__).parents[1] / "recorded_draws.json").read_text("utf-8"))
FILLED: dict[str, Callable[[Workspace], None]] = {"sample": from_sample, "odd": from_odd_logs}


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.create(tmp_path / "w", "version: 1\nplatforms: {argilla: {}, label_studio: {}}\n") as made:
        yield made


@pytest.mark.parametrize("name", FILLED)
def test_tasks_points_and_outcomes_of_a_draw_are_those_that_were_recorded(
    workspace: Workspace, name: str
) -> None:
    FILLED[name](workspace)
    dry = {it: digest(drawn(workspace, CONFIGURATIONS[it], dry_run=True)) for it in CONFIGURATIONS}
    assert dry == RECORDED[name]["dry"]
    assert made(workspace) == {**RECORDED[name]["made"], "answered": RECORDED[name]["answered"]}


def test_draws_from_mt_bench_are_those_that_were_recorded(workspace: Workspace) -> None:
    path = SHARED / "data" / "mt_bench" / "conversations.jsonl"
    if not path.exists():
        pytest.skip(f"needs {path}; set CHATFEEDBACK_SHARED to the folder that holds data/mt_bench")
    from_file(path)(workspace)
    names = ["everything", "several mixes", "pairs alone", "no limit, trivial"]
    found = {it: digest(drawn(workspace, CONFIGURATIONS[it], dry_run=True)) for it in names}
    assert found == {it: RECORDED["mt_bench"]["dry"][it] for it in names}


@pytest.mark.parametrize("name", FILLED)
def test_what_outlines_tell_is_what_the_finders_find(
    workspace: Workspace, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The simple way: no conversation counts as a chain, so each is read and shown to the finders."""
    FILLED[name](workspace)
    told = {it: drawn(workspace, COMPARED[it], dry_run=True) for it in COMPARED}
    outlines_of = OutlineReader.outlines

    def without_chains(reader: OutlineReader) -> Outlines:
        found = outlines_of(reader)
        assert found.chains.any(), "otherwise this test compares nothing"
        return replace(found, chains=np.zeros_like(found.chains))

    monkeypatch.setattr(OutlineReader, "outlines", without_chains)
    monkeypatch.setattr(collect, "READ_AT_ONCE", 3)
    for it, configuration in COMPARED.items():
        assert drawn(workspace, configuration, dry_run=True) == told[it], it
