"""The worked example of docs/adding-a-reader.md is a reader like any other."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from chatfeedback import steps
from task_generators.chat_logs import readers
from workspaces.store.annotations import latest_annotations
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from workspaces.workspace import Workspace

DOCUMENT = Path(__file__).parents[4] / "docs" / "adding-a-reader.md"
TICKETS = [
    {
        "ticket": 17,
        "asked": "Printer?",
        "answers": [{"by": "m1", "text": "On?", "stars": 4}, {"text": "Off."}],
    },
    {
        "ticket": 18,
        "asked": "Mouse?",
        "answers": [{"text": "Cat.", "stars": "2"}],
        "customer": "ada@example.org",
    },
    {"ticket": 19, "asked": "Nothing?", "answers": []},
    {"ticket": 20, "asked": "Odd?", "answers": [{"text": None}]},
]


@pytest.fixture
def help_desk(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    (code,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), flags=re.DOTALL)
    module = ModuleType("help_desk")
    monkeypatch.setitem(sys.modules, "help_desk", module)
    exec(compile(code, str(DOCUMENT), "exec"), module.__dict__)
    monkeypatch.setattr(readers, "READERS", (module, *readers.READERS))
    return module


def test_the_worked_example_reads_tickets_into_the_collection(
    workspace: Workspace, tmp_path: Path, help_desk: ModuleType
) -> None:
    path = tmp_path / "tickets.jsonl"
    path.write_text("".join(json.dumps(ticket) + "\n" for ticket in TICKETS), encoding="utf-8")
    found = steps.ingest_file(workspace, path, publish=True)
    assert (found.format, found.added, found.rejected, found.feedback) == (help_desk.NAME, 2, 2, 2)
    assert found.reasons == {"answers is not a list of turns": 1, "an answer has no text": 1}
    workspace.collection.share_due(utc_now())
    logs = {each.id: each for each in workspace.collection.scan()}
    assert [message.parent_id for message in logs["help-desk-17"].messages] == [None, *["help-desk-17#0"] * 2]
    with workspace.store.read() as connection:
        assert sorted(each.values["score"] for each in latest_annotations(connection)) == ["2", "4"]
