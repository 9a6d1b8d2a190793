"""How challenging the collection's first prompts are."""

from __future__ import annotations

from collections import Counter
from contextlib import nullcontext
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from chatfeedback.steps.advance import ignore
from chatfeedback.steps.first_prompts import first_prompt_batches
from chatfeedback.steps.metering import metered, no_spending
from chatfeedback.steps.money import CHALLENGE, REQUEST_BYTES, Money, spent_of_budget
from task_generators.llm.concurrency import SAVE_EVERY, ask_each
from workspaces.config import secret_from_environment
from workspaces.store.challenges import (
    ChallengeEntry,
    challenged,
    criteria_by_judge,
    disagreement,
    save_challenges,
)
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chatfeedback.steps.advance import Advance
    from chatfeedback.steps.metering import SaveSpending
    from task_generators.labelling.challenge import Judge
    from workspaces.workspace import Workspace

STAND_IN_SAVES = 1000
"""Scores of the offline stand-in saved at a time: they cost nothing to compute again."""


@dataclass(slots=True)
class JudgeScores:
    """One judge's part: prompts scored in this run and their scores; ``failed`` ones are asked about again by the next
    run, and ``left`` ones were not asked about, because ``llm.budget`` does not pay the next one.
    """

    agent: str
    scored: int = 0
    failed: int = 0
    left: int = 0
    scores: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class Challenged:
    """What came of a run, by judge; the other figures are sums over them.

    ``disagreement`` is the share of (prompt, criterion) on which two of the judges differ, over all prompts that
    several of them scored (``compared``), also before this run; None without any.
    """

    agent: str
    scored: int = 0
    failed: int = 0
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
        self.left += part.left
        scores = Counter(self.scores) + Counter(part.scores)
        self.scores = dict(sorted(scores.items()))


def challenge_prompts(
    workspace: Workspace, *, limit: int | None = None, advance: Advance = ignore
) -> Challenged:
    """Score the first prompt of conversations that have no score yet, by each judge or the offline stand-in.

    The cost of the judges' replies is saved with the scores, including the cost of unusable replies; ``llm.budget``
    bounds it together with seed feedback.

    Args:
        workspace: whose collection.
        limit: the most prompts that each judge scores; None: all.
        advance: called with the number of prompts scored since the last call.

    Raises:
        ConnectionFailedError: a judge cannot be reached; the scores until then are kept.
    """
    from task_generators.labelling.challenge import HeuristicJudge, LLMJudge

    llm = workspace.config.llm
    with workspace.exclusive():
        if llm is None:
            stand_in = HeuristicJudge()
            result = Challenged(stand_in.agent)
            result.add(_challenge(workspace, stand_in, no_spending, None, limit, advance, STAND_IN_SAVES))
            return result
        judges = llm.each_judge()
        result = Challenged(", ".join(config.model for config in judges))
        for config in judges:
            judge = LLMJudge(config, secret_from_environment(config.api_key_env, "the LLM"))
            with workspace.store.read() as connection:
                before = spent_of_budget(connection, llm.currency)
            money = Money(config, llm.budget, before, judge.meter)
            with metered(workspace.store, CHALLENGE, config, judge.meter) as save_spending:
                result.add(_challenge(workspace, judge, save_spending, money, limit, advance, SAVE_EVERY))
        with workspace.store.read() as connection:
            met = criteria_by_judge(connection, [config.model for config in judges])
        differing = [share for each in met.values() if (share := disagreement(each)) is not None]
        if differing:
            result.compared, result.disagreement = len(differing), sum(differing) / len(differing)
        return result


def _challenge(
    workspace: Workspace,
    judge: Judge,
    save_spending: SaveSpending,
    money: Money | None,
    limit: int | None,
    advance: Advance,
    save_every: int,
) -> JudgeScores:
    scores: Counter[int] = Counter()

    def score(prompt: tuple[str, str]) -> ChallengeEntry:
        with nullcontext() if money is None else money.asking(prompt[0]):
            criteria = tuple(criterion.value for criterion in judge.judge(prompt[1]))
        return ChallengeEntry(prompt[0], judge.agent, judge.prompt_version, criteria, utc_now())

    def save(entries: list[ChallengeEntry]) -> None:
        with workspace.store.write() as connection:
            save_challenges(connection, entries)
            save_spending(connection)
        scores.update(len(entry.criteria) for entry in entries)

    try:
        outcome = ask_each(
            islice(_unscored(workspace, judge), limit),
            score,
            save,
            concurrency=judge.concurrency,
            advance=advance,
            save_every=save_every,
            admit=lambda prompt: money is None or money.reserve(*_estimate(prompt)),
            ended=lambda prompt: None if money is None else money.release(prompt[0]),
        )
    finally:
        judge.close()
    by_score = dict(sorted(scores.items()))
    return JudgeScores(judge.agent, outcome.answered, outcome.failed, outcome.left, by_score)


def _estimate(prompt: tuple[str, str]) -> tuple[str, int, int]:
    """Return a prompt's conversation, and the most tokens of the request to score it, which is sent twice at most."""
    from task_generators.labelling.challenge import MAX_CHARACTERS, SYSTEM
    from task_generators.llm.chat import MAX_REPLY_TOKENS
    from task_generators.llm.meter import BYTES_PER_TOKEN

    size = len(SYSTEM) + len(prompt[1][:MAX_CHARACTERS].encode("utf-8", "replace")) + REQUEST_BYTES
    return prompt[0], 2 * (size // BYTES_PER_TOKEN), 2 * MAX_REPLY_TOKENS


def _unscored(workspace: Workspace, judge: Judge) -> Iterator[tuple[str, str]]:
    for batch in first_prompt_batches(workspace):
        with workspace.store.read() as connection:
            names = [name for name, _ in batch]
            done = challenged(connection, names, judge.agent, judge.prompt_version)
        yield from ((name, prompt) for name, prompt in batch if name not in done)
