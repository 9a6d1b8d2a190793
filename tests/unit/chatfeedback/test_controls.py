"""Tasks that show the seed feedback, tasks asked a second time, and gold tasks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config as AlembicConfig
from typer.testing import CliRunner

from chatfeedback import steps
from chatfeedback.cli import app
from exports.context import contexts_of
from exports.labelling import completion_labels
from exports.omissions import OmissionReason
from exports.pairing import preference_pairs
from exports.weights import Weights
from quality import votes
from task_generators.candidates import TaskCandidate
from task_generators.candidates import candidates as candidates_of
from task_generators.content import content_of
from task_generators.gold import check_gold, read_gold
from task_generators.mix import asked_again, in_order, may_show_seed
from tests.sample_records import NOW, annotation, chat, seeds_of, siblings, task
from workspaces.config import Config
from workspaces.forms import Form
from workspaces.kinds import kind_of
from workspaces.platforms.label_studio.form import task_data
from workspaces.records import AnnotationStatus, Quality, Significance, Tag, Task, stable_id
from workspaces.registry import PLATFORMS
from workspaces.store import Store, migrations
from workspaces.store.annotations import AnnotationRevision, save_revisions
from workspaces.store.gold import all_gold
from workspaces.store.seed_feedback import save_seeds
from workspaces.store.settlements import settlement
from workspaces.store.tasks import all_tasks, save_tasks, unplaced_tasks

if TYPE_CHECKING:
    from pathlib import Path

    from workspaces.workspace import Workspace

Q, P = "qualitative", "preference"
OPINION = "A machine's opinion, which may be wrong"


def candidates(count: int, kind: str = Q) -> list[TaskCandidate]:
    ids = (stable_id(kind, str(number)) for number in range(count))
    return [TaskCandidate(each, kind, (each,), ("c",), Significance.LOW) for each in ids]


def with_mix(workspace: Workspace, **mix: object) -> None:
    raw = workspace.config.model_dump(exclude_unset=True)
    workspace.config = Config.model_validate(raw | {"mix": raw.get("mix", {}) | mix})


def filled(workspace: Workspace, responses: int) -> Workspace:
    logs = [chat(f"c{number}", f"question {number}", f"answer {number}") for number in range(responses)]
    workspace.collection.append(logs, now=NOW, delay=NOW - NOW)
    with workspace.store.write() as connection:
        save_seeds(connection, list(seeds_of(logs).values()))
    return workspace


# Seed shown to a part of the tasks


@pytest.mark.parametrize("share", [0.0, 0.2, 1.0])
def test_the_share_that_shows_the_seed_is_exact_and_stays(workspace: Workspace, share: float) -> None:
    with_mix(filled(workspace, 40), show_seed=share, kinds={Q: 1}, limit=30)
    assert steps.generate_tasks(workspace).showing_seed == 30 * share
    with_mix(workspace, show_seed=share, kinds={Q: 1}, limit=40)
    assert steps.generate_tasks(workspace).showing_seed == 10 * share
    assert steps.generate_tasks(workspace).created == 0


def test_preference_tasks_stay_blind() -> None:
    assert may_show_seed(Q)
    assert not may_show_seed(P)


def test_seeds_are_hidden_unless_the_lead_asks_for_it(workspace: Workspace) -> None:
    steps.generate_tasks(filled(workspace, 20))
    with workspace.store.read() as connection:
        assert not any(each.seed_shown for each in all_tasks(connection).values())


def test_a_task_remembers_which_seed_it_shows_and_a_newer_one_changes_nothing(workspace: Workspace) -> None:
    with_mix(filled(workspace, 20), show_seed=0.5)
    made = steps.generate_tasks(workspace)
    with workspace.store.write() as connection:
        tasks = all_tasks(connection)
        newer = [
            replace(seed, agent="another", tags=dict.fromkeys(Quality, Tag.NO))
            for seed in seeds_of([chat("c1", "question 1", "answer 1")]).values()
        ]
        save_seeds(connection, newer)
    assert 0 < made.showing_seed < 20
    assert made.showing_seed == sum(each.seed_shown for each in tasks.values())
    assert {each.seed_agent for each in tasks.values()} == {None, "rater"}
    assert steps.generate_tasks(workspace).created == 0
    with workspace.store.read() as connection:
        assert all_tasks(connection) == tasks


@pytest.mark.filterwarnings("ignore")  # of Argilla's SDK
def test_what_is_shown_is_said_to_be_a_machines_opinion_on_both_platforms() -> None:
    from workspaces.platforms.argilla.form import TASK_FIELD, fields_of

    tree = siblings("t", "why?", "one")
    (seed,) = seeds_of([tree]).values()
    seed = replace(seed, agent="secret-agent", tags=dict(seed.tags) | {Quality.TOXIC: Tag.NO})
    (candidate,) = candidates_of([Q], [tree], {seed.message_id: seed})
    shown = replace(task("x", {"qualities": 6}), message_ids=candidate.message_ids, conversation_ids=("t",))
    content = content_of(shown, {"t": tree}, seed)
    for text in (
        str(fields_of(Form.of(kind_of(Q)), content)[TASK_FIELD]),
        str(task_data(Form.of(kind_of(Q)), content)["worth"]),
    ):
        assert OPINION in text
        assert "Helpful? Yes" in text
        assert "Toxic? No" in text
        assert "secret" not in text
    blind = content_of(shown, {"t": tree})
    assert OPINION not in str(fields_of(Form.of(kind_of(Q)), blind))
    assert OPINION not in str(task_data(Form.of(kind_of(Q)), blind))


# Asked a second time


def test_a_share_of_the_tasks_is_asked_again_once_and_pays_alike() -> None:
    first = [task(stable_id(str(number)), {"qualities": 9, "suggestion": 12}) for number in range(2000)]
    again = asked_again(first, 0.05, 4, NOW)
    assert len(again) == 100
    assert asked_again([*first, *again], 0.05, 4, NOW) == again
    by_id = {each.id: each for each in first}
    for each in again:
        assert each.reask_of is not None
        assert each == replace(by_id[each.reask_of], id=each.id, reask_of=each.reask_of, overlap=4)
        assert each.id not in by_id


def test_asking_again_is_repeatable_and_beside_the_limit(workspace: Workspace) -> None:
    with_mix(filled(workspace, 120), reask=0.1, limit=100)
    made = steps.generate_tasks(workspace)
    assert made.asked_again > 0
    assert made.created == 100 + made.asked_again
    assert steps.generate_tasks(workspace).created == 0
    with workspace.store.read() as connection:
        order = [each.reask_of for name in PLATFORMS for each in in_order(unplaced_tasks(connection, name))]
        tasks = all_tasks(connection)
    assert sum(each is not None for each in order) == made.asked_again
    for name in PLATFORMS:
        with workspace.store.read() as connection:
            placed = [each.reask_of is not None for each in in_order(unplaced_tasks(connection, name))]
        assert placed == sorted(placed)  # the second ones come last
    for each in tasks.values():
        assert each.reask_of is None or tasks[each.reask_of].platform == each.platform


def test_a_second_answer_counts_in_no_vote_and_no_training_set() -> None:
    log = siblings("c", "why?", "one", "two")
    first = replace(task("t1", {"preference": 4}, kind=P), message_ids=("c#1", "c#2"))
    rated = replace(task("t2", {"qualities": 6}), message_ids=("c#1",))
    tasks = {each.id: each for each in (first, rated)}
    tasks |= {
        f"{each.id}-again": replace(each, id=f"{each.id}-again", reask_of=each.id) for each in (first, rated)
    }
    answers = [
        annotation("t1", "p", {"preference": "a"}),
        annotation("t1-again", "p", {"preference": "b"}),
        annotation("t2", "p"),
        annotation("t2-again", "q"),
    ]
    assert set(votes(answers, tasks)["task_id"]) == {"t1", "t2"}
    contexts = contexts_of([log])
    pairs = preference_pairs(tasks, answers, contexts, Weights())
    assert {vote.task_id for pair in pairs.decided for vote in pair.votes} == {"t1"}
    labels = completion_labels(tasks, answers, contexts, Weights())
    assert {verdict.task_id for row in labels.rows for verdict in row.verdicts} <= {"t1", "t2"}
    for omissions in (pairs.omissions, labels.omissions):
        assert [each.task_id for each in omissions if each.reason is OmissionReason.ASKED_AGAIN] == [
            "t1-again",
            "t2-again",
        ]


def test_a_second_answer_is_paid_as_the_first(workspace: Workspace) -> None:
    first = task("t1", {"preference": 4}, kind=P)
    tasks = [first, replace(first, id="t2", reask_of="t1")]
    answers = [annotation(each.id, "p", {"preference": "a"}) for each in tasks]
    with workspace.store.write() as connection:
        save_tasks(connection, tasks)
        save_revisions(
            connection,
            [
                AnnotationRevision(
                    annotation_id=one.id, revision=1, task_id=one.task_id, person_id="p",
                    platform="argilla", response_id=one.id, status=one.status,
                    answers=dict(one.values), content_hash="h", updated_at=NOW, synced_at=NOW,
                )
                for one in answers
            ],
        )  # fmt: skip
    steps.settle_answers(workspace)
    with workspace.store.read() as connection:
        paid = connection.execute(sa.select(settlement.c.task_id, settlement.c.delta)).all()
    assert sorted(map(tuple, paid)) == [("t1", 4), ("t2", 4)]


# Gold


def gold_tasks() -> dict[str, Task]:
    one, two = task("q1", {}), task("p1", {}, kind=P)
    again = replace(one, id="q1-again", reask_of="q1")
    return {each.id: each for each in (one, two, again)}


def test_right_answers_name_a_task_or_the_message_that_is_rated() -> None:
    rows = [{"message": "c#1", "helpful": "No", "toxic": "na"}, {"task": "p1", "preference": "tie"}]
    found = check_gold(rows, gold_tasks())
    assert found.answers == {"q1": {"helpful": "no", "toxic": "na"}, "p1": {"preference": "tie"}}
    assert found.rejected == []


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"helpful": "no"}, "names neither"),
        ({"task": "q1", "message": "c#1", "helpful": "no"}, "or both"),
        ({"task": "nothing", "helpful": "no"}, "no task for task 'nothing' ('chatfeedback tasks list'"),
        ({"message": "c#9", "helpful": "no"}, "no task for message 'c#9'"),
        ({"task": "q1-again", "helpful": "no"}, "second time"),
        ({"task": "q1"}, "gives no answer"),
        ({"task": "q1", "preference": "a"}, "'preference' is not asked there"),
        ({"task": "q1", "helpful": "maybe"}, "one of na, no, yes"),
        ({"task": "p1", "preference": "first"}, "one of a, tie, b"),
    ],
)
def test_a_row_that_cannot_be_used_says_why(row: dict[str, str], reason: str) -> None:
    found = check_gold([row], gold_tasks())
    assert found.answers == {}
    ((number, said),) = found.rejected
    assert number == 1
    assert reason in said


def test_a_row_that_contradicts_one_before_it_is_told_and_changes_nothing() -> None:
    rows = [{"task": "q1", "helpful": "no"}, {"message": "c#1", "helpful": "YES", "toxic": "no"}]
    found = check_gold([*rows, {"task": "q1", "toxic": "na"}, {"task": "q1", "helpful": "No"}], gold_tasks())
    assert found.answers == {"q1": {"helpful": "no", "toxic": "na"}}
    assert found.rejected == [(2, "says helpful: yes of task q1, and a row before it helpful: no")]


def test_yaml_and_csv_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "g.yaml").write_text(
        "- {message: c#1, helpful: no, toxic: na}\n- {task: p1, preference: a}\n"
    )
    (tmp_path / "g.csv").write_text("task,message,helpful,toxic,preference\n,c#1,no,na,\np1,,,,a\n")
    assert read_gold(tmp_path / "g.yaml") == read_gold(tmp_path / "g.csv")


def test_gold_is_added_once_corrected_and_rejected_rows_are_told(
    workspace: Workspace, tmp_path: Path
) -> None:
    with workspace.store.write() as connection:
        save_tasks(connection, [task("q1", {})])
    path = tmp_path / "gold.yaml"
    runner = CliRunner()
    for text, right in (("no", "no"), ("no", "no"), ("yes", "yes")):
        path.write_text(f"- {{task: q1, helpful: {text}}}\n")
        ran = runner.invoke(app, ["gold", "add", str(path), "-w", str(workspace.path)])
        assert ran.exit_code == 0
        assert ran.output == "1 right answer to 1 task\n"
        with workspace.store.read() as connection:
            assert all_gold(connection) == {"q1": {"helpful": right}}
    path.write_text("- {task: q1, toxic: no}\n- {task: q2, toxic: no}\n")
    ran = runner.invoke(app, ["gold", "add", str(path), "-w", str(workspace.path)])
    assert "row 2 finds no task for task 'q2'" in str(ran.exception)
    with workspace.store.read() as connection:
        assert all_gold(connection) == {"q1": {"helpful": "yes", "toxic": "no"}}


def test_a_store_of_before_gains_the_columns_and_keeps_its_tasks(tmp_path: Path) -> None:
    old = Store(f"sqlite:///{tmp_path / 'old.db'}")
    config = AlembicConfig()
    config.set_main_option("script_location", str(migrations.__path__[0]))
    with old.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.execute(
            sa.text(
                "INSERT INTO task VALUES ('t', 'qualitative', '[\"m\"]', '[\"c\"]', 'low', '{}', '1', 'argilla', 3, "
                "'2026-05-01 12:00:00.000000')"
            )
        )
    old.upgrade()
    with old.read() as connection:
        (kept,) = all_tasks(connection).values()
    assert (kept.seed_shown, kept.reask_of, kept.message_ids) == (False, None, ("m",))
    old.close()


def test_a_withdrawn_second_answer_is_still_no_vote() -> None:
    again = replace(task("t2", {}), reask_of="t1")
    answers = [annotation("t2", "p", status=AnnotationStatus.DRAFT), annotation("t2", "q")]
    assert votes(answers, {"t2": again}).empty
