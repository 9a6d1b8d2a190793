"""Receipts of deletions as strangers see them: without a path of the lead's machine."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Literal

from chatfeedback.web.pages import render
from workspaces.registry import PLATFORMS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from chatfeedback import steps

    Place = Literal["exports_to_make_again", "copies_to_remove", "published_to_replace", "moved_or_removed"]


PLACES: tuple[Place, ...] = (
    "exports_to_make_again",
    "copies_to_remove",
    "published_to_replace",
    "moved_or_removed",
)
"""What a receipt tells of places."""


def shown(receipt: steps.Receipt) -> dict[str, object]:
    """Return what a giver may see of a receipt: exports by their names, and no place of a file."""
    removed = receipt["removed"]
    named: dict[str, list[str]] = {key: _names(removed[key]) for key in PLACES if key in removed}
    told = {name: value for name, value in receipt.items() if name != "path"}
    return {**told, "removed": {**removed, **named}}


def _names(places: Sequence[str]) -> list[str]:
    return sorted({PurePath(place).name for place in places})


def receipts_page(
    request: Request, receipts: Sequence[steps.Receipt], *, complete: bool, gone: bool = False
) -> Response:
    """Show what was deleted; ``gone``: with everything about the person."""
    return render(
        request,
        "receipts.html.jinja",
        receipts=[shown(receipt) for receipt in receipts],
        complete=complete,
        gone=gone,
        titles={name: entry.title for name, entry in PLATFORMS.items()},
    )
