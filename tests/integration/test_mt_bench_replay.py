"""Real judgments of real answers, all the way through a real Argilla: 65 judges of MT-bench, 882 judgments.

Each judge gets an account, signs in and answers as the page would send it, in the order in which the two answers are
displayed. What comes out has to be what the data set's own figures say. Source: Zheng et al. (2023), arXiv
2306.05685; the figures for this part of the data stand in ``STATISTICS.md``.

Those figures count (question, model, model), also where an answer is empty or two read the same: the mix asks for
these with ``trivial``. Exports pool what reads the same, so their tests look at the other answers. A last test leads
the file to tasks by the default mix, and says what differs.
"""

from __future__ import annotations

import csv
import secrets
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import pytest
from datasets import load_dataset
from pydantic import SecretStr

from chatfeedback import steps
from quality import build_report, votes
from reward_engine import problems, totals
from reward_engine.accounts import TREASURY
from reward_engine.ledger import balances
from workspaces.platforms.argilla import session as argilla_session
from workspaces.records import Annotation, AnnotationStatus
from workspaces.store.latest_annotations import latest_annotations
from workspaces.store.tasks import all_tasks, containers, task_ids_in
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from exports import ExportResult
    from quality import Report
    from tests.shared_servers import TestServer
    from workspaces.records import Task

pytestmark = pytest.mark.servers

KEY = "TEST_MT_BENCH_ARGILLA_KEY"
PASSWORD = SecretStr("long-enough-to-be-good")
AT_ONCE = 4
"""Judges who sign up, or answer, at the same time."""

BULK = 25
"""Answers that a judge saves at once."""

Pair = frozenset[str]
"""The ids of two answers to one question, in no order."""


@dataclass(frozen=True, slots=True)
class Judgment:
    """What one judge said of two answers; ``winner`` is the id of the better one, None for a tie."""

    judge: str
    pair: Pair
    winner: str | None


@dataclass(slots=True)
class Replay:
    """The judgments, and what became of them."""

    workspace: Workspace
    judgments: list[Judgment]
    people: dict[str, str]
    tasks: dict[str, Task]
    annotations: list[Annotation]
    settled: steps.Settled
    report: Report
    exports: dict[str, ExportResult]
    plain: set[str]

    def decided(self) -> dict[Pair, str]:
        """Return the winner of each pair in which more than half of the judges prefer it."""
        votes: dict[Pair, list[str | None]] = defaultdict(list)
        for judgment in self.judgments:
            votes[judgment.pair].append(judgment.winner)
        return {
            pair: winner
            for pair, said in votes.items()
            for winner, count in Counter(said).items()
            if winner is not None and 2 * count > len(said) and pair <= self.plain
        }


def read_judgments(mt_bench: Path) -> list[Judgment]:
    def answer_id(row: dict[str, str], side: str) -> str:
        return f"mt-bench-{row['question_id']}-{row[side]}#1"

    with (mt_bench / "human_judgments_turn1.csv").open(encoding="utf-8", newline="") as file:
        return [
            Judgment(
                row["judge"],
                frozenset({answer_id(row, "model_a"), answer_id(row, "model_b")}),
                None if row["winner"] == "tie" else answer_id(row, row["winner"]),
            )
            for row in csv.DictReader(file)
        ]


def looks(text: str) -> str:
    """Return a text without the white space that nobody sees."""
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def plain_answers(workspace: Workspace) -> set[str]:
    """Return the ids of the first answers that are not empty and read like no other one to the same prompt."""
    answers = {}
    for conversation in workspace.collection.scan():
        prompt, answer, *_ = conversation.messages
        answers[answer.id] = (prompt.content, looks(answer.content))
    alike = Counter(answers.values())
    return {answer for answer, (prompt, text) in answers.items() if text and alike[prompt, text] == 1}


def question_of(answer: str) -> str:
    """Return the number of the question that an answer, ``mt-bench-NUMBER-MODEL#1``, is to."""
    return answer.split("-")[2]


def displayed(task: Task, judgment: Judgment) -> str:
    """Return the option that says, in the task's display order, what the judge said."""
    return {task.message_ids[0]: "a", task.message_ids[1]: "b", None: "tie"}[judgment.winner]


def in_hub_format(folder: Path, configuration: str, cache: Path) -> dict[str, Any]:
    return dict(load_dataset(str(folder), configuration, cache_dir=str(cache)))


