"""My page: points and where they come from, what waits, one's place, and the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import available_timezones

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse
from starlette.routing import Route

from chatfeedback import steps
from chatfeedback.steps.own_standing import HISTORY
from chatfeedback.web.bodies import form
from chatfeedback.web.guard import too_often
from chatfeedback.web.limits import Limit, TooOftenError
from chatfeedback.web.live import events
from chatfeedback.web.pages import render
from chatfeedback.web.sessions import Person, async_person_needed, person_needed
from chatfeedback.web.site import Link, Part, site_of
from reward_engine.accounts import person_account
from workspaces.errors import UsageError
from workspaces.time_zones import time_zone

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

SHOWN = 8
"""Movements on one's own page; the rest is behind a link."""

MOST_DIGITS = 16
"""A number in an address has fewer."""

NAMES = Limit("display names", 20, 60 * 60.0)
"""How often one may try another name: a refusal says that somebody may have it."""

DONE = {
    "message": "The message is off your page.",
    "settings": "Your settings are saved.",
    "form": "Your answers are saved, encrypted. You can change or withdraw them at any time.",
    "withdrawn": "Your answers about yourself are deleted.",
}
"""What a page says after something was done, by the word in its address."""


async def start(_request: Request) -> Response:
    """Go to one's own page."""
    return RedirectResponse("/me", 303)


@person_needed
def me(request: Request, person: Person) -> Response:
    """Show one's own page."""
    workspace = site_of(request).workspace
    mine = steps.my_page(workspace, person.person_id)
    return render(
        request,
        "me.html.jinja",
        person=person,
        standing=mine.standing,
        messages=mine.messages,
        zone=time_zone(mine.standing.zone),
        history=mine.history,
        shown=SHOWN,
        contact=workspace.config.people.contact or "the lead of the project",
        done=DONE.get(request.query_params.get("done", ""), ""),
    )


@person_needed
def points(request: Request, person: Person) -> Response:
    """Show the points alone, for a page that is open while they change."""
    standing = steps.my_standing(site_of(request).workspace, person.person_id)
    return render(request, "_points.html.jinja", standing=standing, zone=time_zone(standing.zone))


@async_person_needed
async def hear(request: Request, person: Person) -> Response:
    """Tell an open page when one's points change, and when a message comes."""
    site = site_of(request)
    account = person_account(person.person_id)
    looks = {
        "points": lambda: site.balances.get().get(account, 0),
        "messages": lambda: site.unread.get().get(person.person_id, frozenset()),
    }
    given = request.query_params.get("points", "")
    is_number = given.isascii() and given.isdecimal() and len(given) < MOST_DIGITS
    return events(request, person, looks, {"points": int(given)} if is_number else None)


@person_needed
def waiting(request: Request, person: Person) -> Response:
    """Show what waits; it may have to be asked of a platform, so that one's page does not wait for it."""
    site = site_of(request)
    found = steps.waiting_for(site.workspace, site.on_offer.get(), person.person_id)
    template = "_waiting.html.jinja" if _is_part(request) else "waiting.html.jinja"
    return render(request, template, waiting=found)


@person_needed
def history(request: Request, person: Person) -> Response:
    """Show the movements of one's wallet before one of them."""
    before = request.query_params.get("before", "")
    if before and (not before.isascii() or not before.isdecimal() or len(before) >= MOST_DIGITS):
        raise HTTPException(404)
    workspace = site_of(request).workspace
    standing = steps.my_standing(workspace, person.person_id)
    return render(
        request,
        "history.html.jinja",
        history=steps.my_history(workspace, person.person_id, int(before) if before else None),
        shown=HISTORY,
        zone=time_zone(standing.zone),
    )


@person_needed
def settings(request: Request, person: Person) -> Response:
    """Show the settings."""
    return _settings(request, person)


@person_needed
def save_settings(request: Request, person: Person) -> Response:
    """Save the settings."""
    given, site = form(request), site_of(request)
    before = steps.my_standing(site.workspace, person.person_id).settings.display_name
    try:
        if given.get("display_name", "").strip() != (before or ""):
            site.limits.take(NAMES, person.person_id)
        steps.set_person(
            site.workspace,
            person.person_id,
            name=given.get("display_name", "").strip(),
            zone=given.get("time_zone", "").strip(),
            hidden="shown" not in given,
        )
    except TooOftenError as error:
        raise too_often(error) from None
    except UsageError as error:
        return _settings(request, person, 422, str(error))
    return RedirectResponse("/me?done=settings", 303)


def _settings(request: Request, person: Person, status: int = 200, refused: str = "") -> Response:
    standing = steps.my_standing(site_of(request).workspace, person.person_id)
    given = form(request)
    return render(
        request,
        "settings.html.jinja",
        status,
        person=person,
        provider=site_of(request).openid,
        settings=standing.settings,
        display_name=given.get("display_name", standing.settings.display_name or ""),
        time_zone=given.get("time_zone", standing.settings.time_zone or ""),
        zones=sorted(available_timezones()),
        zone_now=standing.zone,
        refused=refused,
    )


def _is_part(request: Request) -> bool:
    return request.headers.get("HX-Request") == "true"


PART = Part(
    routes=(
        Route("/", start, methods=["GET"]),
        Route("/me", me, methods=["GET"]),
        Route("/me/points", points, methods=["GET"]),
        Route("/me/events", hear, methods=["GET"]),
        Route("/me/waiting", waiting, methods=["GET"]),
        Route("/me/history", history, methods=["GET"]),
        Route("/me/settings", settings, methods=["GET"]),
        Route("/me/settings", save_settings, methods=["POST"]),
    ),
    navigation=(Link("/me", "My page"),),
)
