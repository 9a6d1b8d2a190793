"""The frame of the pages: who gets in, what every unsafe route asks for, what every response tells the browser."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from starlette.routing import Mount, Route

from chatfeedback.web.bodies import LARGEST_BODY
from chatfeedback.web.guard import SAFE_METHODS
from chatfeedback.web.security_headers import HEADERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.applications import Starlette

    from tests.unit.chatfeedback.web.browser import Browser


def routes_of(app: Starlette) -> Iterator[tuple[str, str]]:
    """Yield the method and an address of every route, but of static files and of paths that no cookie reaches."""
    for route in app.routes:
        if isinstance(route, Mount):
            continue
        assert isinstance(route, Route), f"a route of another kind has to be guarded first: {route}"
        path = route.path
        for name in route.param_convertors:
            path = path.replace(f"{{{name}}}", "0" * 24).replace(f"{{{name}:path}}", "0" * 24)
        if path.startswith(app.state.without_cookies):
            continue
        for method in route.methods or ():
            yield method, path


def test_every_unsafe_route_refuses_what_has_no_token_of_this_browser(browser: Browser, ada: str) -> None:
    theirs, other = browser.signed_in(ada), browser.open()
    unsafe = [(method, path) for method, path in routes_of(browser.app) if method not in SAFE_METHODS]
    assert unsafe
    for method, path in unsafe:
        for token in ("", "0" * 64, other.token()):
            answer = theirs.http.request(method, path, data={"csrf": token})
            assert answer.status_code == 403, f"{method} {path} with {token!r}"
            answer = theirs.http.request(method, path, headers={"X-CSRF-Token": token})
            assert answer.status_code == 403, f"{method} {path} with a header"
        browser.app.state.site.limits.__init__()
        for headers in (
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Sec-Fetch-Site": "cross-site"},
        ):
            answer = theirs.http.request(method, path, data={"csrf": theirs.token()}, headers=headers)
            assert answer.status_code == 403, f"{method} {path} from {headers}"


def test_every_response_tells_the_browser_to_load_nothing_from_elsewhere(browser: Browser, ada: str) -> None:
    theirs = browser.signed_in(ada)
    paths = [path for method, path in routes_of(browser.app) if method == "GET" and "events" not in path]
    for path in (*paths, "/nothing", "/static/web.css", "/static/vendor/htmx.min.js"):
        answer = theirs.get(path)
        assert answer.status_code < 500, path
        assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS, path
        if "text/html" in answer.headers.get("content-type", ""):
            assert answer.headers["cache-control"] == "no-store"
            assert "<script>" not in answer.text
            assert " style=" not in answer.text
            assert not re.search(r"""(src|action|data|<link[^>]*href)=.?(https?:)?//""", answer.text), path


def test_pages_of_people_send_strangers_to_sign_in(browser: Browser) -> None:
    answer = browser.open().get("/me")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/me")


def test_a_host_that_is_not_ours_is_refused(browser: Browser) -> None:
    assert browser.open().get("/sign-in", Host="evil.example").status_code == 400


def test_a_body_that_is_too_long_is_refused(browser: Browser) -> None:
    client = browser.open()
    assert client.post("/sign-in", name="x" * LARGEST_BODY).status_code == 413


@pytest.mark.parametrize("cookie", ["", ".", "a.b", "%", "a" * 5000, "é.é"])
def test_a_cookie_that_is_not_ours_is_nobody(browser: Browser, cookie: str) -> None:
    client = browser.open()
    answer = client.http.get("/me", headers={b"Cookie": f"chatfeedback_session={cookie}".encode()})
    assert answer.status_code == 303
