"""Finds messages that hold a text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from workspaces.collection.statistics import THERE

if TYPE_CHECKING:
    from workspaces.collection.collection import Collection

AROUND = 80
"""Characters of an excerpt on either side of what was found."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A message that holds the text, and the text with what stands around it."""

    conversation_id: str
    message_id: str
    role: str
    excerpt: str


def search(collection: Collection, text: str, limit: int) -> list[Hit]:
    """Return messages of conversations that are held or shared, in the collection's order, at most ``limit``.

    Upper and lower case are the same.
    """
    hits: list[Hit] = []
    for batch in collection.scan_batches(("conversation",), THERE):
        conversation = batch.column("conversation")
        messages = conversation.flatten()
        found = pc.match_substring(messages.field("content"), text, ignore_case=True)
        if not pc.any(found).as_py():
            continue
        owners = pc.list_parent_indices(conversation).filter(found)
        names = batch.column("conversation_id").take(owners)
        for name, message in zip(
            names.to_pylist(), pa.array(messages.filter(found)).to_pylist(), strict=True
        ):
            hits.append(Hit(name, message["id"], message["role"], _excerpt(message["content"], text)))
            if len(hits) == limit:
                return hits
    return hits


def _excerpt(content: str, text: str) -> str:
    at = max(0, content.lower().find(text.lower()))
    start, end = max(0, at - AROUND), at + len(text) + AROUND
    return f"{'…' if start else ''}{content[start:end]}{'…' if end < len(content) else ''}"
