"""Signing in by an OpenID provider, and joining an account there to whoever is signed in already.

An attempt is a cookie of its own, so that two tabs do not spoil each other's: random bytes, the time, where to go
afterwards, and whose the account is to become. The state, the nonce and the PKCE verifier are signatures of it with the
page's key, so that no browser holds the verifier; the name of the cookie follows from the state.
"""

from __future__ import annotations

import hmac
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse
from starlette.routing import Route

from chatfeedback import steps
from chatfeedback.web.bodies import form
from chatfeedback.web.guard import too_often
from chatfeedback.web.limits import Limit, TooOftenError, address_of
from chatfeedback.web.openid import NotProvenError, OpenIdProvider, SilentProviderError
from chatfeedback.web.pages import render
from chatfeedback.web.sessions import (
    SIGN_IN_PATH,
    Person,
    async_person_needed,
    begin,
    cookie_names,
    drop_cookie,
    person_needed,
    set_cookie,
    signed_in,
    signed_token,
)
from chatfeedback.web.sign_in import PER_ADDRESS, inside
from chatfeedback.web.site import Part, Site, site_of
from workspaces.config import secret_from_environment
from workspaces.errors import UsageError
from workspaces.registry import PLATFORMS
from workspaces.store.identities import OIDC
from workspaces.time_zones import time_zone

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from workspaces.config import OidcConfig

ATTEMPT = "chatfeedback_oidc"
ATTEMPT_SECONDS = 10 * 60
MOST_ATTEMPTS = 5
"""Attempts under way in one browser; one more ends the oldest."""

ONCE = Limit("attempts at the OpenID provider", 1, ATTEMPT_SECONDS)
PER_BROWSER_ADDRESS = Limit("ways to the OpenID provider", 30, 15 * 60.0)
CALLBACK = "/oidc/callback"
MINE = "/me/oidc"
NOT_PROVEN = (
    "That did not work: {name} did not say who you are, or this was begun in another browser, or too long ago. "
    "Begin again, at {address}."
)
NOBODY = (
    "{name} knows you, and nobody here has that account yet. Ask the lead of the project for a link to sign in: on the "
    "page that it opens you can add this account. Your e-mail address alone lets you in nowhere."
)
SILENT = "{name} does not answer just now. Try again in a minute."
LAST_WAY = (
    "Nothing was removed: without it you come in by a link of the lead's alone. Say that you know it first."
)
DONE = {
    "added": "From now on you can sign in with {name}.",
    "removed": "Your account at {name} is nobody's here now.",
}


@dataclass(frozen=True, slots=True)
class Attempt:
    """One way to the provider and back. ``joins`` is the person whose the account becomes; empty: somebody signs in."""

    random: str
    begun: int
    next: str
    joins: str
    issuer: str

    def text(self) -> str:
        """Return it as its cookie holds it."""
        return urlsafe_b64encode(json.dumps(asdict(self)).encode()).decode().rstrip("=")

    @classmethod
    def read(cls, text: str) -> Attempt:
        """Return the attempt that a cookie of ours holds.

        Raises:
            NotProvenError: it is one of an earlier version.
        """
        try:
            return cls(**json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4))))
        except (ValueError, TypeError):
            raise NotProvenError from None


def provider_of(config: OidcConfig | None, address: str) -> OpenIdProvider | None:
    """Return the provider of a page at an address; None where none is configured.

    Raises:
        ConfigurationError: the secret is not in the environment.
    """
    if config is None:
        return None
    secret = secret_from_environment(config.client_secret_env, f"the OpenID provider {config.issuer}")
    return OpenIdProvider(config, secret, f"{address.rstrip('/')}{CALLBACK}")


async def go(request: Request) -> Response:
    """Begin to sign in."""
    return await _away(request, form(request).get("next", ""))


@person_needed
def mine(request: Request, person: Person) -> Response:
    """Say whether one can sign in by the provider."""
    return _mine(request, person)


@async_person_needed
async def join(request: Request, person: Person) -> Response:
    """Begin to add an account to whoever is signed in."""
    _known(request, person)
    return await _away(request, MINE, person.person_id)


@person_needed
def leave(request: Request, person: Person) -> Response:
    """Take the account back, and end what it opened."""
    _known(request, person)
    workspace = site_of(request).workspace
    if "sure" not in form(request) and not steps.other_ways_in(workspace, person.person_id):
        return _mine(request, person, 422, LAST_WAY)
    steps.leave_oidc(workspace, person.person_id)
    return RedirectResponse(f"{MINE}?done=removed", 303)


async def come_back(request: Request) -> Response:
    """Let in whom the provider sent back, or add their account; an attempt is good once."""
    site, provider = site_of(request), _provider(request)
    try:
        attempt = _attempt(request)
        proofs = _proofs(site, attempt.text())
        subject = await provider.subject(
            dict(request.query_params), nonce=proofs["nonce"], verifier=proofs["verifier"]
        )
    except NotProvenError:
        response = await run_in_threadpool(_refused, request, NOT_PROVEN, 403)
    except SilentProviderError:
        site.limits.undo(PER_ADDRESS, address_of(request))
        response = await run_in_threadpool(_refused, request, SILENT, 503)
    else:
        response = await run_in_threadpool(_enter, request, attempt, subject)
    drop_cookie(request, response, _cookie(site, request.query_params.get("state", "")))
    return response


