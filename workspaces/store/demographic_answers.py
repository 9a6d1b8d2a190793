"""People's encrypted answers to the voluntary demographic form, by subject: the keyed hash of a person id.

``workspaces.privacy.demographics`` computes the hashes and has the key of the encryption.
"""

from __future__ import annotations

import sqlalchemy as sa

from workspaces.store.insert import upsert
from workspaces.store.schema import metadata

demographic_answer = sa.Table(
    "demographic_answer",
    metadata,
    sa.Column("subject", sa.String(64), primary_key=True, comment="HMAC of a person id, by a key of its own"),
    sa.Column("sealed", sa.Text, nullable=False, comment="the answers, encrypted"),
)


def save_sealed(connection: sa.Connection, subject: str, sealed: str) -> None:
    """Store one person's encrypted answers; they replace earlier ones."""
    upsert(connection, demographic_answer, [{"subject": subject, "sealed": sealed}], ["sealed"])


def delete_sealed(connection: sa.Connection, subject: str) -> bool:
    """Delete one person's encrypted answers; return whether there were any."""
    statement = sa.delete(demographic_answer).where(demographic_answer.c.subject == subject)
    return connection.execute(statement).rowcount > 0


def is_sealed(connection: sa.Connection, subject: str) -> bool:
    """Return whether somebody's encrypted answers are stored."""
    query = sa.select(demographic_answer.c.subject).where(demographic_answer.c.subject == subject)
    return connection.execute(query).first() is not None


def all_sealed(connection: sa.Connection) -> dict[str, str]:
    """Return everybody's encrypted answers, by subject."""
    query = sa.select(demographic_answer.c.subject, demographic_answer.c.sealed)
    return {row.subject: row.sealed for row in connection.execute(query)}


def any_sealed(connection: sa.Connection) -> bool:
    """Return whether the store holds anybody's answers."""
    return connection.execute(sa.select(demographic_answer.c.subject).limit(1)).first() is not None
