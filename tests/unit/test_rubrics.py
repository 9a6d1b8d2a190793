"""Rubrics go the whole way from the configuration to a training set, and their criteria stay what people answered."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from importlib.resources import as_file, files
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from datasets import load_dataset
from hypothesis import given
from hypothesis import strategies as st

from chatfeedback import steps
from chatfeedback.demo.habits import PEOPLE, answer, load_truth
from chatfeedback.guidelines import Place, guidelines
from chatfeedback.report import write_report
from quality import votes
from quality.rubrics import criteria_table, response_scores
from reward_engine import wallet
from tests.sample_records import NOW, chat
from workspaces.config import load_config
from workspaces.errors import ConfigurationError
from workspaces.kinds import (
    Criterion,
    UnknownKindError,
    asked_kinds,
    criteria_of,
    declared_kinds,
    kind_of,
    paid_parts,
    rubric_kinds,
    score,
)
from workspaces.records import IMPORTED, AnnotationStatus, stable_id
from workspaces.store.annotations import AnnotationRevision, save_revisions
from workspaces.store.latest_annotations import latest_annotations
from workspaces.store.tasks import all_tasks
from workspaces.workspace import CONFIG_NAME, Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from workspaces.records import Task

BASE = """\
version: 1
platforms: {argilla: {url: managed}}
"""
RUBRIC = """\
rubrics:
  tutoring:
    - {criterion: Asks a question back., weight: 2}
    - Names a source.
    - {criterion: Insults the reader., weight: -3}
"""
MIX = """\
mix: {kinds: {rubric_tutoring: 1, qualitative: 0}, overlap: 3}
rates: {rubric: 2}
"""
CONFIGURATION = BASE + RUBRIC + MIX
ANOTHER = CONFIGURATION.replace("tutoring", "coaching")
VOTERS = PEOPLE[:3]
IMPORTED_JUDGMENTS = 55
"""Thumbs that came with the sample."""

NAME, OTHER = "rubric_tutoring", "rubric_coaching"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace in which three people checked every response."""
    with Workspace.create(tmp_path_factory.mktemp("rubrics") / "w", CONFIGURATION) as made:
        with as_file(files("chatfeedback.demo") / "sample.jsonl") as sample:
            steps.ingest_file(made, sample, publish=True)
        steps.seed_responses(made)
        steps.generate_tasks(made)
        truth = load_truth()
        rows = [
            AnnotationRevision(
                annotation_id=stable_id(person.name, task.id), revision=1, task_id=task.id,
                person_id=person.name, platform=task.platform, response_id=f"{person.name} {task.id}",
                status=AnnotationStatus.SUBMITTED, answers=answer(person, task, truth),
                content_hash=stable_id(person.name, task.id), updated_at=NOW + timedelta(minutes=number),
                synced_at=NOW,
            )
            for number, task in enumerate(tasks_of(made).values())
            for person in VOTERS
        ]  # fmt: skip
        with made.store.write() as connection:
            save_revisions(connection, rows)
        yield made


def tasks_of(workspace: Workspace) -> dict[str, Task]:
    with workspace.store.read() as connection:
        return {name: task for name, task in all_tasks(connection).items() if task.platform != IMPORTED}


def test_every_criterion_is_asked_in_the_order_of_the_configuration_and_paid(workspace: Workspace) -> None:
    tasks = tasks_of(workspace).values()
    assert {task.kind for task in tasks} == {NAME}
    criteria = criteria_of(kind_of(NAME))
    assert [(it.title, it.weight) for it in criteria] == [
        ("Asks a question back.", 2.0),
        ("Names a source.", 1.0),
        ("Insults the reader.", -3.0),
    ]
    factors = workspace.config.rates.significance
    for task in tasks:
        worth = int(2 * factors[task.significance] + 0.5)
        assert task.quote == {f"{NAME}_{number}": worth for number in (1, 2, 3)}
    steps.settle_answers(workspace)
    with workspace.store.read() as connection:
        balances = [wallet(connection, person.name).balance for person in VOTERS]
    assert balances == [sum(task.points for task in tasks)] * 3


def test_annotators_read_what_a_criterion_pays_once_and_no_weight(workspace: Workspace) -> None:
    text = guidelines(kind_of(NAME), workspace.config, Place("Skip"))
    assert text.count("for each criterion") == 1
    assert "-3" not in text


