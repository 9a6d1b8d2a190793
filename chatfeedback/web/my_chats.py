"""My chats: what I gave, with its state; publish, keep private, delete; thumbs. As easy to withdraw as to give."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse
from starlette.routing import Route

from chatfeedback import steps
from chatfeedback.web.bodies import chosen, form
from chatfeedback.web.pages import render
from chatfeedback.web.receipts import receipts_page
from chatfeedback.web.sessions import Person, person_needed
from chatfeedback.web.site import Link, Part, site_of
from chatfeedback.web.writing import writing
from workspaces.errors import UsageError, WorkbenchError
from workspaces.records import SharingState

if TYPE_CHECKING:
    from datetime import datetime

    from starlette.requests import Request
    from starlette.responses import Response

PATH = "/me/chats"
STATES = {"publish": SharingState.SHARED, "private": SharingState.PRIVATE}
MOST_CHOSEN = 100
"""Conversations in one request."""

MOST_PAGES = 100_000
DONE = {
    "publish": "Shared. You can keep it private or delete it at any time.",
    "private": "Kept private: shown to nobody, and in no new export.",
    "private-later": "Kept private: in no new export. A platform does not answer just now; what is there goes from "
    "there as soon as it does.",
    "thumb": "Your thumb is saved.",
}
"""What a page says after something was done, by the word in its address."""


@person_needed
def chats(request: Request, person: Person) -> Response:
    """Show what one gave."""
    page = _page(request)
    found = steps.my_chats(site_of(request).workspace, person.person_id, page)
    return render(
        request,
        "chats.html.jinja",
        given=found,
        page=page,
        now=site_of(request).clock(),
        hours_left=hours_left,
        done=DONE.get(request.query_params.get("done", ""), ""),
    )


@person_needed
def chat(request: Request, person: Person) -> Response:
    """Show one conversation."""
    name = request.query_params.get("id", "")
    found = steps.my_chat(site_of(request).workspace, person.person_id, name)
    if found is None:
        raise HTTPException(404)
    return render(
        request,
        "one_chat.html.jinja",
        chat=found,
        now=site_of(request).clock(),
        hours_left=hours_left,
        done=DONE.get(request.query_params.get("done", ""), ""),
    )


@person_needed
def change(request: Request, person: Person) -> Response:
    """Publish conversations or keep them private; one that is to be deleted is asked about first."""
    ids, do = _own_ids(request, person), form(request).get("do", "")
    if do == "delete":
        return render(request, "delete_chats.html.jinja", ids=ids)
    if do not in STATES:
        raise HTTPException(422, "What is to be done with them?")
    done = do
    with writing():
        try:
            steps.change_sharing(site_of(request).workspace, ids, STATES[do], by="giver")
        except UsageError:
            raise
        except WorkbenchError:  # a platform cannot be asked
            found = steps.states_of_conversations(site_of(request).workspace, ids)
            if set(found.values()) != {STATES[do]}:
                raise
            done = f"{do}-later"
    return RedirectResponse(f"{_back(request)}{'&' if '?' in _back(request) else '?'}done={done}", 303)


@person_needed
def delete(request: Request, person: Person) -> Response:
    """Delete conversations for good, and show the receipts."""
    ids = _own_ids(request, person)
    workspace, complete = site_of(request).workspace, True
    reason = form(request).get("reason", "").strip()[:500] or None
    with writing():
        try:
            receipts = steps.delete_conversations(workspace, ids, by="giver", reason=reason)
        except WorkbenchError:  # a platform cannot be asked
            receipts, complete = steps.receipts_of_conversations(workspace, ids), False
            if not receipts:
                raise
    return receipts_page(request, receipts, complete=complete)


@person_needed
def thumb(request: Request, person: Person) -> Response:
    """Keep a thumb about a conversation, or about one answer in it; the same one again takes it back."""
    given = form(request)
    (name,) = _own_ids(request, person)[:1]
    value = given.get("thumb", "")
    with writing():
        steps.give_thumb(
            site_of(request).workspace,
            person.person_id,
            name,
            given.get("message") or None,
            None if value == "none" else value,
        )
    return RedirectResponse(f"{PATH}/one?{urlencode({'id': name, 'done': 'thumb'})}", 303)


def hours_left(share_at: datetime, now: datetime) -> int:
    """Return in how many hours a held conversation is shared, rounded up; 0: with the next look."""
    return max(0, -int(-(share_at - now).total_seconds() // 3600))


def _own_ids(request: Request, person: Person) -> list[str]:
    """Return the conversations that a form names.

    Raises:
        HTTPException: 404, one of them is not theirs; 422, it names none or too many.
    """
    ids = list(dict.fromkeys(chosen(request, "id")))
    if not 0 < len(ids) <= MOST_CHOSEN:
        raise HTTPException(422, f"Choose 1 to {MOST_CHOSEN} conversations.")
    with writing():
        own = steps.owns(site_of(request).workspace, person.person_id, ids)
    if not own:
        raise HTTPException(404)
    return ids


def _page(request: Request) -> int:
    given = request.query_params.get("page", "0")
    if not (given.isascii() and given.isdecimal() and len(given) <= len(str(MOST_PAGES))):
        raise HTTPException(404)
    return int(given)


def _back(request: Request) -> str:
    one = form(request).get("one", "")
    if one and one in chosen(request, "id"):
        return f"{PATH}/one?{urlencode({'id': one})}"
    return PATH


PART = Part(
    routes=(
        Route(PATH, chats, methods=["GET"]),
        Route(PATH, change, methods=["POST"]),
        Route(f"{PATH}/one", chat, methods=["GET"]),
        Route(f"{PATH}/delete", delete, methods=["POST"]),
        Route(f"{PATH}/thumb", thumb, methods=["POST"]),
    ),
    navigation=(Link(PATH, "What I gave"),),
)
