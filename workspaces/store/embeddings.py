"""Embeddings of first prompts, by the model that made them: no text is asked about twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from workspaces.chunks import in_chunks
from workspaces.store.insert import upsert
from workspaces.store.schema import metadata

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

prompt_embedding = sa.Table(
    "prompt_embedding",
    metadata,
    sa.Column("conversation_id", sa.Text, primary_key=True),
    sa.Column("agent", sa.Text, primary_key=True, comment="the model"),
    sa.Column("text_hash", sa.String(24), nullable=False, comment="of the first prompt"),
    sa.Column(
        "vector", sa.LargeBinary, comment="16-bit floats of length 1 together; null: the text was refused"
    ),
    sa.Index("ix_prompt_embedding_text", "agent", "text_hash"),
)


def save_embeddings(
    connection: sa.Connection, agent: str, rows: Iterable[tuple[str, str, bytes | None]]
) -> None:
    """Write embeddings as (conversation, hash of the text, vector); that of an earlier text is replaced."""
    for some in in_chunks(rows):
        values = [
            {"conversation_id": name, "agent": agent, "text_hash": text_hash, "vector": vector}
            for name, text_hash, vector in some
        ]
        upsert(connection, prompt_embedding, values, ["text_hash", "vector"])


def forget_other_lengths(connection: sa.Connection, agent: str, length: int) -> int:
    """Forget the vectors of a model that have another length in bytes: another model stood behind its name.

    Returns:
        How many there were.
    """
    at = prompt_embedding.c
    statement = sa.delete(prompt_embedding).where(
        at.agent == agent, at.vector.is_not(None), sa.func.length(at.vector) != length
    )
    return connection.execute(statement).rowcount


def embeddings_of(
    connection: sa.Connection, agent: str, hashes: Mapping[str, str]
) -> dict[str, bytes | None]:
    """Return the vectors of conversations whose text has this hash still, by conversation id."""
    found: dict[str, bytes | None] = {}
    at = prompt_embedding.c
    for ids in in_chunks(hashes):
        query = sa.select(at.conversation_id, at.text_hash, at.vector).where(
            at.agent == agent, at.conversation_id.in_(ids)
        )
        found.update(
            (name, vector)
            for name, text_hash, vector in connection.execute(query)
            if hashes[name] == text_hash
        )
    return found


def vectors_by_text(
    connection: sa.Connection, agent: str, text_hashes: Iterable[str]
) -> dict[str, bytes | None]:
    """Return the vector of each of these texts that some conversation begins with, by hash."""
    found: dict[str, bytes | None] = {}
    at = prompt_embedding.c
    for some in in_chunks(text_hashes):
        query = sa.select(at.text_hash, at.vector).where(at.agent == agent, at.text_hash.in_(some))
        found.update((text_hash, vector) for text_hash, vector in connection.execute(query))
    return found
