"""Accepting a flag with --take-back: the person's answers are kept, count for nothing, and can count again."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from chatfeedback import steps
from chatfeedback.report import write_report
from chatfeedback.steps.answers import read_answers
from chatfeedback.steps.status import count
from reward_engine import verify
from tests.sample_records import NOW
from tests.unit.chatfeedback.test_strangers import (
    everybody_answers,
    platform,
    points,
    run,
    text_of,
    workspace,
)
from workspaces.errors import UsageError
from workspaces.store.flags import save_findings
from workspaces.store.members import MemberStatus, members

if TYPE_CHECKING:
    from tests.unit.workspaces.test_sync import MemoryPlatform
    from workspaces.workspace import Workspace

__all__ = ["platform", "workspace"]  # fixtures

EVE, ADA, BO = "eve@example.org", "ada@example.org", "bo@example.org"


def flagged(workspace: Workspace, person_id: str) -> str:
    evidence = {"repeated": 3, "rewrites": 4, "different_texts": 1, "items": []}
    with workspace.store.write() as connection:
        save_findings(connection, [(person_id, "repeated_text", evidence, 3)], NOW)
    return str(run(workspace, "people", "review")["flags"][0]["flag_id"])


def paid(workspace: Workspace, *people: str) -> list[int]:
    steps.settle_answers(workspace)
    with workspace.store.read() as connection:
        checked = verify(connection)
    assert checked.is_whole, checked.problems
    assert checked.unsettled == 0
    return [points(workspace, person) for person in people]


def test_taking_back_gives_the_place_within_the_overlap_to_the_next_and_accepting_undoes_it(
    workspace: Workspace, platform: MemoryPlatform
) -> None:
    """The overlap is two: of three people who answered, the first two are paid."""
    run(workspace, "people", "invite", EVE, BO)
    people = []
    for name in (EVE, ADA, BO):
        people += everybody_answers(workspace, platform, name)
        run(workspace, "sync")
    eve, ada, bo = people
    whole = paid(workspace, ada)[0]
    flag = flagged(workspace, eve)
    assert paid(workspace, eve, ada, bo) == [whole, whole, 0], "a flag takes nothing"
    run(workspace, "people", "review", "accept", flag, "--by", "lead")
    assert paid(workspace, eve, ada, bo) == [whole, whole, 0], "nor does accepting it alone"
    run(workspace, "people", "review", "accept", flag, "--take-back", "--by", "lead")
    assert paid(workspace, eve, ada, bo) == [0, whole, whole]
    answers = read_answers(workspace)
    assert {it.person_id for it in answers.annotations} == {ada, bo}
    aside = {"person_id": eve, "platform": "argilla", "barred_answers": 3}
    found = run(workspace, "people", "review")
    assert (found["barred"], found["strangers"]) == ([aside], [])
    assert count(workspace).barred_answers == 3
    assert eve in write_report(workspace).written.page.read_text(encoding="utf-8")
    assert run(workspace, "people", "accept", "--all")["accepted"] == [], "these are not strangers"
    run(workspace, "people", "invite", EVE)
    run(workspace, "sync")
    assert paid(workspace, eve, ada, bo) == [0, whole, whole], "an invitation does not undo it"
    (again,) = run(workspace, "people", "accept", EVE)["accepted"]
    assert again == {"person_id": eve, "platform": "argilla", "answers": 3}
    assert paid(workspace, eve, ada, bo) == [0, whole, whole], "who comes back stands behind the others"
    assert {it.person_id for it in read_answers(workspace).annotations} == {eve, ada, bo}


def test_who_is_barred_stays_so_when_everybody_else_counts(
    workspace: Workspace, platform: MemoryPlatform
) -> None:
    (ada,) = everybody_answers(workspace, platform, ADA)
    run(workspace, "sync")
    run(workspace, "people", "review", "accept", flagged(workspace, ada), "--take-back")
    path = workspace.path / "chatfeedback.yaml"
    path.write_text(path.read_text(encoding="utf-8") + "people: {strangers: accept}\n", encoding="utf-8")
    platform.give("a new one", next(iter(read_answers(workspace).tasks)), person=ada, helpful="no")
    run(workspace, "sync")
    with workspace.store.read() as connection:
        assert {it.status for it in members(connection) if it.person_id == ada} == {MemberStatus.BARRED}
    assert paid(workspace, ada) == [0]


def test_an_export_lists_every_answer_of_who_is_barred_or_was_not_invited_with_its_reason(
    workspace: Workspace, platform: MemoryPlatform
) -> None:
    (ada,) = everybody_answers(workspace, platform, ADA)
    run(workspace, "people", "invite", EVE)
    (eve,) = everybody_answers(workspace, platform, EVE)
    everybody_answers(workspace, platform, "mallory@example.org")
    run(workspace, "sync")
    run(workspace, "people", "review", "accept", flagged(workspace, eve), "--take-back")
    made = run(workspace, "export", "kto")
    reasons = {"answer of a person whom the lead barred": 3, "answer of a person who was not invited": 3}
    assert made["dropped"] == reasons
    judgments = made["accounting"]["judgments"]
    assert judgments["all"] == 9 == judgments["trained"] + 6
    text = text_of(workspace, "export", "kto")
    assert "9 judgments: 3 behind completions to train on, 6 left out:" in text
    assert "3 answers of a person whom the lead barred" in text
    card = (workspace.path / "exports" / "kto" / "README.md").read_text(encoding="utf-8")
    assert "9 judgments: 3 behind completions to train on, 6 left out." in card
    omitted = pq.read_table(workspace.path / "exports" / "kto" / "data" / "omissions").to_pylist()
    assert Counter(row["reason"] for row in omitted) == reasons
    assert ada not in str(omitted)


def test_taking_back_goes_with_accepting_a_flag_alone(workspace: Workspace) -> None:
    for arguments in (("dismiss", "x"), ()):
        with pytest.raises(UsageError, match="accept FLAG"):
            text_of(workspace, "people", "review", *arguments, "--take-back")
