"""My page: points and where they come from, what waits, and settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse
from starlette.routing import Route

from chatfeedback.web.pages import render
from chatfeedback.web.sessions import Person, person_needed
from chatfeedback.web.site import Link, Part

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


async def start(_request: Request) -> Response:
    """Go to one's own page."""
    return RedirectResponse("/me", 303)


@person_needed
def me(request: Request, person: Person) -> Response:
    """Show one's own page."""
    return render(request, "me.html.jinja", person_id=person.person_id)


PART = Part(
    routes=(Route("/", start), Route("/me", me)),
    navigation=(Link("/me", "My page"),),
)
