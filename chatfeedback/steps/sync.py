"""Brings answers from the platforms into the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatfeedback.steps.advance import ignore
from chatfeedback.steps.chat_collect import collect_chats
from chatfeedback.steps.closing import close_full
from chatfeedback.steps.guided_forms import keep_board_on
from chatfeedback.steps.plugin_posts import collect_posts
from chatfeedback.steps.rewrites import note_answers
from chatfeedback.steps.withdraw import withdraw_from
from workspaces.errors import WorkbenchError
from workspaces.store.own_answers import mark_own_answers
from workspaces.store.standing import standing
from workspaces.sync import Synced, sync
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from chatfeedback.steps.advance import Advance
    from chatfeedback.steps.platform_settings import Drift
    from workspaces.platforms.base import Platform
    from workspaces.workspace import Workspace


def sync_answers(
    workspace: Workspace,
    *,
    advance: Advance = ignore,
    failed: list[WorkbenchError] | None = None,
    drifts: list[Drift] | None = None,
) -> dict[str, Synced]:
    """Bring the answers of every platform into the store; return the counts by platform.

    What cannot be read keeps nothing else from being read; see ``Synced.failures``. The failures of whole platforms
    are also added to ``failed``, and guidelines that somebody changed there, which stay, to ``drifts``.
    """
    counts: dict[str, Synced] = {}
    failed = [] if failed is None else failed
    drifts = [] if drifts is None else drifts
    with workspace.exclusive():
        for name in workspace.config.platforms.names():
            counts[name] = _sync_platform(workspace, name, advance, failed, drifts)
        note_new_answers(workspace)
    collect_chats(workspace)
    collect_posts(workspace)
    return counts


def note_new_answers(workspace: Workspace) -> None:
    """Note what follows from answers that were read. The caller holds the lock of the workspace."""
    with workspace.store.write() as connection:
        mark_own_answers(connection, utc_now())
        note_answers(connection)


def poll_platform(workspace: Workspace, platform: Platform, advance: Advance = ignore) -> Synced:
    """Bring all answers of one platform into the store. The caller holds the lock of the workspace.

    Raises:
        WorkbenchError: the platform cannot be used at all.
    """
    platform.check()  # once: a server that is down is not asked for each dataset again
    failures: list[str] = []
    try:
        withdraw_from(workspace, platform)
    except WorkbenchError as error:
        failures.append(str(error))
    counts = sync(
        workspace.store,
        platform,
        utc_now,
        advance,
        hold_strangers=holds_strangers(workspace),
        is_account_of=workspace.pseudonyms.is_account_of,
    )
    if close_full(workspace, platform.name):
        try:
            withdraw_from(workspace, platform)
        except WorkbenchError as error:
            counts.failures.append(str(error))
    counts.failures[:] = dict.fromkeys((*failures, *counts.failures))
    return counts


def holds_strangers(workspace: Workspace) -> bool:
    """Return whether the answers of people whom nobody invited wait for the lead."""
    return workspace.config.people.strangers == "hold"


def _sync_platform(
    workspace: Workspace, name: str, advance: Advance, failed: list[WorkbenchError], drifts: list[Drift]
) -> Synced:
    try:
        with workspace.platform(name) as platform:
            counts = poll_platform(workspace, platform, advance)
            try:
                drifts += keep_board_on(workspace, platform).drifts
            except WorkbenchError as error:  # every answer was read all the same
                counts.failures.append(str(error))
            return counts
    except WorkbenchError as error:
        failed.append(error)
        with workspace.store.read() as connection:
            stands = standing(connection)
        return Synced(
            answers=stands.by_platform()[name],
            held_answers=sum(there == name for _, there, _ in stands.held),
            strangers=sum(there == name for _, there in stands.strangers),
            failures=[str(error)],
        )
