"""Feedback that people left in a log: once, under pseudonyms, never paid, of use to quality and exports."""

from __future__ import annotations

import csv
import json
import random
from collections import defaultdict
from itertools import combinations
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from datasets import load_dataset

from chatfeedback import steps
from quality import votes
from reward_engine import tip, totals
from tests.unit.task_generators.readers.golden_files import FILES
from workspaces.records import ANONYMOUS, IMPORTED, Annotation, SharingState, Task
from workspaces.store.conversations import conversation
from workspaces.store.identities import person
from workspaces.store.latest_annotations import latest_annotations
from workspaces.store.tasks import all_tasks, unplaced_tasks
from workspaces.workers import LocalWorkers
from workspaces.workspace import Workspace, utc_now

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from task_generators.chat_logs import Ingested

Row = dict[str, Any]


def write(path: Path, rows: Sequence[Row]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def ingest(workspace: Workspace, path: Path, **options: Any) -> Ingested:
    found = steps.ingest_file(workspace, path, publish=True, **options)
    workspace.collection.share_due(utc_now())
    return found


def imported(workspace: Workspace) -> tuple[list[Annotation], dict[str, Task]]:
    with workspace.store.read() as connection:
        return latest_annotations(connection), all_tasks(connection)


def golden(name: str) -> Path:
    return next(file for file in FILES if file.stem == name)


@pytest.fixture
def another(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.create(tmp_path / "another") as made:
        yield made


@pytest.fixture(scope="module")
def battles(mt_bench: Path) -> list[Row]:
    """The real judgments of MT-bench, with the answers they are about, in the columns of the arena."""
    with (mt_bench / "conversations.jsonl").open(encoding="utf-8") as file:
        logs = {row["conversation_id"]: row["conversation"] for row in map(json.loads, file)}
    with (mt_bench / "human_judgments_turn1.csv").open(encoding="utf-8", newline="") as file:
        return [
            {
                **row,
                "question_id": int(row["question_id"]),
                "turn": 1,
                **{
                    f"conversation_{side}": logs[f"mt-bench-{row['question_id']}-{row[f'model_{side}']}"]
                    for side in "ab"
                },
            }
            for row in csv.DictReader(file)
        ]


def test_the_judges_of_mt_bench_agree_as_its_own_figures_say(
    workspace: Workspace, tmp_path: Path, battles: list[Row]
) -> None:
    random.Random(4).shuffle(battles)
    found = ingest(workspace, write(tmp_path / "judgments.jsonl", battles))
    assert (found.format, found.read, found.added, found.feedback) == ("arena", 882, 80, 882)
    assert found.read == found.added + found.merged
    table = votes(*imported(workspace))
    assert table["annotator"].nunique() == 65
    agree, decided = [], []
    for _, answers in table.groupby("item")["value"]:
        for one, other in combinations(answers, 2):
            agree.append(one == other)
            if "tie" not in (one, other):
                decided.append(one == other)
    assert (len(agree), round(sum(agree) / len(agree), 4)) == (334, 0.6467)
    assert (len(decided), round(sum(decided) / len(decided), 4)) == (203, 0.8276)

    report = steps.evaluate(workspace)
    (question,) = report.questions
    assert question.coefficients["percent_agreement"].n_items == sum(
        len(each) > 1 for _, each in table.groupby("item")
    )
    assert report.n_voters == 65
    assert not any(step.startswith("Talk to") for step in report.next_steps)

    exported = steps.export(workspace, "dpo", tmp_path / "dpo")
    pairs = load_dataset(str(tmp_path / "dpo"), "provenance", cache_dir=str(tmp_path / "cache"))
    assert sum(exported.rows.values()) == sum(len(split) for split in pairs.values()) > 400
    shown = {
        row["chosen_shown_first"] + row["rejected_shown_first"] for split in pairs.values() for row in split
    }
    assert shown == {0}, "each two models stand in one order: nobody knows in which they were shown"


def test_the_same_log_twice_and_in_another_order_adds_nothing(
    workspace: Workspace, another: Workspace, tmp_path: Path, battles: list[Row]
) -> None:
    some = [row for row in battles if row["question_id"] < 90]
    by_question: dict[int, list[Row]] = defaultdict(list)
    for row in some:
        by_question[row["question_id"]].append(row)
    halves = [
        [row for question in part for row in by_question[question]] for part in (range(85, 90), range(81, 85))
    ]
    ingest(workspace, write(tmp_path / "whole.jsonl", some))
    again = ingest(workspace, write(tmp_path / "again.jsonl", some[::-1]))
    assert (again.added, again.duplicates, again.feedback) == (0, len(by_question), 0)
    for number, half in enumerate(halves):
        ingest(another, write(tmp_path / f"half-{number}.jsonl", half))

    assert held(another) == held(workspace)


def held(opened: Workspace) -> tuple[Any, Any]:
    annotations, tasks = imported(opened)
    answers = sorted((each.task_id, sorted(each.values.items())) for each in annotations)
    return {each.id: each for each in opened.collection.scan()}, (answers, sorted(tasks))


def test_a_tree_whose_rows_stand_in_two_files_grows(
    workspace: Workspace, another: Workspace, tmp_path: Path, battles: list[Row]
) -> None:
    rows = [row for row in battles if row["question_id"] == 81]
    model = rows[0]["model_a"]
    first = [row for row in rows if model in (row["model_a"], row["model_b"])]
    second = [row for row in rows if row not in first]
    before = ingest(workspace, write(tmp_path / "first.jsonl", first))
    after = ingest(workspace, write(tmp_path / "second.jsonl", second))
    assert (before.added, before.feedback) == (1, len(first))
    assert (after.added, after.grown, after.rejected, after.feedback) == (0, 1, 0, len(second))
    whole = ingest(another, write(tmp_path / "whole.jsonl", rows))
    assert (whole.added, whole.feedback) == (1, len(rows))
    assert held(workspace) == held(another)
    (conversation,) = workspace.collection.scan()
    assert len(conversation.responses()) > len({row["model_a"] for row in first})
    again = ingest(workspace, write(tmp_path / "whole.jsonl", rows))
    assert (again.added, again.grown, again.duplicates, again.feedback) == (0, 0, 1, 0)


def test_feedback_of_a_run_killed_before_it_was_stored_is_made_up_for(
    workspace: Workspace, another: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("chatfeedback.steps.ingest.keep_feedback", killed)
        with pytest.raises(KeyboardInterrupt):
            ingest(workspace, golden("prism"))
    resumed, whole = ingest(workspace, golden("prism")), ingest(another, golden("prism"))
    assert resumed.added == 0
    assert resumed.duplicates == whole.added > 0
    assert resumed.feedback == whole.feedback > 0


@pytest.mark.slow
def test_worker_processes_bring_the_same_feedback_as_one(
    workspace: Workspace, another: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = ingest(workspace, golden("oasst"))
    monkeypatch.setattr("task_generators.chat_logs.sources.chunks.CHUNK_ROWS", 3)
    monkeypatch.setattr("chatfeedback.steps.ingest.LocalWorkers", lambda _: LocalWorkers(2, small=0))
    together = ingest(another, golden("oasst"))
    assert together.feedback == alone.feedback > 5
    assert {each.id: each.messages for each in another.collection.scan()} == {
        each.id: each.messages for each in workspace.collection.scan()
    }
    assert imported(another)[1].keys() == imported(workspace)[1].keys()


@pytest.mark.parametrize(
    "name", ["sharelm", "prism", "oasst", "hh-rlhf", "arena", "sharelm-plugin", "self-feeding"]
)
def test_imported_feedback_is_never_pushed_drawn_on_or_paid(workspace: Workspace, name: str) -> None:
    found = ingest(workspace, golden(name))
    annotations, tasks = imported(workspace)
    assert found.feedback == len(annotations) > 5
    assert {each.platform for each in annotations} == {IMPORTED} == {task.platform for task in tasks.values()}
    assert all(task.points == 0 for task in tasks.values())
    assert steps.settle_answers(workspace).corrections == 0
    with workspace.store.read() as connection:
        assert tip(connection).sequence == 0
        assert totals(connection) == {}
        assert not any(unplaced_tasks(connection, platform) for platform in ("argilla", "label_studio"))
    steps.seed_responses(workspace)
    assert steps.generate_tasks(workspace).existing == 0
    report = steps.evaluate(workspace)
    assert report.n_votes > 0
    assert not any(each.person.startswith(ANONYMOUS) for each in report.people)


def test_people_in_a_log_are_pseudonyms_or_unnamed(workspace: Workspace) -> None:
    ingest(workspace, golden("hh-rlhf"))
    ingest(workspace, golden("arena"))
    annotations, _ = imported(workspace)
    unnamed = {each.person_id for each in annotations if each.person_id.startswith(ANONYMOUS)}
    assert len(unnamed) == sum(each.person_id in unnamed for each in annotations), "one for each row"
    with workspace.store.read() as connection:
        known = set(connection.execute(sa.select(person.c.person_id)).scalars())
        rows = str(connection.execute(sa.text("SELECT * FROM annotation_revision")).all())
    assert {each.person_id for each in annotations} - unnamed <= known
    assert not any(name in rows for name in ("arena_user", "author_1", "expert_2"))


def test_two_people_who_saw_two_answers_in_another_order_answer_the_same_task(workspace: Workspace) -> None:
    ingest(workspace, golden("arena"))
    table = votes(*imported(workspace))
    bird = table[table["item"] == "mt-bench-81#alpaca.1|mt-bench-81#gpt-4.1"]
    assert sorted(bird["value"]) == ["second", "second"]


def test_chosen_and_rejected_train_dpo_and_ids_survive_redaction(
    workspace: Workspace, tmp_path: Path
) -> None:
    said = "\n\nHuman: Write to {}\n\nAssistant: {}"
    rows = [
        {"chosen": said.format(mail, f"Sent to {mail}."), "rejected": said.format(mail, "No.")}
        for mail in ("ada@example.org", "grace@example.net")
    ]
    found = ingest(workspace, write(tmp_path / "hh.jsonl", rows))
    assert (found.added, found.duplicates, found.feedback) == (1, 1, 2), (
        "one chat once nobody's address is left, and the votes of two people"
    )
    exported = steps.export(workspace, "dpo", tmp_path / "dpo", test_share=0)
    (pair,) = load_dataset(str(tmp_path / "dpo"), "trl", cache_dir=str(tmp_path / "cache"))["train"]
    assert exported.rows == {"train": 1, "test": 0}
    assert pair["prompt"] == [{"role": "user", "content": "Write to [EMAIL_1]"}]
    assert pair["chosen"] == [{"role": "assistant", "content": "Sent to [EMAIL_1]."}]
    assert pair["rejected"] == [{"role": "assistant", "content": "No."}]


def test_thumbs_train_kto(workspace: Workspace, tmp_path: Path) -> None:
    turns = [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "Because."}]
    rows = [
        {
            "conversation_id": f"c{number}",
            "conversation": [turns[0], {"role": "assistant", "content": f"Because {number}."}],
            "model_name": "m",
            "source": "x",
            "user_id": f"u{number}",
            "conversation_metadata": {"rate": rate},
        }
        for number, rate in enumerate(["thumbup", "thumbdown", "", "thumbup"])
    ]
    ingest(workspace, write(tmp_path / "thumbs.jsonl", rows))
    steps.export(workspace, "kto", tmp_path / "kto", test_share=0)
    found = load_dataset(str(tmp_path / "kto"), "trl", cache_dir=str(tmp_path / "cache"))["train"]
    labels = {row["completion"][0]["content"]: row["label"] for row in found}
    assert labels == {"Because 0.": True, "Because 1.": False, "Because 3.": True}


def test_feedback_on_a_conversation_that_is_not_shared_is_not_exported(
    workspace: Workspace, tmp_path: Path
) -> None:
    ingest(workspace, golden("hh-rlhf"))
    with workspace.store.write() as connection:
        names = list(connection.execute(sa.select(conversation.c.conversation_id)).scalars())
        kept = names[:3]
        connection.execute(
            sa.update(conversation)
            .where(conversation.c.conversation_id.not_in(kept))
            .values(state=SharingState.PRIVATE.value)
        )
    steps.export(workspace, "dpo", tmp_path / "dpo", test_share=0)
    found = load_dataset(str(tmp_path / "dpo"), "provenance", cache_dir=str(tmp_path / "cache"))["train"]
    assert {name for row in found for name in row["conversation_ids"]} <= set(kept)


def test_scores_of_a_survey_s_people_are_ratings_and_comparisons(
    workspace: Workspace, tmp_path: Path
) -> None:
    survey = [
        {"user_id": "user1", "age": "25-34", "location": {"reside_country": "Spain"}, "religion": {"x": 1}}
    ]
    folder = tmp_path / "prism"
    folder.mkdir()
    write(folder / "survey.jsonl", survey)
    (folder / "conversations.jsonl").write_bytes(golden("prism").read_bytes())
    ingest(workspace, folder / "conversations.jsonl")
    found = workspace.collection.get(["prism-c1", "prism-c2"])
    assert found["prism-c1"].user_metadata == {"age": "25-34", "location": "Spain"}
    assert found["prism-c2"].user_metadata == {}
    annotations, tasks = imported(workspace)
    kinds = {tasks[each.task_id].kind for each in annotations}
    assert kinds == {"rating", "preference"}
    assert {question.question for question in steps.evaluate(workspace).questions} == {"preference", "score"}
