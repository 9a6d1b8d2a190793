"""Signing in by an OpenID provider: whose an account is, and what a provider, a thief or another site cannot do."""

from __future__ import annotations

import hmac
import json
import re
import time
from base64 import urlsafe_b64encode
from contextlib import closing
from datetime import timedelta
from html import unescape
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import sqlalchemy as sa
import yaml
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from starlette.responses import JSONResponse, RedirectResponse, Response

from chatfeedback import steps
from chatfeedback.web import openid
from chatfeedback.web.app import application
from chatfeedback.web.openid import is_allowed
from chatfeedback.web.sign_in import PER_ADDRESS
from tests.unit.chatfeedback.web.browser import Browser, Client
from tests.unit.chatfeedback.web.openid_provider import (
    CLIENT,
    KEY,
    OTHER_KEY,
    SECRET,
    Provider,
    running_provider,
)
from workspaces.config import load_config
from workspaces.errors import ConfigurationError
from workspaces.store.members import MemberStatus, bar, member
from workspaces.workspace import Workspace, utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from joserfc.jwk import RSAKey

    from workspaces.privacy.pseudonyms import Pseudonyms

COOKIE = "chatfeedback_oidc"
THERE = re.compile(r'http-equiv="refresh" content="0; url=([^"]+)"')


@pytest.fixture(scope="module")
def running() -> Iterator[Provider]:
    with running_provider() as provider:
        yield provider


@pytest.fixture
def provider(running: Provider) -> Iterator[Provider]:
    running.restore()
    running.asked.clear()
    yield running
    running.restore()


@pytest.fixture
def workspace(
    provider: Provider, filled_workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Workspace]:
    monkeypatch.setenv("OIDC_SECRET", SECRET)
    path = filled_workspace.path / "chatfeedback.yaml"
    oidc = {
        "issuer": provider.address,
        "client_id": CLIENT,
        "client_secret_env": "OIDC_SECRET",
        "name": "Example",
    }
    path.write_text(path.read_text("utf-8") + yaml.safe_dump({"web": {"oidc": oidc}}), "utf-8")
    with Workspace.open(filled_workspace.path) as opened:
        yield opened


@pytest.fixture
def site(workspace: Workspace) -> Iterator[Browser]:
    with closing(Browser(workspace, application(workspace))) as made:
        yield made


def away(client: Client, path: str = "/oidc/begin", **fields: str) -> str:
    """Press the button; return where the page leads to."""
    page = client.post(path, **fields)
    assert page.status_code == 200, page.text
    found = THERE.search(page.text)
    assert found is not None
    return unescape(found[1])


def back(there: str) -> str:
    """Let the provider say who it is; return the address that it sends the browser back to, without its host."""
    answer = httpx.get(there)
    assert answer.status_code == 302
    parts = urlsplit(answer.headers["location"])
    return f"{parts.path}?{parts.query}"


def enter(client: Client, **fields: str) -> Any:
    return client.get(back(away(client, **fields)))


def attempts(client: Client) -> dict[str, str]:
    """Return the cookies of attempts under way."""
    return {name: value for name, value in client.http.cookies.items() if name.startswith(COOKIE)}


def join(site: Browser, person_id: str) -> Client:
    client = site.signed_in(person_id)
    answer = client.get(back(away(client, "/me/oidc")))
    assert (answer.status_code, answer.headers["location"]) == (303, "/me/oidc?done=added")
    return client


def forget(site: Browser) -> None:
    """Let the page forget what it kept of the provider, and what it counted."""
    site.app.state.site.openid._kept.clear()
    site.app.state.site.limits.__init__()


def is_in(client: Client) -> bool:
    return client.get("/me").status_code == 200


