"""Full-text search in the messages of a collection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from workspaces.collection.statistics import THERE

if TYPE_CHECKING:
    from workspaces.collection.collection import Collection

AROUND = 80
"""Characters of an excerpt on either side of the matched text."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A message that contains the searched text, and an excerpt around the first match."""

    conversation_id: str
    message_id: str
    role: str
    excerpt: str


def search(collection: Collection, text: str, limit: int) -> list[Hit]:
    """Return the messages that contain a text, of conversations that are held or shared, at most ``limit``.

    They are in the order of the collection. Case is ignored.
    """
    hits: list[Hit] = []
    for batch in collection.scan_batches(("conversation",), THERE):
        conversation = batch.column("conversation")
        messages = conversation.flatten()
        matches = pc.match_substring(messages.field("content"), text, ignore_case=True)
        if not pc.any(matches).as_py():
            continue
        owners = pc.list_parent_indices(conversation).filter(matches)
        ids = batch.column("conversation_id").take(owners)
        for conversation_id, message in zip(
            ids.to_pylist(), pa.array(messages.filter(matches)).to_pylist(), strict=True
        ):
            excerpt = _excerpt(message["content"], text)
            hits.append(Hit(conversation_id, message["id"], message["role"], excerpt))
            if len(hits) == limit:
                return hits
    return hits


def _excerpt(content: str, text: str) -> str:
    match_start = max(0, content.lower().find(text.lower()))
    start, end = max(0, match_start - AROUND), match_start + len(text) + AROUND
    return f"{'…' if start else ''}{content[start:end]}{'…' if end < len(content) else ''}"