def test_the_report_says_of_each_criterion_how_often_it_is_met_and_how_far_people_agree(
    workspace: Workspace,
) -> None:
    written = write_report(workspace).written
    criteria, scores = written.tables["rubric_criteria"], written.tables["rubric_scores"]
    assert list(criteria["criterion"]) == ["Asks a question back.", "Names a source.", "Insults the reader."]
    n_tasks = len(tasks_of(workspace))
    assert set(criteria["votes"]) == {3 * n_tasks}
    assert criteria["alpha"].between(0, 1).all()
    assert scores["responses"].sum() == n_tasks
    assert scores["score"].between(0, 1).all()
    agreement = written.tables["agreement"]
    assert set(agreement["question"]) >= {f"{NAME}_{number}" for number in (1, 2, 3)}
    assert "Insults the reader." in written.page.read_text(encoding="utf-8")


def test_the_export_holds_criteria_weights_votes_and_the_score(workspace: Workspace, tmp_path: Path) -> None:
    result = steps.export(workspace, "rubric", tmp_path / "set", any_licence=True)
    n_tasks = len(tasks_of(workspace))
    assert result.accounting.judgments_trained == 3 * n_tasks
    assert result.accounting.judgments_left_out == {"answer to a task without a rubric": IMPORTED_JUDGMENTS}
    rows = load_dataset(str(tmp_path / "set"), "rubric", split="train")
    assert set(rows.column_names) >= {"prompt", "completion", "rubrics", "score"}
    for row in rows:
        assert [each["weight"] for each in row["rubrics"]] == [2.0, 1.0, -3.0]
        for each in row["rubrics"]:
            people = each["n_met"] + each["n_not_met"] + each["n_does_not_apply"]
            assert people >= 3
            if each["n_met"] * 2 > people:
                assert each["criteria_met"] is True
        assert row["score"] is None or 0 <= row["score"] <= 1
    manifest = json.loads((tmp_path / "set" / "manifest.json").read_text(encoding="utf-8"))
    assert sum(manifest["rubrics"].values()) == result.accounting.items_trained


