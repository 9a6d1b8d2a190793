"""A forgotten person's judgments in chat logs: gone from store and exports, and not brought back by the log."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from chatfeedback import steps
from chatfeedback.cli import app
from workspaces.store.latest_annotations import latest_annotations
from workspaces.store.tasks import all_tasks

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from task_generators.chat_logs import Ingested
    from workspaces.workspace import Workspace

Row = dict[str, Any]


def battle(judge: str, winner: str, question: int = 1) -> Row:
    asked = {"role": "user", "content": f"Question {question}?"}
    return {
        "question_id": f"q{question}",
        "model_a": "one",
        "model_b": "two",
        "winner": winner,
        "judge": judge,
        "conversation_a": [asked, {"role": "assistant", "content": "by one"}],
        "conversation_b": [asked, {"role": "assistant", "content": "by two"}],
        "turn": 1,
    }


def thumb(rater: str, value: str) -> Row:
    return {"prompt": "Why?", "response": "Because.", "user_id": rater, "thumb": value}


def ingest(workspace: Workspace, path: Path, rows: Sequence[Row]) -> Ingested:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return steps.ingest_file(workspace, path, publish=True, processes=1)


def votes_in(folder: Path) -> list[dict[str, Any]]:
    return [
        row
        for path in (folder / "data" / "votes").glob("*.parquet")
        for row in pq.read_table(path).to_pylist()
    ]


BATTLES = [
    battle("ada", "model_a"),
    battle("ada", "model_b"),
    battle("bob", "model_b"),
    battle("ada@example.org", "model_a", 2),
    battle("bob", "tie (bothbad)", 2),
    battle("carol", "model_a", 3),
    *(battle(judge, "model_a", 3) for judge in ("ada", "ada@example.org", "bob")),
]


@pytest.mark.parametrize("name", ["ada", "ada@example.org", "bob"])
def test_a_judge_is_forgotten_with_their_votes(workspace: Workspace, tmp_path: Path, name: str) -> None:
    ingest(workspace, tmp_path / "battles.jsonl", BATTLES)
    steps.evaluate(workspace)
    folder = workspace.path / "exports" / "dpo"
    steps.export(workspace, "dpo", folder)
    steps.export(workspace, "dpo", workspace.path / "exports" / "copy")
    person = steps.find_person(workspace, name)
    theirs = sum(row["judge"] == name for row in BATTLES)
    with workspace.store.read() as connection:
        before = latest_annotations(connection)
    assert sum(each.person_id == person for each in before) == theirs

    receipt = steps.forget_person(workspace, person, by="giver")
    assert receipt["removed"]["store"]["imported_feedback"] == theirs
    assert receipt["removed"]["exports_to_make_again"] == ["copy", "dpo"]
    with workspace.store.read() as connection:
        after, tasks = latest_annotations(connection), all_tasks(connection)
        tables = sa.inspect(connection).get_table_names()
        rows = {table: str(connection.execute(sa.text(f"SELECT * FROM {table}")).all()) for table in tables}
    assert {each.id for each in after} == {each.id for each in before if each.person_id != person}
    assert {each.task_id for each in after} == set(tasks), "a task that nobody answered is gone"
    assert {table for table, text in rows.items() if person in text} == {"deletion"}

    again = ingest(workspace, tmp_path / "again.jsonl", BATTLES[::-1])
    assert (again.feedback, again.forgotten_feedback) == (0, theirs)
    with workspace.store.read() as connection:
        assert latest_annotations(connection) == after
    steps.export(workspace, "dpo", folder)
    assert person not in {row["person_id"] for row in votes_in(folder)}
    assert len(votes_in(folder)) == len({(row.person_id, row.task_id) for row in after})


def test_a_rater_s_thumbs_go_and_what_others_said_stays(workspace: Workspace, tmp_path: Path) -> None:
    rows = [thumb("ada", "up"), thumb("bob", "down")]
    assert ingest(workspace, tmp_path / "thumbs.jsonl", rows).feedback == 2
    person = steps.find_person(workspace, "bob")
    steps.forget_person(workspace, person, by="giver")
    assert ingest(workspace, tmp_path / "thumbs.jsonl", rows).forgotten_feedback == 1
    steps.export(workspace, "kto", tmp_path / "kto", test_share=0)
    assert [row["answer"] for row in votes_in(tmp_path / "kto")] == ["yes"]


def test_what_a_forgotten_person_says_of_something_else_later_is_a_new_person_s(
    workspace: Workspace, tmp_path: Path
) -> None:
    ingest(workspace, tmp_path / "battles.jsonl", [battle("ada", "model_a")])
    person = steps.find_person(workspace, "ada")
    steps.forget_person(workspace, person, by="giver")
    found = ingest(workspace, tmp_path / "later.jsonl", [battle("ada", "model_a", 2)])
    assert (found.feedback, found.forgotten_feedback) == (1, 0)
    assert steps.find_person(workspace, "ada") != person


def test_the_command_says_what_is_gone_and_ingest_what_stays_away(
    workspace: Workspace, tmp_path: Path
) -> None:
    ingest(workspace, tmp_path / "battles.jsonl", BATTLES)
    path = str(workspace.path)
    ran = CliRunner().invoke(app, ["people", "delete", "bob", "--yes", "--workspace", path])
    assert ran.exit_code == 0, ran.output
    assert "3 imported judgments deleted" in ran.output
    ran = CliRunner().invoke(app, ["ingest", str(tmp_path / "battles.jsonl"), "--workspace", path])
    assert "3 judgments of people who asked to be forgotten" in ran.output
