"""Signed checkpoints of releases: a record of every checksum of a release that who can write its folder cannot make.

The signature is an HMAC-SHA-256 under a key of the workspace, as that of the ledger's checkpoints.
"""

from __future__ import annotations

import hmac
import json
from typing import TYPE_CHECKING

from exports.dataset import MANIFEST
from exports.tables import sha256_of
from workspaces.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pydantic import JsonValue, SecretBytes

FORMAT = "chatfeedback-release-checkpoint/1"


def write_release_checkpoint(
    folder: Path, manifest: Mapping[str, JsonValue], created_at: str, key: SecretBytes
) -> str:
    """Return the signed checkpoint of the release in a folder, as JSON; the manifest holds all other checksums."""
    release = manifest.get("release")
    content: dict[str, JsonValue] = {
        "format": FORMAT,
        "kind": manifest["kind"],
        "version": release.get("version") if isinstance(release, dict) else None,
        "digest": manifest["digest"],
        "manifest": sha256_of(folder / MANIFEST),
        "ledger_tip": manifest.get("ledger_tip"),
        "created_at": created_at,
    }
    return json.dumps({**content, "signature": _signature(content, key)}, indent=2) + "\n"


def is_checkpoint_of(folder: Path, text: str) -> bool:
    """Return whether a text is a checkpoint of the release in a folder, whoever signed it."""
    try:
        signed = json.loads(text)
        return bool(signed["format"] == FORMAT and signed["manifest"] == sha256_of(folder / MANIFEST))
    except (ValueError, KeyError, TypeError, RecursionError):
        return False


def differs_from(folder: Path, text: str, key: SecretBytes) -> str | None:
    """Return how the release in a folder differs from its signed checkpoint; None if it is the same.

    Raises:
        UsageError: the text is no checkpoint of a release, or was not signed with this key.
    """
    try:
        signed = json.loads(text)
        signature, is_one = str(signed.pop("signature")), signed["format"] == FORMAT
        expected, version = str(signed["manifest"]), signed["version"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        is_one = False
    if not is_one:
        raise UsageError("it is no checkpoint that 'chatfeedback export checkpoint' wrote")
    if not hmac.compare_digest(signature.encode(), _signature(signed, key).encode()):
        raise UsageError("its signature is not this workspace's: it was changed, or is of another one")
    if sha256_of(folder / MANIFEST) == expected:
        return None
    here = json.loads((folder / MANIFEST).read_text("utf-8")).get("release") or {}
    return f"{MANIFEST} is not that of the signed checkpoint, which is of release {version}" + (
        "" if here.get("version", 1) == version else f", and this is release {here.get('version')}"
    )


def _signature(content: Mapping[str, JsonValue], key: SecretBytes) -> str:
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hmac.digest(key.get_secret_value(), canonical.encode(), "sha256").hex()
