"""Signed cookies, and who is signed in.

``chatfeedback_visit`` tells one browser from another, signed in or not, and carries nothing else.
``chatfeedback_session`` is 32 random bytes; the store knows their hash. Both are signed, so that a guess
reaches no table.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from functools import wraps
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from chatfeedback.web.site import Site, site_of
from workspaces.store.web_sessions import (
    WebSession,
    end_session,
    hash_of_token,
    open_session,
    session_of,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    Endpoint = Callable[[Request], Awaitable[Response]]
    Page = Callable[[Request, "Person"], Response]
    AsyncPage = Callable[[Request, "Person"], Awaitable[Response]]

SESSION, VISIT = "chatfeedback_session", "chatfeedback_visit"
HOST_PREFIX = "__Host-"
PER_REQUEST = "chatfeedback"
"""Where a request keeps what was found out about it once."""

TOKEN_BYTES = 32
LASTS = timedelta(days=7)
LASTS_FOR_LEAD = timedelta(hours=12)
SIGN_IN_PATH = "/sign-in"


@dataclass(frozen=True, slots=True)
class Person:
    """Whoever is signed in, by pseudonym; ``session`` is the hash of the session."""

    person_id: str
    is_lead: bool
    session: str


def signed_in(request: Request) -> Person | None:
    """Return who is signed in, as far as they may still enter; None for anybody else. Reads the store once."""
    if "person" not in request.scope.setdefault(PER_REQUEST, {}):
        request.scope[PER_REQUEST]["person"] = _person(request)
    person: Person | None = request.scope[PER_REQUEST]["person"]
    return person


def still_signed_in(site: Site, person: Person) -> bool:
    """Return whether a session still holds, of a page that is open for long."""
    with site.workspace.store.read() as connection:
        return session_of(connection, person.session, site.clock()) is not None


def person_needed(page: Page) -> Endpoint:
    """Return an endpoint for whoever is signed in; others are sent to sign in. The page runs in a thread."""

    @wraps(page)
    async def endpoint(request: Request) -> Response:
        return await run_in_threadpool(lambda: _refused(request) or page(request, _known(request)))

    return endpoint


def lead_needed(page: Page) -> Endpoint:
    """Return an endpoint for the lead; for others it does not exist. The page runs in a thread."""

    @wraps(page)
    async def endpoint(request: Request) -> Response:
        return await run_in_threadpool(lambda: _refused(request, lead=True) or page(request, _known(request)))

    return endpoint


def async_person_needed(page: AsyncPage) -> Endpoint:
    """Return an endpoint as ``person_needed`` does, of a page that does not block, such as a stream."""

    @wraps(page)
    async def endpoint(request: Request) -> Response:
        return await run_in_threadpool(_refused, request) or await page(request, _known(request))

    return endpoint


def async_lead_needed(page: AsyncPage) -> Endpoint:
    """Return an endpoint as ``lead_needed`` does, of a page that does not block, such as a stream."""

    @wraps(page)
    async def endpoint(request: Request) -> Response:
        return await run_in_threadpool(_refused, request, lead=True) or await page(request, _known(request))

    return endpoint


def _refused(request: Request, *, lead: bool = False) -> Response | None:
    person = signed_in(request)
    if person is None:
        return to_sign_in(request)
    if lead and not person.is_lead:
        raise HTTPException(404)
    return None


def _known(request: Request) -> Person:
    person = signed_in(request)
    assert person is not None
    return person


def to_sign_in(request: Request) -> Response:
    """Return the way to the sign-in page, and back to a page that can be read."""
    if request.headers.get("HX-Request") == "true":  # htmx would put the sign-in page into this one
        return Response(status_code=401, headers={"HX-Redirect": SIGN_IN_PATH})
    back = f"?next={quote(request.url.path)}" if request.method == "GET" and request.url.path != "/" else ""
    return RedirectResponse(f"{SIGN_IN_PATH}{back}", 303)


def begin(
    request: Request, response: Response, person_id: str, *, is_lead: bool, platform: str | None
) -> Response:
    """Sign somebody in: a new session beside the cookie in ``response``; the one before is ended."""
    site, now = site_of(request), site_of(request).clock()
    token = secrets.token_urlsafe(TOKEN_BYTES)
    lasts = LASTS_FOR_LEAD if is_lead else LASTS
    before = signed_token(site, request, SESSION)
    session = WebSession(hash_of_token(token), person_id, is_lead, platform, now, now + lasts)
    with site.workspace.store.write() as connection:
        if before is not None:
            end_session(connection, hash_of_token(before))
        open_session(connection, session)
    set_cookie(request, response, SESSION, token, round(lasts.total_seconds()))
    return response


def end(request: Request, response: Response) -> Response:
    """Sign out: the session is gone, wherever its cookie was copied to."""
    site = site_of(request)
    token = signed_token(site, request, SESSION)
    if token is not None:
        with site.workspace.store.write() as connection:
            end_session(connection, hash_of_token(token))
    request.scope.setdefault(PER_REQUEST, {})["person"] = None
    return forget_browser(request, response)


def forget_browser(request: Request, response: Response) -> Response:
    """Take our cookies out of a browser."""
    for name in (SESSION, VISIT):
        drop_cookie(request, response, name)
    return response


def signed_token(site: Site, request: Request, name: str) -> str | None:
    """Return the token in a cookie of ours; None where it is missing or its signature is wrong."""
    token, _, signature = request.cookies.get(_name(site, name), "").partition(".")
    return token if token and site.is_signed(name, token, signature) else None


def set_cookie(
    request: Request, response: Response, name: str, token: str, max_age: int | None = None
) -> None:
    """Put a signed token into a cookie that no script reads and no other site sends."""
    site = site_of(request)
    response.set_cookie(
        _name(site, name),
        f"{token}.{site.signature(name, token)}",
        max_age=max_age,
        path="/",
        secure=_is_over_tls(site),
        httponly=True,
        samesite="lax",
    )


def drop_cookie(request: Request, response: Response, name: str) -> None:
    """Take a cookie out of a browser."""
    site = site_of(request)
    response.delete_cookie(
        _name(site, name), path="/", secure=_is_over_tls(site), httponly=True, samesite="lax"
    )


def cookie_names(request: Request, beginning: str) -> list[str]:
    """Return the names, as the functions here take them, of the cookies of a browser that begin so."""
    prefix = _name(site_of(request), "")
    names = [name.removeprefix(prefix) for name in request.cookies if name.startswith(prefix)]
    return [name for name in names if name.startswith(beginning)]


def _name(site: Site, name: str) -> str:
    """Return the name of a cookie in the browser: over TLS one that no other host of our domain can set.

    Source: RFC 6265bis, section 4.1.3.2.
    """
    return f"{HOST_PREFIX}{name}" if _is_over_tls(site) else name


def _is_over_tls(site: Site) -> bool:
    return site.address.startswith("https://")


def _person(request: Request) -> Person | None:
    site = site_of(request)
    token = signed_token(site, request, SESSION)
    if token is None:
        return None
    with site.workspace.store.read() as connection:
        session = session_of(connection, hash_of_token(token), site.clock())
    return Person(session.person_id, session.is_lead, session.token_hash) if session else None
