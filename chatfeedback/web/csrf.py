"""The token by which a request proves that it comes from a page of ours: a signature of the cookies of one browser.

A form carries it as ``csrf``, a script as the header ``X-CSRF-Token``; ``guard`` asks for it.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from chatfeedback.web.sessions import PER_REQUEST, SESSION, TOKEN_BYTES, VISIT, set_cookie, signed_token
from chatfeedback.web.site import site_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

PURPOSE = "csrf"


def csrf_token(request: Request) -> str:
    """Return the token for the pages of this browser; ``keep_visit`` has to put its cookie into the response."""
    site = site_of(request)
    visit = signed_token(site, request, VISIT)
    if visit is None:
        kept = request.scope.setdefault(PER_REQUEST, {})
        visit = kept.setdefault("new_visit", secrets.token_urlsafe(TOKEN_BYTES))
    return _token(request, visit)


def keep_visit(request: Request, response: Response) -> None:
    """Put the cookie of a new browser into a response whose page has a token."""
    new = request.scope.get(PER_REQUEST, {}).get("new_visit")
    if new is not None:
        set_cookie(request, response, VISIT, new)


def is_token(request: Request, given: str) -> bool:
    """Return whether a token is that of the browser that sends it; in constant time."""
    visit = signed_token(site_of(request), request, VISIT)
    return visit is not None and secrets.compare_digest(_token(request, visit).encode(), given.encode())


def _token(request: Request, visit: str) -> str:
    site = site_of(request)
    return site.signature(PURPOSE, f"{visit}\x1f{signed_token(site, request, SESSION) or ''}")
