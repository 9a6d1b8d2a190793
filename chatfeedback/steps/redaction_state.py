"""By which section ``privacy`` the collection was redacted: a changed one has to reach what is stored, first."""

from __future__ import annotations

import base64
import hmac
import json
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.fernet import Fernet, InvalidToken

from workspaces.errors import ConfigurationError
from workspaces.files import read_text, write_text
from workspaces.store.conversations import count_by_state

if TYPE_CHECKING:
    from workspaces.workspace import Workspace

NAME = "redaction.json"
MAX_BYTES = 4096
DENIED = Path("secrets") / "denied_names"
"""The names that were ever denied, encrypted: a log that was read while one was denied is known again by them."""


def check_redaction(workspace: Workspace) -> None:
    """Check that the collection was redacted by the present section ``privacy``; note it if that is not known.

    Otherwise a chat log that is read again would differ from what is stored, and come in a second time. The caller
    holds the lock of the workspace.

    Raises:
        ConfigurationError: the section was changed since.
    """
    if is_outdated(workspace):
        raise ConfigurationError(
            "privacy in chatfeedback.yaml was changed since the collection was read, and what is stored is redacted as "
            "before: run 'chatfeedback collection redact' first (or change privacy back)"
        )
    note_redaction(workspace)


def is_outdated(workspace: Workspace) -> bool:
    """Return whether conversations are stored that were redacted by another section ``privacy``."""
    try:
        noted = json.loads(read_text(workspace.path / NAME, MAX_BYTES))["privacy"]
    except (OSError, ValueError, KeyError, TypeError):
        return False  # nothing is known: an older version, or nothing was read yet
    with workspace.store.read() as connection:
        if not count_by_state(connection):
            return False
    return not hmac.compare_digest(str(noted), _digest(workspace))


def old_texts_warning(workspace: Workspace) -> str | None:
    """Return a warning that tasks show texts that were redacted by another section ``privacy``; None: they do not."""
    if not is_outdated(workspace):
        return None
    return (
        "privacy (deny_names and what stands beside it) was changed since what is stored was redacted, and tasks "
        "show the texts of before: run 'chatfeedback collection redact', then 'chatfeedback push'"
    )


def names_denied(workspace: Workspace) -> list[str]:
    """Return every name by which something was redacted that may be stored, those of the past included."""
    try:
        sealed = read_text(workspace.path / DENIED, MAX_BYTES * 256).encode()
        names: list[str] = json.loads(_fernet(workspace).decrypt(sealed))
    except (OSError, ValueError, InvalidToken):
        return []  # nothing is known: an older version, or another key
    return names


def _note_names(workspace: Workspace) -> None:
    """Keep the names that are denied now beside those of the past, encrypted."""
    known = set(names_denied(workspace))
    if known.issuperset(workspace.config.privacy.deny_names):
        return
    text = json.dumps(sorted(known.union(workspace.config.privacy.deny_names)))
    write_text(workspace.path / DENIED, _fernet(workspace).encrypt(text.encode()).decode("ascii"))


def _fernet(workspace: Workspace) -> Fernet:
    key = workspace.key_for("denied names").get_secret_value()
    return Fernet(base64.urlsafe_b64encode(key))


def note_redaction(workspace: Workspace) -> None:
    """Note that everything that is stored is redacted by the present section ``privacy``."""
    _note_names(workspace)
    text = json.dumps({"privacy": _digest(workspace)}) + "\n"
    try:
        if read_text(workspace.path / NAME, MAX_BYTES) == text:
            return
    except (OSError, UnicodeDecodeError):
        pass
    write_text(workspace.path / NAME, text)


def _digest(workspace: Workspace) -> str:
    """Return a keyed hash of the section: it names people."""
    section = workspace.config.privacy.model_dump(mode="json")
    section["deny_names"] = sorted(section["deny_names"])
    key = workspace.key_for("redaction").get_secret_value()
    return hmac.digest(key, json.dumps(section, sort_keys=True).encode(), "sha256").hex()
