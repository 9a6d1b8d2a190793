"""An accepted rewrite is compared with other responses to its prompt: what is drawn, who is asked, what is exported."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from chatfeedback import steps
from chatfeedback.cli import app
from chatfeedback.counts import offered, open_tasks
from chatfeedback.report.task_attributes import task_attributes
from chatfeedback.steps.adjudication import _check_person
from chatfeedback.steps.answers import read_answers
from chatfeedback.steps.assignments import Assigned
from chatfeedback.steps.board import read_board
from chatfeedback.steps.rewrite_votes import judged_rewrites
from chatfeedback.steps.rewrites import moot, read_rewrites
from chatfeedback.steps.status import count
from chatfeedback.steps.written import holding
from chatfeedback.web.lead_work import LiveWork
from exports import NothingToExportError
from task_generators.content import content_of
from tests.unit.chatfeedback.test_rewrites import ANN, BOB, CAT, WRITER, Office
from workspaces.errors import UsageError
from workspaces.kinds import kind_of
from workspaces.records import Generated, Message, Role, SharingState
from workspaces.store.adjudications import Adjudication, adjudication, save_adjudications
from workspaces.store.own_answers import save_link
from workspaces.store.rewrites import own_checks
from workspaces.store.rewrites import rewrite as rewrite_table
from workspaces.store.standing import standing
from workspaces.store.tasks import all_tasks
from workspaces.store.tasks import task as task_table
from workspaces.workspace import Workspace, utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from typing import Any

    from chatfeedback.steps.rewrites import Rewrites
    from workspaces.records import Task

KINDS = {"suggestion": 1, "suggestion_check": 1, "preference": 1, "preference_strength": 1, "ranking": 1}
PROMPT = "How many legs have spiders?"
ORIGINAL = "Spiders are insects with six legs, which they use to build webs."
SIBLING = "Six legs, as every insect, and two more on Sundays when nobody counts."
ELSEWHERE = "A spider walks on eight legs, four on each side of its body, always."
BETTER = "Eight. Spiders are arachnids; it is insects that have six legs."
FINER = "Spiders have eight legs, since they are arachnids and no insects at all."


class House(Office):
    """A workspace of two logs with one prompt; beside the response of the first stands a generated one."""

    @property
    def by_text(self) -> dict[str, str]:
        conversations = self.workspace.collection.scan()
        return {it.content: it.id for each in conversations for it in each.messages if it.is_response}

    def wrote(self, text: str, person: str = WRITER, about: str = ORIGINAL) -> None:
        """Somebody rewrites a response."""
        name = self.by_text[about]
        (task,) = [it for it in self.tasks("suggestion") if it.message_ids == (name,)]
        self.answer(person, task, {"rewrite": text})

    def draw(self) -> list[Task]:
        """Draw twice, after looking; return the new tasks."""
        before = self.all
        planned = steps.generate_tasks(self.workspace, dry_run=True)
        made = steps.generate_tasks(self.workspace)
        assert made.counterparts == planned.counterparts
        assert made.created == planned.created
        assert steps.generate_tasks(self.workspace).created == 0
        return [task for task_id, task in self.all.items() if task_id not in before]

    @property
    def all(self) -> dict[str, Task]:
        with self.workspace.store.read() as connection:
            return all_tasks(connection)

    def accepted(self, text: str, person: str = WRITER) -> list[Task]:
        """Somebody rewrites, others prefer it; return the tasks drawn then."""
        self.wrote(text, person)
        (check,) = [task for task in self.draw() if task.kind == "suggestion_check"]
        for voter in (ANN, BOB):
            self.vote(voter, check, rewrite=True)
        return self.draw()

    def prefer(self, person: str, task: Task, message_id: str) -> None:
        comparison = kind_of(task.kind).comparison
        assert comparison is not None
        self.answer(
            person, task, {comparison.name: comparison.answer_for(task.message_ids.index(message_id))}
        )

    def rewrites(self) -> Rewrites:
        with self.workspace.store.read() as connection:
            return read_rewrites(self.workspace, connection)

    def moot(self) -> list[Task]:
        return moot(self.all.values(), self.rewrites())

    def rows(self, name: str, folder: Path) -> dict[str, list[dict[str, Any]]]:
        with suppress(NothingToExportError):
            steps.export(self.workspace, name, folder, any_licence=True)
        return {
            table.name: [row for file in sorted(table.glob("*")) for row in pq.read_table(file).to_pylist()]
            for table in folder.glob("data/*")
        }


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Callable[..., House]]:
    made: list[Workspace] = []

    def make(kinds: Mapping[str, int] = KINDS, **more: object) -> House:
        configuration = {
            "version": 1,
            "platforms": {"argilla": {"url": "managed"}},
            "mix": {"kinds": dict(kinds), "overlap": 3},
            "rates": {"bonuses": {"accepted_rewrite": 7, "accepted_by": 2}},
            "select": {"near_duplicates": "all", "skip_flags": []},
            **more,
        }
        workspace = Workspace.create(tmp_path / f"w{len(made)}", json.dumps(configuration))
        made.append(workspace)
        log = tmp_path / "log.jsonl"
        rows = [
            {
                "conversation_id": name,
                "conversation": [
                    {"role": "user", "content": prompt},
                    {"role": "assistant", "content": text, "reasoning_content": "They look like ants."},
                ],
                "model_name": model,
                "user_id": f"giver-{name}",
            }
            for name, prompt, text, model in (
                ("first", PROMPT, ORIGINAL, "m1"),
                ("second", PROMPT, ELSEWHERE, "m3"),
                ("alone", "And how many wings have they?", ORIGINAL + " Wings they have none.", "m3"),
            )
        ]
        log.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        steps.ingest_file(workspace, log, publish=True)
        (first,) = [it for it in workspace.collection.scan() if it.messages[1].content == ORIGINAL]
        generated = Message(
            "generated", first.messages[0].id, Role.ASSISTANT, SIBLING, "m2", generated=Generated("{}", "mit")
        )
        with workspace.exclusive():
            workspace.collection.add_generated({first.id: [generated]}, lambda connection, ids: None)
        steps.seed_responses(workspace)
        steps.generate_tasks(workspace)
        return House(workspace)

    yield make
    for workspace in made:
        workspace.close()


def test_an_accepted_rewrite_is_compared_with_every_other_response_to_its_prompt(
    house: Callable[..., House],
) -> None:
    it = house()
    assert not any(task.rewrites for task in it.all.values())
    it.wrote(BETTER)
    (check,) = it.draw()  # nobody has accepted it yet
    (rewrite,) = check.rewrites
    for person in (ANN, BOB):
        it.vote(person, check, rewrite=True)
    drawn = it.draw()
    names = it.by_text
    others = {names[SIBLING], names[ELSEWHERE]}
    for kind in ("preference", "preference_strength"):
        pairs = [task for task in drawn if task.kind == kind]
        assert {frozenset(task.message_ids) for task in pairs} == {frozenset({rewrite, it}) for it in others}
    (ranking,) = [task for task in drawn if task.kind == "ranking"]
    assert set(ranking.message_ids) == {rewrite, names[ORIGINAL], *others}
    assert all(task.rewrites == (rewrite,) for task in drawn)
    assert len(drawn) == 5


def test_nothing_is_compared_again_that_is_the_same_and_no_rewrite_with_its_own_response(
    house: Callable[..., House],
) -> None:
    it = house({"suggestion": 1, "suggestion_check": 1, "preference": 1})
    assert len(it.accepted(BETTER)) == 2
    assert len(it.accepted(FINER, CAT)) == 2  # two accepted rewrites of one response
    pairs = [task for task in it.all.values() if task.kind == "preference" and task.rewrites]
    names = it.by_text
    assert len(pairs) == 4
    for task in pairs:
        (rewrite,) = task.rewrites
        assert {names[SIBLING], names[ELSEWHERE]} >= set(task.message_ids) - {rewrite}


@pytest.mark.parametrize("text", [SIBLING, ELSEWHERE, f"{ELSEWHERE}  \n"])
def test_a_rewrite_that_reads_like_another_response_adds_nothing(
    house: Callable[..., House], text: str
) -> None:
    it = house()
    before = {task_id for task_id, task in it.all.items() if not kind_of(task.kind).rewrite}
    assert it.accepted(text) == []
    assert len(judged_rewrites(it.workspace).tallies) == 1
    new = [task for task_id, task in it.all.items() if task_id not in before]
    assert {task.kind for task in new} == {"suggestion", "suggestion_check"}


def test_who_wrote_what_reads_like_a_rewrite_wrote_it_too(house: Callable[..., House]) -> None:
    it = house({"suggestion": 1, "suggestion_check": 1, "preference": 1})
    it.wrote(BETTER.replace("; ", ";\n"))
    it.wrote(BETTER.replace("; ", "; \n"), person=CAT)
    checks = [task for task in it.draw() if task.kind == "suggestion_check"]
    assert len(checks) == 2
    for check in checks:
        assert len(check.rewrites) == 2
        for person in (ANN, BOB):
            it.vote(person, check, rewrite=True)
    drawn = it.draw()
    assert len(drawn) == 2  # one of the two is shown
    with it.workspace.store.read() as connection:
        assert own_checks(connection, it.all) == {
            (person, task.id) for person in (WRITER, CAT) for task in (*checks, *drawn)
        }


LOOKS_ALIKE = BETTER.replace("; ", ";  \n")


@pytest.mark.parametrize(
    ("text", "about", "later"),
    [(LOOKS_ALIKE, ORIGINAL, False), (LOOKS_ALIKE, ORIGINAL, True), (BETTER, ELSEWHERE, True)],
)
def test_nobody_judges_or_decides_what_reads_like_their_own_text_that_nobody_accepted(
    house: Callable[..., House], text: str, about: str, later: bool
) -> None:
    it = house({"suggestion": 1, "suggestion_check": 1, "preference": 1})
    it.wrote(BETTER.replace("; ", ";\n") if text == LOOKS_ALIKE else BETTER)
    (check,) = [task for task in it.draw() if task.kind == "suggestion_check"]
    for person in (ANN, BOB):
        it.vote(person, check, rewrite=True)
    if not later:
        it.wrote(text, CAT, about)
    drawn = [task for task in it.draw() if task.kind == "preference"]
    assert len(drawn) == 2
    if later:
        it.wrote(text, CAT, about)
    before = it.settle()
    with it.workspace.store.read() as connection, pytest.raises(UsageError, match="cat wrote a text"):
        _check_person(connection, drawn[0], CAT)
    for task in drawn:
        it.prefer(CAT, task, task.rewrites[0])
    assert it.settle() == before
    board = read_board(it.workspace, "argilla", Assigned(accounts={CAT: "c"}), utc_now())
    assert board.workers[CAT].rewrites >= {check.id, *(task.id for task in drawn)}


def test_what_is_a_rewrite_of_two_responses_is_compared_with_neither(house: Callable[..., House]) -> None:
    it = house({"suggestion": 1, "suggestion_check": 1, "preference": 1})
    it.wrote(BETTER)
    it.wrote(BETTER, CAT, ELSEWHERE)
    checks = [task for task in it.draw() if task.kind == "suggestion_check"]
    for check, person in product(checks, (ANN, BOB)):
        it.vote(person, check, rewrite=True)
    (pair,) = it.draw()
    assert it.by_text[SIBLING] in pair.message_ids


def test_lists_and_reports_tell_of_rewrites_what_is_known(house: Callable[..., House]) -> None:
    it = house({"suggestion": 1, "suggestion_check": 1, "ranking": 1})
    (ranking,) = it.accepted(BETTER)
    found = steps.list_tasks(it.workspace, steps.TaskFilter(text="arachnids"), None)
    assert {task.kind: task.rewrites for task in found.tasks} == {"suggestion_check": 1, "ranking": 1}
    said = CliRunner().invoke(app, ["tasks", "list", "--workspace", str(it.workspace.path)]).stdout
    assert len([line for line in said.splitlines() if line.endswith("and 1 rewrite")]) == 2
    of_two = replace(ranking, message_ids=("0", "00", it.by_text[SIBLING], it.by_text[ORIGINAL]))
    answered = pd.DataFrame({"task_id": [ranking.id], "at": [utc_now()]})
    known, same = (
        task_attributes(it.workspace, [task], answered).loc[ranking.id] for task in (ranking, of_two)
    )
    assert known["language"] == same["language"] != ""


def test_nobody_tells_the_rewrite_by_what_a_model_alone_would_have(house: Callable[..., House]) -> None:
    it = house({"suggestion": 1, "suggestion_check": 1, "preference": 1, "ranking": 1})
    drawn = it.accepted(BETTER)
    shown = it.rewrites().all_shown({each.id: each for each in it.workspace.collection.scan()})
    for task in drawn:
        said = content_of(task, shown).chats
        answers = [turn for name, turns in said.items() if name.startswith("answer") for turn in turns]
        assert len(answers) == len(task.message_ids)
        assert all((turn.speaker, turn.aside) == ("Model", False) for turn in answers)
    plain = next(task for task in it.all.values() if task.kind == "preference" and not task.rewrites)
    assert "ants" in str(content_of(plain, shown).chats)


def test_the_writer_and_whom_the_lead_linked_never_count_on_a_task_that_shows_their_text(
    house: Callable[..., House], tmp_path: Path
) -> None:
    it = house({"suggestion": 1, "suggestion_check": 1, "preference": 1})
    with it.workspace.store.write() as connection:
        save_link(connection, CAT, "giver", utc_now())
        save_link(connection, WRITER, "giver", utc_now())
    drawn = it.accepted(BETTER)
    before = it.settle()
    for task in drawn:
        (rewrite,) = task.rewrites
        for person in (WRITER, CAT, ANN):
            it.prefer(person, task, rewrite)
    assert it.settle() == before | {ANN: before[ANN] + sum(task.points for task in drawn)}
    answers = read_answers(it.workspace)
    assert {(each.person_id, each.task_id) for each in answers.own_checks} == {
        (person, task.id) for person in (WRITER, CAT) for task in drawn
    }
    assert set(answers.votes[answers.votes["kind"] == "preference"]["annotator"]) == {ANN}
    assert {it["person_id"] for it in it.rows("dpo", tmp_path / "d")["votes"]} == {ANN, BOB}
    assert count(it.workspace).answers_to_come >= 2 * len(drawn)


def test_exports_tell_a_rewrite_from_a_model_and_of_which_response_it_is(
    house: Callable[..., House], tmp_path: Path
) -> None:
    it = house({"suggestion": 1, "suggestion_check": 1, "preference": 1, "ranking": 1})
    drawn, names = it.accepted(BETTER), it.by_text
    for task in it.all.values():
        if task.kind == "preference" and task in drawn:
            it.prefer(ANN, task, task.rewrites[0])
        elif task.kind == "preference" and names[ELSEWHERE] in task.message_ids:
            it.prefer(ANN, task, names[ELSEWHERE])
    (ranking,) = [task for task in drawn if task.kind == "ranking"]
    order = sorted(range(4), key=lambda place: ranking.message_ids[place] not in ranking.rewrites)
    it.answer(BOB, ranking, {"ranking": " > ".join("abcd"[place] for place in order)})

    dpo = it.rows("dpo", tmp_path / "dpo")
    for row, origin in zip(dpo["trl"], dpo["provenance"], strict=True):
        is_rewrite = row["chosen"][0]["content"] == BETTER
        assert (origin["chosen_origin"] == "accepted_rewrite") is is_rewrite
        assert origin["chosen_rewrite_of"] == ([names[ORIGINAL]] if is_rewrite else [])
        assert origin["rejected_rewrite_of"] == []
        assert (origin["chosen_models"] == []) is is_rewrite
    beaten = {row["rejected"][0]["content"] for row in dpo["trl"] if row["chosen"][0]["content"] == BETTER}
    assert beaten == {ORIGINAL, SIBLING, ELSEWHERE}

    edits = it.rows("edit", tmp_path / "edit")["edit"]
    assert [(row["original_response"], row["edited_response"]) for row in edits] == [(ORIGINAL, BETTER)]

    tpo = it.rows("tpo", tmp_path / "tpo")
    assert {row["reference"][0]["content"] for row in tpo["trl"]} == {BETTER}
    assert BETTER not in {row[side][0]["content"] for row in tpo["trl"] for side in ("chosen", "rejected")}
    assert {tuple(row["reference_rewrite_of"]) for row in tpo["provenance"]} == {(names[ORIGINAL],)}

    ranked = it.rows("ranking", tmp_path / "ranking")
    ((row,), (origin,)) = ranked["ranking"], ranked["provenance"]
    assert row["completions"][0]["completion"][0]["content"] == BETTER
    assert origin["origins"][0] == "accepted_rewrite"
    assert origin["rewrite_of"][0] == [names[ORIGINAL]]
    assert (origin["models"][0], origin["message_ids"][0]) == ([], [])
    assert set(origin["origins"][1:]) == {"model", "generated"}

    kto = it.rows("kto", tmp_path / "kto")["provenance"]
    assert [row["rewrite_of"] for row in kto if row["origin"] == "accepted_rewrite"] == [[names[ORIGINAL]]]
    for name in ("dpo", "ranking"):
        assert str(tmp_path / name) in str(holding(it.workspace, (), WRITER).exports)


def test_what_votes_accept_no_more_is_taken_off_and_in_no_pair_and_comes_back(
    house: Callable[..., House], tmp_path: Path
) -> None:
    it = house({"suggestion": 1, "suggestion_check": 1, "preference": 1})
    drawn = it.accepted(BETTER)
    for task in drawn:
        it.prefer(ANN, task, task.rewrites[0])
    assert len(it.rows("dpo", tmp_path / "d")["trl"]) == 3
    (check,) = it.tasks("suggestion_check")
    it.vote(BOB, check, rewrite=False)
    assert [task.id for task in it.moot()] == [task.id for task in drawn]
    assert it.draw() == []
    assert it.rows("dpo", tmp_path / "e") == {}
    it.vote(BOB, check, rewrite=True)
    assert (it.moot(), it.draw()) == ([], [])
    assert len(it.rows("dpo", tmp_path / "f")["trl"]) == 3
    live = LiveWork(it.workspace.config.quality.own)
    live.follow(it.workspace.store)
    before = count(it.workspace)
    it.wrote(FINER)  # the writer changes their mind: the old text is nobody's now
    with it.workspace.store.read() as connection:
        still = open_tasks(connection, offered(connection), standing(connection), ())
    after, moot_now = count(it.workspace), [task.id for task in it.moot() if task.id in still]
    assert before.open_tasks - after.open_tasks == len(moot_now) > 0
    assert before.answers_to_come - after.answers_to_come == sum(still[name] for name in moot_now)
    live.follow(it.workspace.store)
    assert not live.was_read_whole
    assert (live.work.open_tasks.total(), live.work.to_come.total()) == (
        after.open_tasks,
        after.answers_to_come,
    )
    assert {task.id for task in it.moot()} == {check.id, *(task.id for task in drawn)}
    assert it.rows("dpo", tmp_path / "g") == {}
    judged = judged_rewrites(it.workspace)
    assert (judged.accepted, judged.comparing, judged.comparisons) == (0, 2, 2)


@pytest.mark.parametrize("whose", ["writer", "response", "other"])
def test_a_deletion_takes_the_tasks_that_show_the_text_along_and_leaves_all_else(
    house: Callable[..., House], tmp_path: Path, whose: str
) -> None:
    it = house({"suggestion": 1, "suggestion_check": 1, "preference": 1, "qualitative": 1})
    drawn = it.accepted(BETTER)
    for task in drawn:
        it.prefer(ANN, task, task.rewrites[0])
    balances, names = it.settle(), it.by_text
    logs = {it.messages[1].content: it.id for it in it.workspace.collection.scan()}
    if whose == "writer":
        steps.forget_person(it.workspace, WRITER, by="giver")
    else:
        steps.delete_conversations(
            it.workspace, [logs[ORIGINAL if whose == "response" else ELSEWHERE]], by="lead"
        )
    texts = str(it.rows("dpo", tmp_path / "d"))
    if whose == "other":  # the pair with the generated response stands
        assert (BETTER in texts, ELSEWHERE in texts) == (True, False)
    else:
        assert BETTER not in texts
        with it.workspace.store.read() as connection:
            everything = str(connection.execute(task_table.select()).all())
            assert not any(name in everything for task in drawn for name in task.rewrites)
        judged = judged_rewrites(it.workspace)
        assert (judged.accepted, judged.comparing, judged.comparisons) == (0, 2, 2)
    assert it.settle()[ANN] == balances[ANN]
    assert not [task for task in it.draw() if task.rewrites]
    left = {task.id for task in it.all.values()}
    pair = next(task for task in drawn if names[SIBLING] in task.message_ids)
    assert pair.id in left  # it was paid


def test_a_held_response_has_no_counterpart_and_flags_and_languages_hold(
    house: Callable[..., House],
) -> None:
    it = house({"suggestion": 1, "suggestion_check": 1, "preference": 1})
    it.wrote(BETTER)
    (check,) = [task for task in it.draw() if task.kind == "suggestion_check"]
    for person in (ANN, BOB):
        it.vote(person, check, rewrite=True)
    first = check.conversation_ids[0]
    steps.change_sharing(it.workspace, [first], SharingState.PRIVATE, by="lead")
    assert it.draw() == []
    steps.change_sharing(it.workspace, [first], SharingState.SHARED, by="lead")
    assert len(it.draw()) == 2


def test_routing_gives_the_writer_none_of_them_and_nobody_what_is_not_accepted(
    house: Callable[..., House],
) -> None:
    it = house({"suggestion": 1, "suggestion_check": 1, "preference": 1})
    drawn = {task.id for task in it.accepted(BETTER)}
    board = read_board(it.workspace, "argilla", Assigned(accounts={WRITER: "w", CAT: "c"}), utc_now())
    (check,) = it.tasks("suggestion_check")
    assert drawn < board.offers.keys()
    assert (board.workers[WRITER].rewrites, board.workers[CAT].rewrites) == ({*drawn, check.id}, frozenset())
    it.vote(BOB, check, rewrite=False)
    offers = read_board(it.workspace, "argilla", Assigned(), utc_now()).offers
    assert check.id in offers
    assert drawn.isdisjoint(offers)


def test_what_a_lead_decided_of_other_responses_stays_when_a_writer_is_forgotten(
    house: Callable[..., House],
) -> None:
    it = house({"suggestion": 1, "suggestion_check": 1, "preference": 1})
    drawn, names = it.accepted(BETTER), it.by_text
    items = [names[SIBLING], drawn[0].conversation_ids[0], "|".join(sorted(drawn[0].message_ids))]
    with it.workspace.store.write() as connection:
        save_adjudications(
            connection,
            [
                Adjudication("preference", "preference", item, "first", drawn[0].id, None, utc_now())
                for item in items
            ],
        )
    steps.forget_person(it.workspace, WRITER, by="giver")
    with it.workspace.store.read() as connection:
        left = set(connection.execute(adjudication.select().with_only_columns(adjudication.c.item)).scalars())
    assert left == set(items[:2])


def test_erased_texts_make_nobody_a_writer_of_another_persons_text(house: Callable[..., House]) -> None:
    it = house({"suggestion": 1, "suggestion_check": 1, "preference": 1})
    drawn = it.accepted(BETTER)
    it.wrote(BETTER.replace("six", "ten"), CAT, ELSEWHERE)  # as long: what stands in its place is the same
    for task in drawn:
        it.prefer(CAT, task, task.rewrites[0])
    balances = it.settle()
    steps.delete_conversations(it.workspace, [each.id for each in it.workspace.collection.scan()], by="lead")
    assert it.settle() == balances
    with it.workspace.store.write() as connection:
        connection.execute(rewrite_table.update().values(looks=None))  # as if they were erased before 0041
    assert it.settle() == balances
