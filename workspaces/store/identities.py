"""The table that maps keyed hashes of platform identities to the pseudonyms that all other tables use.

``workspaces.privacy.pseudonyms`` computes the hashes; this module never handles an identity.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from workspaces.chunks import in_chunks
from workspaces.store.deletions import being_forgotten
from workspaces.store.insert import insert_missing
from workspaces.store.schema import UTCDateTime, metadata

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

person = sa.Table(
    "person",
    metadata,
    sa.Column("identity_hmac", sa.String(64), primary_key=True, comment="HMAC of a platform identity"),
    sa.Column("person_id", sa.String(24), nullable=False, index=True, comment="random pseudonym"),
    sa.Column("created_at", UTCDateTime, nullable=False),
    sa.Column("kind", sa.String(16), comment="oidc: an account at the OpenID provider; null: any other"),
)

OIDC = "oidc"
"""The kind of identities at the OpenID provider, and the 'platform' of sessions that they opened."""

_SOMEBODY = (
    sa.select(person.c.person_id)
    .where(person.c.person_id == sa.bindparam("id"))
    .where(~being_forgotten(person.c.person_id))
    .limit(1)
)


def save_identities(
    connection: sa.Connection, person_ids: Mapping[str, str], now: datetime, kind: str | None = None
) -> None:
    """Add identities: ``person_ids`` maps hashes to pseudonyms. A known hash keeps its pseudonym."""
    rows = [
        {"identity_hmac": digest, "person_id": person_id, "created_at": now, "kind": kind}
        for digest, person_id in person_ids.items()
    ]
    insert_missing(connection, person, rows)


def person_ids_of(connection: sa.Connection, digests: Iterable[str]) -> dict[str, str]:
    """Return the pseudonyms of these hashes, as far as they are known, by hash."""
    person_ids: dict[str, str] = {}
    for chunk in in_chunks(digests):
        query = sa.select(person.c.identity_hmac, person.c.person_id).where(person.c.identity_hmac.in_(chunk))
        person_ids.update((digest, person_id) for digest, person_id in connection.execute(query))
    return person_ids


def digests_of(connection: sa.Connection, person_id: str) -> list[str]:
    """Return the keyed hashes of the identities of a person."""
    query = sa.select(person.c.identity_hmac).where(person.c.person_id == person_id)
    return sorted(connection.execute(query).scalars())


def is_person(connection: sa.Connection, person_id: str) -> bool:
    """Return whether somebody has this pseudonym, and is not about to be forgotten: who is can do nothing here."""
    return connection.execute(_SOMEBODY, {"id": person_id}).first() is not None


def is_known(connection: sa.Connection, person_id: str) -> bool:
    """Return whether an identity has this pseudonym, also that of somebody whose deletion is not complete yet."""
    query = sa.select(person.c.person_id).where(person.c.person_id == person_id)
    return connection.execute(query).first() is not None


def all_people(connection: sa.Connection) -> set[str]:
    """Return the pseudonyms of everybody who is somebody here; those who were forgotten are not."""
    return set(connection.execute(sa.select(person.c.person_id)).scalars())


def move_identities(connection: sa.Connection, person_id: str, to: str) -> None:
    """Make the identities of one person those of another."""
    connection.execute(sa.update(person).where(person.c.person_id == person_id).values(person_id=to))


def give_identity(connection: sa.Connection, digest: str, to: str) -> None:
    """Make one identity, by its hash, another person's."""
    connection.execute(sa.update(person).where(person.c.identity_hmac == digest).values(person_id=to))


def newest_of_kind(connection: sa.Connection, person_id: str, kind: str) -> datetime | None:
    """Return when a person got their newest identity of a kind; None if they have none."""
    query = sa.select(sa.func.max(person.c.created_at)).where(_of_kind(person_id, kind))
    found: datetime | None = connection.execute(query).scalar()
    return found


def delete_kind(connection: sa.Connection, person_id: str, kind: str) -> int:
    """Delete a person's identities of a kind, unless they have no other; return how many there were."""
    other = person.alias()
    is_left = sa.exists().where(other.c.person_id == person_id, other.c.kind.is_distinct_from(kind))
    return connection.execute(sa.delete(person).where(_of_kind(person_id, kind), is_left)).rowcount


def _of_kind(person_id: str, kind: str) -> sa.ColumnElement[bool]:
    return (person.c.person_id == person_id) & (person.c.kind == kind)


def delete_identities(connection: sa.Connection, person_id: str) -> int:
    """Delete the identities of a person; return how many there were."""
    return connection.execute(sa.delete(person).where(person.c.person_id == person_id)).rowcount
