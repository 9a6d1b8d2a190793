"""A public page on which third persons report a conversation that they found themselves in; the lead sees it."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.routing import Route

from chatfeedback.web.bodies import form
from chatfeedback.web.guard import too_often
from chatfeedback.web.limits import Limit, TooOftenError, address_of
from chatfeedback.web.pages import render
from chatfeedback.web.site import Part, site_of
from workspaces.store.conversation_reports import ConversationReport, save_report, waiting_reports

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

PATH = "/report-a-conversation"
PER_ADDRESS = Limit("reports from an address", 5, 60 * 60.0)
MOST_WAITING = 1000
"""Reports that wait for the lead; with more, strangers would fill the store."""

LONGEST = {"about": 4000, "reason": 2000, "contact": 200}
"""Characters of each field."""


def page(request: Request) -> Response:
    """Show the form."""
    return _page(request)


def report(request: Request) -> Response:
    """Keep a report for the lead."""
    site = site_of(request)
    given = {name: form(request).get(name, "").strip() for name in LONGEST}
    if not given["about"] or not given["reason"]:
        return _page(request, 422, "Say which conversation it is, and what is wrong with it.", given)
    if any(len(given[name]) > most for name, most in LONGEST.items()):
        return _page(request, 422, "That is too long: shorten it.", given)
    try:
        site.limits.take(PER_ADDRESS, address_of(request))
    except TooOftenError as error:
        raise too_often(error) from None
    number = secrets.token_hex(6)
    with site.workspace.store.write() as connection:
        if waiting_reports(connection) >= MOST_WAITING:
            raise HTTPException(503, "Too many reports wait already: write to the lead of the project.")
        save_report(
            connection,
            ConversationReport(
                number, given["about"], given["reason"], given["contact"] or None, site.clock()
            ),
        )
    return render(request, "reported.html.jinja", number=number)


def _page(
    request: Request, status: int = 200, refused: str = "", given: dict[str, str] | None = None
) -> Response:
    return render(
        request,
        "report.html.jinja",
        status,
        refused=refused,
        given=given or dict.fromkeys(LONGEST, ""),
        longest=LONGEST,
        contact=site_of(request).workspace.config.people.contact,
    )


PART = Part(routes=(Route(PATH, page, methods=["GET"]), Route(PATH, report, methods=["POST"])))
