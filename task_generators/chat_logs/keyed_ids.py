"""Keyed ids: what stands for ids of a log that tell whose they are (``telling_ids``).

Each is a keyed hash of the log's own id. So the same log gives the same ids again, and two ids stay two. An id under
which a conversation is stored, or was deleted, stays: tasks, answers and tombstones name it. One that was replaced once
is replaced in every row, also in one that does not name the person. Ids of messages follow in ``stored_ids``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from task_generators.chat_logs.namesakes import renamed_in_place
from workspaces.message_ids import within
from workspaces.privacy.pseudonyms import KEYED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pyarrow as pa

    from workspaces.collection import Collection


class KeyedIds:
    """Replaces ids of conversations by keyed ids, and counts.

    ``replaced`` counts the rows of which an id is replaced, ``kept`` those of which one stays because it is stored.

    Args:
        collection: where the conversations are stored.
        key: returns the keyed id that stands for an id.
    """

    def __init__(self, collection: Collection, key: Callable[[str], str]) -> None:
        self._collection = collection
        self._key = key
        self.replaced = 0
        self.kept = 0
        self._may_be_stored = collection.may_hold(KEYED)

    def under_keyed_ids(self, table: pa.Table) -> pa.Table:
        """Return rows with other ids of conversations, and of their messages, where the log's own tell whose they are.

        Args:
            table: rows with the columns of ``ROWS``.
        """
        told = table.column("telling")
        if told.null_count == len(told) and not self._may_be_stored:
            return table
        names: list[str] = table.column("conversation_id").to_pylist()
        telling = {place: set(ids) for place, ids in enumerate(told.to_pylist()) if ids}
        tell = {names[place] for place, ids in telling.items() if names[place] in ids}
        keyed = {name: self._key(name) for name in set(names)}
        known = self._collection.known({*keyed, *keyed.values()})
        other = {
            name: key for name, key in keyed.items() if name not in known and (name in tell or key in known)
        }
        self._count({place: (names[place], ids) for place, ids in telling.items()}, other)
        self._may_be_stored = self._may_be_stored or bool(other)
        places = [place for place, name in enumerate(names) if name in other]
        return renamed_in_place(table, places, lambda row: other[row["conversation_id"]])

    def _count(self, telling: Mapping[int, tuple[str, set[str]]], other: Mapping[str, str]) -> None:
        """Count rows that tell: the id of each conversation and those of its ids that do."""
        stored = self._collection.message_ids({other.get(name, name) for name, _ in telling.values()})
        for name, ids in telling.values():
            now = other.get(name, name)
            held = set(stored.get(now, ()))
            if (now in ids and now in stored) or not held.isdisjoint(
                {*ids, *(within(now, own) for own in ids)}
            ):
                self.kept += 1
            else:
                self.replaced += 1
