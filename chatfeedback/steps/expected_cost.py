"""What it would cost to rate the responses that have no seed feedback yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

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
    """The expected cost of rating ``responses``; ``money`` is None where no prices are configured.

    ``measured`` is whether it follows from what this model cost so far; otherwise from the length of the texts.
    """

    responses: int
    money: float | None
    currency: str
    measured: bool


def seed_cost(workspace: Workspace, waiting: int, characters: int) -> SeedCost | None:
    """Return the expected cost of rating so many responses; None if no LLM is configured: the stand-in is free.

    Args:
        workspace: whose LLM.
        waiting: responses.
        characters: of the conversations that they are in.
    """
    llm = workspace.config.llm
    if llm is None:
        return None
    with workspace.store.read() as connection:
        past = [
            use
            for use in spent(connection)
            if (use.purpose, use.model, use.currency) == ("seed", llm.model, llm.currency)
        ]
        rated = count_seeds(connection, llm.model)
    if past and rated and past[0].cost_micros and not past[0].unpriced:
        return SeedCost(waiting, past[0].cost_micros / 1e6 / rated * waiting, llm.currency, measured=True)
    tokens = Tokens(
        requests=waiting,
        input=characters // CHARACTERS_PER_TOKEN + PROMPT_TOKENS * waiting,
        output=REPLY_TOKENS * waiting,
    )
    micros = cost_micros(tokens, llm)
    return SeedCost(waiting, None if micros is None else micros / 1e6, llm.currency, measured=False)
