"""How challenging the collection's first prompts are."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from chatfeedback.steps.admission import Admission
from chatfeedback.steps.advance import ignore
from chatfeedback.steps.first_prompts import first_prompt_batches
from chatfeedback.steps.metering import metered
from chatfeedback.steps.money import CHALLENGE, Money, spent_of_budget
from workspaces.chunks import in_chunks
from workspaces.config import secret_from_environment
from workspaces.records import stable_id
from workspaces.store.challenges import (
    ChallengeEntry,
    challenged,
    criteria_by_judge,
    disagreement,
    save_challenges,
)
from workspaces.store.label_requests import (
    LabelRequest,
    begin_labels,
    end_labels,
    failed_labels,
)
from workspaces.store.requests import FAILED, Ended, RequestState
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pydantic import SecretStr

    from chatfeedback.steps.advance import Advance
    from task_generators.labelling.challenge import Criterion
    from task_generators.llm.outcomes import Failure
    from workspaces.config import LLMConfig
    from workspaces.workspace import Workspace

STAND_IN_SAVES = 1000
"""Scores of the offline stand-in saved at a time: they cost nothing to compute again."""


@dataclass(slots=True)
class JudgeScores:
    """One judge's part: prompts scored in this run and their scores.

    ``failed`` prompts have an unusable reply or were refused: ``failures`` counts them by fault. ``unanswered`` ones
    are asked about again by the next run. ``left`` ones were not asked about: ``llm.budget`` does not pay the next one,
    or the judge is ``hopeless``, because so many of its replies in a row were unusable.
    """

    agent: str
    scored: int = 0
    failed: int = 0
    failures: dict[str, int] = field(default_factory=dict)
    unanswered: int = 0
    left: int = 0
    hopeless: bool = False
    scores: dict[int, int] = field(default_factory=dict)

    def note(self, ended: Ended) -> None:
        """Count what came of a request."""
        if ended.state in FAILED:
            self.failed += 1
            self.failures[ended.fault or ""] = self.failures.get(ended.fault or "", 0) + 1
        elif ended.state is RequestState.UNANSWERED:
            self.unanswered += 1

    def add(self, entries: Sequence[ChallengeEntry]) -> None:
        """Count scores."""
        self.scored += len(entries)
        scores = Counter(self.scores) + Counter(len(entry.criteria) for entry in entries)
        self.scores = dict(sorted(scores.items()))


@dataclass(frozen=True, slots=True)
class PromptRequest:
    """A request to one judge about the first prompt of a conversation; ``id`` depends on the judge and the text."""

    id: str
    conversation_id: str
    prompt: str


@dataclass(slots=True)
class Challenged:
    """What came of a run, by judge; the other figures are sums over them.

    ``disagreement`` is the share of (prompt, criterion) on which two of the judges differ, over all prompts that
    several of them scored (``compared``), also before this run; None without any.
    """

    agent: str
    scored: int = 0
    failed: int = 0
    unanswered: int = 0
    left: int = 0
    scores: dict[int, int] = field(default_factory=dict)
    judges: list[JudgeScores] = field(default_factory=list)
    compared: int = 0
    disagreement: float | None = None

    def add(self, part: JudgeScores) -> None:
        """Add what came of one judge's run."""
        self.judges.append(part)
        self.scored += part.scored
        self.failed += part.failed
        self.unanswered += part.unanswered
        self.left += part.left
        scores = Counter(self.scores) + Counter(part.scores)
        self.scores = dict(sorted(scores.items()))


def challenge_prompts(
    workspace: Workspace, *, limit: int | None = None, retry: bool = False, advance: Advance = ignore
) -> Challenged:
    """Score the first prompt of conversations that have no score yet, by each judge or the offline stand-in.

    A request is stored before it is sent; with its score it goes, and else it stays with its state. What has no answer
    is asked again by the next run; an unusable reply is not, but with ``retry``. The cost of the judges' replies is
    saved with the scores, including the cost of unusable replies; ``llm.budget`` bounds it together with seed feedback.

    Args:
        workspace: whose collection.
        limit: the most prompts that each judge scores; None: all.
        retry: whether to ask again for what failed.
        advance: called with the number of prompts that something came of since the last call.

    Raises:
        CredentialsError: an endpoint does not accept its key.
        ConnectionFailedError: a judge cannot be reached; the scores until then are kept.
    """
    llm = workspace.config.llm
    with workspace.exclusive():
        if llm is None:
            return _by_rules(workspace, limit, advance)
        judges = llm.each_judge()
        keys = [secret_from_environment(judge.api_key_env, "the LLM") for judge in judges]
        result = Challenged(", ".join(judge.model for judge in judges))
        for judge, key in zip(judges, keys, strict=True):
            result.add(_by_judge(workspace, llm, judge, key, limit, advance, retry=retry))
        with workspace.store.read() as connection:
            met = criteria_by_judge(connection, [judge.model for judge in judges])
        differing = [share for each in met.values() if (share := disagreement(each)) is not None]
        if differing:
            result.compared, result.disagreement = len(differing), sum(differing) / len(differing)
        return result


