"""Label Studio's pages as an annotator sees them: without the buttons that the door makes dead."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.http import HttpResponse

STYLE = b"""<style>
a[href$="/settings"], a[href*="/settings/"], a[href$="/data/import"], a[href$="/data/export"],
a[href^="/organization"], a[href^="/people"], a[href^="/models"], a[href^="/user/account"],
[data-testid="dm-import-button"], [data-testid="dm-export-button"],
[aria-label="Create new project"], [aria-label="Tasks Actions"],
section > div.flex.justify-start.gap-4:has(> button), [data-testid="empty-state-label"] > * {
  display: none !important;
}
[data-testid="empty-state-label"]::before {
  content: "Press Label All Tasks for your next task. Your answers will stand here.";
}
</style>"""
"""Hides what leads to closed pages; a button that it misses is dead all the same."""


def dress(response: HttpResponse) -> None:
    """Put the style into a page; leave any other answer as it is."""
    if response.streaming or not response.get("Content-Type", "").startswith("text/html"):
        return
    response.content = response.content.replace(b"</head>", STYLE + b"</head>", 1)
    if response.has_header("Content-Length"):
        response["Content-Length"] = str(len(response.content))
