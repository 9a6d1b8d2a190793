"""Access to platforms that fail, and the text for those who are invited; integration tests have real servers."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from chatfeedback.cli import app
from chatfeedback.steps.guided_forms import board_now
from chatfeedback.steps.invitation import invitation, local_only
from reward_engine import Posting, post
from reward_engine.accounts import credit
from tests.unit.workspaces.test_sync import MemoryPlatform
from workspaces.errors import ConnectionFailedError, UsageError, WorkbenchError
from workspaces.platforms.label_studio.administration import Administration, NotSuperuserError
from workspaces.platforms.label_studio.connection import LabelStudioConnection
from workspaces.store.adjudications import Adjudication, save_adjudications
from workspaces.workspace import Workspace, utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ADDRESSES = {"argilla": "https://argilla.example.org", "label_studio": "http://127.0.0.1:8080"}


class Accounts(MemoryPlatform):
    """Holds accounts; each method can fail."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.passwords: dict[str, str] = {}
        self.out: set[str] = set()
        self.is_down = False
        self.refuses = ""

    def check(self) -> str:
        if self.is_down:
            raise ConnectionFailedError(f"{self.name} is down")
        return self.name

    def invite(self, email: str, password: SecretStr) -> bool:
        if email == self.refuses:
            raise UsageError(f"{self.name} refuses {email}")
        new = email not in self.passwords
        self.passwords.setdefault(email, password.get_secret_value())
        return new

    def reset_password(self, is_theirs: Callable[[str], bool], password: SecretStr) -> list[str]:
        self.check()
        theirs = [email for email in self.passwords if is_theirs(email)]
        self.passwords |= dict.fromkeys(theirs, password.get_secret_value())
        return theirs

    def revoke(self, is_theirs: Callable[[str], bool]) -> bool:
        self.check()
        theirs = {email for email in self.passwords if is_theirs(email)}
        self.out |= theirs
        return bool(theirs)

    def has_account(self, is_named: Callable[[str], bool]) -> bool:
        return any(map(is_named, self.passwords))

    def restore(self, is_theirs: Callable[[str], bool]) -> bool:
        self.out -= {email for email in self.passwords if is_theirs(email)}
        return True


@pytest.fixture
def platforms(monkeypatch: pytest.MonkeyPatch) -> dict[str, Accounts]:
    made = {name: Accounts(name) for name in ADDRESSES}

    @contextmanager
    def connected(_workspace: Workspace, name: str) -> Iterator[Accounts]:
        yield made[name]

    monkeypatch.setattr(Workspace, "platform", connected)
    monkeypatch.setattr(Workspace, "address", lambda _workspace, name: ADDRESSES[name])
    return made


def run(workspace: Workspace, *arguments: str) -> tuple[Any, WorkbenchError | None]:
    """Return what a command said as JSON, and the error with which it ended."""
    ran = CliRunner().invoke(app, [*arguments, "--workspace", str(workspace.path), "--json"])
    assert ran.exception is None or isinstance(ran.exception, WorkbenchError | SystemExit), ran.exception
    error = ran.exception if isinstance(ran.exception, WorkbenchError) else None
    return (json.loads(ran.stdout) if ran.stdout else None), error


def test_nothing_is_made_while_a_platform_is_down(
    workspace: Workspace, platforms: dict[str, Accounts]
) -> None:
    platforms["label_studio"].is_down = True
    said, error = run(workspace, "people", "invite", "ada@example.org")
    assert said is None
    assert isinstance(error, ConnectionFailedError)
    assert platforms["argilla"].passwords == {}


def test_an_address_that_a_platform_refuses_keeps_nobody_else_from_an_account_and_no_password_is_lost(
    workspace: Workspace, platforms: dict[str, Accounts]
) -> None:
    platforms["label_studio"].refuses = "ada@odd"
    said, error = run(workspace, "people", "invite", "ada@odd", "bob@example.org")
    assert str(error) == "label_studio refuses ada@odd"
    found = {each["email"]: (each["new_on"], each["password"]) for each in said["invited"]}
    assert [names for names, _ in found.values()] == [["argilla"], ["argilla", "label_studio"]]
    assert platforms["argilla"].passwords == {email: password for email, (_, password) in found.items()}


