"""Votes of people whom the report did not measure weigh what is expected of them, not more than those it knows."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from chatfeedback import steps
from tests.sample_records import NOW, siblings, task
from workspaces.records import ANONYMOUS, AnnotationStatus
from workspaces.store.annotations import AnnotationRevision, save_revisions
from workspaces.store.confidences import OVERALL, confidence_priors, latest_snapshot
from workspaces.store.posteriors import posteriors
from workspaces.store.tasks import save_tasks

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from workspaces.workspace import Workspace

Row = dict[str, Any]


def battle(question: int, judge: str | None, winner: str) -> Row:
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


def ingest(workspace: Workspace, path: Path, rows: Sequence[Row]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    steps.ingest_file(workspace, path, publish=True, processes=1)


def weights(workspace: Workspace, folder: Path) -> dict[str, float]:
    steps.export(workspace, "dpo", folder, test_share=0)
    rows = pq.read_table(folder / "data" / "votes").to_pylist()
    return {row["person_id"]: row["weight"] for row in rows}


def judged(*judges: str | None) -> list[Row]:
    """Two people mostly agree; a third one often does not, and so does anybody without a name."""
    votes = {"ada": "aaaaaaab", "bob": "aaaaaaaa", "carol": "abababab"}
    return [
        battle(number, judge, f"model_{votes.get(judge or '', 'aaaaaaaa')[number]}")
        for judge in judges
        for number in range(8)
    ]


def test_before_the_first_report_every_vote_weighs_one(workspace: Workspace, tmp_path: Path) -> None:
    ingest(workspace, tmp_path / "log.jsonl", judged("ada", "bob", None))
    assert set(weights(workspace, tmp_path / "dpo").values()) == {1.0}


def test_the_unnamed_and_the_new_weigh_the_mean_of_the_prior_of_the_question(
    workspace: Workspace, tmp_path: Path
) -> None:
    ingest(workspace, tmp_path / "log.jsonl", judged("ada", "bob", "carol", None))
    steps.evaluate(workspace)
    ingest(workspace, tmp_path / "later.jsonl", judged("dora"))
    with workspace.store.read() as connection:
        priors, snapshot = confidence_priors(connection), latest_snapshot(connection)
    assert set(priors) == {OVERALL, "preference"}
    prior = priors["preference"].mean
    assert 0.5 < prior < 0.95
    found = weights(workspace, tmp_path / "dpo")
    measured = {person for person, _ in snapshot}
    assert len(measured) == 3
    for person, weight in found.items():
        if person in measured:
            assert weight == snapshot[person, "preference"].value
        else:
            assert weight == prior
    assert sum(person.startswith(ANONYMOUS) for person in found) == 8
    assert steps.find_person(workspace, "dora") in found.keys() - measured
    best = max(row.value for row in snapshot.values())
    assert best > prior > min(row.value for row in snapshot.values())


def test_the_same_answers_give_the_same_prior(workspace: Workspace, tmp_path: Path) -> None:
    ingest(workspace, tmp_path / "log.jsonl", judged("ada", "bob", "carol"))
    first = steps.evaluate(workspace)
    again = steps.evaluate(workspace)
    assert first.prior == again.prior
    with workspace.store.read() as connection:
        (overall, preference) = confidence_priors(connection).values()
    assert overall.mean == pytest.approx(preference.mean)


def test_the_pairs_of_rankings_have_posteriors_too(workspace: Workspace, tmp_path: Path) -> None:
    chat = siblings("c", "question", "one", "two", "three")
    workspace.collection.append([chat], now=NOW - timedelta(days=3), delay=timedelta(0))
    workspace.collection.share_due(NOW)
    shown = tuple(message.id for message in chat.responses())
    ranked = replace(
        task("t", {"ranking": 8}, kind="ranking"), message_ids=shown, conversation_ids=("c",) * 3
    )
    said = [
        AnnotationRevision(
            annotation_id=f"a{number}", revision=1, task_id="t", person_id=f"p{number}", platform="argilla",
            response_id=f"a{number}", status=AnnotationStatus.SUBMITTED, answers={"ranking": "b > a > c"},
            content_hash=f"a{number}", updated_at=NOW, synced_at=NOW,
        )
        for number in range(3)
    ]  # fmt: skip
    with workspace.store.write() as connection:
        save_tasks(connection, [ranked])
        save_revisions(connection, said)
    steps.evaluate(workspace)
    with workspace.store.read() as connection:
        (computed,) = {it.probability for it in posteriors(connection, "ranking", "ranking")}
    steps.export(workspace, "dpo", tmp_path / "dpo", any_licence=True)
    rows = pq.read_table(tmp_path / "dpo" / "data" / "provenance").to_pylist()
    assert [row["posterior"] for row in rows] == pytest.approx([computed] * 3)
