"""Topics of the collection's first prompts."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from chatfeedback.steps.advance import ignore
from chatfeedback.steps.first_prompts import first_prompt_batches, first_prompts
from chatfeedback.steps.metering import metered
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
    """Topics, and how many conversations are in each. ``unnamed`` counts topics that the LLM gave no usable name."""

    conversations: int = 0
    topics: dict[str, int] = field(default_factory=dict)
    named_by: str = "terms"
    unnamed: int = 0


def cluster_topics(workspace: Workspace, *, advance: Advance = ignore) -> Clustered:
    """Assign every held or shared conversation to a topic by its first prompt; earlier topics are replaced.

    If an LLM is configured, it names the topics; each name is saved when it arrives. A topic with the same terms as
    before keeps the name that this LLM gave it.

    Raises:
        ConnectionFailedError: the LLM cannot be reached; the topics are stored, those without a name under their terms.
    """
    from task_generators.labelling.topics import SAMPLE, fit_topics

    with workspace.exclusive():
        keyed = ((stable_id(name), prompt) for name, prompt in first_prompts(workspace))
        sample = heapq.nsmallest(SAMPLE, keyed)  # the same sample for any order of the collection
        topics = fit_topics([prompt for _, prompt in sample])
        clustered = Clustered()
        if topics is None:
            with workspace.store.write() as connection:
                replace_topics(connection, [], {}, utc_now())
            return clustered
        of: dict[str, int] = {}
        for batch in first_prompt_batches(workspace):
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
