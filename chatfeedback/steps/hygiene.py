"""What is said of the collection after it was read: topics, challenge of prompts, moderation."""

from __future__ import annotations

import heapq
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chatfeedback.steps.advance import ignore
from task_generators.replies import UnusableReplyError
from workspaces.collection.statistics import THERE
from workspaces.config import secret_from_environment
from workspaces.errors import ConfigurationError
from workspaces.records import Role, stable_id
from workspaces.store import hygiene
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from chatfeedback.steps.advance import Advance
    from task_generators.chat_logs.hygiene.challenge import Criterion, Judge
    from workspaces.store.hygiene import TopicEntry
    from workspaces.workspace import Workspace


@dataclass(slots=True)
class Clustered:
    """Topics, and how many conversations are in each. ``unnamed`` kept their terms: the LLM gave no name."""

    conversations: int = 0
    topics: dict[str, int] = field(default_factory=dict)
    named_by: str = "terms"
    unnamed: int = 0


@dataclass(slots=True)
class Challenged:
    """Prompts scored in this run; ``failed`` are asked again by the next one."""

    agent: str
    scored: int = 0
    failed: int = 0
    scores: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class Moderated:
    """Messages asked about in this run, and those flagged."""

    agent: str
    asked: int = 0
    flagged: int = 0


def cluster_topics(workspace: Workspace, *, advance: Advance = ignore) -> Clustered:
    """Put every conversation that is held or shared into a topic by its first prompt; earlier topics are replaced.

    Where an LLM is configured it names the topics.
    """
    from task_generators.chat_logs.hygiene.topics import SAMPLE, fit_topics

    with workspace.exclusive():
        keyed = ((stable_id(name), prompt) for name, prompt in _first_prompts(workspace))
        sample = heapq.nsmallest(SAMPLE, keyed)  # the same, whatever the order of the collection
        topics = fit_topics([prompt for _, prompt in sample])
        found = Clustered()
        if topics is None:
            with workspace.store.write() as connection:
                hygiene.replace_topics(connection, [], {}, utc_now())
            return found
        of: dict[str, int] = {}
        for batch in _prompt_batches(workspace):
            of.update(
                zip((name for name, _ in batch), topics.of([prompt for _, prompt in batch]), strict=True)
            )
            advance(len(batch))
        entries, found.unnamed = _named(workspace, topics.entries)
        found.named_by = next((each.named_by for each in entries if each.named_by != "terms"), "terms")
        found.conversations = len(of)
        with workspace.store.write() as connection:
            hygiene.replace_topics(connection, entries, of, utc_now())
            found.topics = hygiene.topic_sizes(connection)
        return found


def challenge_prompts(
    workspace: Workspace, *, limit: int | None = None, advance: Advance = ignore
) -> Challenged:
    """Score the first prompt of conversations that have no score yet, by the LLM or the offline stand-in.

    Args:
        workspace: whose collection.
        limit: at most so many; None for all.
        advance: told how many were scored since the last call.

    Raises:
        ConnectionFailedError: the LLM cannot be reached; what was scored until then is kept.
    """
    with workspace.exclusive():
        judge = _judge(workspace)
        found = Challenged(judge.agent)
        try:
            with ThreadPoolExecutor(judge.concurrency) as pool:
                for batch in _prompt_batches(workspace):
                    with workspace.store.read() as connection:
                        done = hygiene.challenged(
                            connection, [name for name, _ in batch], judge.agent, judge.prompt_version
                        )
                    waiting = [(name, prompt) for name, prompt in batch if name not in done]
                    if limit is not None:
                        waiting = waiting[: max(0, limit - found.scored - found.failed)]
                    size = 8 * judge.concurrency if judge.concurrency > 1 else len(waiting) or 1
                    for start in range(0, len(waiting), size):
                        _score(workspace, judge, pool, waiting[start : start + size], found)
                        advance(len(waiting[start : start + size]))
        finally:
            judge.close()
        found.scores = dict(sorted(found.scores.items()))
        return found


