"""Answers of people about conversations that they gave: in no figure, shown, and paid by a rate of their own."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from pydantic import ValidationError
from typer.testing import CliRunner

from chatfeedback import steps
from chatfeedback.cli import app
from chatfeedback.counts import answers_that_count, open_tasks
from chatfeedback.report import write_report
from chatfeedback.steps.answers import read_answers
from chatfeedback.steps.practice import practice_results_of
from chatfeedback.steps.rules import book_of, keep_rules
from chatfeedback.web.lead_work import LiveWork
from exports.context import contexts_of
from exports.omissions import OmissionReason
from exports.projection import Evidence
from exports.selections import select_completions, select_pairs
from exports.weights import Weights
from reward_engine import Terms, due, totals
from reward_engine.verification import verify
from tests.sample_records import ALL_TAGS, NOW, annotation, chat, siblings, task
from workspaces.config import Config, ExportsConfig
from workspaces.errors import UsageError
from workspaces.privacy import CHAT_LOG
from workspaces.records import IMPORTED, AnnotationStatus
from workspaces.store.annotations import (
    AnnotationRevision,
    append_revisions,
    deleted,
    revisions_by,
    save_revisions,
)
from workspaces.store.conversations import entries_of
from workspaces.store.own_answers import own_answer, own_answers, same_people, second_answers
from workspaces.store.settlements import settlement
from workspaces.store.standing import standing
from workspaces.store.tasks import all_tasks, save_tasks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workspaces.workspace import Workspace

ADA, BOB, NICK = "ada@example.org", "bob@example.org", "nick_in_the_logs"


def revision(
    task_id: str, person_id: str, values: Mapping[str, str] = ALL_TAGS, platform: str = "argilla"
) -> AnnotationRevision:
    return AnnotationRevision(
        annotation_id=f"{task_id}/{person_id}"[:24],
        revision=1,
        task_id=task_id,
        person_id=person_id,
        platform=platform,
        response_id=f"{task_id}/{person_id}",
        status=AnnotationStatus.SUBMITTED,
        answers=dict(values),
        content_hash="h",
        updated_at=NOW,
        synced_at=NOW,
    )


def filled(workspace: Workspace, **rates: float) -> dict[str, str]:
    """Ada gave 'c' by her address, and 'd' is Nick's; Ada and Bob answer both; return the ids of people."""
    raw = workspace.config.model_dump(exclude_unset=True)
    workspace.config = Config.model_validate(raw | {"rates": {"version": "own", **rates}})
    on = workspace.pseudonyms.on_platform
    people = {"ada": on("argilla")(ADA), "bob": on("argilla")(BOB), "nick": on(CHAT_LOG)(NICK)}
    assert on(CHAT_LOG)(ADA.upper()) == people["ada"]
    given = [
        replace(chat("c", "question", "answer", "more", "of it"), giver_id=people["ada"]),
        replace(chat("d", "another question", "another answer"), giver_id=people["nick"]),
    ]
    workspace.collection.append(given, now=NOW, delay=timedelta(0))
    of_d = replace(task("t-d", {"qualities": 10}), message_ids=("d#1",), conversation_ids=("d",))
    offered = [replace(it, rules_version="own") for it in (task("t-c", {"qualities": 10}), of_d)]
    imported = replace(task("t-i", {}, platform=IMPORTED), message_ids=("c#3",))
    book = book_of(workspace)
    with workspace.store.write() as connection:
        keep_rules(connection, book)
        save_tasks(connection, [*offered, imported])
        answers = [revision(it, people[who]) for it in ("t-c", "t-d") for who in ("ada", "bob")]
        save_revisions(connection, [*answers, revision("t-i", people["ada"], platform=IMPORTED)])
    return people


def found(workspace: Workspace) -> frozenset[tuple[str, str]]:
    with workspace.store.read() as connection:
        return own_answers(connection)


