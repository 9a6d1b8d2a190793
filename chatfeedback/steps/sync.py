"""Brings answers from the platforms into the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatfeedback.steps.advance import ignore
from chatfeedback.steps.withdraw import withdraw_from
from workspaces.store.own_answers import mark_own_answers
from workspaces.sync import Synced, sync
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from chatfeedback.steps.advance import Advance
    from workspaces.workspace import Workspace


def sync_answers(workspace: Workspace, *, advance: Advance = ignore) -> dict[str, Synced]:
    """Bring the answers of every platform into the store; return the counts by platform."""
    counts: dict[str, Synced] = {}
    with workspace.exclusive():
        for name in workspace.config.platforms.names():
            with workspace.platform(name) as platform:
                withdraw_from(workspace, platform)
                counts[name] = sync(workspace.store, platform, utc_now, advance)
        with workspace.store.write() as connection:
            mark_own_answers(connection, utc_now())
    return counts
