"""Receipts of deletions: what was deleted, for whom, and when; they are computed from the store and kept as files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from workspaces.files import write_text
from workspaces.store.deletions import Removed, deletion_of
from workspaces.store.tombstones import receipts_of, tombstones_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    import sqlalchemy as sa

    from workspaces.workspace import Workspace

RECEIPTS = "receipts"


class Receipt(TypedDict):
    """A record of what was deleted. It holds keyed hashes and numbers, and no text that anybody wrote."""

    receipt: str
    asked_at: str
    asked_by: str
    reason: str | None
    completed_at: str | None
    person: str | None
    conversations: list[str]
    removed: Removed
    path: str
    """The path of the receipt; the file itself does not hold it."""


def receipt_of(workspace: Workspace, receipt_id: str) -> Receipt:
    """Return the receipt of a deletion, complete or not."""
    with workspace.store.read() as connection:
        deletion = deletion_of(connection, receipt_id)
        hashes = tombstones_of(connection, receipt_id)
    return Receipt(
        receipt=receipt_id,
        asked_at=deletion.asked_at.isoformat(),
        asked_by=deletion.asked_by,
        reason=deletion.reason,
        completed_at=deletion.completed_at.isoformat() if deletion.completed_at else None,
        person=deletion.person_id,
        conversations=hashes,
        removed=deletion.removed,
        path=str(workspace.path / RECEIPTS / f"{receipt_id}.json"),
    )


def receipts_of_conversations(workspace: Workspace, conversation_ids: Sequence[str]) -> list[Receipt]:
    """Return the receipts of those of these conversations that were deleted, also of deletions not complete yet."""
    with workspace.store.read() as connection:
        receipts = set(receipts_by_conversation(workspace, connection, conversation_ids).values())
    return [receipt_of(workspace, receipt_id) for receipt_id in sorted(receipts)]


def receipts_by_conversation(
    workspace: Workspace, connection: sa.Connection, conversation_ids: Sequence[str]
) -> dict[str, str]:
    """Return the ids of receipts by conversation, of those of these conversations that were deleted."""
    hashes = {workspace.tombstones.hash_of_id(key): key for key in conversation_ids}
    receipts = receipts_of(connection, hashes)
    return {hashes[digest]: receipt_id for digest, receipt_id in receipts.items()}


def write_receipt(workspace: Workspace, receipt_id: str, completed_at: datetime) -> None:
    """Write the receipt of a deletion as JSON, complete at the given time; a second call writes it again."""
    receipt = {**receipt_of(workspace, receipt_id), "completed_at": completed_at.isoformat()}
    path = Path(str(receipt.pop("path")))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps(receipt, indent=2, ensure_ascii=False) + "\n")


def half_written(workspace: Workspace) -> Iterator[Path]:
    """Yield the files that killed runs left of receipts."""
    return (workspace.path / RECEIPTS).glob("*.json.*")
