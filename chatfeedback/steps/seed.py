"""Seed feedback for what the collection shares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatfeedback.steps.advance import ignore
from task_generators.seed_feedback import HeuristicRater, seed, unrated
from workspaces.config import secret_from_environment
from workspaces.store.seeds import save_seeds, seeded_messages
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from chatfeedback.steps.advance import Advance
    from task_generators.seed_feedback import Rater, Seeded
    from workspaces.records import SeedFeedback
    from workspaces.workspace import Workspace


def seed_responses(workspace: Workspace, *, advance: Advance = ignore) -> Seeded:
    """Rate every shared response that has no seed feedback, by the configured LLM or the offline stand-in."""
    with workspace.exclusive():
        workspace.collection.share_due(utc_now())
        rater = _rater(workspace)
        with workspace.store.read() as connection:
            rated = seeded_messages(connection, rater.agent, rater.prompt_version)

        def save(seeds: list[SeedFeedback]) -> None:
            with workspace.store.write() as connection:
                save_seeds(connection, seeds)

        try:
            return seed(unrated(workspace.collection.scan(), rated), rater, save, advance)
        finally:
            rater.close()


def _rater(workspace: Workspace) -> Rater:
    llm = workspace.config.llm
    if llm is None:
        return HeuristicRater(utc_now)
    from task_generators.seed_feedback.llm import LLMRater  # its client takes half a second to import

    return LLMRater(llm, secret_from_environment(llm.api_key_env, "the LLM"), utc_now)
