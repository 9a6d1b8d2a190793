"""A task kind that only this test declares goes the whole way: no other module is edited for it.

It asks an ordinal question of three steps and a line of text.
"""

from __future__ import annotations

import json
from datetime import timedelta
from importlib.resources import as_file, files
from typing import TYPE_CHECKING

import krippendorff
import numpy as np
import pytest

from chatfeedback import steps
from chatfeedback.demo.habits import PEOPLE, answer, load_truth
from chatfeedback.report import write_report
from quality import build_report, votes
from reward_engine import wallet
from task_generators.candidates import GeneratedKind, each_response
from task_generators.content import content_of
from tests.sample_records import NOW
from workspaces.errors import ConfigurationError
from workspaces.forms import Form
from workspaces.kinds import (
    ChatField,
    ChoiceQuestion,
    PaidPart,
    Scale,
    TextQuestion,
    UnknownKindError,
    kind_of,
    registered,
)
from workspaces.platforms.argilla.form import fields_of
from workspaces.platforms.label_studio.form import labeling_config, result_of, task_data, values_of
from workspaces.records import IMPORTED, AnnotationStatus, stable_id
from workspaces.store.annotations import AnnotationRevision, save_revisions
from workspaces.store.latest_annotations import latest_annotations
from workspaces.store.posteriors import posteriors as stored_posteriors
from workspaces.store.tasks import all_tasks
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from workspaces.records import Task

CLARITY = GeneratedKind(
    name="clarity",
    title="How clear is it?",
    fields=(ChatField("conversation", "Conversation so far"), ChatField("response", "Response", response=0)),
    questions=(
        ChoiceQuestion(
            "clear",
            "How clear is the response?",
            "Could a newcomer follow it?",
            {"good": "Clear", "fair": "So so", "poor": "Unclear"},
            scale=Scale.ORDINAL,
            values=("poor", "fair", "good"),
        ),
        TextQuestion("why", "Why?", "One line.", min_characters=5),
    ),
    parts=(
        PaidPart("clear", ("clear",), 5, "your rating", "how clear a response is"),
        PaidPart("why", ("why",), 3, "your reason", "a line that says why"),
    ),
    guidelines="## How clear is it?\n\nThink of a newcomer.",
    find=each_response,
)