def test_an_address_that_gave_and_answers_is_one_person_and_logs_themselves_are_not_marked(
    workspace: Workspace,
) -> None:
    people = filled(workspace)
    assert found(workspace) == {(people["ada"], "t-c")}
    answers = read_answers(workspace)
    assert [it.task_id for it in answers.own] == ["t-c"]
    on_c = answers.votes[answers.votes["task_id"] == "t-c"]
    assert set(on_c["annotator"]) == {people["bob"]}
    assert set(answers.votes.loc[answers.votes["task_id"] == "t-i", "annotator"]) == {people["ada"]}


def test_a_link_makes_answers_own_ones_and_taking_it_back_undoes_it(workspace: Workspace) -> None:
    people = filled(workspace)
    assert steps.link_giver(workspace, ADA, NICK) == (people["ada"], people["nick"])
    both = {(people["ada"], "t-c"), (people["ada"], "t-d")}
    assert found(workspace) == both
    steps.link_giver(workspace, ADA, NICK)
    assert found(workspace) == both
    steps.link_giver(workspace, ADA, NICK, remove=True)
    assert found(workspace) == {(people["ada"], "t-c")}
    for person, giver, message in (
        (ADA, NICK, "is not linked"),
        (ADA, ADA, "one person here already"),
        (ADA, "nobody", "the logs name nobody"),
        ("nobody", NICK, "nobody here"),
    ):
        with pytest.raises(UsageError, match=message):
            steps.link_giver(workspace, person, giver, remove=message == "is not linked")


def test_two_accounts_of_one_person_vote_once_and_are_paid_once(workspace: Workspace) -> None:
    """Both answers counted and were paid, and nothing could say that they were one person's."""
    people = filled(workspace)
    on, rule = workspace.pseudonyms.on_platform("argilla"), workspace.config.quality.own
    other, cy, live = on("bobby"), on("cy"), LiveWork(rule)
    with workspace.store.write() as connection:
        save_revisions(connection, [revision("t-d", other), revision("t-d", cy)])

    def state() -> tuple[dict[str, int], set[str], list[str]]:
        steps.settle_answers(workspace)
        with workspace.store.read() as connection:
            points, tasks = totals(connection), all_tasks(connection)
            counting = {it.person_id for it in answers_that_count(connection, tasks) if it.task_id == "t-d"}
            assert verify(connection).problems == ()
            right = {"t-d": {"helpful": ALL_TAGS["helpful"]}}
            assert set(practice_results_of(connection, right, tasks)) == counting
            offered = {name: it for name, it in tasks.items() if it.platform != IMPORTED}
            to_come = sum(open_tasks(connection, offered, standing(connection), ()).values())
        live.follow(workspace.store)
        anew = LiveWork(rule)
        anew.follow(workspace.store)
        assert (live.work, sum(live.work.to_come.values())) == (anew.work, to_come)
        votes = read_answers(workspace).votes
        on_d = votes.loc[votes["task_id"] == "t-d", "annotator"]
        return points, counting, sorted(set(on_d))

    everybody = {people["ada"], people["bob"], other, cy}
    before = state()
    assert (before[1], before[0][other], before[0][people["bob"]]) == (everybody, 10, 20)
    assert steps.link_giver(workspace, BOB, other) == (people["bob"], other)
    linked = state()
    arguments = ["people", "link", BOB, people["nick"], "--workspace", str(workspace.path)]
    said = CliRunner().invoke(app, arguments)  # a third id of his, under which nothing was answered
    among = ", ".join(sorted([people["bob"], other]))
    assert f"1 task was answered by more than one of {among}: the answer that came" in " ".join(
        said.output.split()
    )
    as_json = CliRunner().invoke(app, [*arguments, "--remove", "--json"])
    assert json.loads(as_json.stdout)["answered_twice"] == 1
    assert linked[1] == everybody - {other}
    assert linked[2] == sorted(linked[1])
    gained = {name: linked[0].get(name, 0) - before[0].get(name, 0) for name in everybody}
    assert gained == {
        people["ada"]: 0,
        people["bob"]: 0,
        other: -10,
        cy: 10,
    }  # Cy has the place within the overlap
    assert state() == linked
    with workspace.store.write() as connection:  # Bob takes the first one back: the other counts in its stead
        (first,) = [it for it in revisions_by(connection, people["bob"]) if it.task_id == "t-d"]
        append_revisions(connection, [deleted(first, NOW)])
    assert state()[1] == everybody - {people["bob"]}
    steps.link_giver(workspace, BOB, other, remove=True)
    assert state()[0][other] == 10


