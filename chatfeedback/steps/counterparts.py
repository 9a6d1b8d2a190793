"""Asks models for counterparts of responses that were rated low, so that people can compare them.

Source: ChatFeedback, section 3: in dynamic mode, a response with a low score is followed by others for comparison.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING

from chatfeedback.steps.admission import Admission
from chatfeedback.steps.advance import ignore, say_nothing
from chatfeedback.steps.low_rated import LowRated
from chatfeedback.steps.metering import metered
from chatfeedback.steps.money import COUNTERPARTS, Money, spent_of_budget
from chatfeedback.steps.redact import redactor_of
from chatfeedback.steps.redaction_state import check_redaction
from chatfeedback.steps.survey import select_conversations
from task_generators.chat_logs.batches import Batch
from task_generators.chat_logs.curation import tag
from task_generators.counterparts.requests import low_turns
from task_generators.seed_feedback.self_rated import own_rating
from workspaces.chunks import in_chunks
from workspaces.config import secret_from_environment
from workspaces.errors import ConfigurationError
from workspaces.records import Generated, Message, Role
from workspaces.store import counterparts as stored
from workspaces.store.counterparts import CounterpartRow
from workspaces.store.requests import FAILED, RequestState
from workspaces.store.seed_feedback import save_seeds
from workspaces.store.spending import Tokens, cost_micros
from workspaces.store.tasks import all_tasks
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    import pyarrow as pa
    import sqlalchemy as sa

    from chatfeedback.steps.advance import Advance, Tell
    from chatfeedback.steps.metering import SaveSpending
    from task_generators.counterparts.generator import Generator
    from task_generators.counterparts.requests import CounterpartRequest, LowTurn
    from workspaces.config import LLMConfig
    from workspaces.privacy.redaction import Redactor
    from workspaces.workspace import Workspace

READ_AT_ONCE = 500
"""Conversations whose seed feedback is read at once."""

PLACED_AT_ONCE = 500
"""Responses that enter the collection at once."""


@dataclass(slots=True)
class ModelRun:
    """One model's part: requests by what came of them, tokens and money.

    ``planned`` requests were to be sent, and cost ``planned_micros`` at most (None without prices). ``made`` of them
    brought a response; ``failed`` ones have an unusable reply or were refused: ``failures`` counts them by fault.
    ``unanswered`` ones are sent again by the next run, and ``left`` ones were not sent: the money does not pay the
    next one, or the model is ``hopeless``, because so many of its replies in a row were unusable.
    """

    agent: str
    planned: int = 0
    planned_micros: int | None = None
    made: int = 0
    failed: int = 0
    failures: dict[str, int] = field(default_factory=dict)
    unanswered: int = 0
    left: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_micros: int = 0
    hopeless: bool = False


@dataclass(slots=True)
class Counterparts:
    """What came of a run: ``low`` turns have a response that was rated low; ``left_out`` counts those that are not
    sent, by reason. ``placed`` responses entered the collection, of this run or of one that was stopped before.
    """

    low: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    models: list[ModelRun] = field(default_factory=list)
    placed: int = 0
    currency: str = "USD"
    money_left_micros: int | None = None
    self_rated: bool = False
    dry_run: bool = False

    @property
    def failed(self) -> int:
        """How many requests have no usable reply, over all models."""
        return sum(run.failed for run in self.models)

    def as_json(self) -> dict[str, object]:
        """Return the figures by name."""
        return asdict(self)


def generate_counterparts(
    workspace: Workspace,
    *,
    limit: int | None = None,
    retry: bool = False,
    dry_run: bool = False,
    advance: Advance = ignore,
    tell: Tell = say_nothing,
) -> Counterparts:
    """Ask each model that generates for a response to every turn of which a response was rated low.

    Only what tasks may show is sent. A request is stored before it is sent, and ends in one state. The response is
    redacted before it is stored, and then enters the collection beside the one that was rated low.

    Args:
        workspace: whose shared conversations.
        limit: the most requests to each model; None: all.
        retry: whether to ask again for what failed.
        dry_run: send and store nothing; say what would be sent, and what it costs at most.
        advance: called with the number of requests that something came of.
        tell: called with a line on rate and money.

    Raises:
        ConfigurationError: no model generates.
        CredentialsError: an endpoint does not accept its key.
        ConnectionFailedError: an endpoint cannot be reached; what was answered until then is kept.
    """
    from task_generators.counterparts.generator import Generator  # the client takes a while to import

    llm = workspace.config.llm
    generating = () if llm is None else llm.each_generator()
    if llm is None or not generating:
        raise ConfigurationError(
            "no model is configured that generates: name one in chatfeedback.yaml, as 'llm: {..., models: [NAME]}'"
        )
    keys = [secret_from_environment(endpoint.api_key_env, "the LLM") for endpoint, _ in generating]
    result = Counterparts(currency=llm.currency, self_rated=llm.counterparts.self_rated, dry_run=dry_run)
    with workspace.exclusive():
        check_redaction(workspace)
        now = utc_now()
        workspace.collection.share_due(now)
        if not dry_run:
            workspace.collection.clear_leftovers()
            result.placed += place_received(workspace)
        turns, redactor = _Turns(workspace, llm), redactor_of(workspace)
        for number, ((endpoint, made), key) in enumerate(zip(generating, keys, strict=True)):
            generator = Generator(endpoint, made, key, self_rated=llm.counterparts.self_rated)
            try:
                with metered(workspace.store, COUNTERPARTS, endpoint, generator.meter) as save_spending:
                    run = _Run(workspace, llm, endpoint, generator, redactor, save_spending, advance, tell)
                    result.models.append(run.run)
                    counted = turns.all() if number else turns.counted(result)
                    requests = islice(run.plan(counted, retry=retry), limit)
                    if dry_run:
                        run.estimate(requests)
                    else:
                        run.send(requests)
                    if not number:
                        deque(counted, maxlen=0)  # a limit ends the requests, and not the figures
                    result.money_left_micros = run.money.left
            finally:
                generator.close()
                if not dry_run:
                    result.placed += place_received(workspace)
    return result


def failed_counterparts(workspace: Workspace) -> list[CounterpartRow]:
    """Return the requests that have no usable reply, oldest first."""
    with workspace.store.read() as connection:
        return stored.counterpart_rows(connection, FAILED)


def place_received(workspace: Workspace) -> int:
    """Let responses that were received enter the collection; return how many did.

    A response to a conversation that is private now waits for its giver's word.
    """
    with workspace.store.read() as connection:
        waiting = stored.counterpart_rows(connection, [RequestState.RECEIVED])
    count = 0
    for rows in in_chunks(waiting, PLACED_AT_ONCE):
        added: dict[str, list[Message]] = {}
        for row in rows:
            added.setdefault(row.conversation_id, []).append(_message(row))
        count += _place(workspace, rows, added)
    return count


def _place(workspace: Workspace, rows: Sequence[CounterpartRow], added: dict[str, list[Message]]) -> int:
    count = 0

    def placed(connection: sa.Connection, message_ids: Collection[str]) -> None:
        nonlocal count
        there, now = [row for row in rows if row.message_id in message_ids], utc_now()
        save_seeds(
            connection,
            [own_rating(row.message_id, row.agent, row.rating, now) for row in there if row.rating],
        )
        stored.settle(connection, [row.request_id for row in there], now)
        count = len(there)

    workspace.collection.add_generated(added, placed, measure=_tagged)
    return count


def _tagged(rows: pa.RecordBatch) -> pa.RecordBatch:
    return tag(Batch(rows)).rows


def _message(row: CounterpartRow) -> Message:
    return Message(
        row.message_id,
        row.parent_id,
        Role.ASSISTANT,
        row.response or "",
        row.agent,
        generated=Generated(row.parameters, row.licence),
    )


class _Turns:
    """The turns of shared conversations of which a response was rated low, as far as tasks may show them."""

    def __init__(self, workspace: Workspace, llm: LLMConfig) -> None:
        self._workspace = workspace
        with workspace.store.read() as connection:
            tasks = all_tasks(connection)
        self._selection = select_conversations(
            workspace, {name for task in tasks.values() for name in task.conversation_ids}
        ).usual
        self._is_low = LowRated(workspace, llm)

    def all(self) -> Iterator[LowTurn]:
        """Yield every turn, conversation by conversation."""
        for some in in_chunks(self._workspace.collection.scan(self._selection.omissions), READ_AT_ONCE):
            taken = [it for it in some if it.id in self._selection.taken]
            self._is_low.load(taken)
            for conversation in taken:
                yield from low_turns(self._selection.shown(conversation), self._is_low)

    def counted(self, result: Counterparts) -> Iterator[LowTurn]:
        """Yield every turn, and count them into a result."""
        reasons: Counter[str] = Counter()
        for turn in self.all():
            result.low += 1
            if turn.reason is not None:
                reasons[turn.reason] += 1
                result.left_out = dict(sorted(reasons.items()))
            yield turn


class _Run:
    """One model's run over the turns."""

    def __init__(
        self,
        workspace: Workspace,
        llm: LLMConfig,
        endpoint: LLMConfig,
        generator: Generator,
        redactor: Redactor,
        save_spending: SaveSpending,
        advance: Advance,
        tell: Tell,
    ) -> None:
        self._workspace = workspace
        self._llm = llm
        self._endpoint = endpoint
        self._generator = generator
        self._redactor = redactor
        self._save_spending = save_spending
        self._advance = advance
        self._tell = tell
        self.run = ModelRun(generator.agent)
        with workspace.store.read() as connection:
            self._states = stored.states_of(connection, generator.agent)
            before = spent_of_budget(connection, llm.currency)
        self.money = Money(endpoint, llm.budget, before, generator.meter)
        self._admission = Admission(self.money)
        self._ended = 0
        self._begun = time.monotonic()

    def plan(self, turns: Iterable[LowTurn], *, retry: bool) -> Iterator[CounterpartRequest]:
        """Yield the requests that have to be sent; a turn that the model has answered already needs none.

        With ``retry`` also those that failed.
        """
        again = {RequestState.PENDING, RequestState.UNANSWERED, *(FAILED if retry else ())}
        for turn in turns:
            if turn.reason is not None or self._generator.agent in turn.models:
                continue
            request = turn.request(self._generator.agent, self._generator.parameters)
            if self._states.get(request.id, RequestState.PENDING) in again:
                yield request

    def estimate(self, requests: Iterable[CounterpartRequest]) -> None:
        """Count what would be sent, and what it costs at most."""
        tokens = Tokens()
        for request in requests:
            most = self._generator.estimate(request)
            tokens = replace(tokens, input=tokens.input + most.input, output=tokens.output + most.output)
            self.run.planned += 1
        self.run.planned_micros = cost_micros(tokens, self._endpoint)

    def send(self, requests: Iterable[CounterpartRequest]) -> None:
        """Send the requests, many at once."""
        from task_generators.llm.in_flight import send_each

        flight = send_each(
            requests,
            self._ask,
            self._save,
            self._generator.chat.endpoint,
            concurrency=self._endpoint.concurrency,
            admit=self._admits,
        )
        self.run.left = sum(1 for _ in flight.left)
        self.run.planned = flight.sent + self.run.left

    async def _ask(self, request: CounterpartRequest) -> stored.EndedCounterpart:
        with self.money.asking(request.id):
            return await self._generator.generate(request)

    def _admits(self, request: CounterpartRequest) -> bool:
        admitted = self._admission.admits(request.id, lambda: self._generator.estimate(request))
        self.run.hopeless = self._admission.hopeless
        return admitted

    def _save(
        self,
        begun: Sequence[CounterpartRequest],
        answers: Sequence[tuple[CounterpartRequest, stored.EndedCounterpart]],
    ) -> None:
        """Store requests that are about to be sent, and what came of others, together with its cost."""
        now = utc_now()
        rows = [
            CounterpartRow(
                each.id,
                each.conversation_id,
                each.parent_id,
                self._generator.agent,
                self._generator.parameters,
                self._generator.licence,
            )
            for each in begun
        ]
        ended = [self._redacted(request, answer) for request, answer in answers]
        for request, _ in answers:
            self.money.release(request.id)
        with self._workspace.store.write() as connection:
            stored.begin(connection, rows, now)
            stored.end(connection, ended, now)
            if answers:
                self._save_spending(connection)
        for each in ended:
            self._note(each)
        self._say_how_far()

    def _redacted(
        self, request: CounterpartRequest, ended: stored.EndedCounterpart
    ) -> stored.EndedCounterpart:
        """Return what came of a request with its text redacted as a part of its conversation."""
        before = [message.content for message in request.path]
        held = [text for text in (ended.response, ended.reply) if text is not None]
        texts = iter(self._redactor.redact([*before, *held]).texts[len(before) :])
        return replace(
            ended,
            response=None if ended.response is None else next(texts),
            reply=None if ended.reply is None else next(texts),
        )

    def _note(self, ended: stored.EndedCounterpart) -> None:
        self._ended += 1
        if ended.state in FAILED:
            fault = ended.fault or ""
            self.run.failed += 1
            self.run.failures[fault] = self.run.failures.get(fault, 0) + 1
        elif ended.state is RequestState.RECEIVED:
            self.run.made += 1
        else:
            self.run.unanswered += 1
        self._admission.note(ended.state)
        self._advance(1)

    def _say_how_far(self) -> None:
        tokens = self._generator.meter.total
        self.run.input_tokens, self.run.output_tokens = tokens.input, tokens.output
        self.run.cost_micros = self.money.spent
        rate = self._ended / max(time.monotonic() - self._begun, 0.001)
        priced = self._endpoint.input_price is not None
        paid = f", {self.money.spent / 1e6:.4f} {self._llm.currency}" if priced else ""
        self._tell(f"{self.run.agent}: {rate:.1f} requests/s{paid}")