CONFIGURATION = """\
version: 1
platforms: {argilla: {url: managed}, label_studio: {url: managed}}
mix: {kinds: {clarity: 1}, limit: 110, overlap: 3}
rates: {clear: 10}
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with registered(CLARITY), Workspace.create(tmp_path / "w", CONFIGURATION) as made:
        with as_file(files("chatfeedback.demo") / "sample.jsonl") as sample:
            steps.ingest_file(made, sample, publish=True)
        steps.seed_responses(made)
        steps.generate_tasks(made)
        yield made


def tasks_of(workspace: Workspace) -> dict[str, Task]:
    with workspace.store.read() as connection:
        return {name: task for name, task in all_tasks(connection).items() if task.platform != IMPORTED}


def answer_everything(workspace: Workspace) -> None:
    truth, tasks = load_truth(), tasks_of(workspace)
    revisions = [
        AnnotationRevision(
            annotation_id=stable_id(person.name, task.id),
            revision=1,
            task_id=task.id,
            person_id=person.name,
            platform=task.platform,
            response_id=f"{person.name} {task.id}",
            status=AnnotationStatus.SUBMITTED,
            answers=answer(person, task, truth) | ({"why": "It rambles."} if person.name == "ada" else {}),
            content_hash=stable_id(person.name, task.id),
            updated_at=NOW + timedelta(minutes=number),
            synced_at=NOW,
        )
        for number, task in enumerate(tasks.values())
        for person in PEOPLE[:5]
    ]
    with workspace.store.write() as connection:
        save_revisions(connection, revisions)


def test_tasks_are_drawn_and_priced_by_its_parts(workspace: Workspace) -> None:
    tasks = tasks_of(workspace)
    assert len(tasks) > 60
    factors = workspace.config.rates.significance
    for task in tasks.values():
        assert task.kind == "clarity"
        assert task.quote == {
            "clear": round(10 * factors[task.significance]),
            "why": int(3 * factors[task.significance] + 0.5),
        }


def test_both_platforms_draw_its_form_and_read_its_answers(workspace: Workspace) -> None:
    form = Form.of(kind_of("clarity"))
    task = next(iter(tasks_of(workspace).values()))
    content = content_of(task, workspace.collection.get(task.conversation_ids))
    fields = fields_of(form, content)
    assert set(fields) == {"task", "conversation", "response"}
    assert f"**{task.quote['clear']} points** for your rating" in str(fields["task"])
    config = labeling_config(form)
    assert [config.index(f'alias="{value}"') for value in ("good", "fair", "poor")] == sorted(
        config.index(f'alias="{value}"') for value in ("good", "fair", "poor")
    )
    assert "your reason" in str(task_data(form, content)["worth"])
    given = {"clear": "fair", "why": "It rambles."}
    asked = {"clear": frozenset({"good", "fair", "poor"}), "why": None}
    assert values_of(result_of(form, given), asked) == given


def test_answers_earn_what_was_promised(workspace: Workspace) -> None:
    answer_everything(workspace)
    steps.settle_answers(workspace)
    tasks = tasks_of(workspace).values()
    with workspace.store.read() as connection:
        assert wallet(connection, "ada").balance == sum(task.points for task in tasks)
        assert wallet(connection, "bo").balance == sum(task.quote["clear"] for task in tasks)


def test_agreement_is_measured_at_its_own_level_and_reported(workspace: Workspace) -> None:
    answer_everything(workspace)
    with workspace.store.read() as connection:
        annotations = latest_annotations(connection)
    tasks = tasks_of(workspace)
    table = votes([annotation for annotation in annotations if annotation.task_id in tasks], tasks)
    (question,) = build_report(table).questions
    assert (question.kind, question.question) == ("clarity", "clear")
    numbers = table.assign(value=table["value"].map({"poor": 1, "fair": 2, "good": 3}))
    matrix = numbers.pivot_table(index="annotator", columns="item", values="value").to_numpy(dtype=np.float64)
    expected = krippendorff.alpha(reliability_data=matrix, level_of_measurement="ordinal")
    assert question.headline.value == pytest.approx(expected, abs=1e-9)
    assert question.headline is question.coefficients["ordinal"]
    nominal = krippendorff.alpha(reliability_data=matrix, level_of_measurement="nominal")
    assert question.coefficients["nominal"].value == pytest.approx(nominal, abs=1e-9)
    written = write_report(workspace).written
    assert "clear" in written.page.read_text(encoding="utf-8")
    agreement = written.tables["agreement"]
    assert ["clarity", "clear"] in agreement[["kind", "question"]].to_numpy().tolist()
    assert set(written.tables["agreement_by"]["question"]) == {"clear"}
    with workspace.store.read() as connection:
        posteriors = list(stored_posteriors(connection, "clarity"))
    assert {tuple(posterior.probabilities) for posterior in posteriors} == {("poor", "fair", "good")}


def test_gold_knows_its_answers(workspace: Workspace, tmp_path: Path) -> None:
    task = next(iter(tasks_of(workspace).values()))
    file = tmp_path / "gold.yaml"
    rows = [
        {"message": task.message_ids[0], "clear": "good"},
        {"task": task.id, "clear": "splendid"},
        {"task": task.id, "why": "because"},
    ]
    file.write_text(json.dumps(rows), encoding="utf-8")
    gold = steps.add_gold(workspace, file)
    assert gold.answers == {task.id: {"clear": "good"}}
    assert [number for number, _ in gold.rejected] == [2, 3]
    assert "it is one of poor, fair, good" in gold.rejected[0][1]


def test_without_its_declaration_it_is_unknown_and_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"'(mix\.kinds\.clarity|rates\.clear)'"):
        Workspace.create(tmp_path / "w", CONFIGURATION)
    with pytest.raises(UnknownKindError, match=r"no task kind 'clarity'; known: [a-z_, ]*preference"):
        kind_of("clarity")


def test_two_kinds_cannot_share_a_name_or_a_paid_part() -> None:
    with registered(CLARITY):
        with pytest.raises(ValueError, match="in use"), registered(CLARITY):
            pass
        namesake = GeneratedKind(
            name="other",
            title="Other",
            questions=CLARITY.questions,
            parts=CLARITY.parts,
            find=each_response,
        )
        with pytest.raises(ValueError, match="one of its paid parts"), registered(namesake):
            pass
