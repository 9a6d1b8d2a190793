"""Brings answers from the platforms into the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatfeedback.steps.advance import ignore
from chatfeedback.steps.withdraw import withdraw_from
from workspaces.errors import WorkbenchError
from workspaces.store.own_answers import mark_own_answers
from workspaces.sync import Synced, sync
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from chatfeedback.steps.advance import Advance
    from workspaces.workspace import Workspace


def sync_answers(
    workspace: Workspace, *, advance: Advance = ignore, failed: list[WorkbenchError] | None = None
) -> dict[str, Synced]:
    """Bring the answers of every platform into the store; return the counts by platform.

    What cannot be read keeps nothing else from being read; see ``Synced.failures``. The failures of whole platforms
    are also added to ``failed``.
    """
    counts: dict[str, Synced] = {}
    failed = [] if failed is None else failed
    with workspace.exclusive():
        for name in workspace.config.platforms.names():
            counts[name] = _sync_platform(workspace, name, advance, failed)
        with workspace.store.write() as connection:
            mark_own_answers(connection, utc_now())
    return counts


def _sync_platform(workspace: Workspace, name: str, advance: Advance, failed: list[WorkbenchError]) -> Synced:
    failures: list[str] = []
    try:
        with workspace.platform(name) as platform:
            platform.check()  # once: a server that is down is not asked for each dataset again
            try:
                withdraw_from(workspace, platform)
            except WorkbenchError as error:
                failures.append(str(error))
            hold = workspace.config.people.strangers == "hold"
            counts = sync(workspace.store, platform, utc_now, advance, hold_strangers=hold)
    except WorkbenchError as error:
        failed.append(error)
        counts = Synced(failures=[str(error)])
    counts.failures[:] = dict.fromkeys((*failures, *counts.failures))
    return counts
