"""Rewrites are judged by other people's votes: what is asked, counted, paid, exported, and what is left of it."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from chatfeedback import steps
from chatfeedback.steps.answers import read_answers
from chatfeedback.steps.low_rated import LowRated
from chatfeedback.steps.rewrite_votes import judged_rewrites
from chatfeedback.steps.status import count
from exports import NothingToExportError
from reward_engine import problems, wallet
from reward_engine.acceptance import Tally
from workspaces.config import LLMConfig
from workspaces.kinds import kind_of
from workspaces.records import IMPORTED, AnnotationStatus, stable_id
from workspaces.store.annotations import (
    AnnotationRevision,
    append_revisions,
    content_hash,
    latest_of,
    latest_revisions,
    save_revisions,
)
from workspaces.store.conversations import entries_of
from workspaces.store.own_answers import delete_link, save_link
from workspaces.store.rewrites import rewrite, rewrites_judged
from workspaces.store.tasks import all_tasks
from workspaces.workspace import Workspace, utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from workspaces.records import Task

CHECKED = {"qualitative": 1, "suggestion": 1, "suggestion_check": 1}
RATES = {"bonuses": {"accepted_rewrite": 7, "accepted_by": 2}}
RESPONSE = "Spiders are insects with six legs, which they use to build webs."
BETTER = "Eight. Spiders are arachnids; it is insects that have six legs."
WRITER, ANN, BOB, CAT = "writer", "ann", "bob", "cat"


@dataclass
class Office:
    """A workspace whose people answer straight into the store."""

    workspace: Workspace
    minutes: int = 0

    def tasks(self, kind: str) -> list[Task]:
        with self.workspace.store.read() as connection:
            return [
                task
                for task in all_tasks(connection).values()
                if task.kind == kind and task.platform != IMPORTED and task.reask_of is None
            ]

    def answer(
        self,
        person: str,
        task: Task,
        values: Mapping[str, str],
        status: AnnotationStatus = AnnotationStatus.SUBMITTED,
    ) -> None:
        """Somebody answers, or changes their answer."""
        self.minutes += 1
        at = utc_now() + timedelta(minutes=self.minutes)
        name = stable_id(person, task.id)
        revision = AnnotationRevision(
            annotation_id=name, revision=1, task_id=task.id, person_id=person, platform=task.platform,
            response_id=name, status=status, answers=dict(values),
            content_hash=content_hash(status, values), updated_at=at, synced_at=at,
        )  # fmt: skip
        with self.workspace.store.write() as connection:
            known = latest_of(connection, [name])
            (append_revisions if known else save_revisions)(connection, [revision])

    def vote(self, person: str, check: Task, *, rewrite: bool | None) -> None:
        """Somebody prefers the rewrite, the response, or neither, wherever it stands."""
        comparison = kind_of(check.kind).comparison
        assert comparison is not None
        response = next(side for side, name in enumerate(check.message_ids) if name in self.responses(check))
        preferred = None if rewrite is None else (1 - response if rewrite else response)
        self.answer(person, check, {comparison.name: comparison.answer_for(preferred)})

    def responses(self, check: Task) -> set[str]:
        conversations = self.workspace.collection.read(check.conversation_ids)
        return {message.id for each in conversations.values() for message in each.messages}

    def is_low(self, check: Task) -> bool:
        """Return whether the response whose rewrite is judged counts as rated low."""
        llm = {"base_url": "http://localhost:1", "model": "m", "counterparts": {"rated_by": "people"}}
        rated = LowRated(self.workspace, LLMConfig.model_validate(llm))
        conversations = self.workspace.collection.read(check.conversation_ids).values()
        rated.load(conversations)
        (response,) = [it for each in conversations for it in each.responses()]
        return rated(response)

    def settle(self) -> dict[str, int]:
        """Settle twice; return everybody's balance."""
        steps.settle_answers(self.workspace)
        assert steps.settle_answers(self.workspace).corrections == 0
        with self.workspace.store.read() as connection:
            assert problems(connection) == []
            return {person: wallet(connection, person).balance for person in (WRITER, ANN, BOB, CAT)}

    def pairs(self, folder: Path) -> list[dict[str, object]]:
        """Export ``dpo``; return its rows with where they come from."""
        with suppress(NothingToExportError):
            steps.export(self.workspace, "dpo", folder, any_licence=True)
        tables = [
            [
                row
                for file in sorted((folder / "data" / name).glob("*"))
                for row in pq.read_table(file).to_pylist()
            ]
            for name in ("trl", "provenance")
        ]
        return [row | origin for row, origin in zip(*tables, strict=True)]


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Callable[..., Office]]:
    made: list[Workspace] = []

    def make(kinds: Mapping[str, int] = CHECKED, **more: object) -> Office:
        configuration = {
            "version": 1,
            "platforms": {"argilla": {"url": "managed"}},
            "mix": {"kinds": dict(kinds), "overlap": 3},
            "rates": RATES,
            **more,
        }
        workspace = Workspace.create(tmp_path / f"w{len(made)}", json.dumps(configuration))
        made.append(workspace)
        log = tmp_path / "log.jsonl"
        rows = [
            {
                "conversation_id": f"chat-{number}",
                "conversation": [
                    {"role": "user", "content": f"How many legs do {number} spiders have, each?"},
                    {"role": "assistant", "content": RESPONSE},
                ],
                "model_name": "m",
                "user_id": f"giver-{number}",
            }
            for number in range(3)
        ]
        log.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        steps.ingest_file(workspace, log, publish=True)
        steps.seed_responses(workspace)
        steps.generate_tasks(workspace)
        return Office(workspace)

    yield make
    for workspace in made:
        workspace.close()


