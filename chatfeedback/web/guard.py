"""Every request that changes something proves that it comes from a page of ours, unless no cookie reaches its path.

A middleware, so that no route can be forgotten: it bounds and reads the body, and refuses what has no token (``csrf``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse

from chatfeedback.web.bodies import (
    FORM,
    FORM_KEY,
    LARGEST_API_BODY,
    bounded,
    fields_in,
    given_again,
    read_body,
)
from chatfeedback.web.csrf import is_token
from chatfeedback.web.errors import refusal
from chatfeedback.web.hosts import place_in
from chatfeedback.web.limits import Limit, TooOftenError, address_of
from chatfeedback.web.sessions import SESSION, signed_token
from chatfeedback.web.site import site_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
TWO_LENGTHS = frozenset({b"content-length", b"transfer-encoding"})
"""A proxy before us may believe the other one: what is left of the body would be the next person's request (RFC 9112,
6.3). The connection ends with the refusal."""

FIELD, HEADER = "csrf", "X-CSRF-Token"
CHANGES = Limit("changes", 120, 60.0)
"""How often one session, or one address that is not signed in, may send something."""


class Guard:
    """The middleware. ``without_cookies`` are the beginnings of paths that no cookie reaches (``Part``)."""

    def __init__(self, app: ASGIApp, without_cookies: tuple[str, ...] = ()) -> None:
        self._app = app
        self._without_cookies = without_cookies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it in words."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if {name for name, _ in scope["headers"]} >= TWO_LENGTHS:
            answer = PlainTextResponse("A body has one length", 400, {"Connection": "close"})
            await answer(scope, receive, send)
            return
        if scope["path"].startswith(self._without_cookies):
            headers = [(name, value) for name, value in scope["headers"] if name != b"cookie"]
            await self._app({**scope, "headers": headers}, bounded(receive, LARGEST_API_BODY), send)
            return
        if scope["method"] not in SAFE_METHODS:
            try:
                receive = await _checked(scope, receive)
            except HTTPException as error:
                refused = await run_in_threadpool(refusal, Request(scope), error)
                await refused(scope, receive, send)
                return
            except ClientDisconnect:
                return
        await self._app(scope, receive, send)


async def _checked(scope: Scope, receive: Receive) -> Receive:
    request = Request(scope)
    site = site_of(request)
    try:
        key = signed_token(site, request, SESSION) or address_of(request)
        site.limits.take(CHANGES, key)
    except TooOftenError as error:
        raise too_often(error) from None
    if not _from_here(request):
        raise _no_proof()
    body = await read_body(scope, receive)
    fields: dict[str, list[str]] = {}
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() == FORM:
        fields = fields_in(body)
    elif body:
        raise HTTPException(415, "This was not sent as a page of ours sends it.")
    in_form = fields.pop(FIELD, [""])
    if not is_token(request, request.headers.get(HEADER) or in_form[-1]):
        raise _no_proof()
    scope[FORM_KEY] = fields
    return given_again(body, receive)


def too_often(error: TooOftenError) -> HTTPException:
    """Return the refusal of what was done too often."""
    return HTTPException(
        429,
        f"That was too often. Try again in {max(1, round(error.seconds / 60))} min.",
        {"Retry-After": f"{error.seconds:.0f}"},
    )


def _from_here(request: Request) -> bool:
    """Return whether a browser says that the request comes from a page of ours; programs say nothing."""
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        return False
    origin = request.headers.get("origin")
    ours = {place_in(f"//{request.headers.get('host', '')}"), place_in(site_of(request).address)} - {None}
    return origin is None or place_in(origin) in ours


def _no_proof() -> HTTPException:
    return HTTPException(
        403,
        "This was not sent from a page of ours that is still good. Go back, load the page again and send it again.",
    )
