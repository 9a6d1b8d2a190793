"""The keys by which people's programs ask models for points: made, listed, revoked."""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING

from workspaces.errors import UsageError
from workspaces.store.chat_keys import ChatKey, keep_key, keys_of, owner_of, revoke_keys
from workspaces.store.identities import is_person
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from workspaces.workspace import Workspace

BEGINNING = "cfk_"
SECRET_BYTES = 32
PREFIX_CHARACTERS = len(BEGINNING) + 8
MOST_KEYS = 20
MOST_NAME = 60


def make_chat_key(workspace: Workspace, person_id: str, name: str = "") -> str:
    """Return a new key of a person. It is shown this once: the store keeps its hash.

    Raises:
        UsageError: the person has as many good keys as are allowed, or is about to be forgotten; or the name is too
            long.
    """
    name = " ".join(name.split())
    if len(name) > MOST_NAME:
        raise UsageError(f"a key's name has at most {MOST_NAME} characters")
    key = BEGINNING + secrets.token_urlsafe(SECRET_BYTES)
    with workspace.store.write() as connection:
        if not is_person(connection, person_id):
            raise UsageError(f"{person_id} is nobody here, or is about to be forgotten, and gets no key")
        good = [each for each in keys_of(connection, person_id) if each.revoked_at is None]
        if len(good) >= MOST_KEYS:
            raise UsageError(f"{MOST_KEYS} keys are enough: revoke one first")
        keep_key(connection, _hash(key), ChatKey(key[:PREFIX_CHARACTERS], person_id, name, utc_now()))
    return key


def list_chat_keys(workspace: Workspace, person_id: str | None = None) -> list[ChatKey]:
    """Return the keys of a person, or of everybody; revoked ones, too."""
    with workspace.store.read() as connection:
        return keys_of(connection, person_id)


def revoke_chat_keys(workspace: Workspace, person_id: str, prefix: str | None = None) -> list[str]:
    """Revoke all keys of a person, or that with a prefix; return the prefixes of those that were good.

    Raises:
        UsageError: the person has no good key with that prefix.
    """
    with workspace.store.write() as connection:
        revoked = revoke_keys(connection, person_id, utc_now(), prefix)
    if prefix is not None and not revoked:
        raise UsageError(f"this person has no good key that begins with {prefix[:PREFIX_CHARACTERS]!r}")
    return revoked


def person_of_key(workspace: Workspace, key: str) -> str | None:
    """Return whose key this is; None where it is nobody's, was revoked, or its person may not enter any more."""
    if not key.startswith(BEGINNING):
        return None
    with workspace.store.read() as connection:
        return owner_of(connection, _hash(key))


def _hash(key: str) -> str:
    """Return the hash of a key: 32 random bytes need no slow one."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