def suggested(it: Office, text: str = BETTER, person: str = WRITER) -> Task:
    """Somebody writes a better response; return the task that judges it."""
    task = it.tasks("suggestion")[0]
    it.answer(person, task, {"rewrite": text})
    before = {check.id for check in it.tasks("suggestion_check")}
    planned = steps.generate_tasks(it.workspace, dry_run=True)
    assert steps.generate_tasks(it.workspace) == replace(planned, dry_run=False)
    (check,) = [check for check in it.tasks("suggestion_check") if check.id not in before]
    assert set(check.conversation_ids) == set(task.conversation_ids)
    assert task.message_ids[0] in check.message_ids
    return check


def test_a_rewrite_that_others_prefer_is_accepted_paid_and_a_pair(
    office: Callable[..., Office], tmp_path: Path
) -> None:
    it = office()
    check = suggested(it)
    assert steps.generate_tasks(it.workspace).created == 0
    written = it.settle()
    assert it.pairs(tmp_path / "e") == []
    for person, prefers in ((ANN, True), (BOB, True), (CAT, False)):
        it.vote(person, check, rewrite=prefers)
    balances = it.settle()
    assert balances == {WRITER: written[WRITER] + 7, **dict.fromkeys((ANN, BOB, CAT), check.points)}
    (row,) = it.pairs(tmp_path / "e")
    assert row["chosen"] == [{"role": "assistant", "content": BETTER}]
    assert row["rejected"] == [{"role": "assistant", "content": RESPONSE}]
    assert (row["chosen_origin"], row["rejected_origin"]) == ("accepted_rewrite", "model")
    assert (row["chosen_models"], row["rejected_models"]) == ([], ["m"])
    assert (row["votes_chosen"], row["votes_rejected"], row["n_annotators"]) == (2, 1, 3)
    steps.export(it.workspace, "sft", tmp_path / "s", any_licence=True)
    texts = [pq.read_table(file).to_pylist() for file in (tmp_path / "s").glob("data/*/*.parquet")]
    assert BETTER in str(texts)
    it.vote(BOB, check, rewrite=False)  # the vote changes, and the bonus with it
    assert it.settle()[WRITER] == written[WRITER]
    assert it.pairs(tmp_path / "e2") == []


def test_the_votes_are_votes_like_any_others(office: Callable[..., Office]) -> None:
    it = office()
    check = suggested(it)
    for person in (ANN, BOB, CAT):
        it.vote(person, check, rewrite=True)
    steps.evaluate(it.workspace)
    table = read_answers(it.workspace).votes
    assert len(table[table["kind"] == "suggestion_check"]) == 3