@pytest.fixture(scope="module")
def replay(
    tmp_path_factory: pytest.TempPathFactory, mt_bench: Path, argilla_server: TestServer
) -> Iterator[Replay]:
    """Lead the judgments from conversations to training sets."""
    path = tmp_path_factory.mktemp("mt-bench")
    configuration = (
        "version: 1\n"
        f"platforms: {{argilla: {{url: '{argilla_server.url}', api_key_env: {KEY}, "
        f"workspace: mt-bench-{secrets.token_hex(4)}}}}}\n"
        "mix: {kinds: {preference: 1}, overlap: 1, trivial: true}\n"
        "rates: {beyond_overlap: pay}\n"
    )
    seconds: dict[str, float] = {}
    last = time.monotonic()

    def done(step: str) -> None:
        nonlocal last
        seconds[step], last = time.monotonic() - last, time.monotonic()

    with pytest.MonkeyPatch.context() as patch, Workspace.create(path / "workspace", configuration) as made:
        patch.setenv(KEY, argilla_server.api_key.get_secret_value())
        ingested = steps.ingest_file(made, mt_bench / "conversations.jsonl", publish=True)
        assert (ingested.added, ingested.rejected, ingested.duplicates) == (465, 0, 0)
        done("ingest")
        steps.seed_responses(made)
        done("seed")
        generated = steps.generate_tasks(made)
        assert set(generated.by_kind) == {"preference"}
        done("generate")
        assert steps.push_tasks(made).total == generated.created
        done("push")
        judgments = read_judgments(mt_bench)
        emails = {judge: f"{judge}-{made.id}@example.org" for judge in {it.judge for it in judgments}}
        invite(made, sorted(emails.values()))
        done("invite")
        answer(made, argilla_server.url, judgments, emails)
        done("answer")
        found = steps.sync_answers(made)["argilla"]
        assert (found.new, found.changed, found.deleted, found.not_ours) == (len(judgments), 0, 0, 0)
        done("sync")
        settled = steps.settle_answers(made)
        done("settle")
        report = steps.evaluate(made)
        done("report")
        exports = {kind: steps.export(made, kind, made.path / "exports" / kind) for kind in ("dpo", "kto")}
        done("export")
        shown = ", ".join(f"{step} {value:.1f} s" for step, value in seconds.items())
        print(f"\n{sum(seconds.values()):.0f} s: {shown}")
        with made.store.read() as connection:
            tasks, annotations = all_tasks(connection), latest_annotations(connection)
        people = {judge: made.pseudonyms.find(email, ("argilla",)) or "" for judge, email in emails.items()}
        yield Replay(
            made, judgments, people, tasks, annotations, settled, report, exports, plain_answers(made)
        )


def invite(workspace: Workspace, emails: list[str]) -> None:
    """Make an account for everybody; the server takes its time to hash each password."""
    with workspace.platform("argilla") as platform, ThreadPoolExecutor(AT_ONCE) as pool:
        platform.invite(emails[0], PASSWORD)  # finds the workspace, once for all threads
        list(pool.map(lambda email: platform.invite(email, PASSWORD), emails[1:]))
    steps.admit_people(workspace, "argilla", emails)


def answer(workspace: Workspace, url: str, judgments: list[Judgment], emails: dict[str, str]) -> None:
    """Let every judge sign in and give their judgments."""
    with workspace.store.read() as connection:
        task_of = {frozenset(task.message_ids): task for task in all_tasks(connection).values()}
        (dataset,) = containers(connection, "argilla")
        remote_ids = task_ids_in(connection, dataset, "argilla")
    by_judge: dict[str, list[Judgment]] = defaultdict(list)
    for judgment in judgments:
        by_judge[judgment.judge].append(judgment)

    def visit(judge: str) -> None:
        with closing(argilla_session.sign_in(url, emails[judge], PASSWORD)) as client:
            first, *others = (
                (remote_ids[task.id], displayed(task, judgment))
                for judgment in by_judge[judge]
                for task in [task_of[judgment.pair]]
            )
            argilla_session.answer(client, first[0], {"preference": first[1]})
            items = [
                {"record_id": remote_id, "status": "submitted", "values": {"preference": {"value": option}}}
                for remote_id, option in others
            ]
            for start in range(0, len(items), BULK):  # as the page does when several records are selected
                body = {"items": items[start : start + BULK]}
                saved = client.post("/api/v1/me/responses/bulk", json=body).raise_for_status().json()["items"]
                assert not [item for item in saved if item["error"]]

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(visit, sorted(by_judge, key=lambda judge: -len(by_judge[judge]))))


