"""Items on which people disagree are decided by somebody who has no part in them; the decision is their label."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from chatfeedback import steps
from chatfeedback.cli import app
from chatfeedback.report import write_report
from reward_engine.ledger import balances
from tests.sample_records import NOW, siblings
from workspaces.errors import UsageError
from workspaces.kinds import ChoiceQuestion, kind_of
from workspaces.records import IMPORTED, AnnotationStatus, stable_id
from workspaces.store.adjudications import adjudications, decisions
from workspaces.store.annotations import AnnotationRevision, annotation_revision, save_revisions
from workspaces.store.latest_annotations import latest_annotations
from workspaces.store.own_answers import save_link
from workspaces.store.posteriors import posteriors
from workspaces.store.tasks import all_tasks, save_tasks
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from workspaces.records import Task

CONFIGURATION = """\
version: 1
platforms: {argilla: {url: managed}}
quality: {own: allowed}
rubrics: {tutoring: [Asks back., {criterion: Insults., weight: -1}]}
mix:
  kinds: {preference: 1, preference_strength: 1, qualitative: 1, response_rating: 1, rubric_tutoring: 1}
"""
TAGS = {
    "instruction": "yes",
    "helpful": "yes",
    "factual": "yes",
    "style": "yes",
    "sensitive": "no",
    "toxic": "no",
}


def sided(task: Task, answer: str) -> str:
    """Return an answer as if the response whose id sorts first stood first."""
    question = kind_of(task.kind).comparison
    assert question is not None
    return answer if task.message_ids[0] == min(task.message_ids) else question.mirrored(answer)


def decision(task: Task) -> dict[str, str]:
    """Return what is decided about a task, against most votes."""
    if kind_of(task.kind).comparison is None:
        return DECIDED[task.kind]
    return {name: sided(task, value) for name, value in DECIDED[task.kind].items()}


def answers_of(task: Task) -> list[Mapping[str, str]]:
    """Return the answers of three people: two against one."""
    match task.kind:
        case "preference":
            return [{"preference": sided(task, each)} for each in ("a", "a", "b")]
        case "preference_strength":
            return [{"strength": sided(task, each)} for each in ("-2", "-1", "3")]
        case "qualitative":
            return [TAGS, TAGS, TAGS | {"helpful": "no", "suggestion": "A much better response."}]
        case "response_rating":
            return [{"thumb_1": each} for each in ("up", "up", "down")]
        case _:
            return [
                {"rubric_tutoring_1": each, "rubric_tutoring_2": "not_met"} for each in ("met", "met", "na")
            ]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace in which three people answered every task, and two of three say the same."""
    path = tmp_path_factory.mktemp("template") / "w"
    with Workspace.create(path, CONFIGURATION) as made:
        logs = [siblings(f"c{number}", f"question {number}", "one", "two") for number in range(2)]
        made.collection.append(logs, now=NOW - timedelta(days=3), delay=timedelta(0))
        made.collection.share_due(NOW)
        steps.seed_responses(made)
        steps.generate_tasks(made)
        rows = [
            AnnotationRevision(
                annotation_id=stable_id(str(person), task.id), revision=1, task_id=task.id,
                person_id=f"person-{person}", platform=task.platform, response_id=f"{person} {task.id}",
                status=AnnotationStatus.SUBMITTED, answers=dict(said),
                content_hash=stable_id(str(person), task.id), updated_at=NOW + timedelta(minutes=person),
                synced_at=NOW,
            )
            for task in tasks_of(made)
            for person, said in enumerate(answers_of(task))
        ]  # fmt: skip
        with made.store.write() as connection:
            save_revisions(connection, rows)
    return path


@pytest.fixture
def workspace(template: Path, tmp_path: Path) -> Iterator[Workspace]:
    shutil.copytree(template, tmp_path / "w")
    with Workspace.open(tmp_path / "w") as opened:
        yield opened


def tasks_of(workspace: Workspace, kind: str | None = None) -> list[Task]:
    with workspace.store.read() as connection:
        tasks = [task for task in all_tasks(connection).values() if task.platform != IMPORTED]
    return [task for task in tasks if kind in (None, task.kind)]


def exported(workspace: Workspace, name: str, folder: Path, table: str) -> list[dict[str, Any]]:
    shutil.rmtree(folder, ignore_errors=True)
    steps.export(workspace, name, folder, any_licence=True)
    return [
        row
        for file in sorted((folder / "data" / table).glob("*.parquet"))
        for row in pq.read_table(file).to_pylist()
    ]


def labels(workspace: Workspace, folder: Path) -> dict[str, tuple[object, object]]:
    """Return the label of each response, and whether it was adjudicated."""
    rows = exported(workspace, "kto", folder, "trl")
    told = exported(workspace, "kto", folder, "provenance")
    return {
        str(told_of["message_ids"]): (row["label"], told_of["adjudicated"])
        for row, told_of in zip(rows, told, strict=True)
        if told_of["origin"] == "model"
    }


