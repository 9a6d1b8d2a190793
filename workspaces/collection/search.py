"""Full-text search in the messages of a collection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from workspaces.collection.message_columns import STRUCTURE, texts_beside
from workspaces.collection.statistics import HELD_OR_SHARED

if TYPE_CHECKING:
    from workspaces.collection.collection import Collection

AROUND = 80
"""Characters of an excerpt on either side of the matched text."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A message that contains the searched text, and an excerpt around the first match.

    ``generated``: a model was asked for it; it stands in no chat log.
    """

    conversation_id: str
    message_id: str
    role: str
    excerpt: str
    generated: bool = False


def search(collection: Collection, text: str, limit: int) -> list[Hit]:
    """Return the messages that contain a text, of conversations that are held or shared, at most ``limit``.

    Reasoning, tool calls and attachments are searched, too. They are in the order of the collection. Case is ignored.
    """
    hits: list[Hit] = []
    for batch in collection.scan_batches(("conversation",), HELD_OR_SHARED):
        conversation = batch.column("conversation")
        messages = conversation.flatten()
        matches = pc.match_substring(messages.field("content"), text, ignore_case=True)
        beside = _beside(messages, text)
        matches = matches if beside is None else pc.or_(matches, beside)
        if not pc.any(matches).as_py():
            continue
        owners = pc.list_parent_indices(conversation).filter(matches)
        ids = batch.column("conversation_id").take(owners)
        for conversation_id, message in zip(
            ids.to_pylist(), pa.array(messages.filter(matches)).to_pylist(), strict=True
        ):
            excerpt = _excerpt(_matching(message, text), text)
            hits.append(
                Hit(conversation_id, message["id"], message["role"], excerpt, bool(message["generated"]))
            )
            if len(hits) == limit:
                return hits
    return hits


def _beside(messages: pa.StructArray, text: str) -> pa.BooleanArray | None:
    """Return which messages contain a text beside their content; None if no message holds anything there."""
    if all(messages.field(name).null_count == len(messages) for name in STRUCTURE):
        return None
    wanted = text.lower()
    columns = [messages.field(name).to_pylist() for name in STRUCTURE]
    return pa.array(
        [
            any(wanted in held.lower() for held in texts_beside(dict(zip(STRUCTURE, values, strict=True))))
            for values in zip(*columns, strict=True)
        ],
        pa.bool_(),
    )


def _matching(message: dict[str, Any], text: str) -> str:
    """Return the first text of a message that contains the searched one."""
    texts = (message["content"], *texts_beside(message))
    content: str = message["content"]
    return next((held for held in texts if text.lower() in held.lower()), content)


def _excerpt(content: str, text: str) -> str:
    match_start = max(0, content.lower().find(text.lower()))
    start, end = max(0, match_start - AROUND), match_start + len(text) + AROUND
    return f"{'…' if start else ''}{content[start:end]}{'…' if end < len(content) else ''}"
