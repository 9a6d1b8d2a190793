"""Keyed hashes of deleted conversations and judgments, which recognise them when they are ingested again.

The key is the workspace's pseudonym key. Without it nobody can tell which conversation a tombstone belongs to, not
even by hashing likely texts.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from workspaces.store.tombstones import EARLIER, any_tombstone, buried_contents, receipts_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import sqlalchemy as sa
    from pydantic import SecretBytes

LONG = 64
"""Characters of a complete keyed hash."""

SHORT = 24
"""Hexadecimal digits of a keyed hash that replaces an id."""


class Tombstones:
    """Tells which conversations were deleted."""

    def __init__(self, key: SecretBytes) -> None:
        self._key = key

    def hash_of_id(self, conversation_id: str) -> str:
        """Return the keyed hash of a conversation's id, 64 hexadecimal digits."""
        return self._hash("conversation", conversation_id)

    def hashes_of_ids(self, conversation_ids: Iterable[str]) -> set[str]:
        """Return what ``hash_of_id`` does of each of many ids."""
        begun, found = hmac.new(self._key.get_secret_value(), _message("conversation", ""), "sha256"), set()
        for name in conversation_ids:
            hashed = begun.copy()  # two thirds of the time of one that begins anew
            hashed.update(name.encode("utf-8", "surrogatepass"))
            found.add(hashed.hexdigest())
        return found

    def hash_of_content(self, content_hash: str) -> str:
        """Return the keyed hash of a text's hash, 64 hexadecimal digits."""
        return self._hash("content", content_hash)

    def hash_of_earlier(self, content_hash: str) -> str:
        """Return the key of the tombstone of a text that a deleted conversation grew from, 64 characters."""
        return f"{EARLIER}{self._hash('earlier', content_hash)}"[:LONG]

    def hash_of_judgment(self, identity_hmac: str, task_id: str) -> str:
        """Return the keyed hash of what a rater of a chat log said in a task, 64 hexadecimal digits."""
        return self._hash("judgment", f"{identity_hmac}\x1f{task_id}")

    def hash_of_person(self, person_id: str) -> str:
        """Return the keyed hash of a pseudonym, 64 hexadecimal digits."""
        return self._hash("person", person_id)

    def stand_in(self, name: str) -> str:
        """Return the id that replaces the id of a deleted conversation or message."""
        return f"deleted:{self._hash('stand-in', name)[:SHORT]}"

    def buried(self, connection: sa.Connection, ids: Sequence[str], contents: Sequence[str]) -> list[bool]:
        """Return, for each conversation, whether its id or its text was deleted.

        Args:
            connection: a connection to the store.
            ids: conversation ids.
            contents: their content hashes, in the same order.
        """
        if not any_tombstone(connection):
            return [False] * len(ids)
        by_id = [self.hash_of_id(conversation_id) for conversation_id in ids]
        by_content = [self.hash_of_content(content_hash) for content_hash in contents]
        deleted_ids = receipts_of(connection, by_id)
        deleted_contents = buried_contents(connection, by_content)
        return [
            key in deleted_ids or content in deleted_contents
            for key, content in zip(by_id, by_content, strict=True)
        ]

    def _hash(self, kind: str, text: str) -> str:
        return hmac.digest(self._key.get_secret_value(), _message(kind, text), "sha256").hex()


def _message(kind: str, text: str) -> bytes:
    return f"tombstone\x1f{kind}\x1f{text}".encode("utf-8", "surrogatepass")
