"""What ShareLM's browser plug-in posts, and the way in for those who posted: ``web.sharelm_plugin`` switches it on.

The plug-in posts to ``/api/endpoint``, without an account and once, so that a post is kept before it is answered. Its
user's random id is what proves whose a conversation is, as in ShareLM's own contact form: it is never shown here.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, TypeVar

from pydantic import TypeAdapter, ValidationError
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from chatfeedback import steps
from chatfeedback.steps import plugin_posts
from chatfeedback.steps.plugin_posts import Named, Post, UserId
from chatfeedback.web.bodies import form, too_long
from chatfeedback.web.guard import too_often
from chatfeedback.web.limits import Limit, TooOftenError, address_of
from chatfeedback.web.pages import render
from chatfeedback.web.receipts import shown
from chatfeedback.web.sessions import begin
from chatfeedback.web.sign_in import PER_ADDRESS
from chatfeedback.web.site import Part, site_of
from chatfeedback.web.writing import writing
from workspaces.errors import UsageError, WorkbenchError
from workspaces.store.web_sessions import may_enter

if TYPE_CHECKING:
    from starlette.requests import Request

    from workspaces.workspace import Workspace

PATH = "/api/endpoint"
ENTER_PATH = "/sign-in/sharelm"
LARGEST_POST = 1024 * 1024
"""Bytes of one conversation."""

OF_USER = Limit("posts of a user", 120, 60 * 60.0)
FROM_ADDRESS = Limit("posts from an address", 600, 60 * 60.0)
WHILE_CROWDED = Limit("posts from an address while many wait", 20, 60 * 60.0)
"""Whoever fills the inbox leaves room for others: user ids cost nothing, addresses do."""

MOMENT_SECONDS = 0.2
"""How long posts wait for another step that writes, before they wait for the next one to read them."""

_LOG = logging.getLogger("chatfeedback.web")
_USER_ID: TypeAdapter[str] = TypeAdapter(UserId)
Body = TypeVar("Body", bound=Named)


async def post(request: Request) -> Response:
    """Keep a post, and answer as ShareLM's own server does."""
    given = await _read(request, Post)
    workspace = site_of(request).workspace
    if await run_in_threadpool(plugin_posts.is_crowded, workspace):
        _take(request, WHILE_CROWDED)
    if not await run_in_threadpool(plugin_posts.keep_post, workspace, given):
        raise HTTPException(503, "Too many conversations wait already: try again later.")
    said = {"message": "Conversation saved successfully", "conversation_id": given.conversation_id}
    return JSONResponse(said, background=BackgroundTask(_collect, workspace))


async def delete(request: Request) -> Response:
    """Delete a conversation that this user posted, and give the receipt."""
    named = await _read(request, Named)
    try:
        receipts, complete = await run_in_threadpool(_delete, site_of(request).workspace, named)
    except UsageError:
        raise HTTPException(404, "This user gave no such conversation.") from None
    return JSONResponse({"receipts": [shown(receipt) for receipt in receipts], "complete": complete})


async def preflight(request: Request) -> Response:
    """Tell a browser that the plug-in may post from the page of a chat."""
    _switched_on(request)
    return Response(status_code=204)


def enter_page(request: Request) -> Response:
    """Ask for the user id that the plug-in copies."""
    _switched_on(request)
    return render(request, "sharelm.html.jinja", refused="")


def enter(request: Request) -> Response:
    """Sign in whoever has the id of a user who posted something."""
    _switched_on(request)
    site = site_of(request)
    _take(request, PER_ADDRESS)
    with writing():
        person_id = _giver(site.workspace, form(request).get("user_id", "").strip())
    if person_id is None:
        refused = "No conversation came from this user id, or it is barred."
        return render(request, "sharelm.html.jinja", 403, refused=refused)
    site.limits.undo(PER_ADDRESS, address_of(request))
    return begin(request, RedirectResponse("/me/chats", 303), person_id, is_lead=False, platform=None)


def _giver(workspace: Workspace, typed: str) -> str | None:
    try:
        user_id = _USER_ID.validate_python(typed)
    except ValidationError:
        return None
    _collect(workspace)
    person_id = plugin_posts.giver_of_plugin(workspace, user_id)
    with workspace.store.read() as connection:
        return person_id if person_id and may_enter(connection, person_id, None) else None


async def _read(request: Request, kind: type[Body]) -> Body:
    """Return the body of a request of the plug-in.

    Raises:
        HTTPException: 404, it is switched off; 413, too long; 422, another shape; 429, too often.
    """
    _switched_on(request)
    _take(request, FROM_ADDRESS)
    try:
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > LARGEST_POST:
                raise too_long(LARGEST_POST)
        given = kind.model_validate_json(bytes(body))
        site_of(request).limits.take(OF_USER, given.user_id)
    except TooOftenError as error:
        raise too_often(error) from None
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"] if part in Post.model_fields)
        raise HTTPException(422, f"This is no post of the plug-in: {where or 'the body'}.") from None
    return given


def _take(request: Request, limit: Limit) -> None:
    """Count a request of an address.

    Raises:
        HTTPException: 429, too often.
    """
    try:
        site_of(request).limits.take(limit, address_of(request))
    except TooOftenError as error:
        raise too_often(error) from None


def _switched_on(request: Request) -> None:
    if not site_of(request).workspace.config.web.sharelm_plugin:
        raise HTTPException(404)


def _delete(workspace: Workspace, named: Named) -> tuple[list[steps.Receipt], bool]:
    if not plugin_posts.is_known(workspace, named):  # before it takes a place of those who write
        raise UsageError("there is no such conversation")
    with writing():
        plugin_posts.collect_posts(workspace)
        was_unreadable = plugin_posts.drop_unreadable(workspace, named)
        name = plugin_posts.id_of_post(workspace, named)  # made of both ids: nobody else's
        try:
            return steps.delete_conversations(workspace, [name], by="giver"), True
        except UsageError:
            if was_unreadable:
                return [], True
            raise
        except WorkbenchError:  # a platform cannot be asked
            receipts = steps.receipts_of_conversations(workspace, [name])
            if not receipts:
                raise
            return receipts, False


def _collect(workspace: Workspace) -> None:
    """Read the posts that wait, unless another step is at work; then the next step does."""
    try:
        plugin_posts.collect_posts(workspace, wait_seconds=MOMENT_SECONDS)
    except WorkbenchError as error:
        _LOG.info("posts of the plug-in wait: %s", type(error).__name__)


PART = Part(
    routes=(
        Route(PATH, post, methods=["POST"]),
        Route(PATH, delete, methods=["DELETE"]),
        Route(PATH, preflight, methods=["OPTIONS"]),
        Route(ENTER_PATH, enter_page, methods=["GET"]),
        Route(ENTER_PATH, enter, methods=["POST"]),
    ),
    without_cookies=(PATH,),
    from_anywhere=(PATH,),
)
