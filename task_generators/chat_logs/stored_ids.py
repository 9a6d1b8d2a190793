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
from task_generators.chat_logs.namesakes import with_message_ids, with_rows
from task_generators.chat_logs.readers import feedback
from workspaces.message_ids import as_stored
from workspaces.privacy.pseudonyms import KEYED

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence, Set

    from task_generators.chat_logs.imported import Attached
    from workspaces.collection import Collection


def under_stored_ids(table: pa.Table, collection: Collection, key: Callable[[str], str]) -> pa.Table:
    """Return rows with the ids under which their messages are stored, in the order of the rows; feedback follows.

    An id of the log's own that tells whose it is is replaced by a keyed id, unless it is stored; so is what is new in a
    conversation that has such ids, where it is no number: its row need not name the person. Only rows with such ids,
    and those whose ``own_ids`` were changed, are looked up: the messages of all others have the ids that they ever had.

    Args:
        table: rows with the columns of ``ROWS``.
        collection: where they may be stored.
        key: returns the keyed id that stands for an id.
    """
    looked_up = pc.or_(table.column("own_ids").fill_null(False), table.column("telling").is_valid())
    if not pc.any(looked_up).as_py():
        return table
    names = table.column("conversation_id").to_pylist()
    telling = table.column("telling").to_pylist()
    places = [place for place, is_looked_up in enumerate(looked_up.to_pylist()) if is_looked_up]
    stored = collection.message_ids(names[place] for place in places)
    rename_at = {
        place: rename
        for place in places
        if (rename := _renaming(names[place], stored.get(names[place], ()), telling[place] or (), key))
    }
    if not rename_at:
        return table
    rows = table.take(pa.array(list(rename_at), pa.int64())).to_pylist()
    changed = [with_message_ids(row, rename) for row, rename in zip(rows, rename_at.values(), strict=True)]
    return with_rows(table, list(rename_at), pa.Table.from_pylist(changed, schema=ROWS))


def _renaming(
    conversation_id: str, stored: Sequence[str], telling: Sequence[str], key: Callable[[str], str]
) -> Callable[[str], str] | None:
    """Return what gives the messages of a conversation the ids that they have there; None: they have these ids.

    Args:
        conversation_id: the id of the conversation.
        stored: the ids of its messages that are stored.
        telling: ids of the log's own that tell whose they are.
        key: returns the keyed id that stands for an id.
    """
    older = as_stored(conversation_id, stored)
    start = f"{conversation_id}#"
    has_keyed = any(name.startswith(f"{start}{KEYED}") for name in stored)
    if not (older or has_keyed or telling):
        return None
    known, own_telling = {*stored, *older}, frozenset(telling)

    def rename(message_id: str) -> str:
        if message_id in known:
            return older.get(message_id, message_id)
        own = message_id.removeprefix(start)
        return f"{start}{key(own)}" if own in own_telling or (has_keyed and not own.isdigit()) else message_id

    return rename


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
