"""Ratings of conversations and of their responses, and safety, go the whole way from a chat log to a training set."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from importlib.resources import as_file, files
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from chatfeedback import steps
from chatfeedback.demo.habits import PEOPLE, answer, load_truth
from chatfeedback.report import write_report
from exports import contexts_of
from exports.completions import Basis
from exports.labelling import completion_labels
from exports.omissions import OmissionReason, count_omissions
from exports.weights import Weights
from quality import votes
from reward_engine import wallet
from task_generators.content import content_of
from tests.sample_records import NOW
from workspaces.kinds import kind_of
from workspaces.records import IMPORTED, AnnotationStatus, Role, stable_id
from workspaces.store.annotations import AnnotationRevision, save_revisions
from workspaces.store.latest_annotations import latest_annotations
from workspaces.store.posteriors import posteriors as stored_posteriors
from workspaces.store.tasks import all_tasks
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from workspaces.records import Task

CONFIGURATION = """\
version: 1
platforms: {argilla: {url: managed}}
mix: {kinds: {conversation_rating: 1, response_rating: 1, safety: 1, qualitative: 0}, overlap: 3}
rates: {response_rating: 2, vesting: on_agreement, vested_at_once: 0.5}
"""
REASON = "It never answered the question."
VOTERS = PEOPLE[:3]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace in which three people answered every task, the first of them with a reason."""
    with Workspace.create(tmp_path_factory.mktemp("ratings") / "w", CONFIGURATION) as made:
        with as_file(files("chatfeedback.demo") / "sample.jsonl") as sample:
            steps.ingest_file(made, sample, publish=True)
        steps.seed_responses(made)
        steps.generate_tasks(made)
        truth = load_truth()
        rows = []
        for number, task in enumerate(tasks_of(made).values()):
            for person in VOTERS:
                given = answer(person, task, truth)
                if person is VOTERS[0] and task.kind == "conversation_rating":
                    given["conversation_reason"] = REASON
                rows.append(AnnotationRevision(
                    annotation_id=stable_id(person.name, task.id), revision=1, task_id=task.id,
                    person_id=person.name, platform=task.platform, response_id=f"{person.name} {task.id}",
                    status=AnnotationStatus.SUBMITTED, answers=given,
                    content_hash=stable_id(person.name, task.id), updated_at=NOW + timedelta(minutes=number),
                    synced_at=NOW,
                ))  # fmt: skip
        with made.store.write() as connection:
            save_revisions(connection, rows)
        yield made


def tasks_of(workspace: Workspace, kind: str | None = None) -> dict[str, Task]:
    with workspace.store.read() as connection:
        tasks = all_tasks(connection)
    return {
        name: task for name, task in tasks.items() if task.platform != IMPORTED and kind in (None, task.kind)
    }


def test_each_conversation_and_each_response_is_asked_about_once(workspace: Workspace) -> None:
    shared = list(workspace.collection.scan())
    asked = Counter(task.conversation_ids for task in tasks_of(workspace, "conversation_rating").values())
    assert set(asked.values()) == {1}
    assert len(asked) > 20
    rated = Counter(
        name for task in tasks_of(workspace, "response_rating").values() for name in task.message_ids
    )
    assert set(rated.values()) == {1}
    responses = {message.id for each in shared for message in each.responses() if message.content.strip()}
    assert rated.keys() <= responses
    assert len(rated) > 80
    assert steps.generate_tasks(workspace).created == 0


def test_a_whole_conversation_is_shown_and_answers_have_numbers_where_each_is_rated(
    workspace: Workspace,
) -> None:
    for kind in ("conversation_rating", "response_rating"):
        for task in tasks_of(workspace, kind).values():
            conversation = workspace.collection.get(task.conversation_ids)
            (turns,) = content_of(task, conversation).chats.values()
            path = conversation[task.conversation_ids[0]].path_to(task.message_ids[-1])
            assert [turn.text for turn in turns if turn.role is Role.USER] == [
                message.content for message in path if message.role is Role.USER
            ]
            numbers = [turn.speaker for turn in turns if turn.speaker.startswith("Answer ")]
            expected = [] if kind == "conversation_rating" else range(1, len(task.message_ids) + 1)
            assert numbers == [f"Answer {number} · Model" for number in expected]
            assert [turn.speaker for turn in turns if turn.asked] == numbers


def test_every_rated_response_is_paid_in_full_and_the_rest_waits_for_its_own_item(
    workspace: Workspace,
) -> None:
    factors = workspace.config.rates.significance
    for task in tasks_of(workspace, "response_rating").values():
        worth = int(2 * factors[task.significance] + 0.5)
        assert task.quote == {f"thumb_{place + 1}": worth for place in range(len(task.message_ids))}
    steps.settle_answers(workspace)
    with workspace.store.read() as connection:
        before = wallet(connection, VOTERS[1].name).balance
    write_report(workspace)  # closes the items: all who were asked have answered
    steps.settle_answers(workspace)
    with workspace.store.read() as connection:
        first, second = (wallet(connection, person.name).balance for person in VOTERS[:2])
    tasks = tasks_of(workspace).values()
    reasons = sum(task.quote.get("conversation_reason", 0) for task in tasks)
    assert first == sum(task.points for task in tasks)
    assert second == first - reasons
    assert before < second
    assert steps.settle_answers(workspace).corrections == 0


