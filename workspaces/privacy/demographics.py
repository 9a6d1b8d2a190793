"""Demographic answers, stored apart from all other data and encrypted.

A row is looked up by a keyed hash of the person id and decrypted with a second key. Both keys are derived from one
file of the workspace that only its owner can read. Without that file a row reveals neither the answers nor the person.
"""

from __future__ import annotations

import base64
import hmac
import json
import secrets
from functools import cached_property
from typing import TYPE_CHECKING

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from workspaces.errors import ConfigurationError
from workspaces.privacy.pseudonyms import create_key, read_key
from workspaces.store.demographic_answers import (
    all_sealed,
    any_sealed,
    delete_sealed,
    is_sealed,
    save_sealed,
)
from workspaces.store.snapshots import any_snapshot, replace_roster, sealed_rosters

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pydantic import JsonValue

    from workspaces.store import Store

_PAD_TO = 256


class DemographicAnswers:
    """The encrypted answers of a workspace.

    The key is created when the first answers are saved. A lost key is never replaced.
    """

    def __init__(self, store: Store, key_path: Path) -> None:
        self._store = store
        self._path = key_path

    def save(self, person_id: str, answers: Mapping[str, str]) -> None:
        """Store a person's answers; they replace earlier ones.

        Raises:
            ConfigurationError: data is stored, and its key is missing or damaged.
        """
        if not self._path.exists() and self._is_empty():
            create_key(self._path)
        subject, sealed = self.subject(person_id), self.seal(dict(answers))
        with self._store.write() as connection:
            save_sealed(connection, subject, sealed)

    def withdraw(self, person_id: str) -> bool:
        """Delete a person's answers and their entries in the rosters of snapshots; return whether there were any.

        In a roster a random number that belongs to nobody replaces the person's subject, so that the difference to
        later snapshots can still be assessed.
        """
        if not self._path.exists() and self._is_empty():
            return False
        subject = self.subject(person_id)
        with self._store.write() as connection:
            withdrawn = delete_sealed(connection, subject)
            for layer, number, sealed in sealed_rosters(connection):
                roster = self.unseal(sealed)
                if isinstance(roster, dict) and subject in roster:
                    withdrawn = True
                    roster[secrets.token_hex(32)] = roster.pop(subject)
                    replace_roster(connection, layer, number, self.seal(dict(sorted(roster.items()))))
        return withdrawn

    def has_answers(self, person_id: str) -> bool:
        """Return whether a person's answers are stored; not what they are."""
        if not self._path.exists():
            return False
        with self._store.read() as connection:
            return is_sealed(connection, self.subject(person_id))

    def everyone(self) -> dict[str, dict[str, str]]:
        """Return the answers of all people, by subject. For counting only: no command prints a single answer."""
        with self._store.read() as connection:
            answers = all_sealed(connection)
        return {subject: self.unseal(sealed) for subject, sealed in answers.items()}  # type: ignore[misc]

    def subject(self, person_id: str) -> str:
        """Return the id under which a person's answers are stored; without the key it cannot be linked to them."""
        return hmac.digest(self._derived(b"subject"), person_id.encode(), "sha256").hex()

    def seal(self, value: JsonValue) -> str:
        """Encrypt a value, padded to a multiple of 256 bytes so that its length reveals little."""
        text = json.dumps(value, ensure_ascii=False, sort_keys=True).encode()
        return self._fernet.encrypt(text.ljust(-(-len(text) // _PAD_TO) * _PAD_TO)).decode("ascii")

    def unseal(self, sealed: str) -> JsonValue:
        """Decrypt a value.

        Raises:
            ConfigurationError: the value was encrypted with another key.
        """
        try:
            value: JsonValue = json.loads(self._fernet.decrypt(sealed))
        except InvalidToken:
            raise ConfigurationError(
                f"the demographics key {self._path} does not open the stored answers: restore it from your backup"
            ) from None
        return value

    @cached_property
    def _fernet(self) -> Fernet:
        return Fernet(base64.urlsafe_b64encode(self._derived(b"seal")))

    def _derived(self, purpose: bytes) -> bytes:
        key = read_key(self._path, "demographics").get_secret_value()
        return HKDF(SHA256(), length=32, salt=None, info=b"chatfeedback demographics " + purpose).derive(key)

    def _is_empty(self) -> bool:
        with self._store.read() as connection:
            return not any_sealed(connection) and not any_snapshot(connection)
