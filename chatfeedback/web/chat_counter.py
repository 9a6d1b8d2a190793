"""The counter at which answers are bought, for programs and for the chat page alike: limits, models, and the till.

What answers that begin and end at the same time write is committed together, in a thread that does nothing else.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from random import SystemRandom
from typing import TYPE_CHECKING, TypeVar

from starlette.concurrency import run_in_threadpool

from chatfeedback.steps.chat_messages import NoPromptError
from chatfeedback.steps.chat_models import chat_models, has_other_tools, mode_of, passed_on, pick
from chatfeedback.steps.chat_purchases import Bought, NoPersonError, Order, Till
from chatfeedback.steps.chat_seeds import ChatSeeds
from chatfeedback.steps.redact import redactor_of
from chatfeedback.web.limits import Limit, Limits, TooOftenError
from reward_engine import NotEnoughPointsError
from reward_engine.holds import HoldError
from task_generators.llm.answers import (
    Listening,
    StreamedAnswer,
    TooLongAnswerError,
    UnfinishedAnswerError,
    whole_answer,
)
from task_generators.llm.upstream import UpstreamError
from workspaces.config import DYNAMIC, DynamicRule
from workspaces.grammar import counted, word_for
from workspaces.records import ChatMode
from workspaces.store.group_commit import GroupCommit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
    from concurrent.futures import Future

    import sqlalchemy as sa
    from pydantic import JsonValue

    from chatfeedback.steps.chat_models import ChatModel
    from task_generators.llm.answers import Answer
    from workspaces.workspace import Workspace

Result = TypeVar("Result")

SWEEP_SECONDS = 30.0
"""How often holds that expired are looked for, when somebody buys."""

SAID_AT_ONCE = 4
"""The first parts of an answer are passed on as soon as they are there."""

TOGETHER_SECONDS = 0.02
"""The later ones together, as often as a screen shows something new: tokens one by one cost more of the processor."""

UNDER_WAY_SECONDS = 5.0
"""After so long an answer that is under way has mostly ended."""

SILENT_SECONDS = 5.0
"""An endpoint that has said nothing for so long when the time of its answer is over does not go on."""

FAILURES = (UpstreamError, UnfinishedAnswerError, TimeoutError, HoldError)
"""What an answer that failed raises."""


class RefusedError(Exception):
    """A request is refused; the fields are those of an error of OpenAI's protocol."""

    def __init__(
        self,
        status: int,
        words: str,
        kind: str,
        code: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(words)
        self.status, self.words, self.kind, self.code = status, words, kind, code
        self.headers = headers or {}


@dataclass(frozen=True, slots=True)
class Asked:
    """An order with the model that answers it, and the request that is passed on."""

    order: Order
    model: ChatModel
    request: Mapping[str, JsonValue]


@dataclass
class ChatCounter:
    """Sells answers of the models of one workspace. Made by ``counter_of``."""

    workspace: Workspace
    limits: Limits
    till: Till
    writer: GroupCommit
    models: Mapping[str, ChatModel]
    seeds: ChatSeeds | None = None
    random: SystemRandom = field(default_factory=SystemRandom)
    _under_way: Counter[str] = field(default_factory=Counter)
    _swept: float = 0.0

    async def order(
        self,
        person_id: str,
        request: Mapping[str, JsonValue],
        *,
        private: bool,
        without: Collection[str] = (),
        at_most: int | None = None,
        mode: ChatMode | None = None,
    ) -> Asked:
        """Choose the model, and set points aside.

        Args:
            person_id: who pays.
            request: of OpenAI's protocol.
            private: the chat is not recorded.
            without: models that are not to be picked.
            at_most: the most points that a picked model may cost.
            mode: by which it is priced; None: that which the name of the model says.

        Raises:
            RefusedError: the request is none, the model is unknown, or the points do not suffice.
        """
        asked = request.get("model")
        if not isinstance(asked, str):
            raise RefusedError(400, "model must be the name of a model", "invalid_request_error")
        if not isinstance(request.get("stream") or False, bool):
            raise RefusedError(400, "stream must be true or false", "invalid_request_error")
        if request.get("n") not in (None, 1):
            raise RefusedError(400, "n must be 1: each answer is paid on its own", "invalid_request_error")
        if has_other_tools(request):
            words = (
                "tools must be functions, which you run: those that an endpoint runs cost more than the price"
            )
            raise RefusedError(400, words, "invalid_request_error")
        try:
            path = self.till.path(person_id, request)
        except NoPromptError as error:
            raise RefusedError(400, str(error), "invalid_request_error") from None
        mode = mode or mode_of(asked)
        model = await self._model(asked, without, mode, at_most)
        if time.monotonic() - self._swept > SWEEP_SECONDS:
            self._swept = time.monotonic()
            await self._written(self.till.sweep)
        reserving = self.writer.submit(
            lambda connection: self.till.reserve(
                connection, person_id, path, model.name, mode, private=private
            )
        )
        try:
            order = await asyncio.wrap_future(reserving)
        except asyncio.CancelledError:
            # nobody waits for the answer: what is being set aside goes back at once
            reserving.add_done_callback(self._give_back)
            raise
        except NoPersonError:
            raise RefusedError(
                401, "You are not known here any more.", "invalid_request_error", "invalid_api_key"
            ) from None
        except NotEnoughPointsError as error:
            raise RefusedError(
                402,
                f"Not enough points: {error}. Feedback earns points.",
                "insufficient_quota",
                "insufficient_quota",
            ) from None
        return Asked(order, model, passed_on(request, model))

    async def finish(self, asked: Asked, answer: Answer) -> Bought:
        """Capture the points of an answer that ended, and keep what was said.

        Raises:
            HoldError: it came too late; the points went back.
        """
        exchange = await run_in_threadpool(self.till.exchange, asked.order, answer.turn())
        return await self._written(lambda connection: self.till.capture(connection, asked.order, exchange))

    def seed(self, asked: Asked, answer: Answer) -> None:
        """Let the model rate a recorded answer of its own, if the lead wants seed feedback with the response."""
        if self.seeds is not None:
            text = str(answer.turn()["content"])
            self.seeds.rate_later(asked.order.hold_id, asked.model, asked.request["messages"], text)

    async def fail(self, *asked: Asked) -> None:
        """Give back the points of answers that failed, also where the request is being cancelled.

        What was captured stays so: the cancellation came after the end of the answer.
        """
        releases = [self.writer.submit(partial(self._release, each.order)) for each in asked]
        await asyncio.shield(asyncio.gather(*map(asyncio.wrap_future, releases)))

    def _release(self, order: Order, connection: sa.Connection) -> None:
        with suppress(HoldError):
            self.till.release(connection, order)

    def _give_back(self, reserved: Future[Order]) -> None:
        if not reserved.cancelled() and reserved.exception() is None:
            self.writer.submit(partial(self._release, reserved.result()))

    async def streamed(self, asked: Asked, say: Callable[[bytes, Answer], Awaitable[None]]) -> Answer:
        """Return an answer once it ended, and say its events as they come: soon at first, then some together.

        One that is still being given when its time or our bytes are over ends there (``cut_short``), as if it had all
        its tokens: its reader has what was said until then, and could make any answer last so long.

        Args:
            asked: what is answered.
            say: takes whole events, without the last one, and the answer so far.

        Raises:
            UpstreamError: there is none.
            UnfinishedAnswerError: it did not come to its end.
            TimeoutError: it takes too long, and the endpoint says nothing any more.
        """
        streamed, said, listening = StreamedAnswer(), 0, Listening()
        try:
            async with (
                asyncio.timeout(asked.order.seconds),
                asked.model.upstream.stream(asked.request) as parts,
            ):
                async for part in listening.to(parts):
                    if whole := streamed.feed(part):
                        await say(whole, streamed.answer)
                        said += 1
                    if said > SAID_AT_ONCE and not streamed.has_ended:
                        await asyncio.sleep(TOGETHER_SECONDS)  # what comes meanwhile is read in one piece
                last = streamed.last()
        except TooLongAnswerError:
            return streamed.cut()
        except TimeoutError:
            if listening.silent() > SILENT_SECONDS:
                raise
            return streamed.cut()
        answer = streamed.end()
        if last:
            await say(last, answer)
        return answer

    async def whole(self, asked: Asked) -> tuple[bytes, Answer]:
        """Return a whole reply and what it says.

        Raises:
            RefusedError: there is none.
        """
        async with asyncio.timeout(asked.order.seconds):
            body = await asked.model.upstream.whole(asked.request)
        return body, whole_answer(body)

    async def aclose(self) -> None:
        """End what is asked behind the answers, and close the connections to endpoints."""
        if self.seeds is not None:
            await self.seeds.aclose()
        for model in self.models.values():
            await model.upstream.aclose()

    def _check_turn(self, person_id: str, answers: int) -> None:
        """Check that a person may ask for so many more answers, and count them; if none is under way, two may be asked.

        Raises:
            RefusedError: they ask too often, or for too many at the same time.
        """
        chat, under_way = self.workspace.config.chat, self._under_way[person_id]
        if under_way + answers > max(chat.at_once, answers):
            raise _too_many(
                f"{counted(under_way, 'answer')} {word_for(under_way, 'is', 'are')} under way for you, and at most "
                f"{chat.at_once:,} can be at once. Wait for one to end; nothing was charged for this one",
                UNDER_WAY_SECONDS,
            )
        limit = Limit("chat", chat.requests_per_minute, 60.0)
        for taken in range(answers):
            try:
                self.limits.take(limit, person_id)
            except TooOftenError as error:
                for _ in range(taken):  # of two answers, none is asked for
                    self.limits.undo(limit, person_id)
                raise _too_many(
                    f"You asked for {counted(chat.requests_per_minute, 'answer')} within a minute, which is the most. "
                    f"Try again in {error.seconds:.0f} s; nothing was charged for this one",
                    error.seconds,
                ) from None

    @contextmanager
    def turn(self, person_id: str, answers: int = 1) -> Iterator[None]:
        """Count answers of a person as under way, from before they are ordered until they have ended.

        Raises:
            RefusedError: they ask too often, or for too many at the same time.
        """
        self._check_turn(person_id, answers)
        self._under_way[person_id] += answers
        try:
            yield
        finally:
            self._under_way[person_id] -= answers
            if not self._under_way[person_id]:
                del self._under_way[person_id]

    def able(
        self,
        without: Collection[str] = (),
        mode: ChatMode = ChatMode.DYNAMIC,
        at_most: int | None = None,
    ) -> dict[str, int]:
        """Return the models among which the platform picks, and what they cost, in points; arguments as ``order``."""
        prices = {
            name: self.till.price(name, mode)
            for name, model in self.models.items()
            if model.weight > 0 and name not in without
        }
        return {name: price for name, price in prices.items() if at_most is None or price <= at_most}

    def can_pick(self) -> bool:
        """Return whether the platform can pick a model."""
        return bool(self.able())

    async def _model(
        self, asked: str, without: Collection[str], mode: ChatMode, at_most: int | None
    ) -> ChatModel:
        if asked == DYNAMIC:
            by_data = self.workspace.config.chat.dynamic is DynamicRule.LEAST_DATA
            answers = await run_in_threadpool(self.till.answers) if by_data else {}
            able = [self.models[name] for name in self.able(without, mode, at_most)]
            found = pick(able, self.workspace.config, answers, self.random)
        else:
            found = self.models.get(asked)
        if found is None:
            known = ", ".join(([DYNAMIC] if self.can_pick() else []) + list(self.models)) or "none"
            raise RefusedError(
                404,
                f"There is no model {asked[:80]!r} here, or no further one; models: {known}",
                "invalid_request_error",
                "model_not_found",
            )
        return found

    async def _written(self, work: Callable[[sa.Connection], Result]) -> Result:
        return await asyncio.wrap_future(self.writer.submit(work))


def counter_of(app: object, workspace: Workspace, limits: Limits) -> ChatCounter:
    """Return the counter of an application; made when it is first asked for.

    Raises:
        ConfigurationError: the key of a model is not in the environment.
    """
    state = app.state  # type: ignore[attr-defined]
    if not hasattr(state, "chat_counter"):
        till = Till(workspace, redactor_of(workspace))
        seeds = ChatSeeds(workspace) if workspace.config.chat.seed_feedback else None
        state.chat_counter = ChatCounter(
            workspace, limits, till, GroupCommit(workspace.store), chat_models(workspace.config), seeds
        )
    counter: ChatCounter = state.chat_counter
    return counter


def _too_many(words: str, seconds: float) -> RefusedError:
    """Return the refusal of one more answer, which is free again after some seconds."""
    again = {"Retry-After": f"{seconds:.0f}"}
    return RefusedError(429, words, "rate_limit_error", "rate_limit_exceeded", again)
