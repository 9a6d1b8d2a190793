"""The responses that stand in a file of the collection, as keys; no text is read."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.compute as pc

from workspaces.collection.message_columns import are_responses
from workspaces.collection.opening import opened_part
from workspaces.keys import keys_of

if TYPE_CHECKING:
    from pathlib import Path

    from workspaces.keys import Keys

_COLUMNS = (
    "conversation_id",
    *(f"conversation.list.element.{it}" for it in ("id", "parent_id", "role", "tool_calls")),
)


@dataclass(frozen=True, slots=True)
class Responses:
    """Responses by row: their ``keys``, and those of their conversations, the ``owners``."""

    keys: Keys
    owners: Keys


def responses_in(path: Path) -> Responses:
    """Return the responses of a file that answer a message, also of rows to which no entry refers.

    Raises:
        FileNotFoundError: there is no such file.
    """
    keys, owners = array("q"), array("q")
    with opened_part(path) as file:
        for batch in file.iter_batches(columns=list(_COLUMNS), use_threads=False):
            conversations = batch.column("conversation")
            messages, offsets = conversations.flatten(), conversations.offsets.to_pylist()
            is_asked = pc.and_(are_responses(messages), messages.field("parent_id").is_valid())
            asked = np.flatnonzero(is_asked.to_pylist())
            keys.extend(keys_of(messages.field("id").filter(is_asked).to_pylist()).tolist())
            rows = np.searchsorted(offsets, asked + offsets[0], side="right") - 1
            owners.extend(keys_of(batch.column("conversation_id").to_pylist())[rows].tolist())
    return Responses(np.array(keys, np.int64), np.array(owners, np.int64))
