"""The only place that sees who somebody is on a platform.

A person is a random id everywhere else. One table maps a keyed hash (HMAC-SHA-256) of each platform identity
to it; the key is a file of the workspace that only its owner can read. Without the key the table says nothing.
"""

from __future__ import annotations

import hmac
import secrets
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from pydantic import SecretBytes

from workspaces.errors import ConfigurationError
from workspaces.files import create_private
from workspaces.store.insert import insert_missing
from workspaces.store.tables import person

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime
    from pathlib import Path

    from workspaces.store import Store

KEY_BYTES = 32
CHAT_LOG = "chat-log"
"""Where the givers of chat logs are known from, beside the platforms."""

ID_CHUNK = 500


def create_key(path: Path) -> None:
    """Write a new random key, readable by its owner only. A key that exists is kept."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    create_private(path, secrets.token_hex(KEY_BYTES))


def read_key(path: Path, name: str = "pseudonym") -> SecretBytes:
    """Read a key; ``name`` says which in a message.

    Raises:
        ConfigurationError: it is missing or damaged; with another pseudonym key everyone would become a new person.
    """
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except (OSError, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise ConfigurationError(f"the {name} key {path} is missing or damaged: restore it from your backup")
    return SecretBytes(key)


class Pseudonyms:
    """Turns platform identities into person ids; remembers those it has seen."""

    def __init__(self, store: Store, key: SecretBytes, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._key = key
        self._clock = clock
        self._known: dict[str, str] = {}

    def on_platform(self, platform: str) -> Callable[[str], str]:
        """Return a function from a name on ``platform`` to the person's id, making one where it is new.

        An e-mail address is the same person on every platform, so that points meet in one wallet; any other
        name belongs to its platform alone.
        """
        return lambda name: self._person_id(_identity(platform, name), create=True) or ""

    def meet(self, platform: str, names: Iterable[str]) -> None:
        """Look up many names on ``platform`` at once, and make ids for the new ones in one transaction."""
        digests = {self._digest(_identity(platform, name)) for name in names} - self._known.keys()
        if not digests:
            return
        with self._store.read() as connection:
            self._known.update(_people(connection, sorted(digests)))
        now = self._clock()
        rows = [
            {"identity_hmac": digest, "person_id": secrets.token_hex(6), "created_at": now}
            for digest in sorted(digests - self._known.keys())
        ]
        if rows:
            with self._store.write() as connection:
                insert_missing(connection, person, rows)
                self._known.update(_people(connection, [row["identity_hmac"] for row in rows]))

    def find(self, name: str, platforms: tuple[str, ...]) -> str | None:
        """Return the id of the person with this name on one of ``platforms``; None if nobody has it."""
        identities = dict.fromkeys(_identity(platform, name) for platform in platforms)
        return next((found for it in identities if (found := self._person_id(it, create=False))), None)

    def resolve(self, name: str, platforms: tuple[str, ...]) -> str | None:
        """Return the id of the person with this name on one of ``platforms``, or with this pseudonym."""
        return self.find(name, platforms) or (name if self.is_person(name) else None)

    def is_person(self, person_id: str) -> bool:
        """Return whether somebody has this pseudonym."""
        with self._store.read() as connection:
            found = connection.execute(
                sa.select(person.c.person_id).where(person.c.person_id == person_id)
            ).first()
        return found is not None

    def forget(self, connection: sa.Connection, person_id: str) -> int:
        """Delete what maps identities to this pseudonym; return how many there were.

        Nobody can tell afterwards whose it was, and whoever comes back is a new person.
        """
        self._known = {digest: known for digest, known in self._known.items() if known != person_id}
        return connection.execute(sa.delete(person).where(person.c.person_id == person_id)).rowcount

    def _person_id(self, identity: str, *, create: bool) -> str | None:
        digest = self._digest(identity)
        if digest not in self._known:
            query = sa.select(person.c.person_id).where(person.c.identity_hmac == digest)
            with self._store.read() as connection:
                found = connection.execute(query).scalar()
            if found is None:
                if not create:
                    return None
                row = {
                    "identity_hmac": digest,
                    "person_id": secrets.token_hex(6),
                    "created_at": self._clock(),
                }
                with self._store.write() as connection:
                    insert_missing(connection, person, [row])
                    found = connection.execute(query).scalar_one()  # another process may have been first
            self._known[digest] = found
        return self._known[digest]

    def _digest(self, identity: str) -> str:
        return hmac.digest(self._key.get_secret_value(), identity.encode(), "sha256").hex()


def _people(connection: sa.Connection, digests: Sequence[Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for start in range(0, len(digests), ID_CHUNK):
        query = sa.select(person.c.identity_hmac, person.c.person_id).where(
            person.c.identity_hmac.in_(digests[start : start + ID_CHUNK])
        )
        found.update((digest, person_id) for digest, person_id in connection.execute(query))
    return found


def _identity(platform: str, name: str) -> str:
    name = name.strip()
    return f"email:{name.casefold()}" if "@" in name else f"{platform}:{name}"
