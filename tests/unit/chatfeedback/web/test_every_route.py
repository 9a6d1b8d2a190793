"""Every route, with a decision of who may use it: a route without one fails, and so do OWASP's attacks on any of them.

What a single page promises is tested beside that page; here each attack is tried wherever it could succeed.
"""

from __future__ import annotations

import json
import logging
import re
from contextlib import closing
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
import yaml
from starlette.routing import Mount, Route

from chatfeedback import steps
from chatfeedback.steps.chat_keys import list_chat_keys, make_chat_key
from chatfeedback.web import lead_run, sign_in
from chatfeedback.web.app import application
from chatfeedback.web.bodies import LARGEST_API_BODY, LARGEST_BODY, MOST_FIELDS
from chatfeedback.web.gateway import WRONG_KEYS
from chatfeedback.web.guard import SAFE_METHODS
from chatfeedback.web.security_headers import HEADERS
from tests.unit.chatfeedback.web.browser import Browser
from tests.unit.chatfeedback.web.conftest import ARGILLA, HOSTILE
from tests.unit.chatfeedback.web.page_audit import faults_of
from workspaces.errors import WorkbenchError
from workspaces.store.conversations import given_by
from workspaces.store.flags import save_findings
from workspaces.workspace import Workspace, utc_now

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.unit.chatfeedback.web.browser import Client

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


class Who(StrEnum):
    """Who may use a route."""

    ANYBODY = "anybody"
    PERSON = "whoever is signed in"
    LEAD = "the lead"
    PROGRAM = "a program with a key"
    PLUGIN = "ShareLM's plug-in, where the lead lets it"


ROUTES: dict[str, Who] = {
    "GET /static/look.css": Who.ANYBODY,
    "GET /": Who.ANYBODY,
    "GET /me": Who.PERSON,
    "GET /me/points": Who.PERSON,
    "GET /me/events": Who.PERSON,
    "GET /me/waiting": Who.PERSON,
    "GET /me/history": Who.PERSON,
    "GET /me/settings": Who.PERSON,
    "POST /me/settings": Who.PERSON,
    "GET /me/messages": Who.PERSON,
    "POST /me/messages/read": Who.PERSON,
    "GET /me/chats": Who.PERSON,
    "POST /me/chats": Who.PERSON,
    "GET /me/chats/one": Who.PERSON,
    "POST /me/chats/delete": Who.PERSON,
    "POST /me/chats/thumb": Who.PERSON,
    "GET /me/data": Who.PERSON,
    "GET /me/data.json": Who.PERSON,
    "POST /me/forget": Who.PERSON,
    "GET /me/form": Who.PERSON,
    "POST /me/form": Who.PERSON,
    "POST /me/form/withdraw": Who.PERSON,
    "GET /me/oidc": Who.PERSON,
    "POST /me/oidc": Who.PERSON,
    "POST /me/oidc/remove": Who.PERSON,
    "GET /chat": Who.PERSON,
    "POST /chat": Who.PERSON,
    "POST /chat/stream": Who.PERSON,
    "GET /chat/keys": Who.PERSON,
    "POST /chat/keys": Who.PERSON,
    "POST /sign-out/everywhere": Who.PERSON,
    "GET /lead": Who.LEAD,
    "GET /lead/figures": Who.LEAD,
    "GET /lead/events": Who.LEAD,
    "GET /lead/table/{name}": Who.LEAD,
    "GET /lead/people": Who.LEAD,
    "GET /lead/review": Who.LEAD,
    "POST /lead/review": Who.LEAD,
    "POST /lead/review/report": Who.LEAD,
    "GET /lead/conversations": Who.LEAD,
    "GET /lead/queue": Who.LEAD,
    "GET /lead/runs": Who.LEAD,
    "POST /lead/runs": Who.LEAD,
    "GET /lead/runs/now": Who.LEAD,
    "GET /lead/report": Who.LEAD,
    "GET /lead/report/{name}": Who.LEAD,
    "GET /lead/messages": Who.LEAD,
    "POST /lead/messages": Who.LEAD,
    "POST /lead/messages/withdraw": Who.LEAD,
    "POST /lead/invite": Who.LEAD,
    "POST /lead/group": Who.LEAD,
    "POST /lead/revoke": Who.LEAD,
    "POST /lead/accept": Who.LEAD,
    "POST /lead/publish": Who.LEAD,
    "POST /lead/keep-private": Who.LEAD,
    "GET /sign-in": Who.ANYBODY,
    "POST /sign-in": Who.ANYBODY,
    "POST /sign-out": Who.ANYBODY,
    "GET /link/{token}": Who.ANYBODY,
    "POST /link/{token}": Who.ANYBODY,
    "POST /oidc/begin": Who.ANYBODY,
    "GET /oidc/callback": Who.ANYBODY,
    "GET /report-a-conversation": Who.ANYBODY,
    "POST /report-a-conversation": Who.ANYBODY,
    "GET /sign-in/sharelm": Who.ANYBODY,
    "POST /sign-in/sharelm": Who.ANYBODY,
    "POST /v1/chat/completions": Who.PROGRAM,
    "GET /v1/models": Who.PROGRAM,
    "POST /api/endpoint": Who.PLUGIN,
    "DELETE /api/endpoint": Who.PLUGIN,
    "OPTIONS /api/endpoint": Who.PLUGIN,
}
STREAMS = frozenset({"GET /me/events", "GET /lead/events"})
"""They go on until the browser leaves."""