DECIDED = {
    "preference": {"preference": "b"},
    "preference_strength": {"strength": "2"},
    "qualitative": {"helpful": "no"},
    "response_rating": {"thumb_1": "down"},
    "rubric_tutoring": {"rubric_tutoring_1": "not_met"},
}


def test_every_kind_of_disagreement_is_listed_until_it_is_decided(workspace: Workspace) -> None:
    listed = steps.disputed_tasks(workspace)
    assert {each.task_id for each in listed} == {task.id for task in tasks_of(workspace)}
    for each in listed:
        assert all(len(votes) > 1 for votes in each.answers.values())
    for task in tasks_of(workspace):
        steps.adjudicate(workspace, task.id, decision(task))
    assert steps.disputed_tasks(workspace) == []
    assert {each.task_id for each in steps.disputed_tasks(workspace, decided=True)} == {
        each.task_id for each in listed
    }


def test_a_decision_is_the_label_whatever_the_votes_and_says_so(workspace: Workspace, tmp_path: Path) -> None:
    write_report(workspace)
    with workspace.store.read() as connection:
        before = {(it.kind, it.question, it.item): it for it in posteriors(connection)}
        paid = balances(connection)
    assert not any(it.adjudicated for it in before.values())
    assert set(labels(workspace, tmp_path / "set").values()) == {(True, False)}
    chosen = {
        row["pair_id"]: row["chosen_message_ids"]
        for row in exported(workspace, "dpo", tmp_path / "set", "provenance")
    }
    for task in tasks_of(workspace):
        steps.adjudicate(workspace, task.id, decision(task))
    told = write_report(workspace).written.tables["adjudications"]
    assert told["decided"].sum() == told["overruled"].sum() == len(tasks_of(workspace))
    with workspace.store.read() as connection:
        after = {(it.kind, it.question, it.item): it for it in posteriors(connection)}
        made = decisions(connection)
        assert balances(connection) == paid  # nobody is paid for a decision
    assert {about for about, it in after.items() if it.adjudicated} == made.keys()
    for about, value in made.items():
        question = kind_of(about[0]).question(about[1])
        assert isinstance(question, ChoiceQuestion)
        assert after[about].value == question.class_of(value)
        assert after[about].probability == 1
        assert after[about].votes == before[about].votes
        assert after[about].value != before[about].value
    assert set(labels(workspace, tmp_path / "set").values()) == {(False, True)}
    decided = exported(workspace, "dpo", tmp_path / "set", "provenance")
    assert all(row["adjudicated"] for row in decided if len(row["chosen_message_ids"]) == 1)
    assert sum(row["chosen_message_ids"] != chosen.get(row["pair_id"]) for row in decided) == 2
    (first, *_) = exported(workspace, "rubric", tmp_path / "set", "rubric")
    assert [each["criteria_met"] for each in first["rubrics"]] == [False, False]
    assert (first["rubrics"][0]["n_met"], first["score"]) == (2, 0.0)


def test_a_decision_is_taken_back_and_made_anew(workspace: Workspace) -> None:
    (task, *_) = tasks_of(workspace, "preference")
    steps.adjudicate(workspace, task.id, {"preference": "b"})
    (first,) = steps.adjudicate(workspace, task.id, {"preference": "tie"})
    with workspace.store.read() as connection:
        assert adjudications(connection) == [first]
    assert first.value == "tie"
    assert steps.take_back(workspace, task.id) == 1
    with workspace.store.read() as connection:
        assert adjudications(connection) == []
    with pytest.raises(UsageError, match="nothing was decided"):
        steps.take_back(workspace, task.id)
    assert task.id in {each.task_id for each in steps.disputed_tasks(workspace)}


def test_answers_are_given_in_the_order_of_display(workspace: Workspace) -> None:
    for task in tasks_of(workspace, "preference"):
        (made,) = steps.adjudicate(workspace, task.id, {"preference": "a"})
        better = min(task.message_ids) if made.value == "first" else max(task.message_ids)
        assert better == task.message_ids[0]


def test_nobody_decides_what_they_have_a_part_in(workspace: Workspace) -> None:
    (task, *_) = tasks_of(workspace, "qualitative")
    for person in range(3):
        with pytest.raises(UsageError, match="nobody decides their own answers"):
            steps.adjudicate(workspace, task.id, {"helpful": "no"}, person_id=f"person-{person}")
    with workspace.store.write() as connection:
        save_revisions(connection, [skipped(task, "skipper")])
    with pytest.raises(
        UsageError, match="nobody decides their own answers"
    ):  # they saw it, and might have answered
        steps.adjudicate(workspace, task.id, {"helpful": "no"}, person_id="skipper")
    with workspace.store.write() as connection:
        save_link(connection, "second-account", "skipper", NOW)
    with pytest.raises(UsageError, match="nobody decides their own answers"):
        steps.adjudicate(workspace, task.id, {"helpful": "no"}, person_id="second-account")
    (made,) = steps.adjudicate(workspace, task.id, {"helpful": "no"}, person_id="somebody")
    assert made.person_id == "somebody"


