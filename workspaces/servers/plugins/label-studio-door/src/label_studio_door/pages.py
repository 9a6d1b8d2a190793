"""Label Studio's pages as an annotator sees them: without the buttons that the door makes dead."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.http import HttpResponse

STYLE = b"""<style>
a[href$="/settings"], a[href*="/settings/"], a[href$="/data/import"], a[href$="/data/export"],
a[href^="/organization"], a[href^="/people"], a[href^="/models"], a[href^="/user/account"] { display: none !important }
</style>"""
"""Hides what leads to closed pages."""


def dress(response: HttpResponse) -> None:
    """Put the style into a page; leave any other answer as it is."""
    if response.streaming or not response.get("Content-Type", "").startswith("text/html"):
        return
    response.content = response.content.replace(b"</head>", STYLE + b"</head>", 1)
    if response.has_header("Content-Length"):
        response["Content-Length"] = str(len(response.content))
