"""Adds seed feedback to shared responses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatfeedback.steps.advance import ignore
from chatfeedback.steps.corrections import corrections_for
from chatfeedback.steps.metering import metered, no_spending
from task_generators.seed_feedback import HeuristicRater, seed, unrated
from workspaces.config import secret_from_environment
from workspaces.store.seed_feedback import save_seeds, seeded_messages
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from chatfeedback.steps.advance import Advance
    from chatfeedback.steps.metering import SaveSpending
    from task_generators.seed_feedback import Rater, Seeded
    from workspaces.records import SeedFeedback
    from workspaces.workspace import Workspace


def seed_responses(workspace: Workspace, *, advance: Advance = ignore) -> Seeded:
    """Rate every shared response that has no seed feedback, by the configured LLM or the offline stand-in.

    With ``llm.corrections``, the LLM is shown some of the responses on which people disagreed with it.

    The cost of the LLM's replies is saved with the seed feedback, including the cost of unusable replies.
    """
    llm = workspace.config.llm
    with workspace.exclusive():
        workspace.collection.share_due(utc_now())
        if llm is None:
            return _seed(workspace, HeuristicRater(utc_now), no_spending, advance)
        from task_generators.seed_feedback.llm import LLMRater  # its client takes half a second to import

        key = secret_from_environment(llm.api_key_env, "the LLM")
        rater = LLMRater(llm, key, utc_now, *corrections_for(workspace, llm))
        with metered(workspace.store, "seed", llm, rater.meter) as save_spending:
            return _seed(workspace, rater, save_spending, advance)


def _seed(workspace: Workspace, rater: Rater, save_spending: SaveSpending, advance: Advance) -> Seeded:
    with workspace.store.read() as connection:
        rated = seeded_messages(connection, rater.agent, rater.prompt_version)

    def save(seeds: list[SeedFeedback]) -> None:
        with workspace.store.write() as connection:
            save_seeds(connection, seeds)
            save_spending(connection)

    try:
        return seed(unrated(workspace.collection.scan(), rated), rater, save, advance)
    finally:
        rater.close()
