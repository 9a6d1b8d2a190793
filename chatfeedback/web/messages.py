"""Messages from the lead: on one's own page until they are read, and the lead's page that sends them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse
from starlette.routing import Route

from chatfeedback import steps
from chatfeedback.web.bodies import form
from chatfeedback.web.pages import render
from chatfeedback.web.sessions import Person, lead_needed, person_needed
from chatfeedback.web.site import Part, site_of
from workspaces.errors import UsageError
from workspaces.grammar import counted
from workspaces.time_zones import time_zone

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

SHOWN = 50
"""Messages on the lead's page."""

EVERYBODY, PERSON, GROUP = "everybody", "person", "group:"
"""What the lead chooses to send to; a group's name follows."""


@person_needed
def mine(request: Request, person: Person) -> Response:
    """Show what one has not read yet, alone, for a page that is open while messages come."""
    workspace = site_of(request).workspace
    zone = time_zone(steps.my_standing(workspace, person.person_id).zone)
    waiting = steps.my_messages(workspace, person.person_id)
    return render(request, "_messages.html.jinja", messages=waiting, zone=zone)


@person_needed
def read(request: Request, person: Person) -> Response:
    """Take one of one's own messages off the page. Whoever else's it is: nothing changes."""
    site = site_of(request)
    steps.read_message(site.workspace, person.person_id, form(request).get("message", ""))
    site.unread.forget()
    return RedirectResponse("/me?done=message", 303)


@lead_needed
def sent(request: Request, _lead: Person) -> Response:
    """Show what was sent, and the form that sends."""
    return _sent(request)


@lead_needed
def send(request: Request, _lead: Person) -> Response:
    """Send a message; the same form sent again reaches nobody twice."""
    site, given = site_of(request), form(request)
    to, person = given.get("to", ""), given.get("person", "").strip()
    try:
        if to == PERSON and not site.workspace.pseudonyms.is_person(person):
            raise UsageError("nobody here has this pseudonym")
        if to not in (EVERYBODY, PERSON) and not to.startswith(GROUP):
            raise UsageError("choose to whom it goes")
        delivery = steps.send_message(
            site.workspace,
            given.get("text", ""),
            person_id=person if to == PERSON else None,
            group=to.removeprefix(GROUP) if to.startswith(GROUP) else None,
        )
    except UsageError as error:
        return _sent(request, 422, str(error))
    site.unread.forget()
    return RedirectResponse(f"/lead/messages?new={delivery.new}&had={delivery.had}&full={delivery.full}", 303)


@lead_needed
def withdraw(request: Request, _lead: Person) -> Response:
    """Delete a message again."""
    try:
        people = steps.withdraw_message(site_of(request).workspace, form(request).get("message", ""))
    except UsageError as error:
        return _sent(request, 422, str(error))
    site_of(request).unread.forget()
    return RedirectResponse(f"/lead/messages?withdrawn={people}", 303)


def _sent(request: Request, status: int = 200, refused: str = "") -> Response:
    workspace, given = site_of(request).workspace, form(request)
    return render(
        request,
        "lead_messages.html.jinja",
        status,
        sent=steps.messages_sent(workspace, SHOWN),
        groups=list(workspace.config.routing.groups),
        to=given.get("to", PERSON if "to" in request.query_params else EVERYBODY),
        person=given.get("person", request.query_params.get("to", "")),
        text=given.get("text", ""),
        longest=steps.LONGEST_MESSAGE,
        refused=refused,
        done=_done(request),
    )


def _done(request: Request) -> str:
    """Return what was done before the page was opened, by the numbers in its address; empty for nothing."""
    numbers = {
        name: int(value)
        for name, value in request.query_params.items()
        if value.isascii() and value.isdecimal() and len(value) < 12
    }
    if "new" in numbers:
        return steps.delivered_in_words(
            steps.Delivery(numbers["new"], numbers.get("had", 0), numbers.get("full", 0))
        )
    if "withdrawn" in numbers:
        return f"The message is deleted; {counted(numbers['withdrawn'], 'person')} had it."
    return ""


PART = Part(
    routes=(
        Route("/me/messages", mine, methods=["GET"]),
        Route("/me/messages/read", read, methods=["POST"]),
        Route("/lead/messages", sent, methods=["GET"]),
        Route("/lead/messages", send, methods=["POST"]),
        Route("/lead/messages/withdraw", withdraw, methods=["POST"]),
    )
)
