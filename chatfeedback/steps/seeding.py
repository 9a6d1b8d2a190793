"""One judge's run over the collection: what is sent, what comes of it, and what it costs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from chatfeedback.steps.admission import Admission
from chatfeedback.steps.money import PURPOSE, Money, spent_of_budget
from chatfeedback.steps.seed_plan import asked_before, planned
from chatfeedback.steps.seeded import JudgeRun
from task_generators.llm.in_flight import send_each
from workspaces.store.requests import RequestState
from workspaces.store.seed_feedback import save_seeds
from workspaces.store.seed_requests import RequestRow, begin_requests, end_requests
from workspaces.store.spending import Tokens, save_usage
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import sqlalchemy as sa

    from chatfeedback.steps.advance import Advance, Tell
    from chatfeedback.steps.metering import SaveSpending
    from task_generators.seed_feedback.llm import Judged, LLMJudge
    from task_generators.seed_feedback.requests import SeedRequest
    from workspaces.config import LLMConfig
    from workspaces.workspace import Workspace


class Seeding:
    """One judge's run over the collection.

    Args:
        workspace: whose shared conversations.
        llm: the configuration of all judges.
        config: that of this one.
        judge: asks.
        save_spending: saves the cost of all replies so far, in the transaction that saves some of them.
        advance: called with the number of responses that something came of.
        tell: called with a line on rate and money.
    """

    def __init__(
        self,
        workspace: Workspace,
        llm: LLMConfig,
        config: LLMConfig,
        judge: LLMJudge,
        save_spending: SaveSpending,
        advance: Advance,
        tell: Tell,
    ) -> None:
        self.workspace = workspace
        self.judge = judge
        self.run = JudgeRun(judge.agent)
        self.save_spending = save_spending
        self._llm = llm
        self._config = config
        self._advance = advance
        self._tell = tell
        with workspace.store.read() as connection:
            before = spent_of_budget(connection, llm.currency)
        self.money = Money(config, llm.budget, before, judge.meter)
        self._admission = Admission(self.money)
        self._ended = 0
        self._begun = time.monotonic()

    def plan(self) -> Iterable[SeedRequest]:
        """Return the requests that have to be sent; what was answered meanwhile is not looked at again."""
        return planned(
            self.workspace,
            self.judge.names,
            self._llm.canaries,
            asked_before(self.workspace.store, self.judge.names),
        )

    def seed_directly(self) -> None:
        """Send the requests one by one, many at once."""
        flight = send_each(
            self.plan(),
            self._ask,
            self.save,
            self.judge.chat.endpoint,
            concurrency=self._config.concurrency,
            admit=self.admits,
        )
        self.count_left(flight.left)

    async def _ask(self, request: SeedRequest) -> Judged:
        with self.money.asking(request.id):
            return await self.judge.judge(request)

    def admits(self, request: SeedRequest) -> bool:
        """Return whether a request may be sent: the money is there, and the judge gives seed feedback at all."""
        admitted = self._admission.admits(request.id, lambda: self.judge.estimate(request))
        self.run.hopeless = self._admission.hopeless
        return admitted

    def save(self, begun: Sequence[SeedRequest], answers: Sequence[tuple[SeedRequest, Judged]]) -> None:
        """Store requests that are about to be sent, and what came of others, together with its cost."""
        now = utc_now()
        seeds = [seed for _, judged in answers for seed in judged.seeds]
        for request, _ in answers:
            self.money.release(request.id)
        with self.workspace.store.write() as connection:
            begin_requests(connection, self.rows(begun), now)
            end_requests(connection, [judged.ended for _, judged in answers], now)
            if seeds:
                save_seeds(connection, seeds)
            if answers:
                self.save_spending(connection)
        for request, judged in answers:
            self.note(len(request.targets), request.canary_of is not None, judged)
        self.say_how_far()

    def rows(self, requests: Iterable[SeedRequest]) -> list[RequestRow]:
        """Return requests as they are stored."""
        return [
            RequestRow(
                each.id,
                each.conversation_id,
                *self.judge.names,
                each.purpose,
                {str(number): message_id for number, message_id in each.targets.items()},
                each.canary_of,
            )
            for each in requests
        ]

    def charge(self, connection: sa.Connection, batch_id: str, requests: Iterable[SeedRequest]) -> None:
        """Save what a batch costs at most, until ``settle_usage`` says what it cost; nothing without a budget."""
        if cost := self.money.reserved(each.id for each in requests):
            save_usage(connection, batch_id, PURPOSE, self._config, Tokens(), utc_now(), cost)

    def note(self, targets: int, is_canary: bool, judged: Judged) -> None:
        """Count what came of a request."""
        state, run = judged.ended.state, self.run
        self._ended += 1
        run.requests += 1
        usable = state is RequestState.DONE
        self._admission.note(state)
        if state in (RequestState.UNUSABLE, RequestState.REFUSED):
            fault = judged.ended.fault or ""
            run.failures[fault] = run.failures.get(fault, 0) + 1
        if is_canary:
            run.canaries += usable
            return
        if usable:
            run.rated += targets
        elif state in (RequestState.UNUSABLE, RequestState.REFUSED):
            run.failed += targets
        else:
            run.unanswered += targets
        self._advance(targets)

    def say_how_far(self) -> None:
        """Say rate and money, and take them down for the result."""
        tokens = self.judge.meter.total
        self.run.input_tokens, self.run.output_tokens = tokens.input, tokens.output
        self.run.cost_micros = self.money.spent
        rate = self._ended / max(time.monotonic() - self._begun, 0.001)
        paid = (
            "" if self._config.input_price is None else f", {self.money.spent / 1e6:.4f} {self._llm.currency}"
        )
        self._tell(f"{self.judge.agent}: {rate:.1f} requests/s{paid}")

    def count_left(self, left: Iterable[SeedRequest]) -> None:
        """Count the responses of requests that were not sent, and the money that is left."""
        self.run.left += sum(len(request.targets) for request in left if request.canary_of is None)
        self.run.money_left_micros = self.money.left