def skipped(task: Task, person: str) -> AnnotationRevision:
    return AnnotationRevision(
        annotation_id=stable_id(person, task.id), revision=1, task_id=task.id, person_id=person,
        platform=task.platform, response_id=f"{person} {task.id}", status=AnnotationStatus.DISCARDED, answers={},
        content_hash="x", updated_at=NOW + timedelta(minutes=9), synced_at=NOW,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"style": "no"}, "people agree on 'style'"),
        ({"helpful": "perhaps"}, "'perhaps' is no answer to 'helpful'"),
        ({"suggestion": "x"}, "no question 'suggestion' with options"),
        ({"preference": "a"}, "no question 'preference' with options"),
    ],
)
def test_what_cannot_be_decided_says_why(workspace: Workspace, given: dict[str, str], said: str) -> None:
    (task, *_) = tasks_of(workspace, "qualitative")
    with pytest.raises(UsageError, match=said):
        steps.adjudicate(workspace, task.id, given)
    with pytest.raises(UsageError, match="there is no task"):
        steps.adjudicate(workspace, "nowhere", given)
    with workspace.store.read() as connection:
        assert adjudications(connection) == []


def test_answers_are_shown_without_names(workspace: Workspace) -> None:
    for task in tasks_of(workspace):
        shown = CliRunner().invoke(app, ["adjudicate", "show", task.id, "-w", str(workspace.path), "--json"])
        assert shown.exit_code == 0, shown.exception
        item = json.loads(shown.stdout)
        assert len(item["answers"]) == 3
        assert "person-" not in shown.stdout
        assert any(
            "one" in turn["text"] or "two" in turn["text"]
            for turns in item["chats"].values()
            for turn in turns
        )
        words = CliRunner().invoke(app, ["adjudicate", "show", task.id, "-w", str(workspace.path)])
        assert "== Answer 3" in words.stdout
        assert "person-" not in words.stdout


def test_the_commands_list_decide_and_take_back(workspace: Workspace) -> None:
    (task, *_) = tasks_of(workspace, "qualitative")
    path = str(workspace.path)
    workspace.close()

    def run(*arguments: str) -> str:
        ran = CliRunner().invoke(app, ["adjudicate", *arguments, "-w", path])
        assert ran.exit_code == 0, ran.exception
        return ran.stdout

    assert "helpful: no 1, yes 2" in run("list")
    assert "1 question of task" in run("decide", task.id, "helpful=no")
    assert task.id not in run("list", "--limit", "0")
    assert "helpful: no 1, yes 2 (decided)" in run("list", "--decided", "--limit", "0")
    assert "Decided: helpful: no" in run("show", task.id)
    assert "1 decision taken back" in run("take-back", task.id)
    twice = CliRunner().invoke(
        app, ["adjudicate", "decide", task.id, "helpful=no", "helpful=yes", "-w", path]
    )
    assert isinstance(twice.exception, UsageError)


def test_a_deleted_conversation_leaves_no_decision_behind(workspace: Workspace) -> None:
    for task in tasks_of(workspace):
        steps.adjudicate(workspace, task.id, decision(task))
    gone = tasks_of(workspace)[0].conversation_ids[0]
    steps.delete_conversations(workspace, [gone], by="giver")
    with workspace.store.read() as connection:
        left = adjudications(connection)
        kept = {task.id for task in all_tasks(connection).values() if gone not in task.conversation_ids}
    assert left
    assert not any(gone in it.item for it in left)
    assert {it.task_id for it in left} <= kept


def test_what_came_with_a_log_is_none_of_the_answers_that_were_asked_for(workspace: Workspace) -> None:
    (task, *_) = tasks_of(workspace, "preference")
    assert task.id in {each.task_id for each in steps.disputed_tasks(workspace)}
    log = replace(task, id="log-1", platform=IMPORTED)
    with workspace.store.write() as connection:
        save_tasks(connection, [log])
        told = latest_annotations(connection)
        moved = [it for it in told if it.task_id == task.id][:2]
        rows = [
            AnnotationRevision(
                annotation_id=f"log-{number}", revision=1, task_id=log.id, person_id=f"rater-{number}",
                platform=IMPORTED, response_id=f"log-{number}", status=AnnotationStatus.SUBMITTED,
                answers=dict(it.values), content_hash=f"log-{number}", updated_at=NOW, synced_at=NOW,
            )
            for number, it in enumerate(moved)
        ]  # fmt: skip
        save_revisions(connection, rows)
        connection.execute(
            sa.delete(annotation_revision).where(
                annotation_revision.c.annotation_id.in_([it.id for it in moved])
            )
        )
    assert task.id not in {each.task_id for each in steps.disputed_tasks(workspace)}, (
        "two answers are to come"
    )
