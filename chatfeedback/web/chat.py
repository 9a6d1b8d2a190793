"""The chat page: answers of models for points, thumbs, another answer, and two side by side after a low one.

One form does everything, so that it works without JavaScript; ``chat.js`` shows answers while they come.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from chatfeedback.steps.chat_choices import choose_answer, rate_answer
from chatfeedback.steps.chat_keys import list_chat_keys, make_chat_key, revoke_chat_keys
from chatfeedback.web.bodies import form
from chatfeedback.web.chat_counter import FAILURES, RefusedError, counter_of
from chatfeedback.web.chat_outlet import Outlet
from chatfeedback.web.chat_state import ChatState, Turn
from chatfeedback.web.gateway import failure
from chatfeedback.web.pages import render
from chatfeedback.web.sessions import Person, async_person_needed, person_needed
from chatfeedback.web.site import Link, Part, site_of
from reward_engine.accounts import person_account
from reward_engine.ledger import balance
from workspaces.config import DYNAMIC
from workspaces.errors import ConfigurationError
from workspaces.records import ChatMode

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pydantic import JsonValue
    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    from chatfeedback.web.chat_counter import Asked, ChatCounter
    from task_generators.llm.answers import Answer

    Say = Callable[[int, str], Awaitable[None]]
    """Shows a piece of the answer on one side."""

ASKS = ("ask", "again", "two")
"""What a form can do that asks models."""

STATE = "chat state"
"""What the signature of a chat is for."""


@person_needed
def page(request: Request, person: Person) -> Response:
    """Show a new chat."""
    return _shown(request, person, ChatState())


@async_person_needed
async def do(request: Request, person: Person) -> Response:
    """Do what the form says, and show the chat as it is then."""
    said, status, headers = "", 200, {}
    fields = form(request)
    state = _state(request, person)
    wish = fields.get("do", "ask")
    try:
        if wish in ASKS:
            state = await _asked(request, person, state, wish, _nothing)
        else:
            state = await run_in_threadpool(_said, request, person, state, wish)
    except RefusedError as error:
        said, status, headers = error.words, error.status, error.headers
    shown = await run_in_threadpool(_shown, request, person, state, said, status)
    shown.headers.update(headers)
    return shown


@async_person_needed
async def stream(request: Request, person: Person) -> Response:
    """Do what the form asks of models, and send their words as they come, and the page's part at the end."""
    return _Streamed(request, person)