def test_access_is_taken_where_it_can_be_and_the_rest_is_done_by_the_next_run(
    workspace: Workspace, platforms: dict[str, Accounts]
) -> None:
    run(workspace, "people", "invite", "ada@example.org")
    platforms["argilla"].is_down = True
    said, error = run(workspace, "people", "revoke", "ada@example.org")
    assert isinstance(error, ConnectionFailedError)
    assert (said["revoked_on"], platforms["label_studio"].out) == (["label_studio"], {"ada@example.org"})
    (half,), _ = run(workspace, "people", "list")[0]["people"], None
    assert half["state"] == "invited"  # on one of the two
    platforms["argilla"].is_down = False
    said, error = run(workspace, "people", "revoke", "ada@example.org")
    assert (error, said["revoked_on"], said["without_access_before"]) == (None, ["argilla"], ["label_studio"])
    (person,) = run(workspace, "people", "list", "--state", "revoked")[0]["people"]
    assert all(there["revoked_at"] for there in person["platforms"].values())
    said, _ = run(workspace, "people", "invite", "ada@example.org")
    assert said["invited"][0]["restored_on"] == ["argilla", "label_studio"]
    assert platforms["argilla"].out == platforms["label_studio"].out == set()


def test_a_new_password_that_one_platform_does_not_take_is_shown_for_the_others(
    workspace: Workspace, platforms: dict[str, Accounts]
) -> None:
    run(workspace, "people", "invite", "ada@example.org")
    platforms["label_studio"].is_down = True
    said, error = run(workspace, "people", "reset-password", "ada@example.org")
    assert isinstance(error, ConnectionFailedError)
    assert said["accounts"] == {"argilla": ["ada@example.org"]}
    assert platforms["argilla"].passwords == {"ada@example.org": said["password"]}


def test_invited_people_exist_before_they_answer(
    workspace: Workspace, platforms: dict[str, Accounts]
) -> None:
    (invited,) = run(workspace, "people", "invite", "ada@example.org")[0]["invited"]
    settings, error = run(workspace, "people", "set", "ada@example.org", "--name", "Countess")
    assert (error, settings["person_id"]) == (None, invited["person_id"])
    listed, _ = run(workspace, "people", "list", "ada@example.org")
    (person,) = listed["people"]
    assert (person["person_id"], person["name"], person["state"]) == (
        invited["person_id"],
        "Countess",
        "invited",
    )
    assert (person["answers"], person["points"], listed["states"]) == (0, 0, {"invited": 1})
    (receipt,) = run(workspace, "people", "delete", "ada@example.org", "--yes")[0]["receipts"]
    assert receipt["person"] == invited["person_id"]
    assert run(workspace, "people", "list")[0]["states"] == {"forgotten": 1}


def test_the_text_says_where_how_and_whom_to_ask_and_holds_no_password(
    workspace: Workspace, platforms: dict[str, Accounts]
) -> None:
    said, _ = run(workspace, "people", "invite", "ada@example.org")
    (invited,) = said["invited"]
    places = {"Argilla": ADDRESSES["argilla"], "Label Studio": ADDRESSES["label_studio"]}
    assert invited["text"] == invitation(places, places)
    for needed in (*ADDRESSES.values(), "user name", "password", "points", "Reply to this message"):
        assert needed in invited["text"]
    assert invited["password"] not in invited["text"]
    shown = CliRunner().invoke(
        app, ["people", "invite", "bob@example.org", "--workspace", str(workspace.path)]
    )
    assert invited["text"].splitlines()[0] in shown.stdout
    password = platforms["argilla"].passwords["bob@example.org"]
    assert shown.output.count(password) == 1
    assert "Label Studio can be opened on this machine alone" in shown.stderr


@pytest.mark.parametrize(
    ("new_on", "promised", "kept"),
    [
        ({"argilla", "label_studio"}, "comes to you separately; it is the same in each place", None),
        (set(), None, "is the one that you have already; if you lost it"),
        ({"argilla"}, "comes to you separately, for Argilla.", "that you have already, in Label Studio;"),
    ],
)
def test_a_letter_promises_a_password_only_where_there_is_a_new_one(
    workspace: Workspace,
    platforms: dict[str, Accounts],
    new_on: set[str],
    promised: str | None,
    kept: str | None,
) -> None:
    for name, platform in platforms.items():
        if name not in new_on:
            platform.passwords["ada@example.org"] = "an earlier one"
    (ada, bob) = run(workspace, "people", "invite", "ada@example.org", "bob@example.org")[0]["invited"]
    assert set(ada["new_on"]) == new_on
    assert ("comes to you" in ada["text"], "you have already" in ada["text"]) == (bool(promised), bool(kept))
    for sentence in (promised, kept):
        assert sentence is None or sentence in ada["text"]
    assert "you have already" not in bob["text"], "whose accounts are new"


