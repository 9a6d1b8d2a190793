"""The lead's bound on money: what was spent, what requests under way can still cost, and what is left."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from task_generators.llm.meter import listening
from workspaces.store.spending import Tokens, cost_micros, spent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import sqlalchemy as sa

    from task_generators.llm.meter import Meter
    from workspaces.config import LLMConfig

PURPOSE = "seed"
COUNTERPARTS = "counterparts"
CHALLENGE = "challenge"
MODERATION = "moderation"
TOPICS = "topics"
EMBEDDINGS = "embeddings"
RUBRIC = "rubric"
CHAT_SEED = "chat_seed"
OF_BUDGET = (PURPOSE, COUNTERPARTS, CHALLENGE, TOPICS, EMBEDDINGS, RUBRIC, CHAT_SEED)
"""The purposes of requests that ``llm.budget`` bounds together; moderation has prices of its own."""


class Money:
    """Says whether a request can be paid. All amounts are in millionths of the currency.

    Args:
        llm: a judge, with its prices.
        budget: the most money; None: no bound.
        before: what was spent before this run.
        meter: counts the tokens of the replies.
    """

    def __init__(self, llm: LLMConfig, budget: float | None, before: int, meter: Meter) -> None:
        self._llm = llm
        self._budget = None if budget is None else round(budget * 1_000_000)
        self._before = before
        self._meter = meter
        self._reserved: dict[str, int] = {}
        self._untold: set[str] = set()

    @property
    def spent(self) -> int:
        """What this run has spent, by the replies that told their tokens; 0 without prices."""
        return cost_micros(self._meter.total, self._llm) or 0

    @property
    def left(self) -> int | None:
        """What is left of the budget, for requests that are not under way; None without one."""
        if self._budget is None:
            return None
        return self._budget - self._before - self.spent - self._meter.charged - sum(self._reserved.values())

    def reserve(self, request_id: str, input_tokens: int, output_tokens: int) -> bool:
        """Set aside what a request costs at most; return whether the budget allows it."""
        left = self.left
        if left is None:
            return True
        cost = cost_micros(Tokens(1, 0, input_tokens, output_tokens), self._llm) or 0
        if cost > left:
            return False
        self._reserved[request_id] = cost
        return True

    @contextmanager
    def asking(self, request_id: str) -> Iterator[None]:
        """Notice in the block, in any thread or event loop, if a reply to the request does not tell its tokens."""
        with listening() as told:
            try:
                yield
            finally:
                if not all(told):
                    self._untold.add(request_id)

    def release(self, request_id: str) -> None:
        """Give back what was set aside; it is charged if a reply did not tell its tokens.

        Call it before the transaction that saves what came of the request, which then saves the charge as well.
        """
        cost = self._reserved.pop(request_id, 0)
        if request_id in self._untold:
            self._meter.charged += cost
        self._untold.discard(request_id)

    def reserved(self, request_ids: Iterable[str]) -> int:
        """Return what is set aside for requests."""
        return sum(self._reserved.get(each, 0) for each in request_ids)


def spent_of_budget(connection: sa.Connection, currency: str) -> int:
    """Return what counts towards ``llm.budget`` so far, in millionths of the currency."""
    return sum(
        each.cost_micros + each.charged_micros
        for each in spent(connection)
        if each.purpose in OF_BUDGET and each.currency == currency
    )
