"""Adds seed feedback to shared responses."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from chatfeedback.steps.advance import ignore, say_nothing
from chatfeedback.steps.corrections import corrections_for
from chatfeedback.steps.metering import metered
from chatfeedback.steps.money import PURPOSE, Money, spent_on_seeds
from chatfeedback.steps.seed_plan import Asked, asked_before, planned
from chatfeedback.steps.seeded import JudgeRun, Seeded
from task_generators.seed_feedback import HeuristicRater, rate_each, unrated
from workspaces.config import secret_from_environment
from workspaces.store.seed_feedback import save_seeds, seeded_messages
from workspaces.store.seed_requests import (
    RequestRow,
    RequestState,
    ask_again,
    begin_requests,
    end_requests,
)
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from chatfeedback.steps.advance import Advance, Tell
    from chatfeedback.steps.metering import SaveSpending
    from task_generators.seed_feedback.llm import Judged, LLMJudge
    from task_generators.seed_feedback.requests import SeedRequest
    from workspaces.config import LLMConfig
    from workspaces.records import SeedFeedback
    from workspaces.workspace import Workspace

MAX_UNUSABLE = 50
"""The most unusable replies in a row; more are not the fault of single conversations."""


def seed_responses(
    workspace: Workspace, *, retry: bool = False, advance: Advance = ignore, tell: Tell = say_nothing
) -> Seeded:
    """Rate every shared response that has no seed feedback, by each configured judge or the offline stand-in.

    One request rates all unrated responses of a conversation. It is stored before it is sent, and ends in one state.
    What has no answer is asked again by the next run; an unusable reply is not, but with ``retry``. Some responses are
    judged a second time as canaries. With ``llm.transport: batch`` requests are submitted, and a later run reads the
    results. With ``llm.corrections``, a judge is shown some of the responses on which people disagreed with it.

    The cost of replies is saved with the seed feedback, including the cost of unusable replies.

    Args:
        workspace: whose shared conversations.
        retry: whether to ask again for what failed.
        advance: called with the number of responses that were rated since the last call.
        tell: called with a line on rate and money.

    Raises:
        CredentialsError: an endpoint does not accept its key.
        ConnectionFailedError: an endpoint cannot be reached; what was answered until then is kept.
    """
    llm = workspace.config.llm
    with workspace.exclusive():
        workspace.collection.share_due(utc_now())
        if llm is None:
            return _by_rules(workspace, advance)
        judges = llm.each_judge()
        keys = [secret_from_environment(judge.api_key_env, "the LLM") for judge in judges]
        if retry:
            with workspace.store.write() as connection:
                ask_again(connection, [judge.model for judge in judges], utc_now())
        result = Seeded(", ".join(judge.model for judge in judges), currency=llm.currency)
        for judge, key in zip(judges, keys, strict=True):
            from task_generators.llm.batch import MAX_RESULT_BYTES
            from task_generators.llm.bounded import MAX_REPLY_BYTES
            from task_generators.seed_feedback.llm import LLMJudge  # its client takes a while to import

            in_batches = llm.transport == "batch"
            asked = LLMJudge(
                judge.model_copy(update={"timeout_seconds": 600.0}) if in_batches else judge,
                key,
                utc_now,
                *corrections_for(workspace, judge),
                max_bytes=MAX_RESULT_BYTES if in_batches else MAX_REPLY_BYTES,
            )
            try:
                with metered(workspace.store, PURPOSE, judge, asked.meter) as save_spending:
                    seeding = Seeding(workspace, llm, judge, asked, save_spending, advance, tell)
                    result.judges.append(seeding.run)
                    seeding.seed_in_batches() if in_batches else seeding.seed_directly()
            finally:
                asked.close()
        return result


def _by_rules(workspace: Workspace, advance: Advance) -> Seeded:
    rater = HeuristicRater(utc_now)
    with workspace.store.read() as connection:
        rated = seeded_messages(connection, rater.agent, rater.prompt_version)

    def save(seeds: list[SeedFeedback]) -> None:
        with workspace.store.write() as connection:
            save_seeds(connection, seeds)

    count = rate_each(unrated(workspace.collection.scan(), rated), rater, save, advance)
    return Seeded(rater.agent, judges=[JudgeRun(rater.agent, rated=count)])


class Seeding:
    """One judge's run over the collection."""

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
            before = spent_on_seeds(connection, llm.currency)
        self.money = Money(config, llm.budget, before, judge.meter)
        self._unusable = 0
        self._ended = 0
        self._begun = time.monotonic()

    def plan(self) -> Iterable[SeedRequest]:
        """Return the requests that have to be sent; what was answered meanwhile is not looked at again."""
        return planned(self.workspace, self.judge.names, self._llm.canaries, self.asked())

    def asked(self) -> Asked:
        """Return what this judge was asked before."""
        return asked_before(self.workspace.store, self.judge.names)

    def seed_directly(self) -> None:
        """Send the requests one by one, many at once."""
        from task_generators.llm.in_flight import send_each

        flight = send_each(
            self.plan(),
            self.judge.judge,
            self.save,
            self.judge.chat.endpoint,
            concurrency=self._config.concurrency,
            admit=self.admits,
        )
        self.count_left(flight.left)

    def seed_in_batches(self) -> None:
        """Read the results of batches that have ended, and submit new ones."""
        from chatfeedback.steps.seed_batches import read_batches, submit_batches

        read_batches(self)
        submit_batches(self)

    def admits(self, request: SeedRequest) -> bool:
        """Return whether a request may be sent: the money is there, and the judge gives seed feedback at all."""
        if self._unusable > MAX_UNUSABLE:
            self.run.hopeless = True
            return False
        if self.money.left is None:
            return True
        estimate = self.judge.estimate(request)
        return self.money.reserve(request.id, estimate.input, estimate.output)

    def save(self, begun: Sequence[SeedRequest], answers: Sequence[tuple[SeedRequest, Judged]]) -> None:
        """Store requests that are about to be sent, and what came of others, together with its cost."""
        now = utc_now()
        seeds = [seed for _, judged in answers for seed in judged.seeds]
        with self.workspace.store.write() as connection:
            begin_requests(connection, self.rows(begun), now)
            end_requests(connection, [judged.ended for _, judged in answers], now)
            if seeds:
                save_seeds(connection, seeds)
            if answers:
                self.save_spending(connection)
        for request, judged in answers:
            self.note(len(request.targets), request.canary_of is not None, judged)
            self.money.release(request.id, metered=judged.metered)
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

    def note(self, targets: int, is_canary: bool, judged: Judged) -> None:
        """Count what came of a request."""
        state, run = judged.ended.state, self.run
        self._ended += 1
        run.requests += 1
        usable = state is RequestState.DONE
        self._unusable = (
            self._unusable + 1 if state is RequestState.UNUSABLE else 0 if usable else self._unusable
        )
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
