"""Message ids that stand in several conversations, as versions before ``message_ids.within`` stored them.

Of two responses with one id only one is rated and asked about. A conversation that no task names, and that holds no
generated response, gets ids of its own; all others keep theirs, because answers and points name them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from workspaces.collection.files import SCHEMA
from workspaces.grammar import counted, word_for
from workspaces.message_ids import within
from workspaces.store.tasks import all_tasks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workspaces.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Shared:
    """Message ids that stand in several conversations, with the ids of these.

    ``fixed`` are those of the conversations that keep their ids, because tasks or generated responses name them.
    """

    holders: Mapping[str, list[str]]
    fixed: frozenset[str] = frozenset()

    @property
    def free(self) -> set[str]:
        """The ids of the conversations whose messages can get ids of their own."""
        return {name for names in self.holders.values() for name in names} - self.fixed

    def sentence(self) -> str:
        """Return what is wrong and what to do, for a person."""
        message_id, names = next(iter(self.holders.items()))
        several = (
            f"{counted(len(self.holders), 'message id')} {word_for(len(self.holders), 'stands', 'stand')}"
        )
        said = (
            f"{several} in several conversations, such as {message_id!r} in {' and '.join(map(repr, names[:2]))}: one "
            "response is asked about for all of them"
        )
        if self.free:
            return f"{said}; read one of their logs again with 'chatfeedback ingest', which takes them apart"
        return (
            f"{said}, and tasks were made for each: look at them with 'chatfeedback collection show', and delete the "
            "one that is not needed with 'chatfeedback consent delete'"
        )


def shared_message_ids(workspace: Workspace) -> Shared | None:
    """Return the message ids that stand in several conversations; None if there are none."""
    holders = workspace.collection.shared_message_ids()
    if not holders:
        return None
    names = {name for of_one in holders.values() for name in of_one}
    with workspace.store.read() as connection:
        tasks = all_tasks(connection).values()
    fixed = {name for task in tasks for name in task.conversation_ids if name in names}
    fixed.update(
        name
        for name, conversation in workspace.collection.read(names).items()
        if len(conversation.logged()) < len(conversation.messages)
    )
    return Shared(holders, frozenset(fixed))


def take_apart(workspace: Workspace) -> tuple[int, Shared | None]:
    """Give message ids of their own to conversations that share some and can get others; the rest stays as it is.

    Seed feedback and tasks follow with the next ``seed`` and ``generate``. Doing it twice changes nothing more. Call it
    while the workspace is locked.

    Returns:
        The number of conversations whose ids changed, and what is still shared.
    """
    shared = shared_message_ids(workspace)
    if shared is None or not (free := shared.free):
        return 0, shared

    def change(rows: pa.RecordBatch) -> tuple[pa.RecordBatch, list[bool]]:
        chosen = [name in free for name in rows.column("conversation_id").to_pylist()]
        if not any(chosen):
            return rows, chosen
        renamed = [
            {
                **row,
                "conversation": [_within(row["conversation_id"], message) for message in row["conversation"]],
            }
            if is_chosen
            else row
            for row, is_chosen in zip(rows.to_pylist(), chosen, strict=True)
        ]
        return pa.RecordBatch.from_pylist(renamed, schema=SCHEMA), chosen

    changed = workspace.collection.rewrite(change)
    return len(changed), shared_message_ids(workspace)


def _within(conversation_id: str, message: dict[str, object]) -> dict[str, object]:
    named = {
        name: None if message[name] is None else within(conversation_id, str(message[name]))
        for name in ("id", "parent_id")
    }
    return {**message, **named}
