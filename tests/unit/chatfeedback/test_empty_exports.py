"""An export without a row says what the answers are instead, and the command that helps."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from chatfeedback import steps
from chatfeedback.cli import app
from exports import NothingToExportError
from exports.omissions import OmissionReason
from exports.shortage import ADVICE
from workspaces.config.exports import ExportsConfig
from workspaces.records import SharingState

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from workspaces.workspace import Workspace

Row = dict[str, Any]
SYNC = "chatfeedback sync"


def vote(better: str, worse: str) -> Row:
    said = "\n\nHuman: Why?\n\nAssistant: "
    return {"chosen": said + better, "rejected": said + worse}


def thumb(value: str, number: int = 0) -> Row:
    return {"prompt": f"Why {number}?", "response": "Because.", "user_id": "ada", "thumb": value}


def score(value: int) -> Row:
    return {"prompt": "Why?", "response": "Because.", "user_id": "ada", "score": value}


def ingest(workspace: Workspace, tmp_path: Path, rows: Sequence[Row], *, publish: bool = True) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    steps.ingest_file(workspace, path, publish=publish, processes=1)


def refusal(workspace: Workspace, name: str) -> str:
    with pytest.raises(NothingToExportError) as caught:
        steps.export(workspace, name, workspace.path / "exports" / name)
    return str(caught.value)


@pytest.mark.parametrize("name", ["dpo", "kto"])
def test_an_empty_workspace_is_told_where_answers_come_from(workspace: Workspace, name: str) -> None:
    said = refusal(workspace, name)
    assert "there is no answer yet" in said
    assert "'chatfeedback ingest'" in said
    assert "'chatfeedback generate'" in said


@pytest.mark.parametrize(("name", "rows"), [("dpo", [vote("good", "bad")]), ("kto", [thumb("up")])])
def test_judgments_on_held_chats_wait(
    workspace: Workspace, tmp_path: Path, name: str, rows: list[Row]
) -> None:
    ingest(workspace, tmp_path, rows, publish=False)
    said = refusal(workspace, name)
    assert "1 answer on a response that is still held) (held until 20" in said
    assert "chatfeedback consent publish" in said
    assert SYNC not in said


def test_judgments_on_private_chats_are_their_givers_to_publish(workspace: Workspace, tmp_path: Path) -> None:
    ingest(workspace, tmp_path, [vote("good", "bad")])
    ids = [conversation.id for conversation in workspace.collection.scan()]
    steps.change_sharing(workspace, ids, SharingState.PRIVATE, by="lead", reason=None)
    said = refusal(workspace, "dpo")
    assert "1 answer on a response that its giver keeps private" in said
    assert SYNC not in said


def test_thumbs_alone_make_no_pairs_but_another_export(workspace: Workspace, tmp_path: Path) -> None:
    ingest(workspace, tmp_path, [thumb("up"), thumb("down", 1)])
    said = refusal(workspace, "dpo")
    assert "2 ratings without a comparison" in said
    assert "'chatfeedback export kto' has 2 items to train on" in said
    assert SYNC not in said
    steps.export(workspace, "kto", workspace.path / "exports" / "kto")


def test_scores_that_label_nothing_are_said_so(workspace: Workspace, tmp_path: Path) -> None:
    ingest(workspace, tmp_path, [score(4)])
    said = refusal(workspace, "kto")
    assert "1 rating without a comparison" in said
    assert "has 1 item" not in said
    assert SYNC not in said


def test_ties_alone_need_more_people(workspace: Workspace, tmp_path: Path) -> None:
    ingest(workspace, tmp_path, [vote("good", "bad"), vote("bad", "good")])
    said = refusal(workspace, "dpo")
    assert "1 is tied" in said
    assert "more people have to answer" in said
    assert SYNC not in said


def test_labels_of_one_kind_are_said_by_the_command(workspace: Workspace, tmp_path: Path) -> None:
    ingest(workspace, tmp_path, [thumb("up", number) for number in range(3)])
    arguments = ["export", "kto", "--test-share", "0", "--workspace", str(workspace.path)]
    ran = CliRunner().invoke(app, arguments)
    assert ran.exit_code == 0
    assert "warning: all 3 completions of the train split are True" in ran.output
    ran = CliRunner().invoke(app, [*arguments, "--json"])
    assert "all 3 completions" in json.loads(ran.stdout)["warnings"][0]


def test_a_test_split_that_is_empty_by_chance_is_said_and_one_that_nobody_asked_for_is_not(
    workspace: Workspace, tmp_path: Path
) -> None:
    ingest(workspace, tmp_path, [vote("good", "bad")])
    said = steps.export(workspace, "dpo", tmp_path / "dpo", test_share=0.0001).warnings
    assert [it for it in said if it.startswith("the test split has no row: none is in a group of related")]
    said = steps.export(workspace, "dpo", tmp_path / "dpo", test_share=0).warnings
    assert not [it for it in said if "test split" in it]


def test_a_rule_that_leaves_out_all_proposes_no_export_that_it_leaves_empty_too(
    workspace: Workspace, tmp_path: Path
) -> None:
    ingest(workspace, tmp_path, [vote("good", "bad")])
    with pytest.raises(NothingToExportError) as caught:
        steps.export(workspace, "dpo", tmp_path / "dpo", rules=ExportsConfig(min_people=3))
    assert str(caught.value).startswith("rules leave out 1 pair (1 answer on what fewer people judged")
    assert "loosen the rule" in str(caught.value)
    assert "'chatfeedback sync'" not in str(caught.value)
    assert "chatfeedback export kto" not in str(caught.value)


def test_a_day_on_which_nothing_was_asked_is_said_to_leave_the_test_split_empty(
    workspace: Workspace, tmp_path: Path
) -> None:
    ingest(workspace, tmp_path, [vote("good", "bad")])
    rules = ExportsConfig(test_from=date(2999, 1, 1))
    result = steps.export(workspace, "dpo", tmp_path / "dpo", rules=rules)
    assert dict(result.rows) == {"train": 1, "test": 0}
    (warning,) = [it for it in result.warnings if "test split" in it]
    assert "on 2999-01-01 or later" in warning


def test_every_reason_that_can_leave_an_export_empty_has_a_next_command() -> None:
    """The others stand beside an answer that counts, or beside a reason that has one."""
    beside = {OmissionReason.UNKNOWN_TASK, OmissionReason.ANSWERED_AGAIN, OmissionReason.TAGS_DECIDE}
    assert set(OmissionReason) - ADVICE.keys() == beside


def test_a_flag_that_there_is_not_is_named_once(workspace: Workspace) -> None:
    given = ["export", "dpo", "--workspace", str(workspace.path), "--skip-flag", "foo"]
    said = CliRunner().invoke(app, given, env={"COLUMNS": "400"})
    assert said.exit_code == 2
    assert said.stderr.count("given:") == 1
    assert "Value error" not in said.stderr