@pytest.mark.parametrize("own", ["marked", "allowed"])
def test_what_a_writer_says_of_their_own_rewrite_counts_and_earns_nothing(
    office: Callable[..., Office], tmp_path: Path, own: str
) -> None:
    it = office(quality={"own": own})
    check = suggested(it)
    written = it.settle()
    it.vote(WRITER, check, rewrite=True)  # the first to answer
    it.vote(ANN, check, rewrite=True)
    assert it.settle() == written | {ANN: check.points}
    assert count(it.workspace).answers_to_come >= 2
    answers = read_answers(it.workspace)
    assert [(each.person_id, each.task_id) for each in answers.own_checks] == [(WRITER, check.id)]
    judged = judged_rewrites(it.workspace)
    assert (judged.tallies, judged.own_answers) == ([Tally(better=1)], 1)
    assert set(answers.votes[answers.votes["kind"] == "suggestion_check"]["annotator"]) == {ANN}
    for person in (BOB, CAT):
        it.vote(person, check, rewrite=True)
    balances = it.settle()
    assert balances == {WRITER: written[WRITER] + 7, **dict.fromkeys((ANN, BOB, CAT), check.points)}
    (row,) = it.pairs(tmp_path / "e")
    assert row["n_annotators"] == 3
    manifest = json.loads((tmp_path / "e" / "manifest.json").read_text(encoding="utf-8"))
    assert "answer of a writer on their own rewrite" in json.dumps(manifest)


def test_whoever_the_lead_linked_with_the_writer_judges_it_as_little(office: Callable[..., Office]) -> None:
    it = office()
    check = suggested(it)
    before = it.settle()
    for person in (ANN, BOB, CAT):
        it.vote(person, check, rewrite=True)
    with it.workspace.store.write() as connection:
        save_link(connection, BOB, WRITER, utc_now())
        save_link(connection, BOB, "in-the-logs", utc_now())
        save_link(connection, CAT, "in-the-logs", utc_now())  # the same human, by way of two links
    assert it.settle() == before | {ANN: check.points}
    assert judged_rewrites(it.workspace).tallies == [Tally(better=1)]
    with it.workspace.store.write() as connection:
        delete_link(connection, BOB, WRITER)
    assert it.settle()[WRITER] == before[WRITER] + 7


def test_two_who_write_the_same_text_are_both_its_writers(office: Callable[..., Office]) -> None:
    it = office()
    check = suggested(it)
    it.answer(ANN, it.tasks("suggestion")[0], {"rewrite": f"  {BETTER}\n"})
    steps.generate_tasks(it.workspace)
    assert [task.id for task in it.tasks("suggestion_check")] == [check.id]
    before = it.settle()
    for person in (WRITER, ANN, BOB, CAT):
        it.vote(person, check, rewrite=True)
    paid = it.settle()
    assert {person: paid[person] - before[person] for person in paid} == {
        WRITER: 7, ANN: 7, BOB: check.points, CAT: check.points,
    }  # fmt: skip


@pytest.mark.parametrize(
    "votes", [(False, False, False), (True, False, None), (True, False), (None, None, None)]
)
def test_a_rewrite_that_others_do_not_accept_pays_nothing_more_and_is_in_no_pair(
    office: Callable[..., Office], tmp_path: Path, votes: tuple[bool | None, ...]
) -> None:
    it = office()
    check = suggested(it)
    written = it.settle()
    for person, prefers in zip((ANN, BOB, CAT), votes, strict=False):
        it.vote(person, check, rewrite=prefers)
    # the stand-in accepts it: others found the response not helpful
    assert it.settle()[WRITER] == written[WRITER]
    assert it.pairs(tmp_path / "e") == []


@pytest.mark.parametrize(("accepted", "low"), [(True, True), (False, False)])
def test_a_response_counts_as_low_when_others_prefer_its_rewrite_not_when_somebody_wrote_one(
    office: Callable[..., Office], *, accepted: bool, low: bool
) -> None:
    it = office()
    check = suggested(it)
    assert not it.is_low(check)
    for person in (ANN, BOB, CAT):
        it.vote(person, check, rewrite=accepted)
    assert it.is_low(check) == low