def _attempt(request: Request) -> Attempt:
    """Return the attempt that a request ends, and use it up.

    Raises:
        NotProvenError: this browser began none, it is over, or it was used.
        HTTPException: 429, too many were refused.
    """
    site = site_of(request)
    state = request.query_params.get("state", "")
    text = signed_token(site, request, _cookie(site, state))
    if text is None:  # not counted: any page elsewhere could load this address until nobody here may sign in
        raise NotProvenError
    try:
        site.limits.take(PER_ADDRESS, address_of(request))
    except TooOftenError as error:
        raise too_often(error) from None
    attempt = Attempt.read(text)
    is_ours = hmac.compare_digest(_proofs(site, text)["state"].encode(), state.encode())
    is_over = not 0 <= site.clock().timestamp() - attempt.begun <= ATTEMPT_SECONDS
    if not is_ours or is_over or attempt.issuer != _provider(request).issuer:
        raise NotProvenError
    try:
        site.limits.take(ONCE, attempt.random)
    except TooOftenError:
        raise NotProvenError from None
    return attempt


def _enter(request: Request, attempt: Attempt, subject: str) -> Response:
    site, issuer = site_of(request), attempt.issuer
    if attempt.joins:
        person = signed_in(request)
        if person is None or person.is_lead or person.person_id != attempt.joins:
            return _refused(request, NOT_PROVEN, 403)
        try:
            steps.join_oidc(site.workspace, person.person_id, issuer, subject)
        except UsageError as error:
            return _mine(request, person, 422, f"{str(error)[0].upper()}{str(error)[1:]}: ask the lead.")
        site.limits.undo(PER_ADDRESS, address_of(request))
        return RedirectResponse(f"{MINE}?done=added", 303)
    person_id = steps.person_of_oidc(site.workspace, issuer, subject)
    if person_id is None:
        return _refused(request, NOBODY, 403)
    site.limits.undo(PER_ADDRESS, address_of(request))
    response = RedirectResponse(inside(attempt.next), 303)
    return begin(request, response, person_id, is_lead=False, platform=OIDC)


async def _away(request: Request, next_: str, joins: str = "") -> Response:
    site, provider = site_of(request), _provider(request)
    try:
        site.limits.take(PER_BROWSER_ADDRESS, address_of(request))
    except TooOftenError as error:
        raise too_often(error) from None
    now = int(site.clock().timestamp())
    text = Attempt(secrets.token_urlsafe(32), now, inside(next_), joins, provider.issuer).text()
    proofs = _proofs(site, text)
    try:
        to = await provider.address_to(**proofs)
    except SilentProviderError:
        return await run_in_threadpool(_refused, request, SILENT, 503)
    # no redirect: the policy lets forms lead to pages of ours alone, also by redirects
    response = await run_in_threadpool(render, request, "oidc_away.html.jinja", name=provider.name, to=to)
    for name in _spent(request):
        drop_cookie(request, response, name)
    set_cookie(request, response, _cookie(site, proofs["state"]), text, ATTEMPT_SECONDS)
    return response


def _cookie(site: Site, state: str) -> str:
    """Return the name of the cookie of the attempt with a state, which tells nobody the state."""
    return f"{ATTEMPT}_{site.signature('oidc cookie', state)[:16]}"


def _spent(request: Request) -> list[str]:
    """Return the names of cookies of attempts that are to end, so that one more is not too many: the oldest, and what
    none of ours left.
    """
    begun: dict[str, int] = {}
    for name in cookie_names(request, ATTEMPT):
        text = signed_token(site_of(request), request, name)
        try:
            begun[name] = Attempt.read(text or "").begun
        except NotProvenError:
            begun[name] = 0
    newest = sorted(begun, key=begun.__getitem__, reverse=True)
    return [name for place, name in enumerate(newest) if place >= MOST_ATTEMPTS - 1 or not begun[name]]


def _proofs(site: Site, text: str) -> dict[str, str]:
    return {name: site.signature(f"oidc {name}", text) for name in ("state", "nonce", "verifier")}


def _mine(request: Request, person: Person, status: int = 200, refused: str = "") -> Response:
    _known(request, person)
    workspace, name = site_of(request).workspace, _provider(request).name
    return render(
        request,
        "oidc.html.jinja",
        status,
        name=name,
        joined_at=steps.oidc_joined_at(workspace, person.person_id),
        zone=time_zone(steps.my_standing(workspace, person.person_id).zone),
        ways=[PLATFORMS[way].title for way in steps.other_ways_in(workspace, person.person_id)],
        refused=refused,
        done=DONE.get(request.query_params.get("done", ""), "").format(name=name),
    )


def _refused(request: Request, words: str, status: int) -> Response:
    site, name = site_of(request), _provider(request).name
    said = words.format(name=name, address=f"{site.address}{SIGN_IN_PATH}")
    return render(request, "oidc_refused.html.jinja", status, name=name, words=said)


def _known(request: Request, person: Person) -> None:
    """Raise unless an account can be a person's: the lead comes by a link or as the owner of a platform."""
    _provider(request)
    if person.is_lead:
        raise HTTPException(404)


def _provider(request: Request) -> OpenIdProvider:
    provider = site_of(request).openid
    if provider is None:
        raise HTTPException(404)
    return provider


PART = Part(
    routes=(
        Route("/oidc/begin", go, methods=["POST"]),
        Route(CALLBACK, come_back, methods=["GET"]),
        Route(MINE, mine, methods=["GET"]),
        Route(MINE, join, methods=["POST"]),
        Route(f"{MINE}/remove", leave, methods=["POST"]),
    )
)