def edit(workspace: Path, old: str, new: str) -> None:
    file = workspace / CONFIG_NAME
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a closed workspace whose tasks ask about a rubric, by another name than that of ``workspace``."""
    path = tmp_path_factory.mktemp("asked") / "w"
    with Workspace.create(path, ANOTHER) as made:
        logs = [chat(f"c{number}", f"question {number}", f"answer {number}") for number in range(3)]
        made.collection.append(logs, now=NOW - timedelta(days=3), delay=timedelta(0))
        made.collection.share_due(NOW)
        steps.seed_responses(made)
        assert steps.generate_tasks(made).by_kind == {OTHER: 3}
    return path


@pytest.fixture
def asked(template: Path, tmp_path: Path) -> Path:
    """A copy of ``template``."""
    shutil.copytree(template, tmp_path / "w")
    return tmp_path / "w"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("Names a source.", "Names two sources.", "criterion 2 now 'Names two sources.' instead of 'Names a source.'"),
        ("    - Names a source.\n", "", "criterion 2 now 'Insults the reader.' instead of 'Names a source.'"),
        ("    - {criterion: Insults the reader., weight: -3}\n", "", "has 2 criteria instead of 3"),
    ],
)  # fmt: skip
def test_criteria_that_tasks_ask_about_cannot_change_under_their_name(
    asked: Path, old: str, new: str, said: str
) -> None:
    edit(asked, old, new)
    with pytest.raises(ConfigurationError, match=said):
        Workspace.open(asked)
    with Workspace.open(asked, must_fit=False):  # as 'down' does: with the criteria that tasks ask about
        assert criteria_of(kind_of(OTHER))[1].title == "Names a source."
    edit(asked, "coaching:", "coaching_2:")
    with Workspace.open(asked) as opened:
        assert len(criteria_of(kind_of(OTHER))) == 3
        steps.generate_tasks(opened)
        assert {task.kind for task in tasks_of(opened).values()} == {OTHER, "rubric_coaching_2"}


def test_weights_may_change_and_a_rubric_that_left_the_configuration_is_still_read(asked: Path) -> None:
    edit(asked, "weight: 2", "weight: 5")
    with Workspace.open(asked) as opened:
        assert criteria_of(kind_of(OTHER))[0].weight == 5
        steps.generate_tasks(opened)
    edit(asked, RUBRIC.replace("tutoring", "coaching").replace("weight: 2", "weight: 5"), "")
    edit(asked, "rubric_coaching: 1, qualitative: 0", "qualitative: 1")
    with Workspace.open(asked) as opened:
        assert OTHER in asked_kinds()
        assert {task.kind for task in tasks_of(opened).values()} == {OTHER}
        assert steps.list_tasks(opened, steps.TaskFilter(), 5).total == 3


def test_a_rubric_is_a_kind_only_while_its_workspace_is_open(asked: Path, tmp_path: Path) -> None:
    assert OTHER not in asked_kinds()
    with pytest.raises(UnknownKindError):
        kind_of(OTHER)
    with Workspace.open(asked), Workspace.open(asked):
        assert OTHER in asked_kinds()
        assert OTHER not in declared_kinds()
        with pytest.raises(ConfigurationError, match="other criteria by the name of 'rubric_coaching'"):
            Workspace.create(tmp_path / "other", ANOTHER.replace("Names a source.", "Is short."))
        assert OTHER in asked_kinds()
    assert OTHER not in asked_kinds()
    assert "rubric" in paid_parts()


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("rubrics: {x: []}", "'rubrics.x': .*at least 1 item"),
        ("rubrics: {x: [{criterion: a, weight: 0}]}", "'rubrics.x.0.weight': a number up to 1000, below 0"),
        ("rubrics: {x: [a, A]}", "each criterion is there once"),
        ("rubrics: {x: [{criterion: a, weight: -1}]}", "needs a weight above 0"),
        ("rubrics: {x: [{criterion: a, wieght: 1}]}", "'rubrics.x.0.wieght' is not a known key"),
        ('rubrics: {x: ["a\\nb"]}', "one line of text"),
        ("rubrics: {Tutoring: [a]}", "'rubrics.Tutoring'"),
        ("rubrics: {preference: [a]}", "is a kind of task"),
        ("mix: {kinds: {rubric_x: 1}}", "there is no rubric 'x': write its criteria under rubrics.x"),
        ("mix: {kinds: {rubric: 1}}", "'mix.kinds.rubric'"),
    ],
)
def test_a_wrong_rubric_says_what_is_wrong_with_it(tmp_path: Path, written: str, said: str) -> None:
    file = tmp_path / "chatfeedback.yaml"
    file.write_text(f"{BASE}{written}\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=said):
        load_config(file)


WEIGHTS = st.integers(-5, 5).filter(bool).map(float)
ANSWERS = st.sampled_from(["met", "not_met", "na"])


@given(st.lists(st.tuples(WEIGHTS, ANSWERS), min_size=1, max_size=8))
def test_a_score_is_the_weight_that_is_met_of_the_positive_weight_that_applies(
    rows: list[tuple[float, str]],
) -> None:
    (kind,) = rubric_kinds({"x": [Criterion(f"c{place}", weight) for place, (weight, _) in enumerate(rows)]})
    criteria = criteria_of(kind)
    given_answers = {it.name: said for it, (_, said) in zip(criteria, rows, strict=True)}
    most = sum(weight for weight, said in rows if weight > 0 and said != "na")
    met = sum(weight for weight, said in rows if said == "met")
    expected = None if not most else max(0.0, met / most)
    assert score(criteria, given_answers) == (None if expected is None else pytest.approx(expected))
    table = pd.DataFrame(
        [(kind.name, name, "m", "ann", said, "t") for name, said in given_answers.items()],
        columns=["kind", "question", "item", "annotator", "value", "task_id"],
    )
    assert list(response_scores(table, kind)) == ([] if expected is None else [pytest.approx(expected)])
    assert list(criteria_table(table, kind)["votes"]) == [1] * len(rows)


def test_votes_are_the_answers(workspace: Workspace) -> None:
    tasks = tasks_of(workspace)
    with workspace.store.read() as connection:
        table = votes([it for it in latest_annotations(connection) if it.task_id in tasks], tasks)
    assert len(table) == 9 * len(tasks)
    assert set(table["value"]) <= {"met", "not_met", "na"}
