"""People who were not invited: their answers are kept, shown and count for nothing until the lead accepts them."""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from chatfeedback import steps
from chatfeedback.cli import app
from chatfeedback.report import write_report
from chatfeedback.steps.answers import read_answers
from chatfeedback.steps.chat_keys import make_chat_key, person_of_key
from chatfeedback.steps.oidc_accounts import join_oidc, person_of_oidc
from chatfeedback.steps.status import count
from reward_engine.ledger import balance
from tests.sample_records import ALL_TAGS as TAGS
from tests.sample_records import NOW, chat, seeds_of
from tests.unit.workspaces.test_sync import MemoryPlatform
from workspaces.errors import UsageError
from workspaces.records import PlacedTask
from workspaces.store.latest_annotations import latest_annotations
from workspaces.store.members import MemberStatus, members
from workspaces.store.seed_feedback import save_seeds
from workspaces.store.tasks import all_tasks, save_placements
from workspaces.store.web_sessions import WebSession, open_session, session_of
from workspaces.workspace import Workspace, utc_now

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pydantic import SecretStr

ALL_TAGS: dict[str, Any] = {**TAGS}
CONFIGURATION = "version: 1\nplatforms: {argilla: {}}\nmix: {kinds: {qualitative: 1}, overlap: 2}\n"


class WithAccounts(MemoryPlatform):
    """Makes an account for everybody who is invited."""

    def invite(self, email: str, password: SecretStr) -> bool:
        return True


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch) -> MemoryPlatform:
    memory = WithAccounts()

    @contextmanager
    def connected(_workspace: Workspace, _name: str, _whose: object = None) -> Iterator[MemoryPlatform]:
        yield memory

    monkeypatch.setattr(Workspace, "platform", connected)
    monkeypatch.setattr(Workspace, "address", lambda _workspace, name: f"https://{name}.example.org")
    return memory


@pytest.fixture
def workspace(tmp_path: Path, platform: MemoryPlatform) -> Iterator[Workspace]:
    """A workspace with three placed tasks; ada@example.org is invited."""
    logs = [chat(f"c{number}", f"question {number}", f"answer {number}") for number in range(3)]
    with Workspace.create(tmp_path / "workspace", CONFIGURATION) as made:
        made.collection.append(logs, now=NOW, delay=NOW - NOW)
        with made.store.write() as connection:
            save_seeds(connection, list(seeds_of(logs).values()))
        steps.generate_tasks(made)
        with made.store.write() as connection:
            placed = [PlacedTask(name, f"remote-{name}", "box") for name in all_tasks(connection)]
            save_placements(connection, placed, NOW)
        run(made, "people", "invite", "ada@example.org")
        yield made


def run(workspace: Workspace, *arguments: str) -> Any:
    ran = CliRunner().invoke(
        app, [*arguments, "--workspace", str(workspace.path), "--json"], catch_exceptions=False
    )
    assert ran.exit_code == 0, ran.output
    return json.loads(ran.stdout)


def text_of(workspace: Workspace, *arguments: str) -> str:
    ran = CliRunner().invoke(app, [*arguments, "--workspace", str(workspace.path)], catch_exceptions=False)
    assert ran.exit_code == 0, ran.output
    return ran.stdout


def everybody_answers(workspace: Workspace, platform: MemoryPlatform, *names: str) -> list[str]:
    """Let people answer every task; return their pseudonyms."""
    person_id_of = workspace.pseudonyms.on_platform("argilla")
    with workspace.store.read() as connection:
        tasks = list(all_tasks(connection))
    for name in names:
        for task_id in tasks:
            platform.give(f"{name} {task_id}", task_id, person=person_id_of(name), **ALL_TAGS)
    return [person_id_of(name) for name in names]


def points(workspace: Workspace, person_id: str) -> int:
    with workspace.store.read() as connection:
        return balance(connection, f"person:{person_id}")


def test_answers_to_what_we_did_not_place_are_named(workspace: Workspace, platform: MemoryPlatform) -> None:
    (ada,) = everybody_answers(workspace, platform, "ada@example.org")
    assert "did not place" not in text_of(workspace, "sync")
    platform.give("ada at a copy", "no task of ours", person=ada, **ALL_TAGS)
    assert "1 answer to what 'chatfeedback push' did not place there" in text_of(workspace, "sync")