def test_agreement_posteriors_and_the_report_see_every_item(workspace: Workspace) -> None:
    tasks = tasks_of(workspace)
    with workspace.store.read() as connection:
        table = votes([it for it in latest_annotations(connection) if it.task_id in tasks], tasks)
    items = {question: set(rows["item"]) for question, rows in table.groupby("question")}
    assert items["conversation_thumb"] == {
        task.conversation_ids[0] for task in tasks.values() if task.kind == "conversation_rating"
    }
    assert items["thumb"] == {
        name for task in tasks.values() if task.kind == "response_rating" for name in task.message_ids
    }
    harm = [question.name for question in kind_of("safety").counted if question.name.startswith("harm: ")]
    assert len(harm) == 13
    assert {name for name in items if str(name).startswith("harm: ")} == set(harm)
    for name in harm:
        assert set(table.loc[table["question"] == name, "value"]) <= {"yes", "no"}
    written = write_report(workspace).written
    agreement = written.tables["agreement"]
    assert set(agreement["question"]) >= {"conversation_thumb", "thumb", "severity", "harmed", *harm}
    with workspace.store.read() as connection:
        known = {
            kind: {(it.question, it.item) for it in stored_posteriors(connection, kind)}
            for kind in ("conversation_rating", "response_rating", "safety")
        }
    assert known["response_rating"] == {("thumb", item) for item in items["thumb"]}
    assert known["conversation_rating"] == {("conversation_thumb", it) for it in items["conversation_thumb"]}
    assert {question for question, _ in known["safety"]} == {"severity", "harmed", *harm}


def test_thumbs_become_labels_and_what_has_no_place_says_why(workspace: Workspace, tmp_path: Path) -> None:
    tasks = tasks_of(workspace)
    with workspace.store.read() as connection:
        annotations = [it for it in latest_annotations(connection) if it.task_id in tasks]
    contexts = contexts_of(workspace.collection.scan())
    made = completion_labels(tasks, annotations, contexts, Weights({}))
    assert {row.basis for row in made.rows} == {Basis.THUMBS}
    rated = [task for task in tasks.values() if task.kind == "response_rating"]
    up = Counter(
        name
        for it in annotations
        if (task := tasks[it.task_id]) in rated
        for place, name in enumerate(task.message_ids)
        if it.values[f"thumb_{place + 1}"] == "up"
    )
    for row in made.rows:
        assert (
            row.label
            == (
                2 * sum(up[name] for name in row.completion.message_ids)
                > row.n_annotators * len(row.completion.message_ids)
            )
            or len(row.completion.message_ids) > 1
        )
    omitted = count_omissions(made.omissions)
    kinds = Counter(task.kind for task in tasks.values())
    assert omitted[OmissionReason.OF_CONVERSATION] == 3 * kinds["conversation_rating"]
    assert omitted[OmissionReason.COMPARES_NOTHING] == 3 * kinds["safety"]
    steps.export(workspace, "kto", tmp_path / "kto", any_licence=True)
    files = (tmp_path / "kto" / "data" / "votes").glob("train-*.parquet")
    said = [row for file in files for row in pq.read_table(file).to_pylist()]
    assert {row["question"] for row in said} == {"thumb"}
    assert {row["answer"] for row in said} == {"yes", "no"}


def test_gold_takes_answers_of_each_form(workspace: Workspace, tmp_path: Path) -> None:
    rated = next(it for it in tasks_of(workspace, "response_rating").values() if len(it.message_ids) > 1)
    safe = next(iter(tasks_of(workspace, "safety").values()))
    about = next(iter(tasks_of(workspace, "conversation_rating").values()))
    file = tmp_path / "gold.yaml"
    rows = [
        {"task": rated.id, "thumb_2": "down"},
        {"task": rated.id, "thumb_10": "down"},
        {"task": safe.id, "harm": "hate, Harassment"},
        {"task": safe.id, "harm": "none, hate"},
        {"task": about.id, "conversation_thumb": "up"},
    ]
    file.write_text(json.dumps(rows), encoding="utf-8")
    gold = steps.add_gold(workspace, file)
    assert gold.answers == {
        rated.id: {"thumb_2": "down"},
        safe.id: {"harm": "harassment,hate"},
        about.id: {"conversation_thumb": "up"},
    }
    assert [number for number, _ in gold.rejected] == [2, 4]
    assert {row.question for row in steps.list_gold(workspace) if not row.unusable} == {
        "thumb_2",
        "harm",
        "conversation_thumb",
    }
    steps.remove_all_gold(workspace)


def test_a_deleted_conversation_leaves_no_item_behind(workspace: Workspace) -> None:
    """Runs last in this file: it deletes."""
    write_report(workspace)
    kinds = ("conversation_rating", "response_rating", "safety")
    gone = sorted(task.conversation_ids[0] for task in tasks_of(workspace, "conversation_rating").values())[0]
    paid = wallet_of(workspace, VOTERS[0].name)

    def items() -> set[str]:
        with workspace.store.read() as connection:
            return {it.item for kind in kinds for it in stored_posteriors(connection, kind)}

    assert gone in items()
    messages = {it.id for it in workspace.collection.get([gone])[gone].messages}
    assert items() & messages
    steps.delete_conversations(workspace, [gone], by="giver")
    assert not items() & {gone, *messages}
    write_report(workspace)
    assert not items() & {gone, *messages}
    steps.settle_answers(workspace)
    assert wallet_of(workspace, VOTERS[0].name) == paid


def wallet_of(workspace: Workspace, person: str) -> int:
    with workspace.store.read() as connection:
        return wallet(connection, person).balance