class _Streamed(Response):
    """A stream of events; who leaves is not waited for, and what was begun is brought to its end."""

    def __init__(self, request: Request, person: Person) -> None:
        super().__init__()
        self._request, self._person = request, person

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events."""
        with Outlet(send) as outlet:
            await self._events(outlet)

    async def _events(self, outlet: Outlet) -> None:
        async def event(data: dict[str, object]) -> None:
            body = b"data: " + json.dumps(data).encode() + b"\n\n"
            await outlet.out({"type": "http.response.body", "body": body, "more_body": True})

        async def say(side: int, text: str) -> None:
            await event({"side": side, "text": text})

        headers = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"x-accel-buffering", b"no")]
        await outlet.out({"type": "http.response.start", "status": 200, "headers": headers})
        request, person, said = self._request, self._person, ""
        state = ChatState()
        try:
            state = _state(request, person)
            state = await _asked(request, person, state, form(request).get("do", "ask"), say)
        except RefusedError as error:
            said = error.words
        except HTTPException as error:
            said = error.detail
        shown = await run_in_threadpool(_shown, request, person, state, said, 200, "chat_part.html.jinja")
        await event({"page": bytes(shown.body).decode()})
        await outlet.out({"type": "http.response.body", "body": b"", "more_body": False})


async def _nothing(_side: int, _text: str) -> None:
    """Show nothing before the end."""


async def _asked(request: Request, person: Person, state: ChatState, wish: str, say: Say) -> ChatState:
    """Return a chat with what models answered.

    Raises:
        RefusedError: nothing was asked, or no model answered.
    """
    counter = _counter(request)
    prompt = form(request).get("prompt", "").strip()
    if wish == "ask":
        if not prompt:
            raise RefusedError(422, "Write something first.", "invalid_request_error")
        asking = state.asked(prompt)
        with counter.turn(person.person_id):
            order = await _order(counter, person, asking, asking.model)
            return asking.answered(await _turn(counter, order, say, 0))
    if state.last is None:
        raise RefusedError(422, "There is no answer yet.", "invalid_request_error")
    without, mode, at_most = _further(state, state.last)
    if wish == "again":
        with counter.turn(person.person_id):
            order = await _order(counter, person, state, DYNAMIC, without, mode, at_most)
            return state.answered(await _turn(counter, order, say, 0))
    with counter.turn(person.person_id, answers=2):
        return await _two(counter, person, state, without, mode, say)


def _further(state: ChatState, last: Turn) -> tuple[set[str], ChatMode, int | None]:
    """Return who is not to answer the last prompt again, how another answer is priced, and the most that it costs."""
    mode = ChatMode.DYNAMIC if last.dynamic else ChatMode.DIRECT
    return {*state.tried, last.model}, mode, last.points or None


async def _two(
    counter: ChatCounter, person: Person, state: ChatState, without: set[str], mode: ChatMode, say: Say
) -> ChatState:
    """Return a chat with two more answers side by side; with one, if the other failed.

    Raises:
        RefusedError: there are no two further models, or neither answered.
    """
    sides = [await _order(counter, person, state, DYNAMIC, without, mode)]
    try:
        without = {*without, sides[0].model.name}
        sides.append(await _order(counter, person, state, DYNAMIC, without, mode))
        counter.random.shuffle(sides)
        answers = await asyncio.gather(
            *(_turn(counter, asked, say, side) for side, asked in enumerate(sides)),
            return_exceptions=True,
        )
    except BaseException:  # also one that was cancelled before it began to be answered
        await counter.fail(*sides)
        raise
    turns = [answer for answer in answers if isinstance(answer, Turn)]
    for error in answers:
        if isinstance(error, BaseException) and not isinstance(error, RefusedError):
            raise error
    if not turns:
        raise next(error for error in answers if isinstance(error, RefusedError))
    return replace(state, two=tuple(turns)) if len(turns) == 2 else state.answered(turns[0])


async def _order(
    counter: ChatCounter,
    person: Person,
    state: ChatState,
    model: str,
    without: set[str] | frozenset[str] = frozenset(),
    mode: ChatMode | None = None,
    at_most: int | None = None,
) -> Asked:
    messages = state.messages(without_last=bool(without))
    size = len(json.dumps(messages, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    if size > counter.workspace.config.chat.max_body_kib * 1024:
        raise RefusedError(413, "The chat has become too long. Begin a new one.", "invalid_request_error")
    body: dict[str, JsonValue] = {"model": model, "messages": messages, "stream": True}
    return await counter.order(
        person.person_id, body, private=state.private, without=without, at_most=at_most, mode=mode
    )


async def _turn(counter: ChatCounter, asked: Asked, say: Say, side: int) -> Turn:
    """Return the answer to an order, once it is paid.

    Raises:
        RefusedError: it failed; the points went back.
    """
    shown = 0

    async def show(_events: bytes, answer: Answer) -> None:
        nonlocal shown
        new, shown = "".join(answer.texts[shown:]), len(answer.texts)
        if new:
            await say(side, new)

    try:
        answer = await counter.streamed(asked, show)
        bought = await counter.finish(asked, answer)
    except FAILURES as error:
        await counter.fail(asked)
        raise failure(error) from None
    except BaseException:
        await counter.fail(asked)
        raise
    if bought.response_id:
        counter.seed(asked, answer)
    return Turn(
        "assistant",
        str(answer.turn()["content"]),
        asked.model.name,
        bought.response_id or "",
        bought.points,
        asked.order.purchase.mode is ChatMode.DYNAMIC,
    )


def _said(request: Request, person: Person, state: ChatState, wish: str) -> ChatState:
    """Return a chat after what its person said of answers; kept where the chat is recorded."""
    workspace, last = site_of(request).workspace, state.last
    if wish == "new":
        return ChatState(model=state.model)
    if wish in ("up", "down") and last is not None:
        if last.response_id:
            rate_answer(workspace, person.person_id, last.response_id, wish)
        return replace(state, turns=(*state.turns[:-1], replace(last, thumb=wish)))
    if wish in ("left", "right", "tie", "neither") and len(state.two) == 2:
        left, right = state.two
        chosen = right if wish == "right" else left
        if left.response_id and right.response_id:
            better = None if wish in ("tie", "neither") else chosen.response_id
            choose_answer(workspace, person.person_id, (left.response_id, right.response_id), better)
        tried = (*state.tried, left.model, right.model)
        return replace(state.answered(chosen), tried=tried)
    raise HTTPException(400)


def _carried(request: Request, person: Person, state: ChatState) -> str:
    """Return a chat as its page carries it: signed for its person."""
    text = state.packed()
    return f"{site_of(request).signature(STATE, person.person_id + text)}:{text}"


def _state(request: Request, person: Person) -> ChatState:
    """Return the chat that a page sent.

    Raises:
        HTTPException: 400, it is none, or not as this person's page got it.
    """
    fields = form(request)
    signature, _, text = fields.get("state", "").partition(":")
    if (signature or text) and not site_of(request).is_signed(STATE, person.person_id + text, signature):
        raise HTTPException(400, "The chat that the page sent cannot be read. Begin a new one.")
    state = ChatState.unpacked(text)
    return replace(
        state, model=fields.get("model", state.model)[:120], private=state.private or "private" in fields
    )


def _counter(request: Request) -> ChatCounter:
    site = site_of(request)
    try:
        return counter_of(request.app, site.workspace, site.limits)
    except ConfigurationError:
        raise RefusedError(
            503, "The lead's configuration lacks the key of a model.", "server_error"
        ) from None


def _shown(
    request: Request,
    person: Person,
    state: ChatState,
    said: str = "",
    status: int = 200,
    template: str = "chat.html.jinja",
) -> Response:
    site = site_of(request)
    models: list[tuple[str, str]] = []
    another, two_points = False, None
    try:
        counter = _counter(request)
    except RefusedError as error:
        said = error.words
    else:
        if counter.can_pick():
            prices = counter.able().values()
            models.append(
                (DYNAMIC, f"{min(prices)}" if len(set(prices)) == 1 else f"{min(prices)} to {max(prices)}")
            )
        models += [(name, f"{counter.till.price(name, ChatMode.DIRECT)}") for name in counter.models]
        if state.last is not None:
            without, mode, at_most = _further(state, state.last)
            another = bool(counter.able(without, mode, at_most))
            further = sorted(counter.able(without, mode).values())
            two_points = sum(further[-2:]) if len(further) > 1 else None
    with site.workspace.store.read() as connection:
        points = balance(connection, person_account(person.person_id))
    fields = form(request)
    was_asked = not said and fields.get("do", "ask") == "ask"  # else what is typed is not sent yet
    return render(
        request,
        template,
        status,
        state=state,
        carried=_carried(request, person, state),
        models=models,
        dynamic=DYNAMIC,
        points=points,
        two_points=two_points,
        another=another,
        said=said,
        prompt="" if was_asked else fields.get("prompt", ""),
        is_poor=status == 402 or "Not enough points" in said,
        held_hours=site.workspace.config.consent.delay_hours,
    )


@person_needed
def keys(request: Request, person: Person) -> Response:
    """Show a person's keys, with what the form did to them."""
    workspace, fields, made = site_of(request).workspace, form(request), ""
    if fields.get("do") == "make":
        made = make_chat_key(workspace, person.person_id, fields.get("name", ""))
    elif fields.get("do") == "revoke":
        revoke_chat_keys(workspace, person.person_id, fields.get("prefix", ""))
    return render(
        request,
        "chat_keys.html.jinja",
        made=made,
        keys=list_chat_keys(workspace, person.person_id),
        address=site_of(request).address,
    )


PART = Part(
    routes=(
        Route("/chat", page, methods=["GET"]),
        Route("/chat", do, methods=["POST"]),
        Route("/chat/stream", stream, methods=["POST"]),
        Route("/chat/keys", keys, methods=["GET", "POST"]),
    ),
    navigation=(Link("/chat", "Chat"),),
)
