"""The worked example of docs/adding-a-reader.md is a reader like any other, and no other file names a reader."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from chatfeedback import steps
from task_generators.chat_logs import readers
from task_generators.chat_logs.readers import registry
from workspaces.store.latest_annotations import latest_annotations
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from task_generators.chat_logs.readers import Reader
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


IN_ORDER = [
    "oasst",
    "oasst-tree",
    "arena",
    "prism",
    "sharelm-plugin",
    "sharelm",
    "wildchat",
    "lmsys",
    "hh-rlhf",
    "collective-cognition",
    "sharegpt",
    "openai",
    "babi-dialog",
    "self-feeding",
    "csv-messages",
    "csv",
]


def discovered() -> tuple[Reader, ...]:
    return registry.discovered(readers.__name__, readers.__path__)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is searched for modules of readers as the package's own folder is."""
    added = tmp_path / "readers"
    added.mkdir()
    monkeypatch.setattr(readers, "__path__", [*readers.__path__, str(added)])
    return added


@pytest.fixture
def help_desk(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Reader:
    (code,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), flags=re.DOTALL)
    (folder / "help_desk.py").write_text(code, encoding="utf-8")
    monkeypatch.delitem(sys.modules, f"{readers.__name__}.help_desk", raising=False)
    monkeypatch.setattr(registry, "READERS", discovered())
    return registry.named("help-desk")


def test_formats_are_tried_in_the_order_that_their_readers_declare() -> None:
    assert [reader.name for reader in readers.READERS if reader.name in IN_ORDER] == IN_ORDER


def test_a_new_module_is_a_reader_without_any_other_file_changed(help_desk: Reader) -> None:
    assert {reader.name for reader in registry.READERS} == {reader.name for reader in readers.READERS} | {
        "help-desk"
    }
    assert readers.detect(TICKETS[0]) == help_desk


def test_two_readers_cannot_claim_the_same_place_in_the_order(folder: Path) -> None:
    code = "NAME, COLUMNS, READS, PRECEDENCE = 'same', frozenset({'x'}), {}, 160\ndef read(row): ...\n"
    (folder / "same_precedence.py").write_text(code, encoding="utf-8")
    with pytest.raises(ValueError, match="two readers have PRECEDENCE 160"):
        discovered()


def test_the_worked_example_reads_tickets_into_the_collection(
    workspace: Workspace, tmp_path: Path, help_desk: Reader
) -> None:
    path = tmp_path / "tickets.jsonl"
    path.write_text("".join(json.dumps(ticket) + "\n" for ticket in TICKETS), encoding="utf-8")
    found = steps.ingest_file(workspace, path, publish=True)
    assert (found.format, found.added, found.rejected, found.feedback) == (help_desk.name, 2, 2, 2)
    assert found.reasons == {"answers is not a list of turns": 1, "an answer has no text": 1}
    workspace.collection.share_due(utc_now())
    logs = {each.id: each for each in workspace.collection.scan()}
    assert [message.parent_id for message in logs["help-desk-17"].messages] == [None, *["help-desk-17#0"] * 2]
    with workspace.store.read() as connection:
        assert sorted(each.values["score"] for each in latest_annotations(connection)) == ["2", "4"]
