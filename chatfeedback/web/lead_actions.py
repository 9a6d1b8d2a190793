"""What a lead does daily, by the same steps as the commands: each can be sent again and does what is missing."""

from __future__ import annotations

import re
import secrets
from functools import wraps
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout
from pydantic import SecretStr
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse
from starlette.routing import Route

from chatfeedback import steps
from chatfeedback.steps.invitation import invitation
from chatfeedback.web import lead_run
from chatfeedback.web.bodies import form
from chatfeedback.web.pages import render
from chatfeedback.web.sessions import Person, lead_needed
from chatfeedback.web.site import site_of
from chatfeedback.web.writing import writing
from workspaces.errors import UsageError, WorkbenchError, together
from workspaces.grammar import counted
from workspaces.records import SharingState
from workspaces.registry import PLATFORMS
from workspaces.store.conversation_reports import close_report
from workspaces.store.flags import FlagStatus
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from workspaces.workspace import Workspace

BY = "lead"
BUSY_SECONDS = 3.0
"""How long an action waits for another step before it says that the workspace is busy."""

MOST_ADDRESSES = 50
LONGEST_DECISION = 500

CARD = re.compile(r"[a-z]{1,20}-[0-9]{1,6}", re.ASCII)
"""How a page names one of its cards: by what it shows, and its number from 0."""

DECISIONS = {"accept": FlagStatus.ACCEPTED, "dismiss": FlagStatus.DISMISSED}

DONE: Mapping[str, Callable[[int], str]] = {
    "group": lambda _: "The group is set.",
    "revoked": lambda n: f"Access was taken on {counted(n, 'platform')}; answers and points stay.",
    "accepted": lambda n: f"They count now, with {counted(n, 'earlier answer')}.",
    "decided": lambda n: f"{counted(n, 'decision')} saved.",
    "closed": lambda _: "The report is closed, and how to reach who wrote it is forgotten.",
    "published": lambda n: f"{counted(n, 'conversation')} published.",
    "private": lambda n: f"{counted(n, 'conversation')} kept private; their tasks are off the platforms.",
}
"""What a page says after something was done, by the word in its address."""


def done(request: Request, **cards: int) -> tuple[str, str]:
    """Return what was done before a page was opened, in words, and at which card; empty: nothing, at the top.

    Args:
        request: that of the page.
        cards: how many cards of each name the page has. The place after the last one counts as one, too: the card at
            which something was done may be gone.
    """
    words = DONE.get(request.query_params.get("done", ""))
    name, _, number = request.query_params.get("at", "").partition("-")
    return (
        words(_number(request.query_params.get("n", ""))) if words else "",
        f"{name}-{min(_number(number), cards[name])}" if name in cards else "",
    )


def _number(text: str) -> int:
    """Return the number that an address holds; 0 for anything else."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 12 else 0


def _action(act: Callable[[Request, Workspace], Response]) -> Callable[[Request, Person], Response]:
    """Return a page that does something, and says in words why it cannot be done."""

    @wraps(act)
    def page(request: Request, _lead: Person) -> Response:
        workspace = site_of(request).workspace
        try:
            with writing():
                _not_busy(workspace)
                return act(request, workspace)
        except WorkbenchError as error:
            status = 422 if isinstance(error, UsageError) else 503
            return render(request, "lead_refused.html.jinja", status, words=str(error), back=_back(request))

    return page


def _not_busy(workspace: Workspace) -> None:
    """Raise unless the workspace can be written to soon: a page does not wait for minutes."""
    try:
        with FileLock(workspace.path / ".lock", timeout=BUSY_SECONDS):
            return
    except Timeout:
        raise WorkbenchError(
            "The workspace is busy: another step writes to it. Nothing was changed. Try again in a minute."
        ) from None


def _back(request: Request) -> str:
    return {
        "/lead/review": "/lead/review",
        "/lead/review/report": "/lead/review",
        "/lead/publish": "/lead/conversations",
        "/lead/keep-private": "/lead/conversations",
        "/lead/runs": "/lead/runs",
    }.get(request.url.path, "/lead/people")


@lead_needed
@_action
def invite(request: Request, workspace: Workspace) -> Response:
    """Invite people: the passwords and the text to send are shown once. Addresses are kept nowhere."""
    given = form(request).get("addresses", "").replace(",", " ").split()
    addresses = list({each.lower(): each for each in given}.values())
    if not 0 < len(addresses) <= MOST_ADDRESSES:
        raise UsageError(f"Give 1 to {MOST_ADDRESSES} e-mail addresses, with blanks between.")
    passwords = {address: secrets.token_urlsafe(9) for address in addresses}
    made = steps.invite_people(workspace, {address: SecretStr(it) for address, it in passwords.items()})
    places = {PLATFORMS[name].title: at for name, at in made.addresses.items()}
    invited = [
        (
            number,
            made.person_ids.get(address),
            passwords[address] if names else None,
            [PLATFORMS[name].title for name in made.restored[address]],
            invitation(places, {PLATFORMS[name].title for name in names}),
        )
        for number, (address, names) in enumerate(made.new_on.items(), start=1)
    ]
    failures = str(together(made.failures)) if made.failures else ""
    return render(request, "lead_invited.html.jinja", invited=invited, failures=failures)


@lead_needed
@_action
def group(request: Request, workspace: Workspace) -> Response:
    """Put a person into a group, or out of theirs."""
    steps.set_group_of(workspace, _person(request, workspace), form(request).get("group", ""))
    return _done(request, "/lead/people", "group")


@lead_needed
@_action
def revoke(request: Request, workspace: Workspace) -> Response:
    """Take a person's access to the tasks; an invitation gives it back."""
    if form(request).get("sure") != "yes":
        raise UsageError("Tick the box to take somebody's access.")
    result = steps.revoke_access(workspace, _person(request, workspace))
    if result.failures:
        raise together(result.failures)
    return _done(request, "/lead/people", "revoked", len(result.taken))


