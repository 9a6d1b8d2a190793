"""Adds seed feedback to shared responses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatfeedback.steps.advance import ignore, say_nothing
from chatfeedback.steps.corrections import corrections_for
from chatfeedback.steps.metering import metered
from chatfeedback.steps.money import PURPOSE
from chatfeedback.steps.seeded import JudgeRun, Seeded
from task_generators.seed_feedback import HeuristicRater, rate_each, unrated
from workspaces.config import secret_from_environment
from workspaces.store.seed_feedback import save_seeds, seeded_messages
from workspaces.store.seed_requests import ask_again, open_batches
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from chatfeedback.steps.advance import Advance, Tell
    from workspaces.config import LLMConfig
    from workspaces.records import SeedFeedback
    from workspaces.workspace import Workspace


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
        return _by_judges(workspace, llm, retry, advance, tell)


def _by_judges(workspace: Workspace, llm: LLMConfig, retry: bool, advance: Advance, tell: Tell) -> Seeded:
    # the client takes a while to import
    from chatfeedback.steps.seed_batches import read_batches, submit_batches
    from chatfeedback.steps.seeding import Seeding
    from task_generators.llm.batch import MAX_RESULT_BYTES
    from task_generators.llm.bounded import MAX_REPLY_BYTES
    from task_generators.seed_feedback.llm import LLMJudge

    judges = llm.each_judge()
    keys = [secret_from_environment(judge.api_key_env, "the LLM") for judge in judges]
    if retry:
        with workspace.store.write() as connection:
            ask_again(connection, [judge.model for judge in judges], utc_now())
    result = Seeded(", ".join(judge.model for judge in judges), currency=llm.currency)
    with workspace.store.read() as connection:
        waiting = {judge.model for judge in judges if open_batches(connection, judge.model)}
    for judge, key in zip(judges, keys, strict=True):
        in_batches = llm.transport == "batch" or judge.model in waiting
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
                if in_batches:  # also those that were submitted before the transport was changed
                    read_batches(seeding)
                if llm.transport == "batch":
                    submit_batches(seeding)
                else:
                    seeding.seed_directly()
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
