"""Which conversations carry a flag: of their log, of curation, of an attachment, or of a moderation endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from task_generators.flag_rules import is_under, moderation_flags, with_attachments
from workspaces.config.generation import ATTACHMENT
from workspaces.store.moderations import flagged_messages

if TYPE_CHECKING:
    from collections.abc import Collection

    import sqlalchemy as sa

    from workspaces.workspace import Workspace


def flagged_conversations(
    workspace: Workspace, connection: sa.Connection, flags: Collection[str]
) -> frozenset[str]:
    """Return the ids of the shared conversations with one of these flags, on any of their messages; [] names none."""
    if not flags:
        return frozenset()

    def carries(some: Collection[str]) -> bool:
        return any(is_under(flag, rule) for flag in some for rule in flags)

    found = {
        name
        for name, messages in flagged_messages(connection).items()
        if carries([flag for categories in messages.values() for flag in moderation_flags(categories)])
    }
    columns = ("flags", "conversation") if ATTACHMENT in flags else ("flags",)
    for batch in workspace.collection.scan_batches(("conversation_id", *columns)):
        names = batch.column("conversation_id").to_pylist()
        found |= {
            name
            for name, some in zip(names, batch.column("flags").to_pylist(), strict=True)
            if carries(some or ())
        }
        if ATTACHMENT in flags:
            found |= {names[row] for row in with_attachments(batch.column("conversation"))}
    return frozenset(found)
