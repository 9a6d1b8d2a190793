"""Labels the collection after ingestion: topics, challenge of prompts, moderation."""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING

from chatfeedback.steps.advance import ignore
from chatfeedback.steps.metering import metered, no_spending
from task_generators.llm.concurrency import SAVE_EVERY, ask_each
from task_generators.llm.errors import RefusedError, UnusableReplyError
from workspaces.chunks import in_chunks
from workspaces.collection.statistics import THERE
from workspaces.config import secret_from_environment
from workspaces.records import Role, stable_id
from workspaces.store.challenges import ChallengeEntry, challenged, save_challenges
from workspaces.store.moderations import ModerationEntry, moderated, save_moderation
from workspaces.store.topics import name_topics, replace_topics, topic_entries, topic_sizes
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pyarrow as pa

    from chatfeedback.steps.advance import Advance
    from chatfeedback.steps.metering import SaveSpending
    from task_generators.labelling.challenge import Judge
    from task_generators.labelling.moderation import Moderator
    from task_generators.labelling.profanity import LocalModerator
    from workspaces.config import LLMConfig
    from workspaces.store.topics import TopicEntry
    from workspaces.workspace import Workspace

STAND_IN_SAVES = 1000
"""Scores of the offline stand-in saved at a time: they cost nothing to compute again."""


@dataclass(slots=True)
class Clustered:
    """Topics, and how many conversations are in each. ``unnamed`` counts topics that the LLM gave no usable name."""

    conversations: int = 0
    topics: dict[str, int] = field(default_factory=dict)
    named_by: str = "terms"
    unnamed: int = 0


@dataclass(slots=True)
class Challenged:
    """Prompts scored in this run; the next run asks again for ``failed`` ones."""

    agent: str
    scored: int = 0
    failed: int = 0
    scores: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class Moderated:
    """Messages that the agent judged in this run, and those flagged; the next run asks again for ``failed`` ones."""

    agent: str
    asked: int = 0
    flagged: int = 0
    failed: int = 0


def cluster_topics(workspace: Workspace, *, advance: Advance = ignore) -> Clustered:
    """Assign every held or shared conversation to a topic by its first prompt; earlier topics are replaced.

    If an LLM is configured, it names the topics; each name is saved when it arrives. A topic with the same terms as
    before keeps the name that this LLM gave it.

    Raises:
        ConnectionFailedError: the LLM cannot be reached; the topics are stored, those without a name under their terms.
    """
    from task_generators.labelling.topics import SAMPLE, fit_topics

    with workspace.exclusive():
        keyed = ((stable_id(name), prompt) for name, prompt in _first_prompts(workspace))
        sample = heapq.nsmallest(SAMPLE, keyed)  # the same sample for any order of the collection
        topics = fit_topics([prompt for _, prompt in sample])
        clustered = Clustered()
        if topics is None:
            with workspace.store.write() as connection:
                replace_topics(connection, [], {}, utc_now())
            return clustered
        of: dict[str, int] = {}
        for batch in _prompt_batches(workspace):
            of.update(
                zip((name for name, _ in batch), topics.of([prompt for _, prompt in batch]), strict=True)
            )
            advance(len(batch))
        llm = workspace.config.llm
        with workspace.store.write() as connection:
            before = topic_entries(connection) if llm else []
            entries = _still_named(topics.entries, before, llm.model if llm else None)
            replace_topics(connection, entries, of, utc_now())
        if llm is not None:
            clustered.unnamed = _name(
                workspace, llm, [entry for entry in entries if entry.named_by == "terms"]
            )
        clustered.conversations = len(of)
        with workspace.store.read() as connection:
            named_by = {entry.named_by for entry in topic_entries(connection)} - {"terms"}
            clustered.topics = topic_sizes(connection)
        clustered.named_by = next(iter(named_by), "terms")
        return clustered


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


def moderate(workspace: Workspace, *, advance: Advance = ignore) -> Moderated:
    """Moderate every message that the configured endpoint, or else the local hint, has not judged yet.

    A request that the endpoint refuses is repeated message by message, because one message may be too long or filtered.
    That message is stored as flagged, with the category ``refused``.

    Raises:
        ConfigurationError: no endpoint is configured, and no local hint is installed.
        ConnectionFailedError: the endpoint cannot be reached; its verdicts until then are kept.
    """
    from task_generators.labelling.moderation import Moderator  # its client is slow to import
    from task_generators.labelling.profanity import LocalModerator

    config = workspace.config.moderation
    with workspace.exclusive():
        if config is None:
            return _moderate(workspace, LocalModerator(), no_spending, advance)
        moderator = Moderator(config, secret_from_environment(config.api_key_env, "the moderation endpoint"))
        with metered(workspace.store, "moderation", config, moderator.meter) as save_spending:
            return _moderate(workspace, moderator, save_spending, advance)


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
    for batch in _prompt_batches(workspace):
        with workspace.store.read() as connection:
            names = [name for name, _ in batch]
            done = challenged(connection, names, judge.agent, judge.prompt_version)
        yield from ((name, prompt) for name, prompt in batch if name not in done)


