"""Seed feedback with the response (figure 3 of ChatFeedback): a model rates an answer that it gave in a chat.

It is asked once the answer has ended and is paid, by a request of its own to the endpoint that gave the answer: the
answer is the same with and without it, nothing of the rating is in the stream, an answer whose rating fails is an
answer, and its tokens can be told from those that points paid. The money is ``llm.budget``'s.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import threading
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool

from chatfeedback.steps.money import CHAT_SEED, spent_of_budget
from task_generators.llm.answers import UnfinishedAnswerError, whole_answer
from task_generators.llm.errors import UnusableReplyError
from task_generators.llm.meter import BYTES_PER_TOKEN, REQUEST_BYTES, Meter, listening
from task_generators.llm.upstream import UpstreamError
from task_generators.seed_feedback.self_rated import AFTERWARDS_VERSION, own_rating, rating_asked, rating_in
from workspaces.store.chat_exchanges import keep_rating
from workspaces.store.seed_feedback import save_seeds
from workspaces.store.spending import Tokens, cost_micros, save_usage
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from pydantic import JsonValue

    from chatfeedback.steps.chat_models import ChatModel
    from workspaces.records import SeedFeedback
    from workspaces.workspace import Workspace

_LOG = logging.getLogger("chatfeedback.chat")

REPLY_TOKENS = 400
"""Of a rating; models that think before they write take more than the rating itself."""

SECONDS = 60.0
"""How long a model may take to rate."""

MOST_AT_ONCE = 4
MOST_WAITING = 100
"""Ratings that are asked for at the same time, and that wait; further ones are left to ``chatfeedback seed``."""


class ChatSeeds:
    """Asks for ratings behind the answers of one workspace's page, within its budget."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._tasks: set[asyncio.Task[None]] = set()
        self._places = asyncio.Semaphore(MOST_AT_ONCE)
        self._reserved: dict[str, int] = {}
        self._reserving = threading.Lock()
        self._meters: dict[str, tuple[str, Meter]] = {}

    def rate_later(self, hold_id: str, model: ChatModel, messages: JsonValue, answer: str) -> None:
        """Let a model rate an answer of its own, without waiting for it.

        Args:
            hold_id: the purchase of the answer, which is recorded.
            model: that gave it; a stand-in rates nothing.
            messages: what it answered.
            answer: its text.
        """
        if model.price is None or not answer.strip() or len(self._tasks) >= MOST_WAITING:
            return
        task = asyncio.create_task(self._rate(hold_id, model, messages, answer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settled(self) -> None:
        """Wait for what is under way."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def aclose(self) -> None:
        """End what is under way; ``chatfeedback seed`` rates those responses once they are shared."""
        for task in self._tasks:
            task.cancel()
        await self.settled()

    async def _rate(self, hold_id: str, model: ChatModel, messages: JsonValue, answer: str) -> None:
        try:
            async with self._places, asyncio.timeout(2 * SECONDS):
                rating = await self._asked(hold_id, model, messages, answer)
            if rating is not None:
                await run_in_threadpool(self._keep, hold_id, model.name, rating)
        except (UpstreamError, UnfinishedAnswerError, UnusableReplyError, TimeoutError) as error:
            _LOG.info("an answer has no seed feedback: %s", type(error).__name__)
        except Exception as error:
            _LOG.warning("an answer has no seed feedback: %s", type(error).__name__)
        finally:
            self._reserved.pop(hold_id, None)

    async def _asked(
        self, hold_id: str, model: ChatModel, messages: JsonValue, answer: str
    ) -> Mapping[str, str] | None:
        """Return the rating; a reply in another form is asked to be mended once. None: the budget does not pay it."""
        unusable: str | None = None
        for _ in range(2):
            request: dict[str, JsonValue] = {
                "model": model.asked_as,
                "messages": rating_asked(messages, answer, unusable),
                "max_tokens": REPLY_TOKENS,
            }
            if not await run_in_threadpool(self._reserve, hold_id, model, request):
                return None
            body = await self._sent(hold_id, model, request)
            text = str(whole_answer(body).turn()["content"])
            try:
                return rating_in(text)
            except UnusableReplyError:
                unusable = text
        raise UnusableReplyError("two replies are no seed feedback", unusable or "")

    async def _sent(self, hold_id: str, model: ChatModel, request: Mapping[str, JsonValue]) -> bytes:
        """Return a reply; its tokens are counted; what was set aside counts as spent if it does not tell them."""
        async with asyncio.timeout(SECONDS):
            body = await model.upstream.whole(request)
        await run_in_threadpool(self._count, model, _usage(body), self._reserved.get(hold_id, 0))
        self._reserved.pop(hold_id, None)
        return body

    def _reserve(self, hold_id: str, model: ChatModel, request: Mapping[str, JsonValue]) -> bool:
        """Set aside what a request costs at most; return whether the budget pays it."""
        llm = self._workspace.config.llm
        if llm is None or llm.budget is None:
            return True
        assert model.price is not None
        size = len(json.dumps(request).encode()) + REQUEST_BYTES
        most = cost_micros(Tokens(1, 0, size // BYTES_PER_TOKEN, REPLY_TOKENS), model.price)
        if most is None:  # the configuration refuses a budget without prices
            return False
        with self._reserving:
            with self._workspace.store.read() as connection:
                spent = spent_of_budget(connection, llm.currency)
            if spent + sum(self._reserved.values()) + most > round(llm.budget * 1_000_000):
                return False
            self._reserved[hold_id] = most
        return True

    def _count(self, model: ChatModel, counts: tuple[object, object], set_aside: int) -> None:
        """Count a reply; ``set_aside`` is what it cost at most, and is charged if it does not tell its tokens."""
        assert model.price is not None
        with self._workspace.store.write() as connection:
            run_id, meter = self._meters.setdefault(model.name, (secrets.token_hex(12), Meter()))
            with listening() as told:
                meter.count(*counts)
            if not all(told):
                meter.charged += set_aside
            save_usage(connection, run_id, CHAT_SEED, model.price, meter.total, utc_now(), meter.charged)

    def _keep(self, hold_id: str, model: str, rating: Mapping[str, str]) -> None:
        """Keep a rating beside its answer, or as seed feedback if the collection has the answer already.

        Where the answer is gone, as after a deletion, its rating is nobody's and goes, too.
        """
        with self._workspace.store.write() as connection:
            response_id = keep_rating(connection, hold_id, rating)
            if response_id is not None:
                save_seeds(connection, [seed_of(response_id, model, rating, utc_now())])


def seed_of(response_id: str, model: str, rating: Mapping[str, str], now: datetime) -> SeedFeedback:
    """Return what a model said of its own answer in a chat as seed feedback, whose agent says that it is that."""
    return own_rating(response_id, model, rating, now, AFTERWARDS_VERSION)


def _usage(body: bytes) -> tuple[object, object]:
    try:
        usage = json.loads(body)["usage"]
        return usage["prompt_tokens"], usage["completion_tokens"]
    except (ValueError, RecursionError, KeyError, TypeError):
        return None, None
