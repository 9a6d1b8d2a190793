"""Sends many requests from one thread and saves what comes of them in another; a stopped run loses next to nothing.

Each request is stored before it is sent. The event loop of the endpoint sends; the calling thread reads items, stores
them, and stores the answers: so no transaction keeps a request waiting.
"""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Generic, TypeVar

from task_generators.llm.concurrency import INTERRUPTED_SECONDS
from task_generators.llm.endpoint import HaltedError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Iterator

    from task_generators.llm.endpoint import Endpoint

Item = TypeVar("Item")
Answer = TypeVar("Answer")

SAVE_SECONDS = 0.05
"""The shortest time from one save to the next: a killed run loses the answers of that time, and what was sent."""


SWITCH_SECONDS = 0.0005
"""How long the saving thread may keep the interpreter while the sending one waits for it, after each of its system
calls; Python's own 5 ms cost a fifth of the requests per second.
"""


@dataclass(slots=True)
class Flight(Generic[Item]):
    """What came of a run: how many items were sent, and an iterator over those that ``admit`` kept back."""

    sent: int = 0
    left: Iterator[Item] = field(default_factory=lambda: iter(()))


def send_each(
    items: Iterable[Item],
    ask: Callable[[Item], Coroutine[None, None, Answer]],
    save: Callable[[list[Item], list[tuple[Item, Answer]]], None],
    endpoint: Endpoint,
    *,
    concurrency: int,
    admit: Callable[[Item], bool] = lambda _: True,
) -> Flight[Item]:
    """Send items, ``concurrency`` at once, and save what comes of them.

    Items are taken only as fast as they are answered. However the run ends, answers that came are saved; after an
    interrupt, those that come within ``INTERRUPTED_SECONDS``.

    Args:
        items: what to ask about.
        ask: asks about one item, in the event loop of the endpoint; what it raises ends the run.
        save: stores items that are about to be sent, and answers of items that were; called from this thread.
        endpoint: whose event loop is used.
        concurrency: the most requests at once. As many again stand by.
        admit: whether an item may be sent now; asked again after each answer, and the run ends if none is awaited.

    Raises:
        ConnectionFailedError: from ``ask``; answers until then, and of what was sent, are saved.
    """
    flight: Flight[Item] = Flight()
    source = iter(items)
    kept_back: list[Item] = []
    arrived: SimpleQueue[tuple[Item, Answer | BaseException]] = SimpleQueue()
    ready: list[tuple[Item, Answer]] = []
    awaited = 0
    grace: float | None = None

    def may_be_sent() -> Iterator[Item]:
        for _ in range(2 * concurrency - awaited):
            item = kept_back.pop() if kept_back else next(source, None)
            if item is None:
                return
            if not admit(item):
                kept_back.append(item)
                return
            yield item

    def sort(came: tuple[Item, Answer | BaseException]) -> BaseException | None:
        """Note an answer; return what ended the run instead of one."""
        item, answer = came
        if not isinstance(answer, BaseException):
            ready.append((item, answer))
        elif not isinstance(answer, HaltedError):
            return answer
        return None

    usual = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        while True:
            begun = list(may_be_sent())
            saved = bool(ready)
            if begun or ready:
                save(begun, ready)
                ready = []
                awaited += len(begun)
                flight.sent += len(begun)
                _begin(begun, ask, endpoint, arrived)
            if not awaited:
                if saved:  # what was saved may let one more be sent
                    continue
                break
            first = arrived.get()
            awaited -= 1
            failure = sort(first)
            if failure is None:
                time.sleep(SAVE_SECONDS)
            for came in _drained(arrived):
                awaited -= 1
                failure = failure or sort(came)
            if failure is not None:
                raise failure
    except KeyboardInterrupt:
        grace = INTERRUPTED_SECONDS
        raise
    finally:
        endpoint.halt()
        ends = None if grace is None else time.monotonic() + grace
        with suppress(Empty):
            for _ in range(awaited):
                sort(arrived.get(timeout=None if ends is None else max(ends - time.monotonic(), 0.001)))
        if ready:
            save([], ready)
        sys.setswitchinterval(usual)
    flight.left = chain(kept_back, source)
    return flight


def _begin(
    items: list[Item],
    ask: Callable[[Item], Coroutine[None, None, Answer]],
    endpoint: Endpoint,
    arrived: SimpleQueue[tuple[Item, Answer | BaseException]],
) -> None:
    """Begin to ask about items in the event loop of an endpoint; what comes of each is put into the queue."""

    async def one(item: Item) -> None:
        try:
            arrived.put((item, await ask(item)))
        except BaseException as error:  # handed to the other thread
            arrived.put((item, error))

    def begin() -> None:
        for item in items:
            endpoint.keep(asyncio.ensure_future(one(item)))

    endpoint.loop.call_soon_threadsafe(begin)


def _drained(
    arrived: SimpleQueue[tuple[Item, Answer | BaseException]],
) -> Iterator[tuple[Item, Answer | BaseException]]:
    with suppress(Empty):
        while True:
            yield arrived.get_nowait()