def _moderate(
    workspace: Workspace, moderator: Moderator | LocalModerator, save_spending: SaveSpending, advance: Advance
) -> Moderated:
    result = Moderated(moderator.agent)
    try:
        for waiting in _unmoderated(workspace, moderator.agent, moderator.batch):
            asked_before = result.asked
            for entries in _moderated(moderator, waiting):
                with workspace.store.write() as connection:
                    save_moderation(connection, entries)
                    save_spending(connection)
                result.asked += len(entries)
                result.flagged += sum(entry.flagged for entry in entries)
            result.failed += len(waiting) - (result.asked - asked_before)
            advance(len(waiting))
    finally:
        moderator.close()
    return result


def _unmoderated(workspace: Workspace, agent: str, size: int) -> Iterator[list[tuple[str, str, str]]]:
    """Yield id, conversation and text of the messages that an agent has not judged, ``size`` at a time."""
    for batch in workspace.collection.scan_batches(("conversation",), THERE):
        messages = [
            (message["id"], row["conversation_id"], message["content"])
            for row in batch.to_pylist()
            for message in row["conversation"]
            if message["content"].strip()
        ]
        with workspace.store.read() as connection:
            done = moderated(connection, [name for name, _, _ in messages], agent)
        waiting = [message for message in messages if message[0] not in done]
        yield from in_chunks(waiting, size)


def _moderated(
    moderator: Moderator | LocalModerator, waiting: list[tuple[str, str, str]]
) -> Iterator[list[ModerationEntry]]:
    """Yield the verdicts on the messages: of all at once, or one by one if the endpoint refuses the request."""
    from task_generators.labelling.moderation import REFUSED

    try:
        verdicts = moderator.moderate([text for _, _, text in waiting])
    except UnusableReplyError as error:
        if len(waiting) > 1:
            for message in waiting:
                yield from _moderated(moderator, [message])
            return
        if not isinstance(error, RefusedError):
            return
        verdicts = [(True, (REFUSED,))]
    yield [
        ModerationEntry(name, moderator.agent, conversation, flagged, categories, utc_now())
        for (name, conversation, _), (flagged, categories) in zip(waiting, verdicts, strict=True)
    ]


def _still_named(
    entries: Iterable[TopicEntry], before: Iterable[TopicEntry], model: str | None
) -> list[TopicEntry]:
    """Return the topics, with the names that ``model`` gave to the same terms before."""
    names = {entry.terms: entry for entry in before if entry.named_by == model}
    return [
        replace(entry, label=names[entry.terms].label, named_by=names[entry.terms].named_by)
        if entry.terms in names
        else entry
        for entry in entries
    ]


def _name(workspace: Workspace, llm: LLMConfig, entries: list[TopicEntry]) -> int:
    """Have the LLM name topics; return how many got no usable name."""
    from task_generators.labelling.topics import named
    from task_generators.llm.chat import ChatEndpoint  # its client is slow to import

    if not entries:
        return 0
    endpoint = ChatEndpoint(llm, secret_from_environment(llm.api_key_env, "the LLM"))
    with metered(workspace.store, "topics", llm, endpoint.meter) as save_spending:

        def save(entries: list[TopicEntry]) -> None:
            with workspace.store.write() as connection:
                name_topics(connection, entries)
                save_spending(connection)

        try:
            outcome = ask_each(
                entries,
                lambda entry: named(entry, endpoint),
                save,
                concurrency=llm.concurrency,
                save_every=1,
            )
        finally:
            endpoint.close()
    return outcome.failed


def _first_prompts(workspace: Workspace) -> Iterator[tuple[str, str]]:
    for batch in _prompt_batches(workspace):
        yield from batch


def _prompt_batches(workspace: Workspace) -> Iterator[list[tuple[str, str]]]:
    """Yield id and first prompt of the held or shared conversations whose first prompt is not blank."""
    for batch in workspace.collection.scan_batches(("conversation",), THERE):
        yield [(name, prompt) for name, prompt in _prompts(batch) if prompt.strip()]


def _prompts(batch: pa.RecordBatch) -> Iterator[tuple[str, str]]:
    for row in batch.select(["conversation_id", "conversation"]).to_pylist():
        prompt = next(
            (turn["content"] for turn in row["conversation"] if turn["role"] == Role.USER.value), None
        )
        if prompt is not None:
            yield row["conversation_id"], prompt
