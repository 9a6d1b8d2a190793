"""Appends rows to the collection in portions of one size, under the ids that they have or get there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa

from task_generators.chat_logs.batches import ROWS
from task_generators.chat_logs.curation import redact_again, tag
from task_generators.chat_logs.keyed_ids import KeyedIds
from task_generators.chat_logs.namesakes import by_first_message, by_text, renamed
from task_generators.chat_logs.stored_ids import attached, under_stored_ids
from workspaces.collection.files import SCHEMA
from workspaces.store.conversations import Accepted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence, Set

    from task_generators.chat_logs.imported import Attached, Kept
    from task_generators.chat_logs.ingested import Ingested, OmittedRows
    from workspaces.collection import Collection
    from workspaces.collection.appender import Appended
    from workspaces.privacy.redaction import Redactor

BATCH = 10_000
"""Conversations appended at once: a killed run loses at most this many, and the next run reads them again."""

BATCH_BYTES = 64 * 1024 * 1024
"""Bytes of conversations appended at once, when fewer of them have more: they are held in memory."""

CONFLICT = "its conversation_id stands in the collection with another text"
FOREIGN = "its conversation_id stands in the collection from another giver, source or licence"
FRAGMENT = (
    "the message that it answers is not in the collection: read the file with the beginning of its conversation, "
    "then this one again"
)


class RowAppender:
    """Appends rows in portions of one size, whatever the size of the batches they come in."""

    def __init__(
        self,
        append: Callable[[pa.Table], Appended],
        collection: Collection,
        result: Ingested,
        omitted: OmittedRows,
        keep_feedback: Callable[[Sequence[Attached]], Kept],
        publish: Callable[[Sequence[Accepted]], int],
        earlier: Redactor | None,
        key: Callable[[str], str],
    ) -> None:
        self._earlier = earlier
        self._append_rows = append
        self._collection = collection
        self._result = result
        self._omitted = omitted
        self._keep_feedback = keep_feedback
        self._publish = publish
        self._key = key
        self._keyed = KeyedIds(collection, key)
        self._waiting: list[pa.RecordBatch] = []
        self._size = 0

    def add(self, rows: pa.RecordBatch) -> None:
        """Take rows, and append those that make up whole portions, or are more than memory shall hold."""
        self._waiting.append(rows)
        self._size += rows.num_rows
        while self._size >= BATCH:
            table = pa.Table.from_batches(self._waiting, schema=ROWS)
            self._append(table.slice(0, BATCH))
            self._waiting = table.slice(BATCH).to_batches()
            self._size -= BATCH
        if sum(batch.nbytes for batch in self._waiting) >= BATCH_BYTES:
            self.finish()

    def finish(self) -> None:
        """Append the rows that were taken and not appended yet."""
        if self._size:
            self._append(pa.Table.from_batches(self._waiting, schema=ROWS))
        self._waiting, self._size = [], 0

    def _append(self, table: pa.Table) -> None:
        """Append rows; namesakes of stored conversations under ids of their own."""
        table = self._keyed.under_keyed_ids(self._under_earlier_ids(table))
        self._result.keyed_ids, self._result.telling_ids = self._keyed.replaced, self._keyed.kept
        for new_id_of in (by_first_message, by_text, None):
            appended = self._append_under_ids(table, of_namesakes=new_id_of is None)
            if new_id_of is None or not appended.namesakes:
                return
            table = renamed(table, appended.namesakes, new_id_of)
            self._result.namesakes += 0 if new_id_of is by_text else len(appended.namesakes)

    def _append_under_ids(self, table: pa.Table, *, of_namesakes: bool) -> Appended:
        """Append rows under their ids, and count all but namesakes, unless these are the last to be counted."""
        table = under_stored_ids(table, self._collection, self._key)
        appended = self._stored(table)
        if known := self._known_as_redacted(table, sorted((*appended.conflicting, *appended.namesakes))):
            appended = replace(
                appended,
                conflicting=tuple(it for it in appended.conflicting if it not in known),
                namesakes=tuple(it for it in appended.namesakes if it not in known),
            )
        self._count(table, appended, appended.refused | known)
        lines = table.column("line")
        for positions, reason in (
            (appended.conflicting, CONFLICT),
            (appended.namesakes if of_namesakes else (), CONFLICT),
            (appended.foreign, FOREIGN),
            (appended.fragments, FRAGMENT),
        ):
            for position in positions:
                self._omitted.add(lines[position].as_py(), "rejected", reason)
        return appended

    def _under_earlier_ids(self, table: pa.Table) -> pa.Table:
        """Return rows with the ids under which they were stored while more names were denied, where they were."""
        if table.column("earlier_id").null_count == table.num_rows:
            return table
        ids, then, hashes = (
            table.column(name).to_pylist() for name in ("conversation_id", "earlier_id", "earlier_hash")
        )
        known = self._collection.known({*filter(None, then), *ids})
        by_content = self._collection.ids_of(set(filter(None, hashes)))
        older = {
            ids[it]: then[it] if then[it] in known else by_content[hashes[it]]
            for it in range(len(ids))
            if ids[it] not in known and (then[it] in known or hashes[it] in by_content)
        }
        if not older:
            return table
        chosen = [it for it, name in enumerate(ids) if name in older]
        others = pa.array(sorted(set(range(len(ids))).difference(chosen)), pa.int64())
        changed = renamed(table, chosen, lambda row: older[row["conversation_id"]])
        return pa.concat_tables([table.take(others), changed])

    def _known_as_redacted(self, table: pa.Table, positions: Sequence[int]) -> set[int]:
        """Append rows that contradict stored ones as they were while more names were denied; return which fitted.

        A name that is not denied any more stands in the log, and its placeholder in what is stored.
        """
        if self._earlier is None or not positions:
            return set()
        chosen = table.take(pa.array(positions, pa.int64()))
        (rows,) = chosen.select(SCHEMA.names).combine_chunks().to_batches()
        batch, changed = redact_again(rows, self._earlier)
        mask = pa.array(changed, pa.bool_())
        kept = [position for position, is_changed in zip(positions, changed, strict=True) if is_changed]
        if not kept:
            return set()
        older = pa.Table.from_batches([tag(batch).rows.filter(mask)], schema=ROWS)
        for name in ("line", "feedback"):
            older = older.set_column(
                ROWS.get_field_index(name), ROWS.field(name), chosen.filter(mask).column(name)
            )
        appended = self._stored(older)
        self._count(older, appended, appended.refused)
        return {position for index, position in enumerate(kept) if index not in appended.refused}

    def _stored(self, table: pa.Table) -> Appended:
        return self._append_rows(table.select(SCHEMA.names))

    def _count(self, table: pa.Table, appended: Appended, refused: set[int]) -> None:
        """Count what became of rows, and keep the feedback of those that were not ``refused``."""
        self._result.added += appended.added
        self._result.grown += appended.grown
        self._result.duplicates += appended.duplicates
        self._result.near_duplicates += appended.near_duplicates
        self._result.deleted += len(appended.deleted)
        kept = self._keep_feedback(attached(table, refused, self._collection))
        self._result.feedback += kept.added
        self._result.forgotten_feedback += kept.forgotten
        self._result.published += self._publish(accepted(table, refused, appended.pieces))


def accepted(
    table: pa.Table | pa.RecordBatch, refused: Set[int] = frozenset(), pieces: Set[int] = frozenset()
) -> list[Accepted]:
    """Return the rows that were not refused, by id, text and giver; see ``Appended.pieces``."""
    ids, hashes, givers = (
        table.column(name).to_pylist() for name in ("conversation_id", "content_hash", "user_id")
    )
    rows = enumerate(zip(ids, hashes, givers, strict=True))
    return [
        Accepted(name, content, giver, position in pieces)
        for position, (name, content, giver) in rows
        if position not in refused
    ]