def test_every_judgment_is_stored_as_it_was_given(replay: Replay) -> None:
    assert len(replay.judgments) == len(replay.annotations) == 882
    assert len(set(replay.people.values())) == len(replay.people) == 65
    given = {(replay.people[it.judge], it.pair): it.winner for it in replay.judgments}
    stored = {}
    for annotation in replay.annotations:
        assert annotation.status is AnnotationStatus.SUBMITTED
        task = replay.tasks[annotation.task_id]
        shown = dict(zip(("a", "b"), task.message_ids, strict=True))
        stored[annotation.person_id, frozenset(task.message_ids)] = shown.get(annotation.values["preference"])
    assert stored == given
    shares = Counter(
        judgment.winner == min(judgment.pair) for judgment in replay.judgments if judgment.winner is not None
    )
    assert min(shares.values()) > 0, "a display order that never changes would hide a mistake"
    firsts = Counter(task.message_ids[0] == min(task.message_ids) for task in replay.tasks.values())
    assert 0.4 < firsts[True] / len(replay.tasks) < 0.6


def test_the_judges_agree_as_often_as_the_published_figures_say(replay: Replay) -> None:
    (question,) = replay.report.questions
    with_ties = question.coefficients["percent_agreement"]
    without = question.coefficients["percent_without_ties"]
    assert (question.n_votes, question.n_items, question.n_voters) == (882, 620, 65)
    assert with_ties.value == pytest.approx(0.6467, abs=5e-5)
    assert without.value == pytest.approx(0.8276, abs=5e-5)
    assert round(float(with_ties) * 334) == pytest.approx(float(with_ties) * 334, abs=1e-9)
    assert round(float(without) * 203) == pytest.approx(float(without) * 203, abs=1e-9)
    assert "334 pairs" in with_ties.sentence
    assert "203 pairs" in without.sentence


def test_everybody_gets_the_points_that_were_quoted(replay: Replay) -> None:
    expected = Counter[str]()
    for annotation in replay.annotations:
        expected[annotation.person_id] += replay.tasks[annotation.task_id].points
    with replay.workspace.store.read() as connection:
        assert problems(connection) == []
        paid = totals(connection)
        assert balances(connection)[TREASURY] == -sum(expected.values())
    assert paid == expected
    assert replay.settled.credited == sum(expected.values())
    assert (replay.settled.corrections, replay.settled.taken_back) == (882, 0)


def test_confidence_takes_back_nothing(replay: Replay) -> None:
    again = steps.settle_answers(replay.workspace)
    assert (again.corrections, again.credited, again.taken_back) == (0, 0, 0)


def test_every_decided_pair_is_exported_with_its_winner_chosen(replay: Replay, tmp_path: Path) -> None:
    made = replay.exports["dpo"]
    decided = replay.decided()
    pairs = in_hub_format(made.path, "trl", tmp_path)
    provenance = in_hub_format(made.path, "provenance", tmp_path)
    assert sum(made.rows.values()) == sum(len(rows) for rows in pairs.values())
    exported: dict[Pair, str] = {}
    for split, rows in provenance.items():
        assert len(rows) == len(pairs[split])
        for row, pair in zip(rows, pairs[split], strict=True):
            assert pair["chosen"] != pair["rejected"]
            for chosen in row["chosen_message_ids"]:
                exported |= {frozenset({chosen, other}): chosen for other in row["rejected_message_ids"]}
    dropped = {reason: count for reason, count in made.dropped.items() if not reason.startswith("task ")}
    print(f"\n{len(decided)} pairs decided, {len(exported)} exported; answers left out: {dropped or 'none'}")
    missing = decided.keys() - exported.keys()
    assert {pair: exported[pair] for pair in decided.keys() - missing} == {
        pair: winner for pair, winner in decided.items() if pair not in missing
    }
    assert len(missing) <= sum(dropped.values()), "a pair is neither exported nor in the drop ledger"
    assert not {pair for pair in exported if pair <= replay.plain} - decided.keys()
    votes = sum(len(rows) for rows in in_hub_format(made.path, "votes", tmp_path).values())
    assert votes + sum(dropped.values()) == 882
    assert made.dropped["task without any answer"] == len(replay.tasks) - 620


