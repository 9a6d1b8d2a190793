"""Signing in: who may, who may not, what a link is good for, and when a session ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from chatfeedback import steps
from chatfeedback.steps import sign_in as step
from chatfeedback.web import sign_in
from chatfeedback.web.app import application
from chatfeedback.web.sessions import LASTS
from tests.unit.chatfeedback.web.browser import Browser
from workspaces.errors import ConnectionFailedError, CredentialsError, UsageError
from workspaces.platforms.base import ProvenAccount
from workspaces.registry import PLATFORMS
from workspaces.store.members import MemberStatus, admit, bar, note_restored, note_revoked
from workspaces.workspace import Workspace, utc_now

if TYPE_CHECKING:
    from pathlib import Path

    from httpx2 import Response
    from pydantic import SecretStr

ADA = "ada@example.org"
STRANGER, OWNER = "stranger@example.org", "argilla"
PASSWORD = "right password"  # noqa: S105


@pytest.fixture(autouse=True)
def platform(monkeypatch: pytest.MonkeyPatch) -> None:
    """An Argilla that knows three accounts; the real one is asked in tests/e2e."""

    def prove(_url: str, name: str, password: SecretStr) -> ProvenAccount:
        if name == "down":
            raise ConnectionFailedError("no answer")
        known = {ADA, STRANGER, OWNER}
        if name.casefold() not in known or password.get_secret_value() != PASSWORD:
            raise CredentialsError("no")
        return ProvenAccount(name.casefold(), is_owner=name == OWNER, is_vouched=True)

    monkeypatch.setitem(PLATFORMS, "argilla", replace(PLATFORMS["argilla"], prove=prove))
    monkeypatch.setattr(step, "PLATFORMS", PLATFORMS)
    monkeypatch.setattr(sign_in, "REFUSED_AFTER_SECONDS", 0.01)


def enter(browser: Browser, name: str, password: str = PASSWORD, **more: str) -> Response:
    return browser.open().post("/sign-in", platform="argilla", name=name, password=password, **more)


def is_in(client_answer: Response) -> bool:
    return "chatfeedback_session" in client_answer.headers.get("set-cookie", "")


def known(browser: Browser) -> str:
    person_id = browser.workspace.pseudonyms.find(ADA, ("argilla",))
    assert person_id is not None
    return person_id


def test_the_platform_checks_the_password_and_the_cookie_is_hidden_from_scripts(browser: Browser) -> None:
    client = browser.open()
    answer = client.post("/sign-in", platform="argilla", name=f" {ADA.upper()} ", password=PASSWORD)
    assert (answer.status_code, answer.headers["location"]) == (303, "/me")
    cookie = next(it for it in answer.headers.get_list("set-cookie") if "session" in it)
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert known(browser) in client.get("/me").text


def test_nothing_of_a_password_is_kept(browser: Browser) -> None:
    enter(browser, ADA)
    enter(browser, ADA, "another wrong one")
    for path in browser.workspace.path.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert PASSWORD.encode() not in content
            assert b"another wrong one" not in content


def test_whoever_is_refused_reads_the_same_words(browser: Browser) -> None:
    refused = [
        enter(browser, ADA, "wrong"),
        enter(browser, "nobody@example.org"),
        enter(browser, STRANGER),  # the password is right, and nobody invited them
    ]
    with browser.workspace.store.write() as connection:
        note_revoked(connection, known(browser), "argilla", utc_now())
    refused.append(enter(browser, ADA))
    with browser.workspace.store.write() as connection:
        note_restored(connection, known(browser), "argilla")
        bar(connection, known(browser), ["argilla"], utc_now(), "the lead")
    refused.append(enter(browser, ADA))
    assert [(it.status_code, is_in(it), sign_in.REFUSED in it.text) for it in refused] == [
        (403, False, True)
    ] * 5


def test_a_refusal_takes_the_same_time_whatever_the_platform_took(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(sign_in, "REFUSED_AFTER_SECONDS", 5.0)
    monkeypatch.setattr("chatfeedback.web.sign_in.asyncio.sleep", sleep)
    enter(browser, ADA, "wrong")
    enter(browser, "nobody@example.org")
    assert len(slept) == 2
    assert all(3 < seconds <= 5 for seconds in slept)


def test_a_platform_that_does_not_answer_is_said(browser: Browser) -> None:
    answer = enter(browser, "down")
    assert answer.status_code == 503
    assert "Argilla does not answer" in answer.text


def test_passwords_are_not_guessed_for_long(browser: Browser) -> None:
    guesses = [enter(browser, ADA, f"guess {n}").status_code for n in range(sign_in.PER_ACCOUNT.most)]
    assert set(guesses) == {403}
    assert enter(browser, ADA).status_code == 429, "not even the right one"
    assert enter(browser, ADA.upper()).status_code == 429, "a name is one in any case"
    assert enter(browser, OWNER).status_code == 303, "others are not concerned"


def test_names_are_not_tried_for_long_from_one_address(browser: Browser) -> None:
    tries = [enter(browser, f"name{n}@example.org").status_code for n in range(sign_in.PER_ADDRESS.most)]
    assert set(tries) == {403}
    assert enter(browser, ADA).status_code == 429


def test_right_sign_ins_are_not_counted(browser: Browser) -> None:
    assert {enter(browser, ADA).status_code for _ in range(sign_in.PER_ACCOUNT.most + 5)} == {303}


@pytest.mark.parametrize("platform", ["label_studio", "", "nothing", "../argilla"])
def test_only_the_platforms_of_the_workspace_are_asked(browser: Browser, platform: str) -> None:
    answer = browser.open().post("/sign-in", platform=platform, name=ADA, password=PASSWORD)
    assert answer.status_code == 422


def test_the_owner_of_the_platform_is_the_lead(browser: Browser) -> None:
    assert enter(browser, OWNER).status_code == 303


def test_an_address_that_nobody_proved_lets_nobody_in_whom_the_lead_did_not_invite(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who has an invitation to a Label Studio opens an account there with anybody's address."""
    workspace = browser.workspace
    unproven = replace(
        PLATFORMS["argilla"],
        prove=lambda _url, name, _password: ProvenAccount(name, is_owner=False, is_vouched=False),
    )
    giver = workspace.pseudonyms.on_platform("argilla")("giver@example.org")
    with workspace.store.write() as connection:
        admit(connection, [giver], "argilla", MemberStatus.ACCEPTED, utc_now())
    assert enter(browser, ADA).status_code == 303
    monkeypatch.setitem(PLATFORMS, "argilla", unproven)
    assert enter(browser, "giver@example.org").status_code == 403
    assert enter(browser, ADA).status_code == 303
    ross = workspace.pseudonyms.on_platform("argilla")("ross@example.org")
    with workspace.store.write() as connection:
        admit(connection, [ross], "argilla", MemberStatus.INVITED, utc_now())
    assert enter(browser, "ro\u017fs@example.org").status_code == 403, "another account, that looks like his"
    assert enter(browser, "Ross@example.org").status_code == 303