def _by_rules(workspace: Workspace, limit: int | None, advance: Advance) -> Challenged:
    from task_generators.labelling.challenge import HeuristicJudge

    judge = HeuristicJudge()
    part = JudgeScores(judge.agent)
    unscored = islice(_unscored(workspace, judge.agent, judge.prompt_version), limit)
    for prompts in in_chunks(unscored, STAND_IN_SAVES):
        entries = [
            _entry(name, judge.agent, judge.prompt_version, judge.judge(prompt)) for name, prompt in prompts
        ]
        with workspace.store.write() as connection:
            save_challenges(connection, entries)
        part.add(entries)
        advance(len(entries))
    result = Challenged(judge.agent)
    result.add(part)
    return result


def _by_judge(
    workspace: Workspace,
    llm: LLMConfig,
    config: LLMConfig,
    key: SecretStr,
    limit: int | None,
    advance: Advance,
    *,
    retry: bool,
) -> JudgeScores:
    from task_generators.labelling.challenge import LLMJudge  # its client is slow to import
    from task_generators.llm.in_flight import send_each
    from task_generators.llm.outcomes import Failure

    judge = LLMJudge(config, key)
    part = JudgeScores(judge.agent)
    with workspace.store.read() as connection:
        money = Money(config, llm.budget, spent_of_budget(connection, llm.currency), judge.meter)
    admission = Admission(money)

    async def ask(request: PromptRequest) -> tuple[Criterion, ...] | Failure:
        with money.asking(request.id):
            return await judge.judge(request.prompt)

    with metered(workspace.store, CHALLENGE, config, judge.meter) as save_spending:

        def save(
            begun: Sequence[PromptRequest],
            answers: Sequence[tuple[PromptRequest, tuple[Criterion, ...] | Failure]],
        ) -> None:
            now = utc_now()
            ended: list[Ended] = []
            entries: list[ChallengeEntry] = []
            for request, answer in answers:
                money.release(request.id)
                if isinstance(answer, Failure):
                    ended.append(Ended(request.id, RequestState(answer.state), answer.fault, answer.reply))
                else:
                    ended.append(Ended(request.id, RequestState.DONE))
                    entries.append(_entry(request.conversation_id, judge.agent, judge.prompt_version, answer))
            rows = [
                LabelRequest(each.id, CHALLENGE, each.conversation_id, each.conversation_id, judge.agent)
                for each in begun
            ]
            with workspace.store.write() as connection:
                begin_labels(connection, rows, now)
                end_labels(connection, ended, now)
                save_challenges(connection, entries)
                if answers:
                    save_spending(connection)
            part.add(entries)
            for each in ended:
                admission.note(each.state)
                part.note(each)
            advance(len(ended))

        try:
            flight = send_each(
                islice(_requests(workspace, judge.agent, judge.prompt_version, retry=retry), limit),
                ask,
                save,
                judge.chat.endpoint,
                concurrency=config.concurrency,
                admit=lambda request: admission.admits(request.id, lambda: judge.estimate(request.prompt)),
            )
            part.left, part.hopeless = sum(1 for _ in flight.left), admission.hopeless
        finally:
            judge.close()
    return part


def _entry(name: str, agent: str, prompt_version: str, criteria: Sequence[Criterion]) -> ChallengeEntry:
    return ChallengeEntry(name, agent, prompt_version, tuple(map(str, criteria)), utc_now())


def _requests(
    workspace: Workspace, agent: str, prompt_version: str, *, retry: bool
) -> Iterator[PromptRequest]:
    """Yield the requests to a judge that have to be sent; with ``retry`` also those that failed."""
    from task_generators.labelling.challenge import MAX_CHARACTERS

    with workspace.store.read() as connection:
        failed = frozenset() if retry else failed_labels(connection, CHALLENGE, agent)
    for name, prompt in _unscored(workspace, agent, prompt_version):
        shown = prompt[:MAX_CHARACTERS]
        request = PromptRequest(stable_id(CHALLENGE, agent, prompt_version, name, shown), name, shown)
        if request.id not in failed:
            yield request


def _unscored(workspace: Workspace, agent: str, prompt_version: str) -> Iterator[tuple[str, str]]:
    """Yield id and first prompt of the conversations that a judge has not scored."""
    for batch in first_prompt_batches(workspace):
        with workspace.store.read() as connection:
            done = challenged(connection, [name for name, _ in batch], agent, prompt_version)
        yield from ((name, prompt) for name, prompt in batch if name not in done)
