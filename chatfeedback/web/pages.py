"""Pages from templates: every text escaped, with the navigation and the CSRF token of whoever looks."""

from __future__ import annotations

from datetime import UTC
from functools import cache
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse

from chatfeedback.safe_text import safe
from chatfeedback.web.csrf import csrf_token, keep_visit
from chatfeedback.web.sessions import signed_in
from chatfeedback.web.site import site_of
from workspaces.grammar import counted, noun_for, word_for

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

    from starlette.requests import Request
    from starlette.responses import Response


def render(request: Request, template: str, status: int = 200, **context: object) -> Response:
    """Return a page.

    Args:
        request: what asks for it.
        template: its name in ``templates``; a name that begins with ``_`` is a part of a page, for htmx.
        status: of the response.
        context: what the template shows. Texts are escaped, also their control characters.
    """
    person = signed_in(request)
    navigation = [
        link
        for link in site_of(request).navigation
        if person is not None and (person.is_lead or not link.for_lead)
    ]
    page = (
        _environment()
        .get_template(template)
        .render(
            context
            | {
                "csrf": csrf_token(request),
                "navigation": navigation,
                "path": request.url.path,
                "signed_in": person is not None,
            }
        )
    )
    response = HTMLResponse(page, status)
    keep_visit(request, response)
    return response


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("chatfeedback.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.globals |= {"counted": counted, "noun_for": noun_for, "word_for": word_for}
    environment.filters |= {"moment": moment, "signed": lambda points: f"{points:+,}".replace("-", "−")}
    return environment


def moment(at: datetime, zone: tzinfo = UTC) -> Markup:
    """Return a time as people of a time zone write it, with the exact time for programs."""
    return Markup('<time datetime="{}">{}</time>').format(
        at.astimezone(UTC).isoformat(timespec="seconds"), f"{at.astimezone(zone):%Y-%m-%d %H:%M}"
    )


def _shown(value: object) -> object:
    """Return a value with its control characters written out: they could turn what stands around them."""
    return safe(value) if isinstance(value, str) and not isinstance(value, Markup) else value