@pytest.mark.parametrize(
    ("wanted", "leads_to"),
    [
        ("/me/chats", "/me/chats"),
        ("//evil.example", "/me"),
        ("https://evil.example", "/me"),
        ("/\\evil.example", "/me"),
        ("\\\\evil.example", "/me"),
        ("javascript:alert(1)", "/me"),
        ("/me\r\nSet-Cookie: a=b", "/me"),
        ("http://[", "/me"),
        ("", "/me"),
    ],
)
def test_signing_in_leads_to_no_other_site(browser: Browser, wanted: str, leads_to: str) -> None:
    assert enter(browser, ADA, next=wanted).headers["location"] == leads_to


def test_a_link_is_good_once(browser: Browser, ada: str) -> None:
    token = steps.make_sign_in_link(browser.workspace, ada, timedelta(hours=1))
    first, second = browser.open(), browser.open()
    assert "Sign in" in first.get(f"/link/{token}").text
    assert first.get("/me").status_code == 303, "to look at it uses nothing up"
    assert first.post(f"/link/{token}").status_code == 303
    assert second.post(f"/link/{token}").status_code == 403
    assert first.get("/me").status_code == 200
    assert second.get("/me").status_code == 303


def test_a_link_ends_with_its_time_with_a_newer_one_and_with_the_right_to_enter(
    browser: Browser, ada: str
) -> None:
    workspace = browser.workspace
    late = [steps.make_sign_in_link(workspace, ada, timedelta(seconds=-1))]
    late.append(steps.make_sign_in_link(workspace, ada, timedelta(hours=1)))
    steps.make_sign_in_link(workspace, ada, timedelta(hours=1))
    barred = steps.make_sign_in_link(workspace, known(browser), timedelta(hours=1))
    with workspace.store.write() as connection:
        note_revoked(connection, ada, "argilla", utc_now())
    for token in (*late, barred, "x", "0" * 43):
        assert browser.open().post(f"/link/{token}").status_code == 403
    with pytest.raises(UsageError, match="revoked or barred"):
        steps.make_sign_in_link(workspace, ada, timedelta(hours=1))


