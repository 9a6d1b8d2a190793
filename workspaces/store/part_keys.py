"""Which conversations each part holds, in a few bytes for each."""

from __future__ import annotations

from array import array
from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np
import sqlalchemy as sa

from workspaces.keys import KeyIndex
from workspaces.store.conversations import conversation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from workspaces.records import SharingState

_ROWS = 10_000
"""Rows in memory at a time."""


def keys_by_part(connection: sa.Connection, states: Iterable[SharingState]) -> Mapping[str, KeyIndex]:
    """Return the keys of all conversations in some states, by the part that holds their text."""
    query = sa.select(conversation.c.part, conversation.c.conversation_id).where(
        conversation.c.state.in_([state.value for state in states])
    )
    keys: dict[str, array[int]] = {}
    with connection.execute(query.execution_options(yield_per=_ROWS)) as result:
        for rows in result.partitions():
            for part, conversation_id in rows:
                keys.setdefault(part, array("q")).append(hash(conversation_id))
    nothing = KeyIndex(np.empty(0, np.int64))
    return defaultdict(
        lambda: nothing, {part: KeyIndex(np.array(some, np.int64)) for part, some in keys.items()}
    )
