"""How the door says no: in words, as JSON or as a page."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING
from urllib.parse import quote

from django.http import HttpResponse, HttpResponseRedirect, JsonResponse

if TYPE_CHECKING:
    from django.http import HttpRequest

SIGN_IN = "Sign in first: only members of this Label Studio can do this."
CLOSED = "This is closed to annotators. You can take tasks and read, change and delete your own answers."

PAGE = "font: 16px/1.5 system-ui, sans-serif; max-width: 32rem; margin: 15vh auto; padding: 0 1rem"
"""The style of the page that says so."""


class Refused(Exception):  # noqa: N818 - it is an answer, not an error
    """A request that the door does not let through; the text says why, to whoever asked."""


def refuse(request: HttpRequest, words: str, status: int = 403) -> HttpResponse:
    """Return an answer that says ``words``: a page for a browser that asks for one, else JSON."""
    if _wants_a_page(request):
        return HttpResponse(
            '<!doctype html><html lang="en"><meta name="viewport" content="width=device-width">'
            f'<title>Closed</title><body style="{PAGE}"><p>{escape(words)}</p>'
            '<p><a href="/projects/">Your projects</a></p>',
            status=status,
        )
    return JsonResponse({"detail": words, "status_code": status}, status=status)


def ask_to_sign_in(request: HttpRequest) -> HttpResponse:
    """Return the answer to somebody who did not sign in: the way to the form, or status 401."""
    if _wants_a_page(request):
        return HttpResponseRedirect(f"/user/login/?next={quote(request.get_full_path())}")
    return refuse(request, SIGN_IN, status=401)


def _wants_a_page(request: HttpRequest) -> bool:
    path, accept = request.path_info, request.META.get("HTTP_ACCEPT", "")
    return request.method == "GET" and not path.startswith("/api/") and "text/html" in accept
