"""Tombstones: keyed hashes of deleted conversations and judgments, which keep them from being ingested again.

``workspaces.privacy.tombstones`` computes the hashes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from workspaces.chunks import in_chunks
from workspaces.store.insert import insert_missing
from workspaces.store.schema import metadata

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

EARLIER = "earlier-"
"""The prefix of the key of a tombstone for an earlier text of a deleted conversation that grew."""

tombstone = sa.Table(
    "tombstone",
    metadata,
    sa.Column("conversation_hmac", sa.String(64), primary_key=True, comment="keyed hash of the id"),
    sa.Column("content_hmac", sa.String(64), nullable=False, index=True, comment="keyed hash of the text"),
    sa.Column("receipt_id", sa.String(24), sa.ForeignKey("deletion.receipt_id"), nullable=False, index=True),
)


judgment_tombstone = sa.Table(
    "judgment_tombstone",
    metadata,
    sa.Column("judgment_hmac", sa.String(64), primary_key=True, comment="keyed hash of rater and task"),
    sa.Column("receipt_id", sa.String(24), sa.ForeignKey("deletion.receipt_id"), nullable=False, index=True),
)


def bury_judgments(connection: sa.Connection, receipt_id: str, judgment_hmacs: Iterable[str]) -> None:
    """Add tombstones of judgments that came with chat logs, by the keyed hash of rater and task."""
    rows = [{"judgment_hmac": digest, "receipt_id": receipt_id} for digest in sorted(set(judgment_hmacs))]
    insert_missing(connection, judgment_tombstone, rows)


def buried_judgments(connection: sa.Connection, judgment_hmacs: Iterable[str]) -> set[str]:
    """Return those of these keyed hashes that belong to judgments of a forgotten person."""
    buried: set[str] = set()
    for hmacs in in_chunks(judgment_hmacs):
        query = sa.select(judgment_tombstone.c.judgment_hmac).where(
            judgment_tombstone.c.judgment_hmac.in_(hmacs)
        )
        buried.update(connection.execute(query).scalars())
    return buried


def bury(connection: sa.Connection, receipt_id: str, hashes: Mapping[str, str]) -> None:
    """Add tombstones: ``hashes`` maps the keyed hash of each conversation's id to the keyed hash of its text."""
    rows = [
        {"conversation_hmac": key, "content_hmac": content, "receipt_id": receipt_id}
        for key, content in hashes.items()
    ]
    insert_missing(connection, tombstone, rows)


def any_tombstone(connection: sa.Connection) -> bool:
    """Return whether any conversation was ever deleted."""
    return connection.execute(sa.select(tombstone.c.conversation_hmac).limit(1)).first() is not None


def tombstones_of(connection: sa.Connection, receipt_id: str) -> list[str]:
    """Return the keyed hashes of the ids of the conversations that a deletion removed."""
    query = sa.select(tombstone.c.conversation_hmac).where(tombstone.c.receipt_id == receipt_id)
    return sorted(key for key in connection.execute(query).scalars() if not key.startswith(EARLIER))


def receipts_of(connection: sa.Connection, conversation_hmacs: Iterable[str]) -> dict[str, str]:
    """Return the receipts of those of these conversations that are deleted, by the keyed hash of the id."""
    receipts: dict[str, str] = {}
    for hmacs in in_chunks(conversation_hmacs):
        query = sa.select(tombstone.c.conversation_hmac, tombstone.c.receipt_id).where(
            tombstone.c.conversation_hmac.in_(hmacs)
        )
        receipts.update((key, receipt_id) for key, receipt_id in connection.execute(query))
    return receipts


def buried_contents(connection: sa.Connection, content_hmacs: Iterable[str]) -> set[str]:
    """Return those of these keyed hashes that belong to the text of a deleted conversation."""
    buried: set[str] = set()
    for hmacs in in_chunks(content_hmacs):
        query = sa.select(tombstone.c.content_hmac).where(tombstone.c.content_hmac.in_(hmacs))
        buried.update(connection.execute(query).scalars())
    return buried