HARMLESS = frozenset({"POST /sign-out", "POST /sign-out/everywhere", "POST /me/forget"})
"""They end the session by which the others are tried."""

TOKENS: dict[str, str] = {}
QUERY = (
    "next",
    "done",
    "n",
    "id",
    "before",
    "page",
    "to",
    "state",
    "code",
    "error",
    "iss",
    "new",
    "model",
    "q",
)
"""What pages read, or might read, of an address."""


def routes(*who: Who) -> Iterator[tuple[str, str, str]]:
    """Yield the name, method and an address of each route of these people."""
    for name, decided in ROUTES.items():
        if not who or decided in who:
            method, _, path = name.partition(" ")
            yield name, method, path.replace("{token}", "0" * 43).replace("{name}", "kinds")


@pytest.fixture
def site(filled_workspace: Workspace) -> Iterator[Browser]:
    """A page where everything is switched on, and everybody who can write has written something hostile."""
    path = filled_workspace.path / "chatfeedback.yaml"
    more = {
        "chat": {"stand_in": True, "requests_per_minute": 10_000},
        "routing": {"groups": {"tutors": ["default"]}},
        "web": {"sharelm_plugin": True},
    }
    path.write_text(path.read_text("utf-8") + yaml.safe_dump(more), "utf-8")
    with (
        Workspace.open(filled_workspace.path) as workspace,
        closing(Browser(workspace, application(workspace))) as made,
    ):
        yield made


def calm(site: Browser) -> None:
    """Forget what was counted, so that many attacks can be tried."""
    site.app.state.site.limits.__init__()


def request(client: Client, method: str, path: str, **fields: str) -> Any:
    """Send what a page of ours would send."""
    if method in SAFE_METHODS:
        return client.http.request(method, path, params=fields or None)
    return client.http.request(method, path, data={"csrf": token_of(client), **fields})


def token_of(client: Client) -> str:
    """Return the token of a browser, asked for once for each of its sessions."""
    key = str(sorted(client.http.cookies.items()))
    if key not in TOKENS:
        TOKENS[key] = client.token()
    return TOKENS[key]


def test_each_route_has_a_decision_of_who_may_use_it(site: Browser) -> None:
    found = {
        f"{method} {route.path}"
        for route in site.app.routes
        if isinstance(route, Route)
        for method in (route.methods or set()) - {"HEAD"}
    }
    assert found == set(ROUTES), "decide who may use a new route, and write it here"
    others = [route for route in site.app.routes if not isinstance(route, Route)]
    assert [each.path for each in others if isinstance(each, Mount)] == ["/static"]
    assert len(others) == 1, "a route of another kind has to be guarded first"