@lead_needed
@_action
def accept(request: Request, workspace: Workspace) -> Response:
    """Let a stranger's or a barred person's answers count."""
    accepted = steps.accept_people(workspace, [_person(request, workspace)], by=BY)
    return _done(request, "/lead/people", "accepted", sum(each.answers for each in accepted))


@lead_needed
@_action
def decide(request: Request, workspace: Workspace) -> Response:
    """Accept or dismiss a flag or a dispute."""
    given = form(request)
    status = DECISIONS.get(given.get("decision", ""))
    if status is None:
        raise UsageError("Accept or dismiss: nothing else can be decided.")
    take_back = given.get("take_back") == "yes" and status is FlagStatus.ACCEPTED
    decided = steps.decide(workspace, [given.get("id", "")], status, by=BY, take_back=take_back)
    return _done(request, "/lead/review", "decided", len(decided))


@lead_needed
@_action
def close(request: Request, workspace: Workspace) -> Response:
    """Close what a third person reported, with what was done about it."""
    given = form(request)
    decision = given.get("decision", "").strip()[:LONGEST_DECISION] or None
    with workspace.store.write() as connection:
        if not close_report(connection, given.get("report", ""), decision, utc_now()):
            raise UsageError("No report of this number waits.")
    return _done(request, "/lead/review", "closed")


@lead_needed
@_action
def publish(request: Request, workspace: Workspace) -> Response:
    """Publish one conversation, or all that are held."""
    given = form(request)
    if given.get("all") == "yes":
        return _done(request, "/lead/conversations", "published", steps.publish_held(workspace).published)
    changed = steps.change_sharing(workspace, [_conversation(request)], SharingState.SHARED, by=BY)
    return _done(request, "/lead/conversations", "published", changed.changed)


@lead_needed
@_action
def keep_private(request: Request, workspace: Workspace) -> Response:
    """Take a conversation back: nobody is shown it any more, and no export has it."""
    changed = steps.change_sharing(workspace, [_conversation(request)], SharingState.PRIVATE, by=BY)
    return _done(request, "/lead/conversations", "private", changed.changed)


@lead_needed
def run(request: Request, _lead: Person) -> Response:
    """Start a report or an export; one at a time."""
    from exports.registry import all_projections

    given = form(request)
    arguments = {"report": ["report"], "export": ["export", given.get("kind", "")]}.get(given.get("what", ""))
    if arguments is None or (arguments[0] == "export" and arguments[1] not in all_projections()):
        raise HTTPException(
            422, "A report, or an export of a kind that there is: nothing else is started here."
        )
    try:
        lead_run.start(site_of(request).workspace, arguments)
    except WorkbenchError as error:
        status = 409 if isinstance(error, UsageError) else 503
        return render(request, "lead_refused.html.jinja", status, words=str(error), back="/lead/runs")
    return RedirectResponse("/lead/runs", 303)


def _person(request: Request, workspace: Workspace) -> str:
    """Return the pseudonym that a form names; no other name is taken, so that none is asked about here."""
    name = form(request).get("person", "")
    if not workspace.pseudonyms.is_person(name):
        raise UsageError("Nobody here has this pseudonym.")
    return name


def _conversation(request: Request) -> str:
    name = form(request).get("conversation", "").strip()
    if not name:
        raise UsageError("Which conversation? Give its id.")
    return name


def _done(request: Request, path: str, what: str, number: int = 0) -> Response:
    """Return to a page, where one stood on it: at the card that the form says it is ``from_here``."""
    at = CARD.fullmatch(form(request).get("at", ""))
    place = f"&at={at[0]}#done" if at else ""
    return RedirectResponse(f"{path}?done={what}&n={number}{place}", 303)


ROUTES = (
    Route("/lead/invite", invite, methods=["POST"]),
    Route("/lead/group", group, methods=["POST"]),
    Route("/lead/revoke", revoke, methods=["POST"]),
    Route("/lead/accept", accept, methods=["POST"]),
    Route("/lead/review", decide, methods=["POST"]),
    Route("/lead/review/report", close, methods=["POST"]),
    Route("/lead/publish", publish, methods=["POST"]),
    Route("/lead/keep-private", keep_private, methods=["POST"]),
    Route("/lead/runs", run, methods=["POST"]),
)
