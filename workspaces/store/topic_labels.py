"""The topic labels of all conversations, in a few bytes for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import sqlalchemy as sa

from workspaces.keys import KeyIndex, keys_of
from workspaces.store.topics import ROWS, conversation_topic, topic_entries

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from workspaces.keys import Keys


class Labels:
    """The topic label of every conversation that has one, as two numbers for each."""

    def __init__(self, connection: sa.Connection) -> None:
        self._labels: list[str | None] = [entry.label for entry in topic_entries(connection)]
        place = {entry.number: place for place, entry in enumerate(topic_entries(connection))}
        query = sa.select(conversation_topic.c.conversation_id, conversation_topic.c.number)
        keys: list[Keys] = [np.empty(0, np.int64)]
        labels: list[NDArray[np.int32]] = [np.empty(0, np.int32)]
        with connection.execute(query.execution_options(yield_per=ROWS)) as result:
            for rows in result.partitions():
                some = [(name, place[number]) for name, number in rows if number in place]
                keys.append(keys_of([name for name, _ in some]))
                labels.append(np.array([label for _, label in some], np.int32))
        self._of = np.append(np.concatenate(labels), np.int32(len(self._labels)))
        self._labels.append(None)
        self._index = KeyIndex(np.concatenate(keys))

    def of(self, keys: Keys) -> list[str | None]:
        """Return the label of each conversation, by their keys; None: it has no topic."""
        return [self._labels[place] for place in self._of[self._index.places(keys)].tolist()]