def moderate(workspace: Workspace, *, advance: Advance = ignore) -> Moderated:
    """Ask the configured endpoint about every message it was not asked about yet.

    Raises:
        ConfigurationError: none is configured.
        ConnectionFailedError: it cannot be reached; what it said until then is kept.
    """
    config = workspace.config.moderation
    if config is None:
        raise ConfigurationError(
            "no moderation endpoint is configured: add 'moderation' to chatfeedback.yaml"
        )
    from task_generators.chat_logs.hygiene.moderation import Moderator  # its client is slow to import

    with workspace.exclusive():
        moderator = Moderator(config, secret_from_environment(config.api_key_env, "the moderation endpoint"))
        found = Moderated(moderator.agent)
        try:
            for batch in workspace.collection.scan_batches(("conversation",), THERE):
                messages = [
                    (message["id"], row["conversation_id"], message["content"])
                    for row in batch.to_pylist()
                    for message in row["conversation"]
                    if message["content"].strip()
                ]
                with workspace.store.read() as connection:
                    done = hygiene.moderated(connection, [name for name, _, _ in messages], moderator.agent)
                waiting = [message for message in messages if message[0] not in done]
                for start in range(0, len(waiting), moderator.batch):
                    asked = waiting[start : start + moderator.batch]
                    said = moderator.moderate([text for _, _, text in asked])
                    entries = [
                        hygiene.ModerationEntry(
                            name, moderator.agent, conversation, flagged, categories, utc_now()
                        )
                        for (name, conversation, _), (flagged, categories) in zip(asked, said, strict=True)
                    ]
                    with workspace.store.write() as connection:
                        hygiene.save_moderation(connection, entries)
                    found.asked += len(entries)
                    found.flagged += sum(entry.flagged for entry in entries)
                    advance(len(entries))
        finally:
            moderator.close()
        return found


def _score(
    workspace: Workspace,
    judge: Judge,
    pool: ThreadPoolExecutor,
    waiting: list[tuple[str, str]],
    found: Challenged,
) -> None:
    entries = []
    for (name, _), criteria in zip(waiting, pool.map(lambda it: _judged(judge, it[1]), waiting), strict=True):
        if criteria is None:
            found.failed += 1
            continue
        said = tuple(criterion.value for criterion in criteria)
        entries.append(hygiene.ChallengeEntry(name, judge.agent, judge.prompt_version, said, utc_now()))
        found.scored += 1
        found.scores[len(said)] = found.scores.get(len(said), 0) + 1
    with workspace.store.write() as connection:
        hygiene.save_challenges(connection, entries)


def _judged(judge: Judge, prompt: str) -> tuple[Criterion, ...] | None:
    try:
        return judge.judge(prompt)
    except UnusableReplyError:
        return None


def _judge(workspace: Workspace) -> Judge:
    from task_generators.chat_logs.hygiene.challenge import HeuristicJudge, LLMJudge

    llm = workspace.config.llm
    if llm is None:
        return HeuristicJudge()
    return LLMJudge(llm, secret_from_environment(llm.api_key_env, "the LLM"))


def _named(workspace: Workspace, entries: tuple[TopicEntry, ...]) -> tuple[list[TopicEntry], int]:
    llm = workspace.config.llm
    if llm is None:
        return list(entries), 0
    from task_generators.chat_logs.hygiene.topics import named
    from task_generators.llm import ChatEndpoint

    endpoint = ChatEndpoint(llm, secret_from_environment(llm.api_key_env, "the LLM"))
    result: list[TopicEntry] = []
    failed: Counter[bool] = Counter()
    try:
        for entry in entries:
            try:
                result.append(named(entry, endpoint))
            except UnusableReplyError:
                result.append(entry)
                failed[True] += 1
    finally:
        endpoint.close()
    return result, failed[True]


def _first_prompts(workspace: Workspace) -> Iterator[tuple[str, str]]:
    for batch in _prompt_batches(workspace):
        yield from batch


def _prompt_batches(workspace: Workspace) -> Iterator[list[tuple[str, str]]]:
    """Yield the conversations that are there and ask something: id and first prompt."""
    for batch in workspace.collection.scan_batches(("conversation",), THERE):
        yield [(name, prompt) for name, prompt in _prompts(batch) if prompt.strip()]


def _prompts(batch: pa.RecordBatch) -> Iterator[tuple[str, str]]:
    for row in batch.select(["conversation_id", "conversation"]).to_pylist():
        prompt = next((it["content"] for it in row["conversation"] if it["role"] == Role.USER.value), None)
        if prompt is not None:
            yield row["conversation_id"], prompt
