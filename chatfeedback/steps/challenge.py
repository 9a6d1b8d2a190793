"""How challenging the collection's first prompts are."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from chatfeedback.steps.advance import ignore
from chatfeedback.steps.first_prompts import first_prompt_batches
from chatfeedback.steps.metering import metered, no_spending
from task_generators.llm.concurrency import SAVE_EVERY, ask_each
from workspaces.config import secret_from_environment
from workspaces.store.challenges import ChallengeEntry, challenged, save_challenges
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
class Challenged:
    """Prompts scored in this run; the next run asks again for ``failed`` ones."""

    agent: str
    scored: int = 0
    failed: int = 0
    scores: dict[int, int] = field(default_factory=dict)


def challenge_prompts(
    workspace: Workspace, *, limit: int | None = None, advance: Advance = ignore
) -> Challenged:
    """Score the first prompt of conversations that have no score yet, by the LLM or the offline stand-in.

    The cost of the LLM's replies is saved with the scores, including the cost of unusable replies.

    Args:
        workspace: whose collection.
        limit: the most prompts to score; None: all.
        advance: called with the number of prompts scored since the last call.

    Raises:
        ConnectionFailedError: the LLM cannot be reached; the scores until then are kept.
    """
    from task_generators.labelling.challenge import HeuristicJudge, LLMJudge

    llm = workspace.config.llm
    with workspace.exclusive():
        if llm is None:
            return _challenge(workspace, HeuristicJudge(), no_spending, limit, advance, STAND_IN_SAVES)
        judge = LLMJudge(llm, secret_from_environment(llm.api_key_env, "the LLM"))
        with metered(workspace.store, "challenge", llm, judge.meter) as save_spending:
            return _challenge(workspace, judge, save_spending, limit, advance, SAVE_EVERY)


def _challenge(
    workspace: Workspace,
    judge: Judge,
    save_spending: SaveSpending,
    limit: int | None,
    advance: Advance,
    save_every: int,
) -> Challenged:
    scores: Counter[int] = Counter()

    def score(prompt: tuple[str, str]) -> ChallengeEntry:
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
        )
    finally:
        judge.close()
    return Challenged(judge.agent, outcome.answered, outcome.failed, dict(sorted(scores.items())))


def _unscored(workspace: Workspace, judge: Judge) -> Iterator[tuple[str, str]]:
    for batch in first_prompt_batches(workspace):
        with workspace.store.read() as connection:
            names = [name for name, _ in batch]
            done = challenged(connection, names, judge.agent, judge.prompt_version)
        yield from ((name, prompt) for name, prompt in batch if name not in done)
