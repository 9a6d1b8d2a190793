"""The look of the pages: the style sheet of the report, and under ``static`` what pages have beside it."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from starlette.responses import Response

if TYPE_CHECKING:
    from starlette.requests import Request

_LOOK = (files("chatfeedback.report") / "templates" / "page.css").read_text(encoding="utf-8")


async def look(_request: Request) -> Response:
    """Return the style sheet of the report."""
    return Response(_LOOK, media_type="text/css")
