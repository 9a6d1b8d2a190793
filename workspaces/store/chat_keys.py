"""The keys by which people's programs ask models for points: a hash of each, never the key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from workspaces.store.schema import UTCDateTime, metadata
from workspaces.store.web_sessions import may_enter

if TYPE_CHECKING:
    from datetime import datetime

chat_key = sa.Table(
    "chat_key",
    metadata,
    sa.Column("key_hash", sa.String(64), primary_key=True, comment="SHA-256 of the key"),
    sa.Column("prefix", sa.String(16), nullable=False, comment="by which its person tells it from others"),
    sa.Column("person_id", sa.String(24), nullable=False, index=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("made_at", UTCDateTime, nullable=False),
    sa.Column("revoked_at", UTCDateTime, comment="null: it is good"),
)


@dataclass(frozen=True, slots=True)
class ChatKey:
    """A key, as everybody may see it. ``name`` is what its person calls it."""

    prefix: str
    person_id: str
    name: str
    made_at: datetime
    revoked_at: datetime | None = None


def keep_key(connection: sa.Connection, key_hash: str, key: ChatKey) -> None:
    """Add a key."""
    row = {name: getattr(key, name) for name in ChatKey.__slots__}
    connection.execute(sa.insert(chat_key), row | {"key_hash": key_hash})


def keys_of(connection: sa.Connection, person_id: str | None = None) -> list[ChatKey]:
    """Return the keys of a person, or of everybody, the oldest first."""
    query = sa.select(*(chat_key.c[name] for name in ChatKey.__slots__))
    if person_id is not None:
        query = query.where(chat_key.c.person_id == person_id)
    rows = connection.execute(query.order_by(chat_key.c.made_at, chat_key.c.prefix))
    return [ChatKey(**row._mapping) for row in rows]


def owner_of(connection: sa.Connection, key_hash: str) -> str | None:
    """Return whose key this is; None where it is nobody's, was revoked, or its person may not enter any more."""
    good = (chat_key.c.key_hash == key_hash) & chat_key.c.revoked_at.is_(None)
    person_id = connection.execute(sa.select(chat_key.c.person_id).where(good)).scalar()
    return person_id if person_id is not None and may_enter(connection, person_id, None) else None


def revoke_keys(
    connection: sa.Connection, person_id: str, now: datetime, prefix: str | None = None
) -> list[str]:
    """Revoke a person's good keys, or that with a prefix; return the prefixes of those that were good."""
    good = (chat_key.c.person_id == person_id) & chat_key.c.revoked_at.is_(None)
    if prefix is not None:
        good &= chat_key.c.prefix == prefix
    found = sorted(connection.execute(sa.select(chat_key.c.prefix).where(good)).scalars())
    connection.execute(sa.update(chat_key).where(good).values(revoked_at=now))
    return found