def test_a_link_lets_somebody_in_and_adds_the_account_by_which_they_come_the_next_time(
    site: Browser, ada: str, provider: Provider
) -> None:
    client = site.open()
    token = steps.make_sign_in_link(site.workspace, ada, timedelta(hours=1))
    assert "add an account at Example" in client.get(f"/link/{token}").text
    assert client.post(f"/link/{token}", add="yes").headers["location"] == "/me/oidc"
    assert "keyed hash of your number" in client.get("/me/oidc").text
    answer = client.get(back(away(client, "/me/oidc")))
    assert "From now on you can sign in with Example" in client.get(answer.headers["location"]).text

    other = site.open()
    assert "Sign in with Example" in other.get("/sign-in").text
    answer = enter(other, next="/me/chats")
    assert (answer.status_code, answer.headers["location"]) == (303, "/me/chats")
    assert ada in other.get("/me").text
    assert not attempts(other), "an attempt is over"
    assert other.get("/lead").status_code == 404
    content = b"".join(path.read_bytes() for path in site.workspace.path.rglob("*.db*"))
    assert provider.subject.encode() not in content
    assert SECRET.encode() not in content
    data = json.loads(other.get("/me/data.json").text)
    assert [row["kind"] for row in data["other"]["person"]].count("oidc") == 1


def test_whom_nobody_knows_reads_whom_to_ask_and_nothing_of_them_is_kept(
    site: Browser, provider: Provider
) -> None:
    """The provider says the e-mail address of somebody here, as proven: it joins nobody."""
    answer = enter(site.open())
    assert answer.status_code == 403
    assert "Ask the lead of the project for a link" in answer.text
    assert steps.person_of_oidc(site.workspace, provider.address, provider.subject) is None
    provider.subject = "ada@example.org"
    assert enter(site.open()).status_code == 403


def test_a_subject_is_told_by_each_of_its_letters(site: Browser, ada: str, provider: Provider) -> None:
    provider.subject = "Ada@example.org"
    join(site, ada)
    for other in ("ada@example.org", "Ada@example.org ", "ADA@EXAMPLE.ORG"):
        provider.subject = other
        assert enter(site.open()).status_code == 403, other
    assert steps.person_of_oidc(site.workspace, f"{provider.address}/other", "Ada@example.org") is None


