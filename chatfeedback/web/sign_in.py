"""Signing in, by an account on a platform or by a link of the lead's, and signing out.

Who is refused reads the same words after the same time, whether there is such an account or not.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pydantic import SecretStr
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from chatfeedback import steps
from chatfeedback.web.bodies import form
from chatfeedback.web.guard import too_often
from chatfeedback.web.limits import Limit, TooOftenError, address_of
from chatfeedback.web.pages import render
from chatfeedback.web.sessions import (
    SIGN_IN_PATH,
    Person,
    async_person_needed,
    begin,
    end,
    forget_browser,
    signed_in,
)
from chatfeedback.web.site import Part, Site, site_of
from chatfeedback.web.writing import asking
from workspaces.errors import ConnectionFailedError
from workspaces.registry import PLATFORMS
from workspaces.store.web_sessions import hash_of_token, may_enter, use_link

if TYPE_CHECKING:
    from starlette.requests import Request

PER_ACCOUNT = Limit("sign-ins of an account", 10, 15 * 60.0)
PER_ADDRESS = Limit("sign-ins from an address", 40, 15 * 60.0)
"""Refused sign-ins: those that were right are not counted."""

REFUSED_AFTER_SECONDS = 0.75
"""A refusal comes after a multiple of this: how long the platform took says nothing."""

LONGEST = 256
"""Characters of a name or a password."""

START, ADD_ACCOUNT = "/me", "/me/oidc"
FORBIDDEN = 403
REFUSED = (
    "That did not work. Either the name or the password is not right there, or this account has no place in the "
    "project. The lead of the project can send you a link to sign in."
)


def page(request: Request) -> Response:
    """Show the form; whoever is signed in goes to their page."""
    if signed_in(request):
        return RedirectResponse(START, 303)
    return _form(request, next_=request.query_params.get("next", ""))


async def enter(request: Request) -> Response:
    """Let a platform check a password."""
    begun = time.monotonic()
    response = await run_in_threadpool(_enter, request)
    if response.status_code == FORBIDDEN:
        passed = time.monotonic() - begun
        await asyncio.sleep(REFUSED_AFTER_SECONDS - passed % REFUSED_AFTER_SECONDS)
    return response


def _enter(request: Request) -> Response:
    site, given = site_of(request), form(request)
    platform, name = given.get("platform", ""), given.get("name", "").strip()[:LONGEST]
    password, next_ = SecretStr(given.get("password", "")[:LONGEST]), given.get("next", "")
    names = site.workspace.config.platforms.names()
    if platform not in names or not name or not password.get_secret_value():
        return _form(request, 422, "Give your user name and your password.", platform, next_)
    account = f"{platform}:{name.casefold()}"
    address = address_of(request)
    taken = ((PER_ADDRESS, address), (PER_ACCOUNT, account))
    try:
        for limit, key in taken:
            site.limits.take(limit, key)
    except TooOftenError as error:
        raise too_often(error) from None
    try:
        with asking():
            entrant = steps.enter_with_account(site.workspace, platform, name, password)
    except ConnectionFailedError:
        title = PLATFORMS[platform].title
        return _form(
            request, 503, f"{title} does not answer just now. Try again in a minute.", platform, next_
        )
    if entrant is None:
        return _form(request, FORBIDDEN, REFUSED, platform, next_)
    for limit, key in taken:
        site.limits.undo(limit, key)
    response = RedirectResponse(inside(next_), 303)
    return begin(request, response, entrant.person_id, is_lead=entrant.is_lead, platform=platform)


def link(request: Request) -> Response:
    """Ask whoever opens a link to press a button: programs that look at links in letters do not use it up."""
    return _link(request, token=request.path_params["token"])


def enter_by_link(request: Request) -> Response:
    """Sign in whoever has a link that nobody used."""
    site = site_of(request)
    address = address_of(request)
    try:
        site.limits.take(PER_ADDRESS, address)
    except TooOftenError as error:
        raise too_often(error) from None
    token = hash_of_token(request.path_params["token"])
    with site.workspace.store.write() as connection:
        used = use_link(connection, token, site.clock())
        if used is not None and not used.is_lead and not may_enter(connection, used.person_id, None):
            used = None
    if used is None:
        refused = (
            "This link is good no more: it was used, it is too old, or a newer one was made. Ask for another."
        )
        return _link(request, FORBIDDEN, refused=refused)
    site.limits.undo(PER_ADDRESS, address)
    to = ADD_ACCOUNT if "add" in form(request) and not used.is_lead else START
    return begin(request, RedirectResponse(to, 303), used.person_id, is_lead=used.is_lead, platform=None)


async def sign_out(request: Request) -> Response:
    """End the session."""
    person = await run_in_threadpool(signed_in, request)
    return await _signed_out(request, person)


@async_person_needed
async def sign_out_everywhere(request: Request, person: Person) -> Response:
    """End every session of the person, and links that were not used."""
    await run_in_threadpool(steps.end_sessions, site_of(request).workspace, person.person_id)
    return await _signed_out(request, person)


async def _signed_out(request: Request, person: Person | None) -> Response:
    """End the session; who has an account at the OpenID provider reads how to end the one there, which may go on.

    However they came this time: whoever added the account did so in this browser, and is signed in there as well.
    """
    site = site_of(request)
    await run_in_threadpool(end, request, Response())
    if person is None or site.openid is None or not await run_in_threadpool(_has_account, site, person):
        return forget_browser(request, RedirectResponse(SIGN_IN_PATH, 303))
    there = await site.openid.sign_out_address(f"{site.address}{SIGN_IN_PATH}")
    page = await run_in_threadpool(
        render, request, "signed_out.html.jinja", name=site.openid.name, there=there
    )
    return forget_browser(request, page)


def _has_account(site: Site, person: Person) -> bool:
    return steps.oidc_joined_at(site.workspace, person.person_id) is not None


def _link(request: Request, status: int = 200, *, token: str = "", refused: str = "") -> Response:
    return render(
        request, "link.html.jinja", status, token=token, refused=refused, provider=site_of(request).openid
    )


def _form(
    request: Request, status: int = 200, refused: str = "", platform: str = "", next_: str = ""
) -> Response:
    names = site_of(request).workspace.config.platforms.names()
    return render(
        request,
        "sign_in.html.jinja",
        status,
        platforms={name: PLATFORMS[name].title for name in names},
        chosen=platform if platform in names else names[0],
        refused=refused,
        next=next_,
        provider=site_of(request).openid,
        by_plugin=site_of(request).workspace.config.web.sharelm_plugin,
    )


def inside(path: str) -> str:
    """Return a path of ours to go to; the start for what would lead elsewhere."""
    try:
        parts = urlsplit(path)
    except ValueError:
        return START
    is_ours = path.startswith("/") and not path.startswith("//") and not parts.netloc and not parts.scheme
    return path if is_ours and path.isprintable() and "\\" not in path else START


PART = Part(
    routes=(
        Route(SIGN_IN_PATH, page, methods=["GET"]),
        Route(SIGN_IN_PATH, enter, methods=["POST"]),
        Route("/link/{token}", link, methods=["GET"]),
        Route("/link/{token}", enter_by_link, methods=["POST"]),
        Route("/sign-out", sign_out, methods=["POST"]),
        Route("/sign-out/everywhere", sign_out_everywhere, methods=["POST"]),
    )
)