def test_nobody_uses_a_route_that_is_not_theirs(site: Browser, ada: str) -> None:
    stranger, person = site.open(), site.signed_in(ada)
    before = everything_about(site.workspace, ada)
    for name, method, path in routes(Who.PERSON, Who.LEAD):
        calm(site)
        answer = request(stranger, method, path, confirmation="delete me", sure="yes", all="yes")
        assert answer.status_code == 303, name
        assert answer.headers["location"].startswith("/sign-in"), name
    for name, method, path in routes(Who.LEAD):
        calm(site)
        assert request(person, method, path, person=ada, sure="yes", all="yes").status_code == 404, name
    for name, method, path in routes(Who.PROGRAM):
        for client in (stranger, person):
            for key in ("", "cfk_" + "x" * 43, "Bearer"):
                calm(site)
                headers = {"Authorization": f"Bearer {key}"} if key else {}
                answer = client.http.request(method, path, headers=headers, content=b"{}")
                assert answer.status_code == 401, f"{name}: a cookie is no key"
    assert everything_about(site.workspace, ada) == before
    assert person.get("/me").status_code == 200


def everything_about(workspace: Workspace, person_id: str) -> str:
    """Return all that is stored of a person, but of their sessions and when it was asked."""
    data = steps.data_about(workspace, person_id)
    other = {
        name: rows for name, rows in data["other"].items() if name not in ("web_session", "sign_in_link")
    }
    return steps.as_json({**data, "at": None, "other": other})