def test_a_strangers_answers_are_shown_and_count_for_nothing(
    workspace: Workspace, platform: MemoryPlatform
) -> None:
    ada, eve = everybody_answers(workspace, platform, "ada@example.org", "eve@example.org")
    found = run(workspace, "sync")["argilla"]
    assert (found["new"], found["held_answers"], found["strangers"]) == (6, 3, 1)
    assert "3 answers by 1 person who was not invited" in text_of(workspace, "sync")
    steps.settle_answers(workspace)
    assert (points(workspace, ada) > 0, points(workspace, eve)) == (True, 0)
    answers = read_answers(workspace)
    assert {it.person_id for it in answers.annotations} == {ada}
    assert set(answers.votes["annotator"]) == {ada}
    assert count(workspace).held_answers == 3
    assert count(workspace).answers == 3
    waiting = {"person_id": eve, "platform": "argilla", "held_answers": 3}
    assert run(workspace, "people", "review")["strangers"] == [waiting]
    assert eve in text_of(workspace, "people", "review")
    report = write_report(workspace)
    assert eve in report.written.page.read_text(encoding="utf-8")
    assert {person.person for person in report.report.people} == {ada}


@pytest.mark.parametrize(
    "arguments", [("eve@example.org",), ("EVE@example.org ",), ("--all",), ("--file", "people.txt")]
)
def test_an_accepted_persons_earlier_answers_count(
    workspace: Workspace,
    platform: MemoryPlatform,
    arguments: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(workspace.path)
    (workspace.path / "people.txt").write_text("eve@example.org\n\n", encoding="utf-8")
    ada, eve = everybody_answers(workspace, platform, "ada@example.org", "eve@example.org")
    run(workspace, "sync")
    steps.settle_answers(workspace)
    (accepted,) = run(workspace, "people", "accept", *arguments)["accepted"]
    assert accepted == {"person_id": eve, "platform": "argilla", "answers": 3}
    steps.settle_answers(workspace)
    assert points(workspace, eve) == points(workspace, ada) > 0
    assert run(workspace, "sync")["argilla"]["strangers"] == 0
    assert run(workspace, "people", "accept", "--all")["accepted"] == []


def test_who_is_accepted_takes_nobodys_place_within_the_overlap(
    workspace: Workspace, platform: MemoryPlatform
) -> None:
    names = ["eve@example.org", "ada@example.org", "bo@example.org"]
    run(workspace, "people", "invite", "bo@example.org")
    for name in names:
        everybody_answers(workspace, platform, name)
        run(workspace, "sync")
        steps.settle_answers(workspace)
    eve, ada, bo = (workspace.pseudonyms.on_platform("argilla")(name) for name in names)
    before = points(workspace, ada)
    assert (points(workspace, eve), points(workspace, bo)) == (0, before)
    run(workspace, "people", "accept", eve)
    steps.settle_answers(workspace)
    assert (points(workspace, eve), points(workspace, ada), points(workspace, bo)) == (0, before, before)


def test_who_is_accepted_or_invited_beforehand_counts_at_once(
    workspace: Workspace, platform: MemoryPlatform
) -> None:
    run(workspace, "people", "accept", "cy@example.org", "a-user-name")
    everybody_answers(workspace, platform, "cy@example.org", "a-user-name")
    assert run(workspace, "sync")["argilla"]["strangers"] == 0
    with workspace.store.read() as connection:
        assert len(latest_annotations(connection)) == 6
        assert sorted(it.status for it in members(connection)) == ["accepted", "accepted", "invited"]


def test_a_lead_who_makes_every_account_can_let_everybody_count(
    workspace: Workspace, platform: MemoryPlatform
) -> None:
    path = workspace.path / "chatfeedback.yaml"
    held = everybody_answers(workspace, platform, "eve@example.org")
    run(workspace, "sync")
    path.write_text(f"{CONFIGURATION}people: {{strangers: accept}}\n", encoding="utf-8")
    everybody_answers(workspace, platform, "mo@example.org")
    platform.give("one more", next(iter(run_tasks(workspace))), person=held[0], **ALL_TAGS)
    assert run(workspace, "sync")["argilla"]["strangers"] == 0
    with workspace.store.read() as connection:
        assert {it.status for it in members(connection)} == {MemberStatus.INVITED, MemberStatus.ACCEPTED}


def run_tasks(workspace: Workspace) -> list[str]:
    with workspace.store.read() as connection:
        return list(all_tasks(connection))


def test_a_member_of_one_platform_is_a_stranger_on_another_one(workspace: Workspace) -> None:
    """Label Studio does not ask whether an e-mail address is one's own."""
    with workspace.store.read() as connection:
        assert [(it.platform, it.status) for it in members(connection)] == [("argilla", MemberStatus.INVITED)]


def test_accept_needs_to_be_told_whom(workspace: Workspace) -> None:
    for arguments in ((), ("ada@example.org", "--all")):
        with pytest.raises(UsageError, match="name the people to accept"):
            text_of(workspace, "people", "accept", *arguments)


def test_the_budget_promises_what_everybody_who_can_answer_would_earn(
    workspace: Workspace, platform: MemoryPlatform
) -> None:
    tasks = [task.points for task in _tasks(workspace)]
    assert steps.budget_report(workspace).promised == 2 * sum(tasks)
    path = workspace.path / "chatfeedback.yaml"
    path.write_text(f"{CONFIGURATION}rates: {{version: '2', beyond_overlap: pay}}\n", encoding="utf-8")
    run(workspace, "people", "invite", *(f"p{number}@example.org" for number in range(4)))
    more = [chat(f"d{number}", f"other question {number}", f"other answer {number}") for number in range(2)]
    with Workspace.open(workspace.path) as again:
        again.collection.append(more, now=NOW, delay=NOW - NOW)
        with again.store.write() as connection:
            save_seeds(connection, list(seeds_of(more).values()))
        made = steps.generate_tasks(again)
        assert (made.created, made.points) == (
            2,
            5 * sum(t.points for t in _tasks(again) if t.rules_version == "2"),
        )
        assert steps.budget_report(again).promised == 2 * sum(tasks) + made.points


def _tasks(workspace: Workspace) -> list[Any]:
    with workspace.store.read() as connection:
        return list(all_tasks(connection).values())


NOBODY = ["", " ", "nan", "None", "N/A", "-", "\u200b", "a\u200bda@example.org", "ada\x00", "\u202eada"]
LIKE_SOMEBODY = ["x" * 5_000, "4ae296fa78ff", "\uff41da@example.org", "e\u0301@example.org"]


@pytest.mark.parametrize("name", [*NOBODY, *LIKE_SOMEBODY])
def test_a_name_that_can_be_nobodys_makes_no_member(workspace: Workspace, name: str) -> None:
    """Whoever opened an account 'nan' afterwards, or was told by a mistyped pseudonym, would have counted."""
    with workspace.store.read() as connection:
        before = members(connection)
    with pytest.raises(UsageError, match="is nobody"):
        steps.accept_people(workspace, ["zoe@example.org", name])
    with workspace.store.read() as connection:
        assert members(connection) == before


def test_whoever_is_known_by_such_a_name_is_accepted(workspace: Workspace, platform: MemoryPlatform) -> None:
    person = workspace.pseudonyms.on_platform("argilla")("None")
    (accepted,) = steps.accept_people(workspace, ["None"])
    assert accepted.person_id == person


def test_a_link_of_an_account_that_was_a_mistake_leaves_its_owner_no_way_in(
    workspace: Workspace, platform: MemoryPlatform
) -> None:
    """Whoever had the account was signed in as the other person for a week, and kept the keys that they made."""
    ada, other = workspace.pseudonyms.on_platform("argilla")("ada@example.org"), "bo@example.org"
    with workspace.store.write() as connection:
        workspace.pseudonyms.join(connection, "argilla", other, ada)
        session = WebSession("hash", ada, False, "argilla", utc_now(), utc_now() + timedelta(days=7))
        open_session(connection, session)
    join_oidc(workspace, ada, "https://accounts.example.org", "bo")
    key = make_chat_key(workspace, ada)
    assert steps.unlink_account(workspace, ada, "argilla", other) != ada
    with workspace.store.read() as connection:
        assert session_of(connection, "hash", utc_now()) is None
    assert person_of_key(workspace, key) is None
    assert person_of_oidc(workspace, "https://accounts.example.org", "bo") is None
    assert steps.find_person(workspace, "ada@example.org") == ada