def test_a_suggestion_of_a_qualitative_task_is_judged_as_well_and_no_stand_in_accepts_it(
    office: Callable[..., Office],
) -> None:
    it = office()
    task = it.tasks("qualitative")[0]
    tags = dict.fromkeys(("instruction", "helpful", "factual", "style", "sensitive", "toxic"), "no")
    it.answer(WRITER, task, tags | {"suggestion": BETTER})
    for person in (ANN, BOB):
        it.answer(person, task, tags)
    before = it.settle()
    assert before[WRITER] == task.points
    steps.generate_tasks(it.workspace)
    (check,) = it.tasks("suggestion_check")
    for person in (ANN, BOB):
        it.vote(person, check, rewrite=True)
    assert it.settle()[WRITER] == before[WRITER] + 7


def test_where_nobody_is_asked_about_rewrites_the_stand_in_accepts_them_until_votes_do(
    office: Callable[..., Office], tmp_path: Path
) -> None:
    it = office({"qualitative": 1})
    task = it.tasks("qualitative")[0]
    tags = dict.fromkeys(("instruction", "helpful", "factual", "style", "sensitive", "toxic"), "no")
    it.minutes = -60
    it.answer(WRITER, task, tags | {"suggestion": BETTER})
    for person in (ANN, BOB):
        it.answer(person, task, tags)
    by_stand_in = it.settle()
    assert by_stand_in[WRITER] == task.points + 7
    (row,) = it.pairs(tmp_path / "e")
    assert (row["chosen_origin"], row["n_annotators"]) == ("human_edit", 1)
    path = it.workspace.path / "chatfeedback.yaml"
    path.write_text(
        path.read_text(encoding="utf-8").replace('{"qualitative": 1}', json.dumps(CHECKED)), "utf-8"
    )
    with Workspace.open(it.workspace.path) as opened:
        later = Office(opened)
        steps.generate_tasks(opened)
        (check,) = later.tasks("suggestion_check")
        assert later.settle() == by_stand_in  # nothing is taken back for old work
        for person in (ANN, BOB):
            later.vote(person, check, rewrite=False)
        assert later.settle()[WRITER] == task.points


def test_a_changed_rewrite_is_another_one_and_the_old_one_is_asked_about_no_more(
    office: Callable[..., Office],
) -> None:
    it = office()
    old = suggested(it)
    it.vote(ANN, old, rewrite=True)
    new = suggested(it, BETTER + " Always.")
    assert old.id != new.id
    assert it.settle()[ANN] == old.points
    for person in (BOB, CAT):
        it.vote(person, old, rewrite=True)
    assert it.settle()[WRITER] == it.tasks("suggestion")[0].points  # the votes are on what stands no more
    it.vote(WRITER, old, rewrite=True)  # of their own rewrite, although they changed it
    assert it.settle()[WRITER] == it.tasks("suggestion")[0].points


@pytest.mark.parametrize(
    "text", [RESPONSE.upper(), f"  {RESPONSE.replace(' ', '   ')}\n", RESPONSE + "!", "Eight."]
)
def test_what_changes_too_little_or_is_too_short_earns_nothing_and_is_judged_by_nobody(
    office: Callable[..., Office], text: str
) -> None:
    it = office()
    it.answer(WRITER, it.tasks("suggestion")[0], {"rewrite": text})
    steps.generate_tasks(it.workspace)
    assert it.tasks("suggestion_check") == []
    assert it.settle()[WRITER] == 0


@pytest.mark.parametrize("status", [AnnotationStatus.DRAFT, AnnotationStatus.DISCARDED])
def test_a_draft_and_a_discarded_rewrite_are_judged_by_nobody(
    office: Callable[..., Office], status: AnnotationStatus
) -> None:
    it = office()
    it.answer(WRITER, it.tasks("suggestion")[0], {"rewrite": BETTER}, status)
    steps.generate_tasks(it.workspace)
    assert it.tasks("suggestion_check") == []