def test_every_response_is_nobody_elses_and_says_so(site: Browser, ada: str) -> None:
    """Headers, caches and hosts, of every route, for each kind of person."""
    for client in (site.open(), site.signed_in(ada), site.signed_in(None)):
        for name, method, path in routes():
            if name in STREAMS | HARMLESS:
                continue
            calm(site)
            answer = request(client, method, path)
            assert answer.status_code < 500 or answer.status_code == 503, name
            assert {each: answer.headers.get(each) for each in HEADERS} == HEADERS, name
            if "/static/" not in path:
                assert answer.headers["cache-control"] == "no-store", name
            is_plugins = ROUTES[name] is Who.PLUGIN
            assert (answer.headers.get("access-control-allow-origin") == "*") is is_plugins, name
            assert answer.headers.get("access-control-allow-credentials") is None
            for cookie in answer.headers.get_list("set-cookie"):
                assert "HttpOnly" in cookie or "Max-Age=0" in cookie, name
                assert "SameSite=lax" in cookie, name
            for host in (
                "evil.example",
                "127.0.0.1.evil.example",
                "evil.example:80",
                "evil@127.0.0.1",
                "127.0.0.1/evil",
                "",
            ):
                refused = client.http.request(method, path, headers={"Host": host})
                assert (refused.status_code, "evil" in refused.text) == (400, False), (name, host)
        said = client.get(
            "/sign-in", **{"X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}
        )
        assert "evil.example" not in said.text


def test_cookies_of_a_page_behind_tls_are_sent_over_tls_alone_and_set_by_no_other_host(
    filled_workspace: Workspace, ada: str
) -> None:
    app = application(filled_workspace, address="https://feedback.example")
    with closing(Browser(filled_workspace, app)) as site:
        client = site.open()
        client.http.base_url = "https://feedback.example"
        token = steps.make_sign_in_link(filled_workspace, ada, timedelta(hours=1))
        answer = client.post(f"/link/{token}")
        assert answer.status_code == 303
        assert client.get("/me").status_code == 200
        ended = client.post("/sign-out")
        for cookie in (*answer.headers.get_list("set-cookie"), *ended.headers.get_list("set-cookie")):
            assert cookie.startswith("__Host-chatfeedback_")
            assert {"Secure", "HttpOnly", "Path=/"} <= set(cookie.split("; "))
            assert "Domain" not in cookie
        assert not client.http.cookies
        assert client.get("/me").status_code == 303


BODIES: dict[str, dict[str, Any]] = {
    "too long": {"content": b"a=" + b"x" * LARGEST_BODY},
    "too long, in pieces of no told length": {"content": lambda: iter([b"x" * 65536] * 6)},
    "many fields": {"content": b"&".join(b"a=b" for _ in range(MOST_FIELDS + 1))},
    "no text": {"content": b"\xff\xfe=%ff%00"},
    "half a character": {"content": b"a=%ed%a0%80"},
    "another kind": {"content": b"--x\r\n\r\n", "type": "multipart/form-data; boundary=x"},
    "deep JSON": {"content": b"[" * 100_000, "type": "application/json"},
    "an object of another shape": {"content": b'{"a": {"$ne": null}}', "type": "application/json"},
    "a long number": {"content": b'{"max_tokens": ' + b"9" * 5000 + b"}", "type": "application/json"},
    "no number": {"content": b'{"max_tokens": NaN}', "type": "application/json"},
}


def test_no_body_is_too_much_for_any_route(site: Browser, ada: str) -> None:
    client = site.signed_in(ada)
    key = make_chat_key(site.workspace, ada)
    for name, method, path in routes():
        if method in SAFE_METHODS or name in HARMLESS:
            continue
        for what, body in BODIES.items():
            calm(site)
            content = body["content"]() if callable(body["content"]) else body["content"]
            headers = {
                "Content-Type": body.get("type", "application/x-www-form-urlencoded"),
                "X-CSRF-Token": token_of(client),
                "Authorization": f"Bearer {key}",
            }
            answer = client.http.request(method, path, content=content, headers=headers)
            assert 400 <= answer.status_code < 500 or answer.status_code in (200, 303), (name, what)
            if ROUTES[name] in (Who.PROGRAM, Who.PLUGIN):
                continue
            if "too long" in what:
                assert answer.status_code == 413, (name, what)
            elif "type" in body:
                assert answer.status_code == 415, (name, what)
    for name, method, path in routes(Who.PROGRAM, Who.PLUGIN):
        if method in SAFE_METHODS:
            continue
        pieces = iter([b"x" * 1024 * 1024] * (LARGEST_API_BODY // 1024 // 1024 + 2))
        answer = client.http.request(method, path, content=pieces, headers={"Authorization": f"Bearer {key}"})
        assert answer.status_code == 413, name
    assert client.get("/me").status_code == 200


def haunt(site: Browser, ada: str, bo: str) -> None:
    """Let everybody who can write write something that would run, wherever they can."""
    workspace = site.workspace
    steps.set_person(workspace, ada, name="<script>alert(1)</script>")
    steps.set_person(workspace, bo, name="\"'><img src=x onerror=alert(2)>")
    for person_id in (ada, bo):
        steps.send_message(workspace, f"message {HOSTILE}", person_id=person_id)
        make_chat_key(workspace, person_id, "<script>alert(3)</script>")
    with workspace.store.write() as connection:
        evidence = {"p_value": 0.001, "alpha": 0.05, "other": "<img src=x onerror=alert(4)>"}
        save_findings(connection, [(ada, "guessing", evidence, 40)], utc_now())
    stranger = site.open()
    told = {"about": HOSTILE, "reason": HOSTILE, "contact": "<svg onload=alert(5)>@example.org"}
    assert stranger.post("/report-a-conversation", **told).status_code == 200
    posted = {
        "user_id": "abcdefghijklmnopqrstuvwxyz0123",
        "conversation_id": "<script>alert(6)</script>",
        "user_prompts": [HOSTILE],
        "bot_responses": [HOSTILE],
        "page_url": "javascript:alert(7)",
        "model_version": "<script>alert(8)</script>",
    }
    stranger.http.post("/api/endpoint", content=json.dumps(posted))
    lead_run.main(workspace.path, "run", ["no-such-command<script>alert(9)</script>"])


def test_what_anybody_writes_runs_on_no_page(site: Browser, ada: str, bo: str) -> None:
    haunt(site, ada, bo)
    with site.workspace.store.read() as connection:
        own = [entry.conversation_id for entry in given_by(connection, ada)]
    person, lead, stranger = site.signed_in(ada), site.signed_in(None), site.open()
    seen = ""
    for client, who in ((stranger, (Who.ANYBODY,)), (person, (Who.ANYBODY, Who.PERSON)), (lead, ())):
        for name, method, path in routes(*who):
            if method != "GET" or name in STREAMS:
                continue
            calm(site)
            paths = [path, f"{path}?{'&'.join(f'{each}={quote(HOSTILE)}' for each in QUERY)}"]
            if path == "/me/chats/one":
                paths += [f"{path}?id={quote(each)}" for each in own]
            for each in paths:
                answer = client.get(each)
                assert answer.status_code < 500 or answer.status_code == 503, each
                if "text/html" in answer.headers.get("content-type", ""):
                    assert faults_of(answer.text, (ARGILLA,)) == [], each
                    assert not re.search("[\u202e\x1b]", answer.text), each
                    seen += answer.text
                else:
                    assert answer.headers["x-content-type-options"] == "nosniff"
    for name, method, path in routes(Who.PERSON, Who.LEAD, Who.ANYBODY):
        if method in SAFE_METHODS or name in HARMLESS or name == "POST /lead/runs":
            continue
        client = lead if ROUTES[name] is Who.LEAD else person
        fields = (
            *QUERY,
            "name",
            "text",
            "about",
            "reason",
            "contact",
            "prompt",
            "model",
            "do",
            "person",
            "group",
        )
        for value in (HOSTILE, "<script>alert(1)</script>"):
            calm(site)
            answer = request(client, method, path, **dict.fromkeys(fields, value))
            assert answer.status_code < 500 or answer.status_code == 503, name
            if "text/html" in answer.headers.get("content-type", ""):
                assert faults_of(answer.text, (ARGILLA,)) == [], name
    for number in (1, 3, 9):
        assert f"&lt;script&gt;alert({number})" in seen, f"{number} was shown nowhere: nothing was tested"
    for what in ("message &lt;script", "src=x onerror=alert(2)&gt;"):
        assert what in seen


def test_no_id_of_another_reads_or_changes_what_is_theirs(site: Browser, ada: str, bo: str) -> None:
    """Every id that somebody and the lead have, in every field and address, of every route of another person."""
    workspace = site.workspace
    haunt(site, ada, bo)
    theirs = site.signed_in(ada)
    theirs.post("/chat", do="ask", prompt="a secret question", model="dynamic")
    lead_key = make_chat_key(workspace, workspace.pseudonyms.on_platform("web")("lead"))
    with workspace.store.read() as connection:
        chats = [entry.conversation_id for entry in given_by(connection, ada)]
    data = steps.data_about(workspace, ada)
    messages = [row["message_id"] for row in data["other"]["lead_message"]]
    keys = [each.prefix for each in list_chat_keys(workspace, ada)] + [lead_key[:12]]
    responses = [each["answers"] for each in data["answers"][:1]]
    ids = [ada, chats[0], messages[0], *keys, str(data["answers"][0]["annotation_id"]), str(responses[0])]
    names = (
        "id",
        "person",
        "person_id",
        "giver",
        "message",
        "prefix",
        "conversation",
        "report",
        "user_id",
        "key",
    )
    thief = site.signed_in(bo)
    before = everything_about(workspace, ada)
    for name, method, path in routes(Who.PERSON, Who.ANYBODY):
        if name in STREAMS | {"POST /report-a-conversation"} | HARMLESS:
            continue
        for value in ids:
            calm(site)
            fields = dict.fromkeys(names, value) | {"do": "private", "thumb": "up", "decision": "accept"}
            for more in ({}, {"do": "revoke"}, {"do": "delete"}):
                answer = request(thief, method, path, **fields | more)
                assert answer.status_code < 500 or answer.status_code == 503, (name, value)
                assert "question 0 of ada" not in answer.text, (name, value)
                assert "a secret question" not in answer.text
                assert not any(key in answer.text for key in keys if key != value), name
    assert everything_about(workspace, ada) == before
    assert len([key for key in list_chat_keys(workspace) if key.revoked_at is None]) >= 2


def test_a_link_and_a_key_are_not_guessed_for_long(site: Browser, ada: str) -> None:
    client = site.open()
    token = steps.make_sign_in_link(site.workspace, ada, timedelta(hours=1))
    tries = [client.post(f"/link/{n:043}").status_code for n in range(sign_in.PER_ADDRESS.most)]
    assert set(tries) == {403}
    assert client.post(f"/link/{token}").status_code == 429, "not even the right one"
    calm(site)
    assert client.post(f"/link/{token}").status_code == 303
    calm(site)
    headers = [{"Authorization": f"Bearer cfk_{n:043}"} for n in range(WRONG_KEYS.most + 1)]
    answers = [client.http.get("/v1/models", headers=each).status_code for each in headers]
    assert answers == [401] * WRONG_KEYS.most + [429]
    calm(site)
    ids = [client.post("/sign-in/sharelm", user_id=f"{n:030}").status_code for n in range(41)]
    assert ids == [403] * 40 + [429]


def test_no_secret_stands_in_an_address_that_is_sent_on_or_in_the_log(
    site: Browser, ada: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A link whose page fails stays good: its token must not be read in the log."""
    caplog.set_level(logging.DEBUG)
    token = steps.make_sign_in_link(site.workspace, ada, timedelta(hours=1))
    key = make_chat_key(site.workspace, ada)
    client = site.open()
    page = client.get(f"/link/{token}")
    assert page.headers["referrer-policy"] == "same-origin"
    assert faults_of(page.text) == [], "nothing is loaded from elsewhere, nor leads there"

    def fail(*_arguments: object) -> None:
        raise WorkbenchError(f"the store cannot be written, said {token} {key}")

    with monkeypatch.context() as broken:
        broken.setattr(sign_in, "use_link", fail)
        assert client.post(f"/link/{token}").status_code == 503
        broken.setattr(sign_in, "use_link", lambda *_: 1 / 0)
        client.http._transport.raise_server_exceptions = False  # type: ignore[attr-defined]
        answer = client.post(f"/link/{token}")
    assert answer.status_code == 500
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    assert client.post(f"/link/{token}").status_code == 303
    client.http.get("/v1/models", headers={"Authorization": f"Bearer {key}"})
    ours = "\n".join(each.getMessage() for each in caplog.records if not each.name.startswith("httpx"))
    assert "enter_by_link" in ours, "httpx is the test's browser"
    assert token not in ours
    assert key not in ours
    assert token not in answer.text


def test_whoever_signs_in_anew_leaves_no_session_and_no_token_of_before(site: Browser, ada: str) -> None:
    client, other = site.signed_in(ada), site.signed_in(ada)
    before, token = client.http.cookies["chatfeedback_session"], client.token()
    assert other.http.post("/sign-out", data={"csrf": token}).status_code == 403, "of another browser"
    link = steps.make_sign_in_link(site.workspace, ada, timedelta(hours=1))
    assert client.post(f"/link/{link}").status_code == 303
    assert client.http.post("/sign-out", data={"csrf": token}).status_code == 403, "of the session before"
    thief = site.open()
    thief.http.cookies.set("chatfeedback_session", before)
    assert thief.get("/me").status_code == 303


def test_signing_out_everywhere_ends_every_session_and_link_of_ones_own(
    site: Browser, ada: str, bo: str
) -> None:
    here, there, other = site.signed_in(ada), site.signed_in(ada), site.signed_in(bo)
    link = steps.make_sign_in_link(site.workspace, ada, timedelta(hours=1))
    assert "Sign out everywhere" in here.get("/me/settings").text
    assert here.post("/sign-out/everywhere").headers["location"] == "/sign-in"
    assert [client.get("/me").status_code for client in (here, there, other)] == [303, 303, 200]
    assert site.open().post(f"/link/{link}").status_code == 403


def test_a_refusal_of_a_name_does_not_say_who_has_an_account(site: Browser, ada: str, bo: str) -> None:
    workspace, client = site.workspace, site.signed_in(ada)
    workspace.pseudonyms.on_platform("argilla")("reviewer")
    steps.set_person(workspace, bo, name="Countess")
    said = {
        re.sub("reviewer|Countess|" + bo, "NAME", client.post("/me/settings", display_name=name).text)
        for name in ("reviewer", "Countess", bo)
    }
    refusals = {re.search(r'role="alert">([^<]*)<', page)[1] for page in said}  # type: ignore[index]
    assert refusals == {
        "&#39;NAME&#39; is taken, or is a name that is not shown here: choose another display name"
    }
    calm(site)
    tries = [client.post("/me/settings", display_name=f"guess {n}").status_code for n in range(21)]
    assert tries == [303] * 20 + [429]
    assert client.post("/me/settings", display_name="guess 19", time_zone="Asia/Tokyo").status_code == 303