def test_two_who_share_a_name_in_the_logs_are_two(workspace: Workspace) -> None:
    people = filled(workspace)
    for each in (ADA, BOB):
        steps.link_giver(workspace, each, NICK)
    with workspace.store.read() as connection:
        assert second_answers(connection) == frozenset()
        assert same_people(connection)[people["ada"]] == {people[name] for name in ("ada", "bob", "nick")}
    steps.link_giver(workspace, ADA, people["bob"])
    with workspace.store.read() as connection:
        assert second_answers(connection) == {(people["bob"], "t-c"), (people["bob"], "t-d")}


def test_a_mark_stays_when_the_conversation_is_deleted_and_a_link_goes_with_the_person(
    workspace: Workspace,
) -> None:
    people = filled(workspace)
    steps.link_giver(workspace, ADA, NICK)
    steps.settle_answers(workspace)
    before = found(workspace)
    steps.delete_conversations(workspace, ["d"], by="giver")
    assert found(workspace) == before
    steps.forget_person(workspace, people["nick"], by="giver")
    with workspace.store.read() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM giver_link")).scalar_one() == 0
        assert connection.execute(sa.select(sa.func.count()).select_from(own_answer)).scalar_one() == 2


def test_who_is_forgotten_is_forgotten_as_the_giver_that_they_are_in_logs(workspace: Workspace) -> None:
    people = filled(workspace)
    steps.link_giver(workspace, ADA, NICK)
    arguments = ["people", "delete", ADA, "--yes", "--json", "--workspace", str(workspace.path)]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    receipts = json.loads(done.stdout)["receipts"]
    assert {receipt["person"] is not None for receipt in receipts} == {True}
    assert len(receipts) == len({people["ada"], people["nick"]})
    with workspace.store.read() as connection:
        assert not entries_of(connection, ["c", "d"])


@pytest.mark.parametrize(("own", "points"), [(None, 10), (0.5, 5), (0, 0), (1.25, 13)])
def test_own_answers_are_paid_by_a_rate_of_their_own(
    workspace: Workspace, own: float | None, points: int
) -> None:
    people = filled(workspace, **({} if own is None else {"own": own}))
    steps.settle_answers(workspace)
    assert steps.settle_answers(workspace).corrections == 0
    with workspace.store.read() as connection:
        query = sa.select(settlement.c.person_id, settlement.c.task_id, settlement.c.delta)
        paid = {(person, on): delta for person, on, delta in connection.execute(query)}
    expected = {(people[who], on): 10 for who in ("ada", "bob") for on in ("t-c", "t-d")}
    assert paid == {key: it for key, it in (expected | {(people["ada"], "t-c"): points}).items() if it}
    explained = steps.explain_wallet(workspace, people["ada"])
    assert ("on a conversation of one's own" in repr(explained)) == (own not in {None, 0})


def test_the_rules_of_the_offer_decide_the_rate_of_own_answers() -> None:
    answers = [annotation("t", "giver"), annotation("t", "other")]
    terms = Terms(own=frozenset({("giver", "t")}))
    found = due({"t": task("t", {"qualities": 10})}, answers, {}, {}, lambda _: None, terms)
    assert [it.delta for it in found] == [10, 10], "an offer under rules that were not recorded is kept"


