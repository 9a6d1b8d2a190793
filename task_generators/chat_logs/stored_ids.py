"""Stored ids: a conversation that an older version stored keeps the message ids that it has there.

Tasks, answers and points name them. So the same log, read again, is of the stored messages, and only messages that are
new get ids as ``workspaces.message_ids`` makes them. What was judged of a chat whose text is stored under another id is
a judgment of the stored one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from task_generators.chat_logs.batches import ROWS
from task_generators.chat_logs.namesakes import with_message_ids
from task_generators.chat_logs.readers import feedback
from workspaces.message_ids import as_stored

if TYPE_CHECKING:
    from collections.abc import Set

    from task_generators.chat_logs.imported import Attached
    from workspaces.collection import Collection


def under_stored_ids(table: pa.Table, collection: Collection) -> pa.Table:
    """Return rows with the ids under which their messages are stored, in the order of the rows; feedback follows.

    Only rows whose ``own_ids`` were changed are looked up: the messages of all others have the ids that they ever had.

    Args:
        table: rows with the columns of ``ROWS``.
        collection: where they may be stored.
    """
    own = table.column("own_ids").fill_null(False)
    if not pc.any(own).as_py():
        return table
    names = table.column("conversation_id").to_pylist()
    changed = [place for place, is_own in enumerate(own.to_pylist()) if is_own]
    stored = collection.message_ids(names[place] for place in changed)
    ids_of = {name: ids for name, known in stored.items() if (ids := as_stored(name, known))}
    rows = [place for place in changed if names[place] in ids_of]
    if not rows:
        return table
    renamed = [
        with_message_ids(row, lambda it, ids=ids_of[row["conversation_id"]]: ids.get(it, it))  # type: ignore[misc]
        for row in table.take(pa.array(rows, pa.int64())).to_pylist()
    ]
    places = list(range(table.num_rows))
    for number, place in enumerate(rows):
        places[place] = table.num_rows + number
    both = pa.concat_tables([table, pa.Table.from_pylist(renamed, schema=ROWS)])
    return both.take(pa.array(places, pa.int64()))


def attached(table: pa.Table, refused: Set[int], collection: Collection) -> list[Attached]:
    """Return the feedback of the rows that were not refused, under the ids by which their texts are stored.

    Args:
        table: rows with the columns of ``ROWS``, which were appended.
        refused: the positions of those that the collection does not hold.
        collection: which holds the text of each other row, under its id or under another one.
    """
    given = table.column("feedback")
    if given.null_count == len(given):
        return []
    names = table.column("conversation_id").to_pylist()
    judged = {
        place: feedback.from_json(value)
        for place, value in enumerate(given.to_pylist())
        if value is not None and place not in refused
    }
    known = collection.known(names[place] for place in judged)
    hashes = {
        place: table.column("content_hash")[place].as_py() for place in judged if names[place] not in known
    }
    same = collection.ids_of(hashes.values()) if hashes else {}
    stored = collection.message_ids(same.values()) if same else {}
    found: list[Attached] = []
    for place, judgments in judged.items():
        other = same.get(hashes.get(place, ""))
        if other is None:
            found.append((names[place], judgments))
            continue
        own = [message["id"] for message in table.column("conversation")[place].as_py()]
        ids = dict(
            zip(own, stored[other], strict=False)
        )  # what was generated stands after the log's messages
        renamed = (it.renamed(lambda name, ids=ids: ids[name]) for it in judgments)  # type: ignore[misc]
        found.append((other, tuple(renamed), names[place]))
    return found