def test_labels_of_single_answers_follow_the_pairs(replay: Replay, tmp_path: Path) -> None:
    made = replay.exports["kto"]
    wins: Counter[str] = Counter()
    for pair, winner in replay.decided().items():
        wins.update({answer: 1 if answer == winner else -1 for answer in pair})
    expected = {answer: balance > 0 for answer, balance in wins.items() if balance}
    labels = in_hub_format(made.path, "trl", tmp_path)
    found = {
        answer: label["label"]
        for split, rows in in_hub_format(made.path, "provenance", tmp_path).items()
        for row, label in zip(rows, labels[split], strict=True)
        for answer in row["message_ids"]
    }
    assert sum(made.rows.values()) == sum(len(rows) for rows in labels.values())
    print(f"\n{len(found)} answers labelled, {sum(found.values())} of them as wanted")
    judged = {answer for judgment in replay.judgments for answer in judgment.pair}
    pooled = {question_of(answer) for answer in judged - replay.plain}
    assert len(pooled) < 10
    assert {answer: label for answer, label in found.items() if question_of(answer) not in pooled} == {
        answer: label for answer, label in expected.items() if question_of(answer) not in pooled
    }


def test_the_file_as_it_is_gives_every_judgment_a_task_but_those_on_equal_or_empty_answers(
    tmp_path: Path, mt_bench: Path
) -> None:
    judgments = read_judgments(mt_bench)
    with Workspace.create(
        tmp_path / "workspace", "version: 1\nplatforms: {argilla: {}}\nmix: {kinds: {preference: 1}}\n"
    ) as workspace:
        ingested = steps.ingest_file(workspace, mt_bench / "conversations.jsonl", publish=True)
        assert (ingested.added, ingested.rejected) == (465, 0)
        steps.seed_responses(workspace)
        steps.generate_tasks(workspace)
        with workspace.store.read() as connection:
            tasks = all_tasks(connection)
        texts = {
            message.id: looks(message.content)
            for conversation in workspace.collection.scan()
            for message in conversation.messages
        }
    prompts = {answer: question_of(answer) for answer in texts}
    by_text = {
        (prompts[task.message_ids[0]], frozenset(texts[answer] for answer in task.message_ids)): task
        for task in tasks.values()
    }
    assert len(by_text) == len(tasks)
    annotations, left_out = [], []
    for number, judgment in enumerate(judgments):
        pair = frozenset(texts[answer] for answer in judgment.pair)
        if len(pair) == 1 or "" in pair:
            left_out.append(judgment)
            continue
        task = by_text[prompts[min(judgment.pair)], pair]
        winner = None if judgment.winner is None else texts[judgment.winner]
        shown = {texts[task.message_ids[0]]: "a", texts[task.message_ids[1]]: "b", None: "tie"}
        annotations.append(
            Annotation(
                id=str(number),
                task_id=task.id,
                person_id=judgment.judge,
                platform="argilla",
                status=AnnotationStatus.SUBMITTED,
                revision=1,
                values={"preference": shown[winner]},
                updated_at=task.created_at,
            )
        )
    (question,) = build_report(votes(annotations, tasks)).questions
    expected, expected_without = agreement(judgments, texts)
    assert (len(left_out), len(annotations)) == (11, 871)
    assert question.coefficients["percent_agreement"].value == pytest.approx(expected)
    assert question.coefficients["percent_without_ties"].value == pytest.approx(expected_without)
    print(
        f"\nas it is: {len(annotations)} judgments, agreement {expected:.4f}, without ties {expected_without:.4f}"
    )


def agreement(judgments: list[Judgment], texts: dict[str, str]) -> tuple[float, float]:
    """Return the share of agreeing pairs of judges on the same two texts, with and without ties."""
    said: dict[tuple[str, Pair], list[str | None]] = defaultdict(list)
    for judgment in judgments:
        pair = frozenset(texts[answer] for answer in judgment.pair)
        if len(pair) == 2 and "" not in pair:
            winner = None if judgment.winner is None else texts[judgment.winner]
            said[min(judgment.pair).split("-")[2], pair].append(winner)
    both = [two for votes_on in said.values() for two in combinations(votes_on, 2)]
    decided = [two for two in both if None not in two]
    agreeing, agreeing_without = (
        sum(one == other for one, other in pairs) / len(pairs) for pairs in (both, decided)
    )
    return agreeing, agreeing_without
