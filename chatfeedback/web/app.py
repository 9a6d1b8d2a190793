"""The application: the parts, what stands around them, and the server that runs it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from chatfeedback import steps
from chatfeedback.web import (
    chat,
    gateway,
    lead,
    messages,
    my_chats,
    my_data,
    my_page,
    oidc,
    report_conversation,
    sharelm,
    sign_in,
    style,
)
from chatfeedback.web.background import lifespan
from chatfeedback.web.balances import Balances
from chatfeedback.web.errors import handlers
from chatfeedback.web.guard import Guard
from chatfeedback.web.hosts import OurHosts
from chatfeedback.web.security_headers import SecurityHeaders
from chatfeedback.web.site import Part, Site, web_key
from chatfeedback.web.snapshots import Snapshot
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from workspaces.workspace import Workspace

PARTS: tuple[Part, ...] = (
    my_page.PART,
    chat.PART,
    my_chats.PART,
    my_data.PART,
    report_conversation.PART,
    lead.PART,
    messages.PART,
    gateway.PART,
    sharelm.PART,
    oidc.PART,
    sign_in.PART,
)
"""Each module of pages, in the order of the navigation."""

ON_OFFER_SECONDS = 15.0
"""How old what waits may be."""

BALANCES_SECONDS = 0.2
"""How old balances may be of which pages hear: they are read as often as open pages are looked after."""

UNREAD_SECONDS = 0.9
"""How old unread messages may be of which pages hear."""

STATIC = Path(__file__).parent / "static"


def application(
    workspace: Workspace,
    *,
    address: str = "http://127.0.0.1",
    parts: Sequence[Part] = PARTS,
    clock: Callable[[], datetime] = utc_now,
) -> Starlette:
    """Return the application of an open workspace.

    Args:
        workspace: stays open while the application runs. Pages read with ``store.read()``; what changes something is a
            step, or one short ``store.write()``.
        address: where people reach it; with ``https`` the cookies are sent over TLS alone.
        parts: the pages.
        clock: tells the time of sessions and links.
    """
    without_cookies = tuple(path for part in parts for path in part.without_cookies)
    from_anywhere = frozenset(path for part in parts for path in part.from_anywhere)
    made = Starlette(
        routes=[
            Route("/static/look.css", style.look),
            Mount("/static", StaticFiles(directory=STATIC)),
            *(route for part in parts for route in part.routes),
        ],
        middleware=[
            Middleware(SecurityHeaders, from_anywhere=from_anywhere),
            Middleware(OurHosts, address=address),
            Middleware(Guard, without_cookies=without_cookies),
        ],
        exception_handlers=handlers(),
        lifespan=lifespan,
    )
    navigation = tuple(link for part in parts for link in part.navigation)
    made.state.site = Site(
        workspace,
        web_key(workspace),
        address.rstrip("/"),
        navigation,
        Snapshot(lambda: steps.read_on_offer(workspace), ON_OFFER_SECONDS),
        Snapshot(Balances(workspace.store).read, BALANCES_SECONDS),
        Snapshot(lambda: steps.all_unread(workspace), UNREAD_SECONDS),
        clock,
        openid=oidc.provider_of(workspace.config.web.oidc, address),
    )
    made.state.without_cookies, made.state.from_anywhere = without_cookies, from_anywhere
    return made
