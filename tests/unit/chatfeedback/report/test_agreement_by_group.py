"""Agreement in parts and the ranking of models on the page, and checks of people in the snapshots."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import sqlalchemy as sa
from rich.console import Console
from typer.testing import CliRunner

from chatfeedback import steps
from chatfeedback.cli import app, output
from chatfeedback.report import Reported, write_report
from quality import krippendorff_alpha, pooled_alpha, rank_models
from quality.controls import gold_accuracy, self_consistency
from quality.report.explanations import EXPECTED_SHARE
from tests.sample_records import NOW, annotation, siblings, task
from workspaces.collection.files import SCHEMA, write_file
from workspaces.collection.message_attributes import message_attributes
from workspaces.collection.message_texts import message_texts
from workspaces.records import AnnotationStatus, SharingState
from workspaces.store.annotations import AnnotationRevision, save_revisions
from workspaces.store.confidences import OVERALL, confidence, latest_confidence, latest_snapshot
from workspaces.store.conversations import conversation
from workspaces.store.gold import save_gold
from workspaces.store.tasks import save_tasks
from workspaces.store.topics import TopicEntry, replace_topics

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from workspaces.records import Annotation, Task
    from workspaces.workspace import Workspace

PEOPLE = tuple("abcde")
LANGUAGES = ("en", "de")
MODELS = ("model-1", "model-2")
SURE = {"en": 0.93, "de": 0.15}
"""How often people see the same in an item of a language."""


def store_answers(workspace: Workspace, tasks: Iterable[Task], answers: Iterable[Annotation]) -> None:
    rows = [
        AnnotationRevision(
            annotation_id=one.id, revision=1, task_id=one.task_id, person_id=one.person_id,
            platform="argilla", response_id=one.id, status=one.status, answers=dict(one.values),
            content_hash=one.id, updated_at=one.updated_at, synced_at=one.updated_at,
        )
        for one in answers
    ]  # fmt: skip
    with workspace.store.write() as connection:
        save_tasks(connection, list(tasks))
        save_revisions(connection, rows)


def said_of(rng: np.random.Generator, truth: str, values: tuple[str, ...], sure: float) -> str:
    return truth if rng.random() < sure else str(rng.choice(values))


def fill(workspace: Workspace, n_items: int) -> pd.DataFrame:
    """Fill a workspace with ``n_items`` prompts a language, two answers to each; return what people said of them."""
    rng = np.random.default_rng(11)
    logs, tasks, answers, rows = [], [], [], []
    for number, language in [(n, language) for language in LANGUAGES for n in range(n_items)]:
        name = f"{language}{number:03d}"
        at = NOW + timedelta(weeks=number % 2)
        logs.append(replace(siblings(name, f"{name}?", f"{name} one", f"{name} two"), language=language))
        ids = (f"{name}#1", f"{name}#2")
        compared = task(f"p-{name}", {"preference": 4}, kind="preference")
        rated = task(f"q-{name}", {"qualities": 6})
        tasks.append(replace(compared, message_ids=ids[::-1], conversation_ids=(name, name)))
        tasks.append(replace(rated, message_ids=ids[:1], conversation_ids=(name,)))
        truth = {"preference": "a" if number % 8 == 0 else "b", "helpful": "yes", "toxic": "no"}
        if number % 2:
            truth |= {"helpful": "no", "toxic": "yes" if number % 4 == 1 else "no"}
        for person in rng.choice(PEOPLE, 3, replace=False):
            said = {
                question: said_of(rng, truth[question], values, SURE[language])
                for question, values in (
                    ("preference", ("a", "tie", "b")),
                    ("helpful", ("no", "yes")),
                    ("toxic", ("no", "yes")),
                )
            }
            preference = {"preference": said.pop("preference")}
            answers.append(annotation(f"p-{name}", str(person), preference, at=at))
            answers.append(annotation(f"q-{name}", str(person), said, at=at))
            # displayed turned round: the answer shown as B is that of model-1
            said["preference"] = {"a": "second", "tie": "tie", "b": "first"}[preference["preference"]]
            rows += [
                (language, number % 2, question, name, str(person), value) for question, value in said.items()
            ]
    workspace.collection.append(logs, now=NOW, delay=timedelta())
    workspace.collection.share_due(NOW)
    store_answers(workspace, tasks, answers)
    return pd.DataFrame(rows, columns=["language", "week", "question", "item", "annotator", "value"])


def table_of(found: Reported, by: str, kind: str, question: str) -> pd.DataFrame:
    table = found.written.tables["agreement_by"]
    chosen = (table["by"] == by) & (table["kind"] == kind) & (table["question"] == question)
    return table[chosen].set_index("group")


def test_the_page_says_by_what_people_agree_and_which_model_they_prefer(workspace: Workspace) -> None:
    said = fill(workspace, 40)
    with workspace.store.write() as connection:
        topics = [TopicEntry(0, "first half", (), "terms"), TopicEntry(1, "second half", (), "terms")]
        halves = {f"{language}{n:03d}": n // 20 for language in LANGUAGES for n in range(40)}
        replace_topics(connection, topics, halves, NOW)
    found = write_report(workspace)
    rated = said[said["question"] != "preference"]
    for language in LANGUAGES:
        mine = rated["language"] == language
        row = table_of(found, "language", "qualitative", "all questions").loc[language]
        assert row["alpha"] == pytest.approx(pooled_alpha(rated[mine]).value)
        assert (row["items"], row["voters"], row["votes"]) == (80, 5, 240)
        toxic = krippendorff_alpha(rated[mine & (rated["question"] == "toxic")])
        row = table_of(found, "language", "qualitative", "toxic").loc[language]
        assert (row["alpha"], row["alpha_low"]) == (pytest.approx(toxic.value), pytest.approx(toxic.low))
    weekly = table_of(found, "week", "qualitative", "helpful")
    assert weekly.index.sort_values().tolist() == ["2026-W18", "2026-W19"]
    later = rated[(rated["question"] == "helpful") & (rated["week"] == 1)]
    assert weekly["alpha"]["2026-W19"] == pytest.approx(krippendorff_alpha(later).value)
    assert table_of(found, "topic", "preference", "preference").index.sort_values().tolist() == [
        "first half", "second half",
    ]  # fmt: skip

    compared = said[said["question"] == "preference"].assign(first="model-1", second="model-2")
    expected = rank_models(compared).scores
    ranking = found.written.tables["model_ranking"].set_index("model")
    assert ranking.index[0] == "model-1"
    assert ranking["n_comparisons"].tolist() == [240, 240]
    wins = compared["value"].value_counts()
    assert ranking["n_wins"]["model-1"] == wins["first"]
    assert ranking["n_wins"]["model-2"] == wins["second"]
    assert ranking["n_ties"]["model-1"] == wins["tie"]
    assert ranking["share"].to_dict() == pytest.approx(expected["share"].to_dict())

    page = found.written.page.read_text(encoding="utf-8")
    assert "people agree most on en (alpha " in page
    assert "and least on de (" in page
    assert "model-1 stands first: its interval lies above all others." in page
    assert "240 comparisons by 5 people" in page
    told = json.loads(CliRunner().invoke(app, ["report", "--json", "-w", str(workspace.path)]).stdout)[
        "tables"
    ]
    assert {row["model"] for row in told["model_ranking"]} == set(MODELS)
    assert {row["by"] for row in told["agreement_by"]} == {"language", "model", "topic", "week"}


def battle(number: int, judge: str | None, winner: str) -> dict[str, Any]:
    """Return a row as Chatbot Arena writes it."""
    question = {"role": "user", "content": f"What is {number} and {number}, please?"}
    sides = {
        f"conversation_{side}": [question, {"role": "assistant", "content": f"{side} says {number}."}]
        for side in "ab"
    }
    at = NOW.timestamp() + number
    return {
        "question_id": f"q{number}", "model_a": "model-1", "model_b": "model-2", "winner": winner, "judge": judge,
        "turn": 1, "tstamp": at, **sides,
    }  # fmt: skip


def store_battles(workspace: Workspace, path: Path, *, named: bool) -> None:
    """Ingest forty comparisons, each by two of five people, who differ on eight, and by somebody without a name."""
    rows = []
    for number in range(40):
        if named:
            rows.append(battle(number, f"judge {number % 5}", "model_a"))
            rows.append(
                battle(number, f"judge {(number + 1) % 5}", "model_b" if number % 5 == 4 else "model_a")
            )
        rows.append(battle(number, None, "model_b"))
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert steps.ingest_file(workspace, path, publish=True).feedback == len(rows)
    workspace.collection.share_due(NOW + timedelta(days=9999))


def test_votes_of_logs_count_where_they_tell_people_apart(workspace: Workspace, tmp_path: Path) -> None:
    store_battles(workspace, tmp_path / "arena.jsonl", named=True)
    found = write_report(workspace)
    tables, page = found.written.tables, found.written.page.read_text(encoding="utf-8")
    ranking = tables["model_ranking"].set_index("model")
    assert ranking["n_wins"].to_dict() == {"model-1": 72, "model-2": 8}
    assert "80 comparisons by 5 people" in page
    assert "40 comparisons that logs ascribe to nobody are left out" in page
    by_model = table_of(found, "model", "preference", "preference")
    assert by_model[["items", "voters", "votes"]].to_numpy().tolist() == [[40, 5, 80]] * 2
    # nobody can ask these people again, and nobody set a significance
    assert {"items_to_reroute", "significance"}.isdisjoint(tables)


def test_a_log_without_names_ranks_no_models(workspace: Workspace, tmp_path: Path) -> None:
    store_battles(workspace, tmp_path / "arena.jsonl", named=False)
    found = write_report(workspace)
    assert {"model_ranking", "agreement_by"}.isdisjoint(found.written.tables)
    page = found.written.page.read_text(encoding="utf-8")
    assert "It is too early to rank models" in page
    assert "40 comparisons that logs ascribe to nobody are left out" in page


def test_few_answers_are_said_in_words(workspace: Workspace) -> None:
    fill(workspace, 3)
    found = write_report(workspace)
    assert "agreement_by" not in found.written.tables
    assert "model_ranking" not in found.written.tables
    page = found.written.page.read_text(encoding="utf-8")
    assert "too few answers so far to compare languages" in page
    assert "Topics are not known yet" in page
    assert "It is too early to rank models" in page
    assert "Of 18 comparisons so far, 18 are of two different models" in page


def test_messages_are_told_by_the_files_of_any_age_unless_they_are_private(workspace: Workspace) -> None:
    logs = [
        replace(siblings(name, f"{name}?", "one", "two"), language="en") for name in ("old", "new", "own")
    ]
    for log in logs:
        workspace.collection.append([log], now=NOW, delay=timedelta())
    with workspace.store.write() as connection:
        parts = dict(
            map(tuple, connection.execute(sa.select(conversation.c.conversation_id, conversation.c.part)))
        )
        private = sa.update(conversation).where(conversation.c.conversation_id == "own")
        connection.execute(private.values(state=SharingState.PRIVATE.value))
    path = workspace.path / "collection" / parts["old"]
    table = pd.read_parquet(path)  # as a workbench wrote it that knew neither languages nor flags
    messages = [
        [{key: each[key] for key in ("role", "content", "id", "parent_id")} for each in talk]
        for talk in table["conversation"]
    ]
    old = table.assign(conversation=pd.Series(messages), model_name="model-0")[SCHEMA.names[:10]]
    write_file(path, pa.Table.from_pandas(old, preserve_index=False))
    ids = [f"{log.id}#{place}" for log in logs for place in (1, 2)]
    found = message_attributes(workspace.collection, ["old", "new", "own", "gone"], [*ids[1:], "gone#1"])
    rows = sorted(found.itertuples(index=False, name=None))
    assert rows == [
        ("new#1", "new", "en", "model-1"), ("new#2", "new", "en", "model-2"), ("old#2", "old", "en", "model-0"),
    ]  # fmt: skip
    assert message_attributes(workspace.collection, [], []).empty
    texts = dict(message_texts(workspace.collection, ["old", "new", "own", "gone"], [*ids[1:], "gone#1"]))
    assert texts == {"new#1": "one", "new#2": "two", "old#2": "two"}
    assert not list(message_texts(workspace.collection, [], []))


# Gold and second answers in the snapshots that settlement reads


def checked(workspace: Workspace) -> pd.DataFrame:
    """Answers of five people to 30 responses, 6 of them gold, 10 of them asked twice."""
    rng = np.random.default_rng(3)
    tasks, answers, rows = [], [], []
    for number in range(30):
        first = replace(task(f"q{number:02d}", {"qualities": 6}), message_ids=(f"c#{number}",))
        tasks += [first, *([replace(first, id=f"r{number:02d}", reask_of=first.id)] if number < 10 else [])]
        for person, sure in zip(PEOPLE, (0.95, 0.9, 0.8, 0.7, 0.2), strict=True):
            said = [
                {
                    question: said_of(rng, truth, ("no", "yes"), sure)
                    for question, truth in (("helpful", "yes" if number % 2 else "no"), ("toxic", "no"))
                }
                for _ in range(2)
            ]
            answers.append(annotation(first.id, person, said[0]))
            if number < 10:
                answers.append(annotation(f"r{number:02d}", person, said[1]))
            rows += [(person, number, question, said[0][question], said[1][question]) for question in said[0]]
    answers.append(annotation("r00", "late", {"helpful": "no"}, status=AnnotationStatus.DRAFT))
    store_answers(workspace, tasks, answers)
    with workspace.store.write() as connection:
        right = {f"q{n:02d}": {"helpful": "yes" if n % 2 else "no"} for n in range(10, 16)}
        save_gold(connection, right, NOW)
    return pd.DataFrame(rows, columns=["annotator", "item", "question", "first", "second"])


def rows_of(workspace: Workspace) -> dict[tuple[str, str], Any]:
    with workspace.store.read() as connection:
        return latest_snapshot(connection)


def test_a_snapshot_has_gold_accuracy_and_self_consistency_of_everybody(workspace: Workspace) -> None:
    said = checked(workspace)
    steps.evaluate(workspace)
    found = rows_of(workspace)
    known = said[(said["question"] == "helpful") & said["item"].between(10, 15)]
    known = known.assign(gold=np.where(known["item"] % 2, "yes", "no"), value=known["first"])
    for row in gold_accuracy(known).itertuples(index=False):
        for question in (OVERALL, "helpful"):
            kept = found[str(row.annotator), question]
            assert (kept.gold_accuracy, kept.gold_low, kept.gold_high, kept.gold_answers, kept.gold_right) == (
                pytest.approx(row.value), pytest.approx(row.low), pytest.approx(row.high), 6, row.n_right,
            )  # fmt: skip
    twice = said[said["item"] < 10]
    for question, part in ((OVERALL, twice), *twice.groupby("question")):
        for row in self_consistency(part).itertuples(index=False):
            kept = found[str(row.annotator), str(question)]
            assert (kept.self_consistency, kept.self_low, kept.self_high) == (
                pytest.approx(row.value), pytest.approx(row.low), pytest.approx(row.high),
            )  # fmt: skip
            assert (kept.repeated_answers, kept.repeated_alike) == (row.n_items, row.n_same)
    assert found["a", OVERALL].gold_accuracy > found["e", OVERALL].gold_accuracy
    assert found["a", "toxic"].gold_accuracy is None
    assert {person for person, _ in found} == set(PEOPLE)


def test_the_list_of_gold_counts_the_people_whom_the_report_measures(workspace: Workspace) -> None:
    checked(workspace)
    later = NOW + timedelta(minutes=1)
    with workspace.store.write() as connection:
        save_gold(connection, {"r00": {"helpful": "no"}}, NOW)  # repeats a task that all five had
    twice = annotation("q10", "a", {"helpful": "yes"}, name="once more", at=later)
    store_answers(workspace, [], [twice, annotation("r00", "new", {"helpful": "no"})])
    told = [person.confidence.gold_accuracy for person in steps.evaluate(workspace).people]
    checks = [check for check in told if check is not None]
    rows = steps.list_gold(workspace)
    assert {row.task_id: row.answers for row in rows} == {"r00": 1} | {f"q{n}": 5 for n in range(10, 16)}
    assert sum(check.n_items for check in checks) == sum(row.answers for row in rows) == 31
    assert sum(check.n_matching for check in checks) == sum(row.right for row in rows)


def test_the_same_answers_make_no_new_snapshot_and_new_gold_does(workspace: Workspace) -> None:
    checked(workspace)

    def snapshots() -> int:
        steps.evaluate(workspace)
        with workspace.store.read() as connection:
            return connection.execute(
                sa.select(sa.func.count(sa.distinct(confidence.c.snapshot_at)))
            ).scalar_one()

    assert [snapshots(), snapshots()] == [1, 1]
    with workspace.store.read() as connection:
        before = {person: row.multiplier for person, row in latest_confidence(connection).items()}
    with workspace.store.write() as connection:
        save_gold(connection, {f"q{n:02d}": {"helpful": "na"} for n in range(30)}, NOW)
    assert [snapshots(), snapshots()] == [2, 2]
    with workspace.store.read() as connection:
        after = latest_confidence(connection)
    assert {person: row.multiplier for person, row in after.items()} == before  # gold changes nobody's reward
    assert {(row.gold_answers, row.gold_right) for row in after.values()} == {(30, 0)}


def test_the_command_shows_what_can_be_checked(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "_out", Console(width=200, highlight=False))
    checked(workspace)
    run = CliRunner()
    told = json.loads(run.invoke(app, ["report", "--json", "-w", str(workspace.path)]).stdout)
    for person in told["people"]:
        kept = rows_of(workspace)[person["person"], OVERALL]
        gold, again = person["confidence"]["gold_accuracy"], person["confidence"]["self_consistency"]
        assert (gold["value"], gold["n_matching"]) == (kept.gold_accuracy, kept.gold_right)
        assert (again["value"], again["n_items"]) == (kept.self_consistency, kept.repeated_answers)
        assert person["by_question"]["toxic"]["gold_accuracy"] is None
    shown = run.invoke(app, ["report", "-w", str(workspace.path)]).output
    assert "Votes on gold tasks" in shown
    asked = shown.partition("Votes on gold tasks")[2]
    headings = [it.strip() for it in asked.splitlines()[2].strip("┃").split("┃")]
    assert headings == ["person", "right", "gold accuracy", "95 %"]
    assert "self-consistency" in asked.partition("Votes on tasks asked twice")[2]
    assert EXPECTED_SHARE in shown
    row = next(line for line in asked.splitlines() if line.startswith("│ a "))
    assert f"{rows_of(workspace)['a', OVERALL].gold_accuracy:.3f}" in row
