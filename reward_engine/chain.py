"""The hashes that chain the ledger: SHA-256 of canonical JSON (sorted keys, no white space, UTF-8). Pure.

The JSON is built by hand because verification of a large ledger spends most of its time here; a test compares it with
the output of ``json.dumps``.
"""

from __future__ import annotations

from datetime import UTC
from functools import lru_cache
from hashlib import sha256
from json.encoder import encode_basestring as quoted
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

GENESIS = "0" * 64
"""The hash before the first transaction."""


def request_hash(
    key: str, entries: Mapping[str, int], reason: str, rules_version: str, event_at: datetime
) -> str:
    """Return the hash of a request: the same key with a different hash is a different request."""
    content = (
        f'{{"entries":{_entries(entries)},"event_at":"{moment(event_at)}","key":{quoted(key)},'
        f'"reason":{quoted(reason)},"rules_version":{quoted(rules_version)}}}'
    )
    return sha256(content.encode()).hexdigest()


def chain_hash(
    *,
    sequence: int,
    key: str,
    entries: Mapping[str, int],
    reason: str,
    rules_version: str,
    event_at: datetime,
    created_at: datetime,
    request: str,
    previous: str,
) -> str:
    """Return the hash of a transaction: over its whole content and the hash of the previous transaction."""
    content = (
        f'{{"created_at":"{moment(created_at)}","entries":{_entries(entries)},"event_at":"{moment(event_at)}",'
        f'"key":{quoted(key)},"previous_hash":{quoted(previous)},"reason":{quoted(reason)},'
        f'"request_hash":{quoted(request)},"rules_version":{quoted(rules_version)},"sequence":{sequence:d}}}'
    )
    return sha256(content.encode()).hexdigest()


@lru_cache(maxsize=1024)
def moment(time: datetime) -> str:
    """Return a time as it is hashed: ISO 8601, in UTC."""
    return time.astimezone(UTC).isoformat()


def _entries(entries: Mapping[str, int]) -> str:
    return "{" + ",".join(f"{quoted(account)}:{entries[account]:d}" for account in sorted(entries)) + "}"
