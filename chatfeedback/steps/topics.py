"""Topics of the collection's first prompts."""

from __future__ import annotations

import heapq
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from chatfeedback.steps.advance import ignore
from chatfeedback.steps.embedding import embed_prompts, vectors_of
from chatfeedback.steps.first_prompts import spoken_prompt_batches, spoken_prompts
from chatfeedback.steps.metering import metered
from chatfeedback.steps.money import TOPICS, Money, spent_of_budget
from task_generators.llm.concurrency import ask_each
from workspaces.config import secret_from_environment
from workspaces.records import stable_id
from workspaces.store.topics import name_topics, replace_topics, topic_entries, topic_sizes
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chatfeedback.steps.advance import Advance
    from workspaces.config import LLMConfig
    from workspaces.store.topics import TopicEntry
    from workspaces.workspace import Workspace


@dataclass(slots=True)
class Clustered:
    """Topics, and how many conversations are in each. ``unnamed`` counts topics that the LLM gave no usable name.

    ``embedded_by`` is the model by whose embeddings prompts were clustered (None: by their words), and
    ``not_embedded`` counts those without one: refused, or beyond ``llm.budget``. They are in no topic.
    """

    conversations: int = 0
    topics: dict[str, int] = field(default_factory=dict)
    named_by: str = "terms"
    unnamed: int = 0
    embedded_by: str | None = None
    not_embedded: int = 0


def cluster_topics(workspace: Workspace, *, advance: Advance = ignore) -> Clustered:
    """Assign every held or shared conversation to a topic by its first prompt; earlier topics are replaced.

    Each language has topics of its own. Where a model that embeds is configured, clusters are made of embeddings;
    those are stored, and no text is sent twice.

    If an LLM is configured, it names the topics; each name is saved when it arrives. A topic with the same terms as
    before keeps the name that this LLM gave it.

    Raises:
        ConnectionFailedError: the LLM cannot be reached; the topics are stored, those without a name under their terms.
    """
    from task_generators.labelling.topics import SAMPLE, Prompt, fit_by_language

    llm = workspace.config.llm
    with workspace.exclusive():
        clustered = Clustered()
        embedder = None if llm is None else llm.embedder()
        if llm is not None and embedder is not None:
            clustered.embedded_by = embedder.model
            clustered.not_embedded = embed_prompts(workspace, llm, embedder, advance)
        agent = clustered.embedded_by
        keyed = (
            (stable_id(name), name, text, language) for name, text, language in spoken_prompts(workspace)
        )
        sample = heapq.nsmallest(SAMPLE, keyed)  # the same sample for any order of the collection
        vectors = vectors_of(workspace, agent, {name: text for _, name, text, _ in sample})
        topics = fit_by_language(
            [Prompt(text, language, vectors.get(name)) for _, name, text, language in sample],
            embedded=agent is not None,
        )
        if topics is None:
            with workspace.store.write() as connection:
                replace_topics(connection, [], {}, utc_now())
            return clustered
        of: dict[str, int] = {}
        for batch in spoken_prompt_batches(workspace):
            vectors = vectors_of(workspace, agent, {name: text for name, text, _ in batch})
            prompts = [Prompt(text, language, vectors.get(name)) for name, text, language in batch]
            numbers = topics.of(prompts, embedded=agent is not None)
            of.update(
                (name, number)
                for (name, _, _), number in zip(batch, numbers, strict=True)
                if number is not None
            )
            advance(len(batch))
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


def _still_named(
    entries: Iterable[TopicEntry], before: Iterable[TopicEntry], model: str | None
) -> list[TopicEntry]:
    """Return the topics, with the names that ``model`` gave to the same terms before."""
    names = {(entry.terms, entry.language): entry for entry in before if entry.named_by == model}
    return [
        replace(entry, label=same.label, named_by=same.named_by)
        if (same := names.get((entry.terms, entry.language))) is not None
        else entry
        for entry in entries
    ]


def _name(workspace: Workspace, llm: LLMConfig, entries: list[TopicEntry]) -> int:
    """Have the LLM name topics, within ``llm.budget``; return how many got no usable name."""
    from task_generators.labelling.topics import named
    from task_generators.llm.chat import ChatEndpoint  # its client is slow to import

    if not entries:
        return 0
    endpoint = ChatEndpoint(llm, secret_from_environment(llm.api_key_env, "the LLM"))
    with workspace.store.read() as connection:
        money = Money(llm, llm.budget, spent_of_budget(connection, llm.currency), endpoint.meter)
    with metered(workspace.store, TOPICS, llm, endpoint.meter) as save_spending:

        def save(entries: list[TopicEntry]) -> None:
            with workspace.store.write() as connection:
                name_topics(connection, entries)
                save_spending(connection)

        def name(entry: TopicEntry) -> TopicEntry:
            with money.asking(str(entry.number)):
                return named(entry, endpoint)

        try:
            outcome = ask_each(
                entries,
                name,
                save,
                concurrency=llm.concurrency,
                save_every=1,
                admit=lambda entry: money.reserve(str(entry.number), *_most(entry)),
                ended=lambda entry: money.release(str(entry.number)),
            )
        finally:
            endpoint.close()
    return outcome.failed + outcome.left


def _most(entry: TopicEntry) -> tuple[int, int]:
    """Return the most tokens of the request to name a topic, which is sent twice at most."""
    from task_generators.labelling.topics import NAMING
    from task_generators.llm.chat import MAX_REPLY_TOKENS
    from task_generators.llm.meter import BYTES_PER_TOKEN, REQUEST_BYTES

    size = len(NAMING) + len(json.dumps(entry.terms).encode()) + REQUEST_BYTES
    return 2 * (size // BYTES_PER_TOKEN), 2 * MAX_REPLY_TOKENS
