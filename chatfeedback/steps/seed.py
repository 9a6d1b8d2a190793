"""Seed feedback for what the collection shares."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from chatfeedback.steps.advance import ignore
from task_generators.seed_feedback import HeuristicRater, seed, unrated
from workspaces.config import secret_from_environment
from workspaces.store.seeds import save_seeds, seeded_messages
from workspaces.store.spending import save_usage
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable

    import sqlalchemy as sa

    from chatfeedback.steps.advance import Advance
    from task_generators.seed_feedback import Rater, Seeded
    from workspaces.records import SeedFeedback
    from workspaces.workspace import Workspace


def seed_responses(workspace: Workspace, *, advance: Advance = ignore) -> Seeded:
    """Rate every shared response that has no seed feedback, by the configured LLM or the offline stand-in.

    What the LLM's replies cost is kept with them, also of replies that could not be used.
    """
    llm = workspace.config.llm
    with workspace.exclusive():
        workspace.collection.share_due(utc_now())
        if llm is None:
            return _seed(workspace, HeuristicRater(utc_now), lambda _: None, advance)
        from task_generators.seed_feedback.llm import LLMRater  # its client takes half a second to import

        rater = LLMRater(llm, secret_from_environment(llm.api_key_env, "the LLM"), utc_now)

        def save_spending(connection: sa.Connection) -> None:
            if (tokens := rater.meter.take()).requests:
                save_usage(connection, secrets.token_hex(12), "seed", llm, tokens, utc_now())

        try:
            return _seed(workspace, rater, save_spending, advance)
        finally:
            if rater.meter.counted:
                with workspace.store.write() as connection:
                    save_spending(connection)


def _seed(
    workspace: Workspace, rater: Rater, save_spending: Callable[[sa.Connection], None], advance: Advance
) -> Seeded:
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
