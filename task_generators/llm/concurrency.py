"""Sends many requests, a few at once, and saves the answers as they come: a stopped run loses next to nothing."""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from task_generators.llm.errors import UnusableReplyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

Item = TypeVar("Item")
Answer = TypeVar("Answer")

SAVE_EVERY = 25
"""Answers saved at once: a killed run loses at most these and the pending requests."""

INTERRUPTED_SECONDS = 2.0
"""How long pending requests are waited for after an interrupt: they are paid, and people wait."""


@dataclass(slots=True)
class Asked:
    """Counts of items: ``failures`` are unusable replies by fault, not saved; ``left`` items were not admitted."""

    answered: int = 0
    failed: int = 0
    left: int = 0
    failures: dict[str, int] = field(default_factory=dict)


def ask_each(
    items: Iterable[Item],
    ask: Callable[[Item], Answer],
    save: Callable[[list[Answer]], None],
    *,
    concurrency: int,
    advance: Callable[[int], None] = lambda _: None,
    save_every: int = SAVE_EVERY,
    admit: Callable[[Item], bool] = lambda _: True,
    ended: Callable[[Item], None] = lambda _: None,
) -> Asked:
    """Ask about items, ``concurrency`` at once, and save the answers, ``save_every`` at once or a few more.

    Items are taken only as fast as they are answered. However the run ends, every answer is saved; after an interrupt,
    those that come within ``INTERRUPTED_SECONDS``.

    Args:
        items: what to ask about.
        ask: asks about one item; called from several threads.
        save: stores answers; called from this thread.
        concurrency: the most pending requests.
        advance: receives 1 after each item.
        save_every: the fewest answers that are saved at once, but at the end.
        admit: whether an item may be asked about now; asked again after each answer, and the run ends if none is
            pending.
        ended: called from this thread when something came of an item.

    Raises:
        ConnectionFailedError: from ``ask``; the answers until then, and those of pending requests, are saved.
    """
    result = Asked()
    remaining = iter(items)
    ready: list[Answer] = []
    pool = ThreadPoolExecutor(concurrency)
    running: dict[Future[Answer], Item] = {}
    kept_back: list[Item] = []
    grace: float | None = None

    def may_be_asked() -> Iterator[Item]:
        for _ in range(2 * concurrency - len(running)):
            item = kept_back.pop() if kept_back else next(remaining, None)
            if item is None:
                return
            if not admit(item):
                kept_back.append(item)
                return
            yield item

    try:
        while True:
            running |= {pool.submit(ask, item): item for item in list(may_be_asked())}
            if not running:
                break
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                ended(running.pop(future))
                try:
                    ready.append(future.result())
                    result.answered += 1
                except UnusableReplyError as error:
                    result.failed += 1
                    result.failures[str(error)] = result.failures.get(str(error), 0) + 1
                advance(1)
            if len(ready) >= save_every:
                save(ready)
                ready = []
    except KeyboardInterrupt:
        grace = INTERRUPTED_SECONDS
        raise
    finally:
        pending = {future for future in running if not future.cancel()}
        pool.shutdown(wait=False)
        if ready:
            save(ready)
        done = wait(pending, grace).done
        for future in done:
            ended(running[future])
        if late := [future.result() for future in done if future.exception() is None]:
            save(late)
    result.left = len(kept_back) + sum(1 for _ in remaining)
    return result
