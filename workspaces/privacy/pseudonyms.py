"""Pseudonyms: the only code that sees a person's identity on a platform.

All other code knows a person by a random id. One table maps a keyed hash (HMAC-SHA-256) of each platform identity to
that id. The key is a file of the workspace that only its owner can read; without it the table reveals no identity.
"""

from __future__ import annotations

import hmac
import secrets
from typing import TYPE_CHECKING

from pydantic import SecretBytes

from workspaces.errors import ConfigurationError
from workspaces.files import create_text
from workspaces.store.identities import (
    OIDC,
    delete_identities,
    give_identity,
    is_known,
    person_ids_of,
    save_identities,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime
    from pathlib import Path

    import sqlalchemy as sa

    from workspaces.store import Store

KEY_BYTES = 32
CHAT_LOG = "chat-log"
"""The platform name for the identities of givers of chat logs."""


KEYED = "keyed-"
"""How an id begins that stands for one of a chat log."""

KEYED_DIGITS = 24
"""Hexadecimal digits of such an id."""


def create_key(path: Path) -> None:
    """Write a new random key that only its owner can read. An existing key is kept."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    create_text(path, secrets.token_hex(KEY_BYTES))


def read_key(path: Path, name: str = "pseudonym") -> SecretBytes:
    """Read a key; ``name`` identifies it in the error message.

    Raises:
        ConfigurationError: the key is missing or damaged. It is not replaced: with another pseudonym key every
            identity would get a new person id.
    """
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except (OSError, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise ConfigurationError(f"the {name} key {path} is missing or damaged: restore it from your backup")
    return SecretBytes(key)


class Pseudonyms:
    """Maps platform identities to person ids, and caches the mappings that were looked up."""

    def __init__(self, store: Store, key: SecretBytes, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._key = key
        self._clock = clock
        self._known: dict[str, str] = {}

    def look_again(self) -> None:
        """Forget what was looked up: another process may have forgotten a person since."""
        self._known.clear()

    def on_platform(self, platform: str) -> Callable[[str], str]:
        """Return a function that maps a name on ``platform`` to a person id, and creates an id for a new name.

        An e-mail address identifies the same person on every platform, so that all points go to one wallet. Any
        other name is specific to its platform.
        """
        return lambda name: self._person_id(_identity(platform, name), create=True) or ""

    def meet(self, platform: str, names: Iterable[str]) -> None:
        """Look up many names on ``platform`` at once, and create ids for the new ones in one transaction."""
        digests = {self._digest(_identity(platform, name)) for name in names} - self._known.keys()
        if not digests:
            return
        with self._store.read() as connection:
            self._known.update(person_ids_of(connection, sorted(digests)))
        new = {digest: secrets.token_hex(6) for digest in sorted(digests - self._known.keys())}
        if new:
            with self._store.write() as connection:
                save_identities(connection, new, self._clock())
                self._known.update(person_ids_of(connection, new))  # another process may have been faster

    def find(self, name: str, platforms: tuple[str, ...]) -> str | None:
        """Return the id of the person with this name on one of ``platforms``; None if there is none."""
        identities = dict.fromkeys(_identity(platform, name) for platform in platforms)
        person_ids = (self._person_id(identity, create=False) for identity in identities)
        return next((person_id for person_id in person_ids if person_id), None)

    def is_account_of(self, platform: str, name: str, person_id: str) -> bool:
        """Return whether the account of this name on a platform is the person's."""
        return self.find(name, (platform,)) == person_id

    def resolve(self, name: str, platforms: tuple[str, ...]) -> str | None:
        """Return the id of the person with this name on one of ``platforms``, or with this pseudonym."""
        return self.find(name, platforms) or (name if self.is_person(name) else None)

    def is_person(self, person_id: str) -> bool:
        """Return whether a person with this id is known."""
        with self._store.read() as connection:
            return is_known(connection, person_id)

    def digest(self, platform: str, name: str) -> str:
        """Return the keyed hash of the identity that a name on ``platform`` is."""
        return self._digest(_identity(platform, name))

    def keyed_id(self, name: str) -> str:
        """Return what stands for an id of a chat log that tells whose it is: the same for the same id, and no other."""
        message = f"id\x1f{name}".encode("utf-8", "surrogatepass")
        return f"{KEYED}{hmac.digest(self._key.get_secret_value(), message, 'sha256').hex()[:KEYED_DIGITS]}"

    def join(self, connection: sa.Connection, platform: str, name: str, person_id: str) -> None:
        """Make a name on ``platform`` that nobody has a person's."""
        kind = OIDC if platform == OIDC else None
        save_identities(connection, {self.digest(platform, name): person_id}, self._clock(), kind)

    def part(self, connection: sa.Connection, platform: str, name: str) -> str:
        """Give a name on ``platform`` a pseudonym of its own, which it does not share with anybody; return it."""
        digest, person_id = self.digest(platform, name), secrets.token_hex(6)
        give_identity(connection, digest, person_id)
        self._known.pop(digest, None)
        return person_id

    def forget(self, connection: sa.Connection, person_id: str) -> int:
        """Delete the identities of a person id; return how many there were.

        Afterwards nobody can tell whose id it was, and a person who returns gets a new id.
        """
        self._known = {digest: known for digest, known in self._known.items() if known != person_id}
        return delete_identities(connection, person_id)

    def _person_id(self, identity: str, *, create: bool) -> str | None:
        digest = self._digest(identity)
        if digest not in self._known:
            with self._store.read() as connection:
                self._known.update(person_ids_of(connection, [digest]))
        if digest not in self._known and create:
            with self._store.write() as connection:
                save_identities(connection, {digest: secrets.token_hex(6)}, self._clock())
                self._known.update(
                    person_ids_of(connection, [digest])
                )  # another process may have been faster
        return self._known.get(digest)

    def _digest(self, identity: str) -> str:
        return hmac.digest(self._key.get_secret_value(), identity.encode(), "sha256").hex()


def _identity(platform: str, name: str) -> str:
    if (
        platform == OIDC
    ):  # ISSUER|SUB, where each letter counts: a subject with an @ is nobody's e-mail address
        return f"{OIDC}:{name}"
    name = name.strip()
    # as Label Studio tells addresses apart: 'casefold' makes one of two that are two accounts there ('s' and 'ſ')
    return f"email:{name.lower()}" if "@" in name else f"{platform}:{name}"
