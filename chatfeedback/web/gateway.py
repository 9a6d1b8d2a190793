"""The gateway: ``/v1/chat/completions`` and ``/v1/models`` of OpenAI's protocol, for programs with a person's own key.

An answer is passed on as it comes; its last event waits until the points are captured, so that who saw the end has
paid. Who leaves early has paid as well: the answer is read to its end.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from chatfeedback.steps.chat_keys import person_of_key
from chatfeedback.web.chat_counter import FAILURES, Asked, ChatCounter, RefusedError, counter_of
from chatfeedback.web.chat_outlet import Outlet
from chatfeedback.web.limits import Limit, TooOftenError, address_of
from chatfeedback.web.site import Part, site_of
from task_generators.llm.answers import CUT_SHORT, DONE, UnfinishedAnswerError
from task_generators.llm.upstream import UpstreamError
from workspaces.config import DYNAMIC
from workspaces.errors import ConfigurationError
from workspaces.records import ChatMode

if TYPE_CHECKING:
    from pydantic import JsonValue
    from starlette.types import Receive, Scope, Send

    from chatfeedback.steps.chat_purchases import Bought
    from task_generators.llm.answers import Answer

BASE = "/v1/"
PRIVATE = "X-Chatfeedback-Private"
WRONG_KEYS = Limit("wrong keys", 30, 60.0)
"""How often one address may try a key that is nobody's."""

AT_ONCE_SECONDS = 0.05
"""A body that is there in one piece within this time came with its key: the key is not looked at once more."""

NOT_PRIVATE = ("", "0", "false", "no", "off")


