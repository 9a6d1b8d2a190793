"""Embeddings of first prompts: what is missing is asked for, stored at once, and not asked for again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatfeedback.steps.first_prompts import spoken_prompt_batches
from chatfeedback.steps.metering import metered
from chatfeedback.steps.money import EMBEDDINGS, Money, spent_of_budget
from task_generators.llm.concurrency import ask_each
from workspaces.chunks import in_chunks
from workspaces.config import secret_from_environment
from workspaces.records import stable_id
from workspaces.store.embeddings import embeddings_of, forget_other_lengths, save_embeddings, vectors_by_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from chatfeedback.steps.advance import Advance
    from workspaces.config import LLMConfig
    from workspaces.workspace import Workspace

    Asked = list[tuple[str, str, str]]
    """Prompts as (conversation, hash of the text, text)."""


def embed_prompts(workspace: Workspace, llm: LLMConfig, embedder: LLMConfig, advance: Advance) -> int:
    """Embed the first prompts that have no embedding by this model; return how many have none afterwards.

    One request contains several texts; equal texts are sent once. ``llm.budget`` bounds the cost.

    Args:
        workspace: whose held and shared conversations.
        llm: the configuration.
        embedder: that of the model that embeds.
        advance: called with the number of prompts that were embedded.

    Raises:
        ConnectionFailedError: the endpoint cannot be reached; what was embedded until then is kept.
    """
    from task_generators.labelling.embeddings import MAX_CHARACTERS, Embedder  # its client is slow to import

    size = 1 if llm.embeddings is None else llm.embeddings.batch
    asked = Embedder(embedder, secret_from_environment(embedder.api_key_env, "the model that embeds"))
    with workspace.store.read() as connection:
        money = Money(embedder, llm.budget, spent_of_budget(connection, llm.currency), asked.meter)

    def embed(texts: Asked) -> list[tuple[str, str, bytes | None]]:
        with money.asking(texts[0][0]):
            vectors = asked.embed([text[:MAX_CHARACTERS] or " " for _, _, text in texts])
        return [(name, key, vector) for (name, key, _), vector in zip(texts, vectors, strict=True)]

    def most(texts: Asked) -> int:
        return sum(len(text[:MAX_CHARACTERS].encode("utf-8", "replace")) for _, _, text in texts)

    with metered(workspace.store, EMBEDDINGS, embedder, asked.meter) as save_spending:

        def save(answers: list[list[tuple[str, str, bytes | None]]]) -> None:
            rows = [row for rows in answers for row in rows]
            length = next((len(vector) for _, _, vector in reversed(rows) if vector is not None), None)
            alike = [row for row in rows if row[2] is None or len(row[2]) == length]
            with workspace.store.write() as connection:
                if length is not None:  # what has another one is asked about again
                    forget_other_lengths(connection, embedder.model, length)
                save_embeddings(connection, embedder.model, alike)
                save_spending(connection)
            advance(len(rows))

        try:
            ask_each(
                in_chunks(_missing(workspace, embedder.model), size),
                lambda texts: embed(list(texts)),
                save,
                concurrency=embedder.concurrency,
                save_every=1,
                admit=lambda texts: money.reserve(texts[0][0], most(list(texts)), 0),
                ended=lambda texts: money.release(texts[0][0]),
            )
        finally:
            asked.close()
    return _copied(workspace, embedder.model)


def vectors_of(workspace: Workspace, agent: str | None, texts: Mapping[str, str]) -> dict[str, bytes]:
    """Return the embeddings of the first prompts of conversations, by id; none without a model (``agent``)."""
    if agent is None:
        return {}
    with workspace.store.read() as connection:
        found = embeddings_of(connection, agent, {name: _hash(text) for name, text in texts.items()})
    return {name: vector for name, vector in found.items() if vector is not None}


def _hash(text: str) -> str:
    return stable_id("embedded", text)


def _missing(workspace: Workspace, agent: str) -> Iterator[tuple[str, str, str]]:
    """Yield the prompts whose text has no embedding yet, each text once."""
    sent: set[str] = set()
    for batch in spoken_prompt_batches(workspace):
        hashes = {name: _hash(text) for name, text, _ in batch}
        with workspace.store.read() as connection:
            known = vectors_by_text(connection, agent, set(hashes.values()))
        for name, text, _ in batch:
            if hashes[name] not in known and hashes[name] not in sent:
                sent.add(hashes[name])
                yield name, hashes[name], text


def _copied(workspace: Workspace, agent: str) -> int:
    """Give each conversation the embedding of its text that another one has; return how many have none."""
    without = 0
    for batch in spoken_prompt_batches(workspace):
        hashes = {name: _hash(text) for name, text, _ in batch}
        with workspace.store.write() as connection:
            own = embeddings_of(connection, agent, hashes)
            vectors = vectors_by_text(
                connection, agent, {hashes[name] for name in hashes.keys() - own.keys()}
            )
            save_embeddings(
                connection,
                agent,
                [
                    (name, key, vectors[key])
                    for name, key in hashes.items()
                    if name not in own and key in vectors
                ],
            )
        without += sum(
            (own | {n: vectors.get(hashes[n]) for n in hashes if n not in own})[n] is None for n in hashes
        )
    return without