def test_private_details_that_a_writer_typed_are_shown_and_exported_as_placeholders(
    office: Callable[..., Office], tmp_path: Path
) -> None:
    it = office()
    check = suggested(it, BETTER + " Ask ada.lovelace@example.org.")
    for person in (ANN, BOB):
        it.vote(person, check, rewrite=True)
    it.settle()
    (row,) = it.pairs(tmp_path / "e")
    assert "[EMAIL_1]" in str(row["chosen"])
    assert "ada.lovelace" not in str(row)


@pytest.mark.parametrize("what", ["writer", "conversation"])
def test_with_the_writer_or_the_conversation_everything_of_a_rewrite_goes_and_pay_stays(
    office: Callable[..., Office], tmp_path: Path, what: str
) -> None:
    it = office()
    check = suggested(it)
    for person in (ANN, BOB):
        it.vote(person, check, rewrite=True)
    balances = it.settle()
    assert len(it.pairs(tmp_path / "e")) == 1
    if what == "writer":
        steps.forget_person(it.workspace, WRITER, by="lead")
    else:
        steps.delete_conversations(it.workspace, check.conversation_ids[:1], by="giver")
    assert it.pairs(tmp_path / "e2") == []
    assert it.settle() == balances
    steps.generate_tasks(it.workspace)
    assert all(it.responses(task) for task in it.tasks("suggestion_check")) == (what == "writer")
    with it.workspace.store.read() as connection:
        revisions = latest_revisions(connection, [task.id for task in all_tasks(connection).values()])
        names = {row.rewrite_id for row in connection.execute(rewrite.select())}
    assert BETTER not in str([revision.answers for revision in revisions.values()])
    assert names.isdisjoint(check.message_ids)
    assert b"arachnids" not in (it.workspace.path / "chatfeedback.db").read_bytes()


def test_whoever_is_forgotten_keeps_the_place_that_was_paid_for_a_rewrite(
    office: Callable[..., Office],
) -> None:
    it = office({"suggestion": 1}, budget={"points_total": 1000})
    task = it.tasks("suggestion")[0]
    for person in (WRITER, ANN, BOB, CAT):
        it.answer(person, task, {"rewrite": f"{BETTER} So says {person}."})
    balances = it.settle()
    assert [person for person, points in balances.items() if points] == [WRITER, ANN, BOB]
    promised = steps.budget_report(it.workspace).promised
    steps.forget_person(it.workspace, WRITER, by="giver")
    assert it.settle() == balances
    assert steps.budget_report(it.workspace).promised == promised


def test_what_earned_nothing_earns_nothing_after_its_conversation_is_deleted(
    office: Callable[..., Office],
) -> None:
    it = office()
    task = it.tasks("suggestion")[0]
    it.answer(WRITER, task, {"rewrite": RESPONSE + "!"})
    assert it.settle()[WRITER] == 0
    steps.delete_conversations(it.workspace, task.conversation_ids, by="giver")
    assert it.settle()[WRITER] == 0


def test_what_a_giver_rewrites_of_their_own_conversation_is_judged_by_nobody(
    office: Callable[..., Office],
) -> None:
    it = office()
    task = it.tasks("suggestion")[0]
    with it.workspace.store.read() as connection:
        (entry,) = entries_of(connection, task.conversation_ids).values()
    it.answer(str(entry.giver_id), task, {"rewrite": BETTER})
    steps.generate_tasks(it.workspace)
    assert it.tasks("suggestion_check") == []


def test_since_when_rewrites_are_judged_is_kept_and_forgotten_with_the_mix(
    office: Callable[..., Office],
) -> None:
    it = office()

    def since() -> list[object]:
        with it.workspace.store.read() as connection:
            return list(connection.execute(rewrites_judged.select()))

    first = since()
    assert len(first) == 1
    steps.generate_tasks(it.workspace)
    assert since() == first
    path = it.workspace.path / "chatfeedback.yaml"
    path.write_text(
        path.read_text(encoding="utf-8").replace('"suggestion_check": 1', '"suggestion_check": 0'), "utf-8"
    )
    with Workspace.open(it.workspace.path) as opened:
        steps.generate_tasks(opened)
    assert since() == []