def test_an_address_of_this_machine_is_known_as_such() -> None:
    places = {
        "a": "http://127.0.0.1:1/",
        "b": "http://localhost",
        "c": "https://x.org",
        "d": "http://[::1]:9/",
    }
    assert local_only(places) == ["a", "b", "d"]


PAGE = """<form method="post"><input type="text" name="email" value="ann@example.org">
<input type="checkbox" name="is_active"{active}><input type="checkbox" name="is_superuser"{superuser}>
<input type="submit" name="_save"><input type="submit" name="_delete"></form>"""


def answering(
    monkeypatch: pytest.MonkeyPatch, answer: Callable[[httpx.Request], httpx.Response]
) -> Administration:
    connection = LabelStudioConnection("http://ls.example.org", SecretStr("-"))
    monkeypatch.setattr(connection, "_http", httpx.Client(transport=httpx.MockTransport(answer)))
    return Administration(connection)


def test_a_key_without_the_right_is_told_what_to_do_there(monkeypatch: pytest.MonkeyPatch) -> None:
    pages = answering(
        monkeypatch, lambda _: httpx.Response(302, headers={"location": "/admin/login/?next=/admin/"})
    )
    with pytest.raises(NotSuperuserError, match="label-studio reset_password --username EMAIL"):
        pages.set_password(7, SecretStr("a-new-password"))
    with pytest.raises(NotSuperuserError, match="the box 'Active'"):
        pages.set_active(7, active=False)


def test_an_administrator_is_not_locked_out(monkeypatch: pytest.MonkeyPatch) -> None:
    page = PAGE.format(active=" checked", superuser=" checked")
    pages = answering(monkeypatch, lambda _: httpx.Response(200, text=page))
    with pytest.raises(UsageError, match="administrator"):
        pages.set_active(7, active=False)
    with pytest.raises(UsageError, match="administrator"):
        pages.set_password(7, SecretStr("a-new-password"))


def test_a_form_that_comes_back_is_a_refusal_and_only_its_fields_are_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            sent.append(request.content.decode())
        return httpx.Response(200, text=PAGE.format(active=" checked", superuser=""))

    pages = answering(monkeypatch, answer)
    with pytest.raises(WorkbenchError, match="form came back"):
        pages.set_active(7, active=False)
    pages.set_active(7, active=True)  # as it is: nothing is sent
    assert sent == ["email=ann%40example.org"]


def test_a_second_account_without_a_history_is_joined_and_one_with_a_history_is_refused(
    workspace: Workspace, platforms: dict[str, Accounts]
) -> None:
    made, _ = run(workspace, "people", "invite", "ada@example.org")
    ada = made["invited"][0]["person_id"]
    platforms["argilla"].passwords["ada"] = "made by hand"
    link = ("people", "link", "ada@example.org", "--account")
    assert run(workspace, *link, "argilla:ada")[0]["new"]
    assert not run(workspace, *link, "argilla:ada")[0]["new"]
    assert workspace.pseudonyms.find("ada", ("argilla",)) == ada
    assert workspace.pseudonyms.find("ada", ("label_studio",)) is None  # a name is that of its platform alone

    made, _ = run(workspace, "people", "invite", "ada@home.example")  # invited twice, by two addresses
    second = made["invited"][0]["person_id"]
    assert run(workspace, *link, "label-studio:ADA@home.example")[0]["new"]
    assert workspace.pseudonyms.find("ada@home.example", ("argilla", "label_studio")) == ada
    assert second not in {it["person_id"] for it in run(workspace, "people", "list")[0]["people"]}

    bob = run(workspace, "people", "invite", "bob@example.org")[0]["invited"][0]["person_id"]
    run(workspace, "people", "set", "bob@example.org", "--name", "Bob the first")
    for _ in range(2):
        said, error = run(workspace, *link, "argilla:bob@example.org")
        assert said is None
        assert isinstance(error, UsageError)
        assert bob in str(error)
    assert workspace.pseudonyms.find("bob@example.org", ("argilla",)) == bob