class ChatCompletions:
    """``POST /v1/chat/completions``."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        request = Request(scope, receive)
        try:
            counter, person_id = await _entered(request)
            body, at_once = await _body(request, counter)
            if not at_once:  # a key can be revoked meanwhile
                await _entered(request)
            with counter.turn(person_id):
                private = is_private(request)
                asked = await counter.order(person_id, body, private=private)
                if await request.is_disconnected():  # nobody is there, and nothing was asked yet
                    await counter.fail(asked)
                elif body.get("stream"):
                    with Outlet(send) as outlet:
                        await Streaming(counter, asked, outlet).run()
                else:
                    await (await _whole(counter, asked))(scope, receive, send)
        except RefusedError as error:
            await refusal(error)(scope, receive, send)
        except ClientDisconnect:
            return


class Streaming:
    """Passes an answer on while it comes."""

    def __init__(self, counter: ChatCounter, asked: Asked, outlet: Outlet) -> None:
        self._counter = counter
        self._asked = asked
        self._out = outlet.out
        self._begun = False

    async def run(self) -> None:
        """Pass the answer on, capture its points, then send its end; give the points back if it failed.

        Raises:
            RefusedError: it failed before anything was sent.
        """
        try:
            answer = await self._pass_on()
        except FAILURES as error:
            await self._counter.fail(self._asked)
            refused = failure(error)
            if not self._begun:
                raise refused from None
            await self._say(b"data: " + json.dumps(shape(refused)).encode() + b"\n\n")
        except BaseException:
            await self._counter.fail(self._asked)
            raise
        else:
            await self._say(b"\n\n" + CUT_SHORT + DONE if answer.cut_short else DONE)
        await self._out({"type": "http.response.body", "body": b"", "more_body": False})

    async def _pass_on(self) -> Answer:
        answer = await self._counter.streamed(self._asked, self._say)
        await self._counter.finish(self._asked, answer)
        return answer

    async def _say(self, data: bytes, _answer: Answer | None = None) -> None:
        if not self._begun:
            self._begun = True
            headers = {
                "Content-Type": "text/event-stream; charset=utf-8",
                "X-Accel-Buffering": "no",
                **about(self._asked),
            }
            raw = [
                (name.lower().encode(), value.encode("latin-1", "replace")) for name, value in headers.items()
            ]
            await self._out({"type": "http.response.start", "status": 200, "headers": raw})
        await self._out({"type": "http.response.body", "body": data, "more_body": True})


async def models(request: Request) -> Response:
    """Answer ``GET /v1/models``: the models, and what an answer of each costs."""
    try:
        counter, _ = await _entered(request)
    except RefusedError as error:
        return refusal(error)
    listed = [
        {
            "id": name,
            "object": "model",
            "created": 0,
            "owned_by": "chatfeedback",
            "points": counter.till.price(name, ChatMode.DIRECT),
        }
        for name in counter.models
    ]
    if counter.can_pick():
        listed.insert(
            0,
            {
                "id": DYNAMIC,
                "object": "model",
                "created": 0,
                "owned_by": "chatfeedback",
                "points": max(counter.able().values()),
            },
        )
    return JSONResponse({"object": "list", "data": listed})


def is_private(request: Request) -> bool:
    """Return whether any header of a request says that its chat is private."""
    said = (value for line in request.headers.getlist(PRIVATE) for value in line.split(","))
    return any(value.strip().lower() not in NOT_PRIVATE for value in said)


async def _whole(counter: ChatCounter, asked: Asked) -> Response:
    try:
        body, answer = await counter.whole(asked)
        bought = await counter.finish(asked, answer)
    except FAILURES as error:
        await counter.fail(asked)
        raise failure(error) from None
    except BaseException:
        await counter.fail(asked)
        raise
    return Response(body, media_type="application/json", headers=about(asked, bought))


async def _entered(request: Request) -> tuple[ChatCounter, str]:
    """Return the counter, and whose key a request has.

    Raises:
        RefusedError: it is nobody's.
    """
    site = site_of(request)
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    person_id = None
    if scheme.lower() == "bearer":
        person_id = await run_in_threadpool(person_of_key, site.workspace, key.strip())
    if person_id is None:
        try:
            site.limits.take(WRONG_KEYS, address_of(request))
        except TooOftenError as error:
            raise RefusedError(
                429, "Too many wrong keys", "rate_limit_error", None, {"Retry-After": f"{error.seconds:.0f}"}
            ) from None
        raise RefusedError(
            401,
            "This key is nobody's, or was revoked. Make one on your page of ChatFeedback.",
            "invalid_request_error",
            "invalid_api_key",
        )
    try:
        return counter_of(request.app, site.workspace, site.limits), person_id
    except ConfigurationError:
        raise RefusedError(503, "The lead's configuration lacks the key of a model", "server_error") from None


async def _body(request: Request, counter: ChatCounter) -> tuple[dict[str, JsonValue], bool]:
    """Return what a request asks, and whether all of it was there at once.

    Raises:
        RefusedError: it is too long, or cannot be read.
    """
    most = counter.workspace.config.chat.max_body_kib * 1024
    begun, chunks, body = time.monotonic(), 0, bytearray()
    async for chunk in request.stream():
        chunks += bool(chunk)
        body += chunk
        if len(body) > most:
            raise RefusedError(
                413, f"At most {most // 1024:,} KiB can be sent at once", "invalid_request_error"
            )
    try:
        asked = json.loads(bytes(body))
        json.dumps(asked, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):  # also half a character
        raise RefusedError(
            400, "The body is no JSON that can be passed on", "invalid_request_error"
        ) from None
    if not isinstance(asked, dict):
        raise RefusedError(400, "The body must be a JSON object", "invalid_request_error")
    return asked, chunks == 1 and time.monotonic() - begun < AT_ONCE_SECONDS


def about(asked: Asked, bought: Bought | None = None) -> dict[str, str]:
    """Return the headers that tell of an answer: the model, the price, and whether the chat is recorded."""
    told = {
        "X-Chatfeedback-Model": asked.model.name.encode("ascii", "backslashreplace").decode(),
        "X-Chatfeedback-Points": str(asked.order.purchase.price),
        "X-Chatfeedback-Recorded": "false" if asked.order.private else "true",
    }
    if bought is not None and not bought.response_id:
        told["X-Chatfeedback-Recorded"] = "false"
    if bought is not None and bought.response_id:
        told["X-Chatfeedback-Response"] = bought.response_id
    return told


def failure(error: BaseException) -> RefusedError:
    """Return how an answer that failed is told; the points went back."""
    if isinstance(error, UpstreamError) and error.refused:
        return RefusedError(400, f"{error} (nothing was charged)", "invalid_request_error")
    words = (
        str(error) if isinstance(error, UpstreamError | UnfinishedAnswerError) else "the answer took too long"
    )
    return RefusedError(502, f"{words} (nothing was charged)", "server_error", "upstream_failed")


def shape(error: RefusedError) -> dict[str, object]:
    """Return a refusal in the shape of OpenAI's protocol."""
    return {"error": {"message": error.words, "type": error.kind, "param": None, "code": error.code}}


def refusal(error: RefusedError) -> Response:
    """Return the response to a request that is refused."""
    return JSONResponse(shape(error), error.status, error.headers)


PART = Part(
    routes=(
        Route(f"{BASE}chat/completions", ChatCompletions(), methods=["POST"]),
        Route(f"{BASE}models", models, methods=["GET"]),
    ),
    without_cookies=(BASE,),
)