@pytest.mark.parametrize("rule", ["allowed", "marked", "refused"])
def test_own_answers_count_only_where_the_configuration_allows_it_and_are_always_shown(
    workspace: Workspace, rule: str
) -> None:
    people = filled(workspace, own=0)
    raw = workspace.config.model_dump()
    workspace.config = Config.model_validate(raw | {"quality": {"own": rule}})
    written = write_report(workspace).written
    assert written.tables["own_answers"].to_numpy().tolist() == [[people["ada"], "qualitative", 1]]
    assert "own conversations" in written.page.read_text(encoding="utf-8")
    counted = read_answers(workspace).votes
    assert ((people["ada"], "t-c") in set(zip(counted["annotator"], counted["task_id"], strict=True))) == (
        rule == "allowed"
    )
    exported = steps.export(workspace, "kto", workspace.path / "exports" / "kto")
    assert exported.dropped.get(OmissionReason.OWN, 0) == (rule != "allowed")
    for own, reason in {"exclude": OmissionReason.OWN_BY_RULE, "only": OmissionReason.NOT_OWN}.items():
        rules = ExportsConfig.model_validate({"own": own})
        if own == "only" and rule != "allowed":
            with pytest.raises(UsageError, match=rf"'quality\.own: {rule}' .* lets no answer"):
                steps.export(workspace, "kto", workspace.path / "none", rules=rules, dry_run=True)
            continue
        told = steps.export(workspace, "kto", workspace.path / "none", rules=rules, dry_run=True)
        others = sum(exported.dropped.values()) + exported.accounting.judgments_trained - 1
        if rule == "allowed":
            assert told.dropped[reason] == (1 if own == "exclude" else others)
        else:
            assert told.dropped == exported.dropped


def test_refusing_own_answers_and_paying_for_them_is_a_contradiction() -> None:
    raw = {"version": 1, "platforms": {"argilla": {}}, "quality": {"own": "refused"}}
    with pytest.raises(ValidationError, match=r"set rates\.own to 0"):
        Config.model_validate(raw)
    Config.model_validate(raw | {"rates": {"own": 0}})


def test_every_answer_that_an_export_sets_aside_is_counted_once() -> None:
    asked = replace(task("t", {}, kind="preference"), message_ids=("c#1", "c#2"))
    alone = replace(task("u", {}), message_ids=("c#1",), conversation_ids=("c",))
    given = [
        annotation("t", "giver", {"preference": "a"}),
        annotation("t", "other", {"preference": "b"}),
        annotation("u", "giver"),
    ]
    contexts = contexts_of([siblings("c", "question", "one answer", "another answer")])
    evidence = Evidence(
        {"t": asked, "u": alone},
        given,
        contexts,
        Weights(),
        set_aside=dict.fromkeys(("t/giver", "u/giver"), OmissionReason.OWN),
    )
    (pair,) = select_pairs(evidence).items
    assert [vote.person_id for vote in pair.votes] == ["other"]
    for select in (select_pairs, select_completions):
        omitted = [(it.reason, it.annotation_id) for it in select(evidence).omissions]
        assert (OmissionReason.OWN, "t/giver") in omitted
        assert (OmissionReason.OWN, "u/giver") in omitted
        assert OmissionReason.NOT_ANSWERED not in [reason for reason, _ in omitted]


@pytest.mark.filterwarnings("ignore")
def test_the_command_links_and_says_what_follows(workspace: Workspace) -> None:
    filled(workspace)
    path = ["--workspace", str(workspace.path)]
    shown = CliRunner().invoke(app, ["people", "link", ADA, NICK, *path])
    assert shown.exit_code == 0, shown.output
    assert "own answers (marked)" in " ".join(shown.output.split())
    assert ADA not in shown.output
    assert CliRunner().invoke(app, ["people", "link", ADA, NICK, "--remove", *path]).exit_code == 0