def test_whoever_loses_access_by_a_removal_that_fails_is_noted_and_let_in_again(
    workspace: Workspace, platforms: dict[str, Accounts], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> object:
        raise ConnectionFailedError("the platform went away")

    run(workspace, "people", "invite", "ada@example.org")
    with monkeypatch.context() as patched:
        patched.setattr("chatfeedback.steps.accounts.poll_platform", fail)
        assert run(workspace, "people", "remove", "ada@example.org")[1] is not None
    assert platforms["argilla"].out == {"ada@example.org"}
    (ada,) = run(workspace, "people", "list", "--state", "revoked")[0]["people"]
    assert all(there["revoked_at"] for there in ada["platforms"].values())
    said, error = run(workspace, "people", "invite", "ada@example.org")
    assert (error, said["invited"][0]["restored_on"]) == (None, ["argilla", "label_studio"])
    assert platforms["argilla"].out == set()


def test_whoever_hid_and_is_forgotten_does_not_come_back_onto_the_board(
    workspace: Workspace, platforms: dict[str, Accounts]
) -> None:
    both = run(workspace, "people", "invite", "ada@example.org", "bob@example.org")[0]["invited"]
    ada, bob = (each["person_id"] for each in both)
    now = utc_now()
    with workspace.store.write() as connection:
        given = ((ada, 9), (bob, 5))
        post(connection, [Posting(it, credit(it, points), "a gift", "1", now) for it, points in given], now)
    run(workspace, "people", "set", "ada@example.org", "--hide")
    run(workspace, "people", "delete", "ada@example.org", "--yes")
    shown = board_now(workspace, utc_now())
    assert shown is not None
    assert [place[2] for place in shown.places] == [bob]
    assert [it["person_id"] for it in run(workspace, "leaderboard")[0]["leaderboard"]] == [bob]
    assert len(run(workspace, "leaderboard", "--lead")[0]["leaderboard"]) == 2


def test_an_account_with_decisions_or_a_form_has_a_history(
    workspace: Workspace, platforms: dict[str, Accounts]
) -> None:
    names = ("ada@example.org", "bob@example.org", "cy@example.org")
    invited = run(workspace, "people", "invite", *names)[0]["invited"]
    _, bob, cy = (each["person_id"] for each in invited)
    with workspace.store.write() as connection:
        save_adjudications(
            connection, [Adjudication("qualitative", "helpful", "i", "yes", "t", bob, utc_now())]
        )
    workspace.demographics.save(cy, {"gender": "woman"})
    for name, held in (("bob", "has decisions here"), ("cy", "has a form about themselves here")):
        _, error = run(workspace, "people", "link", names[0], "--account", f"argilla:{name}@example.org")
        assert held in str(error)
    assert workspace.demographics.has_answers(cy)


def test_an_account_that_a_platform_does_not_have_is_linked_to_nobody(
    workspace: Workspace, platforms: dict[str, Accounts]
) -> None:
    run(workspace, "people", "invite", "ada@example.org")
    link = ("people", "link", "ada@example.org", "--account", "argilla:adda")
    said, error = run(workspace, *link)
    assert (said, workspace.pseudonyms.find("adda", ("argilla",))) == (None, None)
    assert "has no account 'adda'" in str(error)
    platforms["argilla"].passwords["adda"] = "made by hand"
    assert run(workspace, *link)[0]["new"]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["ada_in_the_logs", "--account", "argilla:ada"],
        ["--account", "ada"],
        ["--account", "argilla:"],
        ["--account", "nowhere:ada"],
        ["--account", "argilla:ada", "--remove"],
    ],
)
def test_a_link_that_is_none_is_refused_in_words(
    workspace: Workspace, platforms: dict[str, Accounts], arguments: list[str]
) -> None:
    run(workspace, "people", "invite", "ada@example.org")
    said, error = run(workspace, "people", "link", "ada@example.org", *arguments)
    assert said is None
    assert isinstance(error, UsageError)