def test_the_store_holds_no_token(browser: Browser, ada: str) -> None:
    token = steps.make_sign_in_link(browser.workspace, ada, timedelta(hours=1))
    client = browser.open()
    client.post(f"/link/{token}")
    cookie = client.http.cookies["chatfeedback_session"].partition(".")[0]
    content = (browser.workspace.path / "chatfeedback.db").read_bytes()
    assert token.encode() not in content
    assert cookie.encode() not in content


def test_signing_out_ends_the_session_wherever_its_cookie_was_copied_to(browser: Browser, ada: str) -> None:
    client, thief = browser.signed_in(ada), browser.open()
    thief.http.cookies.set("chatfeedback_session", client.http.cookies["chatfeedback_session"])
    assert thief.get("/me").status_code == 200
    assert client.post("/sign-out").status_code == 303
    assert thief.get("/me").status_code == 303


@pytest.mark.parametrize("how", ["revoked", "barred", "forgotten", "ended"])
def test_a_session_ends_with_the_right_to_enter(browser: Browser, ada: str, bo: str, how: str) -> None:
    client, other = browser.signed_in(ada), browser.signed_in(bo)
    workspace = browser.workspace
    if how == "ended":
        assert steps.end_sessions(workspace, ada) == 1
    elif how == "forgotten":
        with workspace.store.write() as connection:
            workspace.pseudonyms.forget(connection, ada)
    else:
        with workspace.store.write() as connection:
            if how == "revoked":
                note_revoked(connection, ada, "argilla", utc_now())
            else:
                bar(connection, ada, ["argilla"], utc_now(), None)
    assert client.get("/me").status_code == 303
    assert client.get("/me/data.json").status_code == 303
    assert other.get("/me").status_code == 200


def test_a_session_ends_with_its_time(filled_workspace: Workspace, ada: str) -> None:
    now = utc_now()
    app = application(filled_workspace, clock=lambda: now)
    browser = Browser(filled_workspace, app)
    client = browser.signed_in(ada)
    assert client.get("/me").status_code == 200
    now += LASTS
    assert client.get("/me").status_code == 303
    browser.close()


def test_a_new_session_is_not_that_of_before(browser: Browser, ada: str) -> None:
    """A cookie that somebody put into the browser before signing in is worth nothing after it."""
    client = browser.signed_in(ada)
    before = client.http.cookies["chatfeedback_session"]
    token = steps.make_sign_in_link(browser.workspace, ada, timedelta(hours=1))
    assert client.post(f"/link/{token}").status_code == 303
    assert client.http.cookies["chatfeedback_session"] != before
    thief = browser.open()
    thief.http.cookies.set("chatfeedback_session", before)
    assert thief.get("/me").status_code == 303


def test_the_key_of_one_workspace_signs_nothing_for_another(
    browser: Browser, ada: str, tmp_path: Path
) -> None:
    with Workspace.create(tmp_path / "other") as other:
        foreign = Browser(other, application(other)).signed_in(None)
        thief = browser.open()
        thief.http.cookies.set("chatfeedback_session", foreign.http.cookies["chatfeedback_session"])
        assert thief.get("/me").status_code == 303
    key = browser.workspace.path / "secrets" / "web.key"
    assert key.stat().st_mode & 0o077 == 0
