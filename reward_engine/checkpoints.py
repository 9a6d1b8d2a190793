"""Signed checkpoints: a record of the ledger's tip, which reveals a tail that is cut off later.

The signature is an HMAC-SHA-256 under a key of the workspace. Somebody who can write to the database but cannot read
that key cannot make a checkpoint; keep a copy where they cannot delete it either.
"""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from reward_engine.chain import moment
from reward_engine.ledger import Tip
from workspaces.errors import UsageError

if TYPE_CHECKING:
    from pydantic import SecretBytes

FORMAT = "chatfeedback-checkpoint/1"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The newest transaction of the ledger at a moment."""

    tip: Tip
    created_at: datetime


def write_checkpoint(checkpoint: Checkpoint, key: SecretBytes) -> str:
    """Return a checkpoint as signed JSON."""
    content = _content(checkpoint)
    return json.dumps({**content, "signature": _signature(content, key)}, indent=2) + "\n"


def read_checkpoint(text: str, key: SecretBytes) -> Checkpoint:
    """Read a checkpoint from signed JSON.

    Raises:
        UsageError: the text is not a checkpoint, or was not signed with this key.
    """
    try:
        signed = json.loads(text)
        tip = Tip(int(signed["sequence"]), str(signed["hash"]))
        checkpoint = Checkpoint(tip, datetime.fromisoformat(signed["created_at"]))
        signature = str(signed["signature"])
        content = _content(checkpoint)
        is_ours = signed["format"] == FORMAT and hmac.compare_digest(
            signature.encode(), _signature(content, key).encode()
        )
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        raise UsageError("it is no checkpoint that 'chatfeedback ledger checkpoint' wrote") from None
    if not is_ours:
        raise UsageError("its signature is not this workspace's: it was changed, or is of another one")
    return checkpoint


def _content(checkpoint: Checkpoint) -> dict[str, str | int]:
    return {
        "format": FORMAT,
        "sequence": checkpoint.tip.sequence,
        "hash": checkpoint.tip.hash,
        "created_at": moment(checkpoint.created_at),
    }


def _signature(content: dict[str, str | int], key: SecretBytes) -> str:
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hmac.digest(key.get_secret_value(), canonical.encode(), "sha256").hex()
