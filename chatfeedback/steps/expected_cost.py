"""What it would cost to rate the responses that have no seed feedback yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chatfeedback.steps.money import PURPOSE
from task_generators.seed_feedback.canaries import share_of
from workspaces.records import SharingState
from workspaces.store.conversations import count_by_state
from workspaces.store.seed_feedback import count_seeds
from workspaces.store.spending import Tokens, cost_micros, spent

if TYPE_CHECKING:
    from workspaces.workspace import Workspace

CHARACTERS_PER_TOKEN = 4
PROMPT_TOKENS = 700
"""Of what a request says beside the conversation."""

REPLY_TOKENS = 80
"""Of the rating of one response."""


@dataclass(frozen=True, slots=True)
class SeedCost:
    """The expected cost of rating ``responses`` by all judges; ``money`` is None where one has no price.

    ``measured`` is whether it follows from what each judge cost so far; otherwise from the length of the texts.
    """

    responses: int
    money: float | None
    currency: str
    measured: bool


def seed_cost(workspace: Workspace, waiting: int, conversations: int, characters: int) -> SeedCost | None:
    """Return the expected cost of rating so many responses; None if no LLM is configured: the stand-in is free.

    One request rates all responses of a conversation, and one more is sent for each response that becomes a canary.

    Args:
        workspace: whose judges.
        waiting: responses.
        conversations: those that they are in.
        characters: of these.
    """
    llm = workspace.config.llm
    if llm is None:
        return None
    with workspace.store.read() as connection:
        uses = {(each.model, each.currency): each for each in spent(connection) if each.purpose == PURPOSE}
        rated = {judge.model: count_seeds(connection, judge.model) for judge in llm.each_judge()}
        shared = count_by_state(connection).get(SharingState.SHARED, 0)
    times = 1 + share_of(llm.canaries, shared) * waiting / max(conversations, 1)
    tokens = Tokens(
        requests=int(times * conversations),
        input=int(times * (characters // CHARACTERS_PER_TOKEN + PROMPT_TOKENS * conversations)),
        output=int(times * REPLY_TOKENS * waiting),
    )
    costs: list[int | None] = []
    measured = True
    for judge in llm.each_judge():
        past = uses.get((judge.model, judge.currency))
        if past is not None and past.cost_micros and not past.unpriced and rated[judge.model]:
            costs.append(past.cost_micros * waiting // rated[judge.model])
        else:
            costs.append(cost_micros(tokens, judge))
            measured = False
    known = [cost for cost in costs if cost is not None]
    money = sum(known) / 1e6 if len(known) == len(costs) else None
    return SeedCost(waiting, money, llm.currency, measured)