def test_an_account_is_one_persons_until_they_remove_it(
    site: Browser, ada: str, bo: str, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = join(site, ada)
    thief = site.signed_in(bo)
    answer = thief.get(back(away(thief, "/me/oidc")))
    assert answer.status_code == 422
    assert "another person" in answer.text
    client = site.open()
    enter(client)
    assert is_in(client)
    assert theirs.post("/me/oidc/remove").headers["location"] == "/me/oidc?done=removed"
    assert (is_in(client), is_in(theirs)) == (False, True), "sessions that it opened end"
    assert enter(site.open()).status_code == 403
    assert "Add an account" in theirs.get("/me/oidc").text
    join(site, bo)
    assert steps.person_of_oidc(site.workspace, provider.address, provider.subject) == bo


@pytest.mark.parametrize("how", ["barred", "forgotten"])
def test_who_may_not_enter_is_nobody(site: Browser, ada: str, how: str) -> None:
    join(site, ada)
    client = site.open()
    enter(client)
    assert is_in(client)
    with site.workspace.store.write() as connection:
        if how == "barred":
            bar(connection, ada, ["argilla"], utc_now(), None)
        else:
            site.workspace.pseudonyms.forget(connection, ada)
    assert not is_in(client)
    answer = enter(site.open())
    assert answer.status_code == 403
    assert "nobody here has that account" in answer.text


def test_the_lead_does_not_come_by_a_provider(site: Browser) -> None:
    lead = site.signed_in(None)
    assert lead.get("/me/oidc").status_code == 404
    assert lead.post("/me/oidc").status_code == 404
    assert "oidc" not in lead.get("/me/settings").text


def test_a_page_without_a_provider_has_no_way_to_one(browser: Browser, ada: str) -> None:
    client = browser.signed_in(ada)
    assert client.post("/oidc/begin").status_code == 404
    assert client.get("/oidc/callback?code=x&state=y").status_code == 404
    assert client.get("/me/oidc").status_code == 404
    assert "oidc" not in client.get("/me/settings").text + browser.open().get("/sign-in").text


def test_signing_in_makes_another_session_and_the_old_one_is_over(site: Browser, ada: str) -> None:
    client = join(site, ada)
    before = client.http.cookies["chatfeedback_session"]
    enter(client)
    assert client.http.cookies["chatfeedback_session"] != before
    thief = site.open()
    thief.http.cookies.set("chatfeedback_session", before)
    assert not is_in(thief)


def test_the_cookie_of_an_attempt_is_hidden_and_holds_no_secret(site: Browser) -> None:
    client = site.open()
    page = client.post("/oidc/begin")
    (cookie,) = (it for it in page.headers.get_list("set-cookie") if COOKIE in it)
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    there = unescape(THERE.findall(page.text)[0])
    query = parse_qs(urlsplit(there).query)
    assert query["redirect_uri"] == ["http://127.0.0.1/oidc/callback"]
    for secret in (query["state"][0], query["nonce"][0], query["code_challenge"][0], SECRET):
        assert secret not in cookie
    assert SECRET not in there
    assert 'rel="noreferrer"' in page.text


def test_what_comes_back_is_good_once_and_in_its_browser_alone(site: Browser, ada: str) -> None:
    join(site, ada)
    client, thief = site.open(), site.open()
    returned = back(away(client))
    ((name, stolen),) = attempts(client).items()
    assert thief.get(returned).status_code == 403, "a browser that began nothing"
    away(thief)
    assert thief.get(returned).status_code == 403, "one that began something else"
    assert client.get(returned).status_code == 303
    assert client.get(returned).status_code == 403
    thief.http.cookies.set(name, stolen)
    assert thief.get(returned).status_code == 403, "not even with its cookie"
    assert not is_in(thief)


def test_two_tabs_that_sign_in_at_once_both_come_in_and_attempts_are_bounded(site: Browser, ada: str) -> None:
    join(site, ada)
    client = site.open()
    first, second = away(client, next="/me/chats"), away(client, next="/me/settings")
    assert len(attempts(client)) == 2
    for there, page in ((first, "/me/chats"), (second, "/me/settings")):
        answer = client.get(back(there))
        assert (answer.status_code, answer.headers["location"]) == (303, page)
    assert not attempts(client)
    begun = [away(client) for _ in range(7)]
    assert len(attempts(client)) <= 5, "the oldest end"
    assert client.get(back(begun[-1])).status_code == 303
    client.http.cookies.set(f"{COOKIE}_planted", "x.y")
    ended = [it for it in client.post("/oidc/begin").headers.get_list("set-cookie") if "Max-Age=0" in it]
    assert any(it.startswith(f"{COOKIE}_planted") for it in ended)


def test_over_tls_an_attempt_is_a_cookie_that_no_other_host_can_set(workspace: Workspace) -> None:
    address = "https://feedback.example"
    with closing(Browser(workspace, application(workspace, address=address))) as site:
        client = site.open()
        client.http.base_url = address
        begun = [away(client) for _ in range(7)]
        names = [name for name in client.http.cookies if COOKIE in name]
        assert 0 < len(names) <= 5
        assert all(name.startswith(f"__Host-{COOKIE}_") for name in names)
        answer = client.get(back(begun[-1]))
        assert "nobody here has that account" in answer.text
        (ended,) = (it for it in answer.headers.get_list("set-cookie") if COOKIE in it)
        assert ended.startswith("__Host-")
        assert {"Max-Age=0", "Path=/", "Secure"} <= set(ended.split("; "))


def test_who_has_an_account_there_reads_how_to_sign_out_there_too(
    site: Browser, ada: str, bo: str, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    join(site, ada)
    for document, there in (
        ({"end_session_endpoint": f"{provider.address}/end"}, f"{provider.address}/end"),
        ({"end_session_endpoint": "https://10.0.0.1/end"}, None),
        ({}, None),
    ):
        provider.document = document
        forget(site)
        client = site.open()
        enter(client)
        page = client.post("/sign-out")
        assert page.status_code == 200
        assert "You may still be signed in at Example" in page.text
        assert not is_in(client)
        found = re.search(r'class="button" href="([^"]+)"', page.text)
        if there is None:
            assert found is None
            continue
        assert found is not None
        to = urlsplit(unescape(found[1]))
        assert f"{to.scheme}://{to.netloc}{to.path}" == there
        assert parse_qs(to.query) == {
            "client_id": [CLIENT],
            "post_logout_redirect_uri": ["http://127.0.0.1/sign-in"],
        }
    assert "still be signed in" in site.signed_in(ada).post("/sign-out").text, "added in this very browser"
    assert site.signed_in(bo).post("/sign-out").headers["location"] == "/sign-in"
    assert site.signed_in(None).post("/sign-out").headers["location"] == "/sign-in"
    monkeypatch.setattr(openid, "SIGN_OUT_SECONDS", 0.05)
    forget(site)

    def late() -> Response:
        time.sleep(0.5)
        return JSONResponse({"issuer": provider.address, "end_session_endpoint": f"{provider.address}/end"})

    provider.instead["/.well-known/openid-configuration"] = late
    page = site.signed_in(ada).post("/sign-out")
    assert "Sign out there as well" in page.text, "a provider that keeps silent keeps nobody"


def test_nobody_removes_their_only_way_in_unawares(site: Browser, ada: str, provider: Provider) -> None:
    client = join(site, ada)
    with site.workspace.store.write() as connection:
        connection.execute(sa.update(member).values(status=MemberStatus.ACCEPTED.value))
    assert "I know that without it" in client.get("/me/oidc").text
    refused = client.post("/me/oidc/remove")
    assert refused.status_code == 422
    assert "Nothing was removed" in refused.text
    assert steps.person_of_oidc(site.workspace, provider.address, provider.subject) == ada
    with site.workspace.store.write() as connection:
        connection.execute(sa.update(member).values(status=MemberStatus.INVITED.value))
    assert "you sign in with your account on Argilla" in client.get("/me/oidc").text
    assert client.post("/me/oidc/remove").status_code == 303
    join(site, ada)
    with site.workspace.store.write() as connection:
        connection.execute(sa.update(member).values(status=MemberStatus.ACCEPTED.value))
    assert client.post("/me/oidc/remove", sure="yes").status_code == 303


def test_a_code_of_another_attempt_is_refused(site: Browser, ada: str) -> None:
    """Another's code in one's own attempt (code injection): PKCE, by the provider, and the nonce, by us."""
    join(site, ada)
    victims = parse_qs(urlsplit(back(away(site.open()))).query)["code"][0]
    thief = site.open()
    own = back(away(thief))
    assert thief.get(re.sub(r"code=[^&]+", f"code={victims}", own)).status_code == 403
    assert not is_in(thief)


def test_an_attempt_of_one_person_adds_nothing_to_another(
    site: Browser, ada: str, bo: str, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two who use one browser, and a cookie that somebody planted."""
    client = site.signed_in(ada)
    returned = back(away(client, "/me/oidc"))
    token = steps.make_sign_in_link(site.workspace, bo, timedelta(hours=1))
    client.post(f"/link/{token}")
    assert client.get(returned).status_code == 403
    client = site.signed_in(ada)
    returned = back(away(client, "/me/oidc"))
    client.http.cookies.delete("chatfeedback_session")
    assert client.get(returned).status_code == 403
    assert steps.person_of_oidc(site.workspace, provider.address, provider.subject) is None


def test_an_attempt_ends_with_its_time(workspace: Workspace) -> None:
    now = utc_now()

    def clock() -> datetime:
        return now

    with closing(Browser(workspace, application(workspace, clock=clock))) as site:
        client = site.open()
        returned = back(away(client))
        now += timedelta(minutes=11)
        answer = client.get(returned)
    assert answer.status_code == 403
    assert "too long ago" in answer.text


def test_what_comes_back_otherwise_is_refused(site: Browser, ada: str) -> None:
    """The wrong state, no code, the name of another provider (mix-up, RFC 9207), and its refusal."""
    join(site, ada)
    client = site.open()
    for changed in (
        "state=x",
        "state=",
        "state=%C3%A9",
        "code=",
        f"code={'x' * 3000}",
        "iss=https://evil.example",
        "error=access_denied&error_description=<b>x",
    ):
        returned, name = back(away(client)), changed.partition("=")[0]
        answer = client.get(f"{re.sub(f'&?{name}=[^&]*', '', returned)}&{changed}")
        assert answer.status_code == 403, changed
        assert "<b>" not in answer.text
    assert not is_in(client)


def test_a_provider_that_names_itself_has_to(site: Browser, ada: str, provider: Provider) -> None:
    provider.document = {"authorization_response_iss_parameter_supported": True}
    client = site.signed_in(ada)
    returned = back(away(client, "/me/oidc"))
    assert client.get(re.sub(r"&iss=[^&]*", "", returned)).status_code == 403
    join(site, ada)


def test_no_attempt_leads_to_another_site(site: Browser, ada: str) -> None:
    join(site, ada)
    for wanted in ("//evil.example", "https://evil.example", "/\\evil.example", "javascript:x"):
        assert enter(site.open(), next=wanted).headers["location"] == "/me", wanted


def signed(claims: object, header: dict[str, Any], how: Callable[[bytes], bytes]) -> str:
    """Return a token that is put together by hand: a library refuses to make such ones."""
    parts = [
        json.dumps(header).encode(),
        claims if isinstance(claims, bytes) else json.dumps(claims).encode(),
    ]
    text = ".".join(map(plain, parts))
    return f"{text}.{plain(how(text.encode()))}"


def plain(text: bytes) -> str:
    return urlsafe_b64encode(text).decode().rstrip("=")


def by(key: RSAKey) -> Callable[[bytes], bytes]:
    private = key.private_key
    assert private is not None
    return lambda text: private.sign(text, PKCS1v15(), SHA256())


def by_secret(secret: bytes) -> Callable[[bytes], bytes]:
    return lambda text: hmac.digest(secret, text, "sha256")


RS, HS = {"alg": "RS256", "kid": "first"}, {"alg": "HS256", "kid": "first"}
LIES: dict[str, Callable[[dict[str, Any]], str]] = {
    "no signature": lambda claims: signed(claims, {"alg": "none"}, lambda _: b""),
    "no signature, said otherwise": lambda claims: signed(claims, {"alg": "nOnE"}, lambda _: b""),
    "a public key as a secret": lambda claims: signed(claims, HS, by_secret(KEY.as_pem(private=False))),
    "the client's secret": lambda claims: signed(claims, HS, by_secret(SECRET.encode())),
    "another's key": lambda claims: signed(claims, RS, by(OTHER_KEY)),
    "a key that the token brings": lambda claims: signed(
        claims, RS | {"jwk": OTHER_KEY.as_dict(private=False)}, by(OTHER_KEY)
    ),
    "changed after it was signed": lambda claims: signed(claims, RS, by(KEY))[:-6] + "AAAAAA",
    "no token": lambda _claims: "",
    "not a token": lambda _claims: "a.b.c",
    "no object": lambda _claims: signed(b"[" * 5000, RS, by(KEY)),
    "no header": lambda claims: signed(claims, {}, by(KEY)),
    "critical": lambda claims: signed(claims, RS | {"crit": ["unknown"], "unknown": True}, by(KEY)),
}


CLAIMS: tuple[dict[str, Any], ...] = (
    {"iss": "https://evil.example"},
    {"iss": None},
    {"aud": "another client"},
    {"aud": ["another client"]},
    {"aud": [CLIENT, "another client"], "azp": "another client"},
    {"aud": [CLIENT, "another client"]},
    {"aud": None},
    {"exp": 1},
    {"exp": None},
    {"exp": "tomorrow"},
    {"iat": 10**11},
    {"iat": None},
    {"nbf": 10**11},
    {"nonce": "of another attempt"},
    {"nonce": None},
    {"sub": None},
    {"sub": ""},
    {"sub": 7},
    {"sub": "x" * 256},
    {"sub": "a\nb"},
)


def test_a_token_that_is_not_the_providers_or_says_something_else_lets_nobody_in(
    site: Browser, ada: str, provider: Provider
) -> None:
    join(site, ada)
    client = site.open()
    for name, lie in LIES.items():
        provider.sign = lie
        assert enter(client).status_code == 403, name
    provider.restore()
    forget(site)
    for claims in CLAIMS:
        provider.claims = claims
        assert enter(client).status_code == 403, claims
    assert not is_in(client)
    provider.restore()
    forget(site)
    assert enter(client).status_code == 303


def test_keys_that_the_provider_exchanges_are_read_again_and_no_more_often(
    site: Browser, ada: str, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    join(site, ada)
    enter(site.open())
    assert provider.asked.count("/jwks") == 1, "they are kept"
    assert provider.asked.count("/.well-known/openid-configuration") == 1
    provider.keys = [OTHER_KEY]
    assert enter(site.open()).status_code == 403, "within a minute"
    monkeypatch.setattr(openid, "KEYS_AGAIN_SECONDS", 0.0)
    assert enter(site.open()).status_code == 303
    assert provider.asked.count("/jwks") == 2


def test_a_key_of_a_kind_that_is_not_known_hides_no_other(
    site: Browser, ada: str, provider: Provider
) -> None:
    good = KEY.as_dict(private=False)
    others = [{"kty": "oct", "k": "AAAA", "kid": "first"}, {"kty": "XYZ"}, {"kty": "RSA"}, 7]
    provider.instead["/jwks"] = lambda: JSONResponse({"keys": [*others, good]})
    join(site, ada)


def hop(to: str) -> Callable[[], Response]:
    return lambda: RedirectResponse(to, 307)


NONSENSE: dict[str, Callable[[], Response]] = {
    "fails": lambda: Response("no", 500),
    "no JSON": lambda: Response("<html>"),
    "no object": lambda: Response("[]", media_type="application/json"),
    "deep": lambda: Response('{"keys": ' + "[" * 200_000, media_type="application/json"),
    "long": lambda: Response("x" * (openid.MOST_BYTES + 1)),
    "redirects elsewhere": hop("http://localhost:1/elsewhere"),
}


def test_a_provider_that_answers_nonsense_is_said_kindly(site: Browser, provider: Provider) -> None:
    client = site.open()
    for path in ("/token", "/jwks", "/.well-known/openid-configuration"):
        for name, answer in NONSENSE.items():
            provider.instead.clear()
            forget(site)
            returned = None if path.startswith("/.") else back(away(client))
            provider.instead[path] = answer
            said = client.post("/oidc/begin") if returned is None else client.get(returned)
            assert said.status_code == 503, (path, name)
            assert "does not answer just now" in said.text


def test_a_document_that_is_not_the_providers_is_not_followed(site: Browser, provider: Provider) -> None:
    for document in (
        {"issuer": "https://evil.example"},
        {"issuer": None},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": 7},
        {"authorization_endpoint": None},
    ):
        provider.document = document
        forget(site)
        assert site.open().post("/oidc/begin").status_code == 503, document


@pytest.mark.parametrize(
    ("place", "allowed"),
    [
        ("https://keys.example.org/jwks", True),
        ("https://login.example.org:8443/x", True),
        ("http://login.example.org/x", False),
        ("https://127.0.0.1/x", False),
        ("https://169.254.169.254/latest/meta-data", False),
        ("https://10.0.0.1/x", False),
        ("https://[::1]/x", False),
        ("https://[fd00::1]/x", False),
        ("https://localhost/x", False),
        ("https://intranet/x", False),
        ("https://db.internal/x", False),
        ("https://user@login.example.org/x", False),
        ("https://login.example.org\\@evil.example/x", False),
        ("file:///etc/passwd", False),
        ("//evil.example", False),
        ("https://[", False),
        ("https://a:99999/", False),
        ("", False),
    ],
)
def test_addresses_of_a_document_lead_into_no_private_network(place: str, allowed: bool) -> None:
    assert is_allowed("https://login.example.org", place) is allowed


def test_a_provider_of_ones_own_network_may_be_named() -> None:
    assert is_allowed("https://sso.internal", "https://sso.internal/token")
    assert is_allowed("http://127.0.0.1:9400", "http://127.0.0.1:9400/token")
    assert not is_allowed("https://sso.internal", "http://sso.internal/token")


def test_what_is_refused_is_counted_and_what_is_right_is_not(site: Browser, ada: str) -> None:
    join(site, ada)
    client, wrong = site.open(), "/oidc/callback?code=x&state=y"
    by_an_image_elsewhere = [client.get(wrong).status_code for _ in range(PER_ADDRESS.most + 1)]
    assert by_an_image_elsewhere == [403] * (PER_ADDRESS.most + 1), (
        "without an attempt there is nothing to guess"
    )
    for _ in range(PER_ADDRESS.most):
        site.app.state.site.limits.take(PER_ADDRESS, "testclient")
    (state,) = parse_qs(urlsplit(away(client)).query)["state"]
    assert client.get(wrong).status_code == 403, "of no attempt of this browser: nothing to guess, either"
    assert client.get(f"/oidc/callback?code=x&state={state}").status_code == 429
    site.app.state.site.limits.__init__()
    begun = [site.open().post("/oidc/begin").status_code for _ in range(31)]
    assert begun == [200] * 30 + [429]


@pytest.mark.parametrize(
    "oidc",
    [
        {"issuer": "http://login.example.org"},
        {"issuer": "login.example.org"},
        {"issuer": "https://login.example.org/?a=b"},
        {"issuer": "https://login.example.org|x"},
        {"issuer": "https://user@login.example.org"},
        {"client_id": ""},
        {"client_secret_env": "the secret itself!"},
        {"name": ""},
    ],
    ids=str,
)
def test_a_configuration_that_cannot_be_is_said_without_the_secret(
    tmp_path: Path, oidc: dict[str, str]
) -> None:
    good = {"issuer": "https://login.example.org", "client_id": "a", "client_secret_env": "B"}
    path = tmp_path / "chatfeedback.yaml"
    text = {"version": 1, "platforms": {"argilla": {}}, "web": {"oidc": good | oidc}}
    path.write_text(yaml.safe_dump(text), "utf-8")
    with pytest.raises(ConfigurationError, match=r"web\.oidc") as error:
        load_config(path)
    assert "the secret itself" not in str(error.value)


def test_without_its_secret_the_page_says_which_variable_is_missing(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OIDC_SECRET")
    with pytest.raises(ConfigurationError, match="OIDC_SECRET"):
        application(workspace)


def test_an_identity_at_a_provider_is_no_other(filled_workspace: Workspace) -> None:
    people: Pseudonyms = filled_workspace.pseudonyms
    digests = {
        people.digest("oidc", "https://a|x@y"),
        people.digest("argilla", "https://a|x@y"),
        people.digest("argilla", "oidc:https://a|x@y"),
        people.digest("oidc", "https://a|X@y"),
        people.digest("oidc", "https://a|x@y "),
    }
    assert len(digests) == 5
